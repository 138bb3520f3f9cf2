import { htmlEscaped } from "../report/html-escape.ts";

/**
 * The secrets of this process, and how each looks in what it writes. Everything that leaves through a log passes `apply`.
 */
export type Masks = { readonly add: (value: string) => readonly string[]; readonly apply: (text: string) => string };

/** A shorter value would black out half of every log, and is no secret that could stand. */
const shortest = 4;

/**
 * An empty set. `add` takes a value and gives the forms that are hidden from now on: the value, each long line of it (a key is printed line by line), and what it
 * becomes in JSON, in a URL, in HTML and in base64.
 */
export function masks(): Masks {
  let forms: string[] = [];
  const add = (value: string): readonly string[] => {
    const trimmed = value.trim();
    const lines = trimmed.split(/\r?\n/).filter((line) => line.trim().length >= 8 && !line.startsWith("-----"));
    const made = [trimmed, ...(lines.length > 1 ? lines : [])].flatMap((one) => [
      one,
      JSON.stringify(one).slice(1, -1),
      encodeURIComponent(one),
      htmlEscaped(one),
      Buffer.from(one).toString("base64"),
    ]);
    const fresh = [...new Set(made)].filter((form) => form.length >= shortest && trimmed.length >= shortest && !forms.includes(form));
    // The longest first: a form that holds another one must go as a whole.
    forms = [...forms, ...fresh].toSorted((a, b) => b.length - a.length);
    return fresh;
  };
  return { add, apply: (text) => forms.reduce((masked, form) => masked.replaceAll(form, "***"), text) };
}
