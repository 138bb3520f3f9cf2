/**
 * What a report says, before it is Markdown or terminal text. A plain string is a sentence; `code` is a name or a value. Both may hold a stranger's words: the
 * renderers escape everything, so that no writer of a report has to remember to.
 */
export type Span =
  | string
  | { readonly code: string }
  | { readonly strong: string }
  | { /** To be copied: never shortened as a name would be. */ readonly command: string };
export type Line = { readonly spans: readonly Span[]; readonly sub?: readonly Line[] };

/** A block of a host's details. `cutAt` is the step at which it goes when a report must be shorter; findings stay longest. */
export type Section = {
  readonly title: string;
  /** What is in it, in numbers; stays when the rest is cut. */
  readonly summary: string;
  readonly lines: readonly Line[];
  readonly texts: readonly { readonly title: string; readonly text: string }[];
  readonly kind: "outcome" | "findings" | "opinion" | "failure" | "system" | "settings" | "units" | "packages" | "files" | "notes";
};

/** A line out of words and values: t`${name} restarts` shows what is interpolated as code. */
export function t(words: TemplateStringsArray, ...values: readonly (string | number)[]): Line {
  return {
    spans: words.flatMap((word, i) => [...(word === "" ? [] : [word]), ...(i < values.length ? [{ code: String(values[i]) }] : [])]),
  };
}

export const say = (sentence: string, sub: readonly Line[] = []): Line => ({ spans: [sentence], ...(sub.length === 0 ? {} : { sub }) });

export const list = (names: readonly string[], limit = Infinity): Span[] => {
  const shown: Span[] = names.slice(0, limit).flatMap((name, i) => (i === 0 ? [{ code: name }] : [", ", { code: name }]));
  return names.length > limit ? [...shown, ` and ${names.length - limit} more`] : shown;
};
