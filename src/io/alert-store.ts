import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { AlertBook, Pending } from "../listen/alert-book.ts";

/**
 * The listener's book on disk: a file for each pending alert and one for what was told. A sender is answered only after its alerts are on disk, so that neither a
 * crash nor a forge that is down for a night loses one. Throws what the file system throws: the sender then hears that it was not taken and says it again.
 */
export type AlertStore = {
  /** What an earlier listener left. Files that are not ours or were torn are named, and left where they are. */
  read(): { readonly book: Pick<AlertBook, "pending" | "told" | "starts">; readonly odd: readonly string[] };
  /** Makes those entries of the book durable: written where they are pending, gone where they are not. */
  keep(book: AlertBook, fingerprints: readonly string[]): void;
  /** Makes durable what was told and when. */
  keepTold(book: AlertBook): void;
};

const Fingerprint = z.string().regex(/^[0-9a-f]{32}$/);
const PendingFile: z.ZodType<Pending> = z.strictObject({
  alert: z.strictObject({
    fingerprint: Fingerprint,
    status: z.enum(["firing", "resolved"]),
    name: z.string(),
    host: z.string().optional(),
    unit: z.string().optional(),
    severity: z.string().optional(),
    summary: z.string(),
    details: z.string().optional(),
    startsAt: z.string(),
  }) as z.ZodType<Pending["alert"]>,
  since: z.number(),
  times: z.number(),
});
const ToldFile = z.strictObject({
  told: z.record(Fingerprint, z.strictObject({ at: z.number(), resolved: z.boolean() })),
  starts: z.array(z.number()).max(1_000),
});

export function openAlertStore(directory: string): AlertStore {
  const pendingDirectory = join(directory, "pending");
  const toldFile = join(directory, "told.json");
  mkdirSync(pendingDirectory, { recursive: true, mode: 0o700 });
  const file = (fingerprint: string): string => join(pendingDirectory, `${fingerprint}.json`);
  return {
    read: () => {
      const odd: string[] = [];
      const pending = new Map<string, Pending>();
      for (const name of readdirSync(pendingDirectory)) {
        if (name.endsWith(".new")) continue;
        const read = parsed(PendingFile, join(pendingDirectory, name));
        if (read === undefined || name !== `${read.alert.fingerprint}.json`) odd.push(join(pendingDirectory, name));
        else pending.set(read.alert.fingerprint, read);
      }
      const before = parsed(ToldFile, toldFile);
      if (before === undefined && readdirSync(directory).includes("told.json")) odd.push(toldFile);
      return { book: { pending, told: new Map(Object.entries(before?.told ?? {})), starts: before?.starts ?? [] }, odd };
    },
    keep: (book, fingerprints) => {
      for (const fingerprint of fingerprints) {
        const entry = book.pending.get(fingerprint);
        if (entry === undefined) rmSync(file(fingerprint), { force: true });
        else replace(file(fingerprint), JSON.stringify(entry));
      }
      if (fingerprints.length > 0) flush(pendingDirectory);
    },
    keepTold: (book) => {
      replace(toldFile, JSON.stringify({ told: Object.fromEntries(book.told), starts: book.starts }));
      flush(directory);
    },
  };
}

function parsed<T>(schema: z.ZodType<T>, path: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch {
    // Absent, torn or unreadable: `read` names it.
    return undefined;
  }
}

/** Old or new, never half: a power cut leaves one of the two. */
function replace(path: string, text: string): void {
  const next = openSync(`${path}.new`, "w", 0o600);
  try {
    // Not writeSync, which takes what there is room for and calls it done.
    writeFileSync(next, text);
    fsyncSync(next);
  } finally {
    closeSync(next);
  }
  renameSync(`${path}.new`, path);
}

function flush(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
