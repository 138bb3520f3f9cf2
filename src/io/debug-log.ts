import { closeSync, openSync, writeSync } from "node:fs";
import type { DebugSink } from "./log.ts";

/** Longest string of a field, in UTF-16 code units: the log is for reading, not for keeping what Nix printed. */
const longest = 16_384;

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
      logger.debug(bounded(fields), message);
    },
    close: () => closeSync(file),
  };
}

function bounded(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "string" && value.length > longest ? `${value.slice(0, longest)}… ${value.length} characters` : value,
    ]),
  );
}
