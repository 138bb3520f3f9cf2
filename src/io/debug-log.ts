import { closeSync, openSync, writeSync } from "node:fs";
import type { DebugSink } from "./log.ts";

/** Longest string of a field, in UTF-16 code units: the log is for reading, not for keeping what Nix printed. */
const longest = 16_384;
/** Of a list, a command's words for one: an expression may have kilobytes, a build hundreds of paths. */
const mostWords = 40;
const longestWord = 400;

/**
 * Opens a file for debug lines, JSON by line, readable by its owner only. pino is loaded here and not at the start of every run. Each line is on disk when `write`
 * returns, so that the last words before a crash are there. Throws where the file cannot be opened.
 */
export async function openDebugLog(path: string): Promise<DebugSink & { close(): void }> {
  const { pino } = await import("pino");
  const file = openSync(path, "a", 0o600);
  let mask = (text: string): string => text;
  const stream = { write: (line: string): void => void writeSync(file, mask(line)) };
  const logger = pino({ level: "debug", base: null, formatters: { level: (label) => ({ level: label }) } }, stream);
  return {
    write: (message, fields, masked) => {
      mask = masked;
      logger.debug(bounded(fields, masked), message);
    },
    close: () => closeSync(file),
  };
}

/** Secrets go before anything is cut: half of one would no longer be known for one. */
function bounded(fields: Readonly<Record<string, unknown>>, mask: (text: string) => string): Record<string, unknown> {
  const cut = (value: unknown, limit: number): unknown => {
    if (Array.isArray(value)) return value.slice(0, mostWords).map((word: unknown) => cut(word, longestWord));
    if (typeof value !== "string") return value;
    const text = mask(value);
    return text.length > limit ? `${text.slice(0, limit)}… ${text.length} characters` : text;
  };
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, cut(value, longest)]));
}
