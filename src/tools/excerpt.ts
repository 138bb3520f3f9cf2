import { redact, type RedactionNumbers } from "../diff/secrets.ts";
import { plainText } from "../nix-message.ts";

export type Excerpt = {
  readonly text: string;
  /** Bytes of what was given that were left out. */
  readonly leftOut: number;
  /** Secrets that were taken out. */
  readonly redacted: number;
};

export type ExcerptOptions = {
  /** Of the excerpt, UTF-8. */
  readonly bytes: number;
  /** So much is searched for secrets, more than is shown: a cut must never halve one that is then shown. Four times `bytes` where absent. */
  readonly searched?: number;
  /** Which part is worth most where it has to be cut: a log ends with what matters, a message begins with it. */
  readonly keep: "head" | "tail";
  readonly numbers?: RedactionNumbers;
  /** Where it comes from: a few formats that hold secrets are known by their names. */
  readonly path?: string;
};

const longestLine = 1_000;

/** A stranger's text for whoever reads it: without control characters, redacted before it is cut since half a key looks like none, at whole lines. Deterministic. */
export function excerpt(text: string, { bytes, searched = bytes * 4, keep, numbers, path }: ExcerptOptions): Excerpt {
  const roughly = cut(text, searched, keep);
  const clean = redact(plainText(roughly.text), { ...(numbers === undefined ? {} : { numbers }), ...(path === undefined ? {} : { path }) });
  const lines = clean.text.split("\n").map((line) => (line.length > longestLine ? `${line.slice(0, longestLine)}…` : line));
  const kept = cut(lines.join("\n"), bytes, keep);
  return { text: kept.text, leftOut: roughly.leftOut + kept.leftOut, redacted: clean.count };
}

const encoder = new TextEncoder();
export const byteLength = (text: string): number => encoder.encode(text).length;

/** At most so many bytes, at whole characters and, where that costs less than half, at whole lines. */
function cut(text: string, bytes: number, keep: "head" | "tail"): { readonly text: string; readonly leftOut: number } {
  const whole = encoder.encode(text);
  if (whole.length <= bytes) return { text, leftOut: 0 };
  // A piece of a character at the edge becomes U+FFFD and goes.
  const piece = keep === "head" ? whole.subarray(0, bytes) : whole.subarray(whole.length - bytes);
  let part = new TextDecoder().decode(piece).replace(/^\uFFFD+|\uFFFD+$/g, "");
  const at = keep === "head" ? part.lastIndexOf("\n") : part.indexOf("\n");
  if (keep === "head" && at > part.length / 2) part = part.slice(0, at);
  if (keep === "tail" && at !== -1 && at < part.length / 2) part = part.slice(at + 1);
  return { text: part, leftOut: whole.length - byteLength(part) };
}
