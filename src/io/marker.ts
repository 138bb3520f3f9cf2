import { createHash } from "node:crypto";
import type { Marker } from "./ports.ts";

/**
 * The hidden first line by which we find what we wrote. Anyone who may comment can copy it, and on Forgejo the token of a fork's pull request may even edit our
 * comment, so it proves nothing: it is believed only together with the author, and only to decide what to write there next.
 */
export type Found = {
  readonly marker: Marker;
  /** Text behind the marker, normalised. */
  readonly text: string;
  /** False where the text is not what the marker was written for: somebody edited it by hand. */
  readonly intact: boolean;
};

const shape =
  /^<!-- nixos-deploy-gate key=([a-z0-9-]{1,32}) run=([1-9][0-9]{0,14})\.([1-9][0-9]{0,5}) sha=([0-9a-f]{40}(?:[0-9a-f]{24})?) text=([0-9a-f]{16}) -->\n/;

/** Forges trim and turn line ends; neither makes it another text. */
const normal = (text: string): string => text.replace(/\r\n?/g, "\n").trim();
const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** The whole text to post. */
export function withMarker(marker: Marker, body: string): string {
  const text = normal(body);
  return `<!-- nixos-deploy-gate key=${marker.key} run=${marker.runId}.${marker.attempt} sha=${marker.sha} text=${digest(text)} -->\n${text}\n`;
}

/** What stands in a posted text; undefined where it does not begin with our marker. */
export function findMarker(posted: string): Found | undefined {
  const text = posted.replace(/\r\n?/g, "\n");
  const match = shape.exec(text);
  if (match === null) return undefined;
  const [whole, key = "", run = "", attempt = "", sha = "", wanted = ""] = match;
  const rest = normal(text.slice(whole.length));
  return { marker: { key, runId: Number(run), attempt: Number(attempt), sha }, text: rest, intact: digest(rest) === wanted };
}

export const sameText = (found: Found, body: string): boolean => found.text === normal(body);

/** True where `a` was written by a later run than `b`, or by a later attempt of the same. */
export const isLater = (a: Marker, b: Marker): boolean => a.runId > b.runId || (a.runId === b.runId && a.attempt > b.attempt);
