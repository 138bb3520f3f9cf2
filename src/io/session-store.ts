import {
  appendFileSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makeDirectory } from "./make-directory.ts";
import type { AnswerCache, Clock, Log, Spending } from "./ports.ts";

/** What sessions leave for later runs on the same machine. */
export type SessionStore = { readonly cache: AnswerCache; readonly spending: Spending };

const bounds = { entries: 512, entryBytes: 64 * 1024, totalBytes: 8 * 1024 * 1024, days: 30, spendingBytes: 1024 * 1024 } as const;
const dayMs = 86_400_000;

/**
 * Opens `directory`, made where it is missing, for this user alone (0700). Gives a clause where it cannot be used: another user who may write there could give us
 * answers, and what cannot be trusted is left alone. Reading and writing later never throw; what goes wrong is said to the debug log and the run goes on without.
 */
export function openSessionStore(
  directory: string,
  ports: { readonly clock: Clock; readonly log: Pick<Log, "debug"> },
): SessionStore | string {
  const answers = join(directory, "answers");
  const spent = join(directory, "spent");
  try {
    for (const path of [directory, answers, spent]) {
      makeDirectory(path);
      const stat = lstatSync(path);
      if (!stat.isDirectory()) return `${path} is not a directory`;
      if (process.getuid !== undefined && stat.uid !== process.getuid()) return `${path} belongs to another user`;
      if ((stat.mode & 0o022) !== 0) return `others may write to ${path}`;
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const failed = (what: string, error: unknown): void =>
    ports.log.debug(what, { directory, error: error instanceof Error ? error.message : String(error) });
  return { cache: answerCache(answers, ports.clock, failed), spending: spendingOf(spent, ports.clock, failed) };
}

type Failed = (what: string, error: unknown) => void;

function answerCache(directory: string, clock: Clock, failed: Failed): AnswerCache {
  const fileOf = (key: string): string | undefined => (/^[0-9a-f]{64}$/.test(key) ? join(directory, `${key}.json`) : undefined);
  return {
    read: (key) => {
      const file = fileOf(key);
      if (file === undefined) return undefined;
      try {
        const text = readBounded(file, bounds.entryBytes);
        return text === undefined ? undefined : (JSON.parse(text) as unknown);
      } catch (error) {
        failed("a kept answer cannot be read and is dropped", error);
        drop(file, failed);
        return undefined;
      }
    },
    write: (key, answer) => {
      const file = fileOf(key);
      const text = JSON.stringify(answer);
      if (file === undefined || text === undefined || text.length > bounds.entryBytes / 4) return;
      const part = join(directory, `.${randomBytes(8).toString("hex")}.part`);
      try {
        writeFileSync(part, text, { mode: 0o600, flag: "wx" });
        renameSync(part, file);
        prune(directory, clock);
      } catch (error) {
        failed("an answer could not be kept", error);
        drop(part, failed);
      }
    },
  };
}

function drop(path: string, failed: Failed): void {
  try {
    rmSync(path, { force: true, recursive: true });
  } catch (error) {
    failed("a file of the cache cannot be removed", error);
  }
}

/** The whole of a regular file, undefined where there is none. Throws for a link, for what is no file, and for one that is longer. */
function readBounded(file: string, maxBytes: number): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error("not a file");
    if (stat.size > maxBytes) throw new Error("too long");
    const bytes = Buffer.alloc(stat.size);
    const length = readSync(descriptor, bytes, 0, stat.size, 0);
    return bytes.toString("utf8", 0, length);
  } finally {
    closeSync(descriptor);
  }
}

/** The newest stay, as many as fit. Another run may prune at the same time: what is gone already is no error. */
function prune(directory: string, clock: Clock): void {
  const now = clock.now().getTime();
  const entries = readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? [] : [{ path, size: stat.size, at: stat.mtimeMs }];
  });
  let total = 0;
  for (const [index, entry] of entries.toSorted((a, b) => b.at - a.at).entries()) {
    total += entry.size;
    if (index >= bounds.entries || total > bounds.totalBytes || now - entry.at > bounds.days * dayMs) rmSync(entry.path, { force: true });
  }
}

/**
 * One small file a day, one line for each question: runs that overlap append to it without reading it first, so that none forgets what another spent. A line that
 * is no amount counts as nothing.
 */
function spendingOf(directory: string, clock: Clock, failed: Failed): Spending {
  const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const today = (): string => join(directory, dayOf(clock.now().getTime()));
  return {
    today: () => {
      try {
        const text = readBounded(today(), bounds.spendingBytes) ?? "";
        return text
          .split("\n")
          .map((line) => (/^\d+(\.\d+)?$/.test(line) ? Number(line) : 0))
          .reduce((sum, usd) => sum + usd, 0);
      } catch (error) {
        failed("what was spent today cannot be read", error);
        return undefined;
      }
    },
    add: (usd) => {
      if (!(usd > 0)) return;
      try {
        appendFileSync(today(), `${usd.toFixed(6)}\n`, { mode: 0o600 });
        const oldest = dayOf(clock.now().getTime() - 7 * dayMs);
        for (const name of readdirSync(directory)) if (name < oldest) rmSync(join(directory, name), { force: true });
      } catch (error) {
        failed("what was spent could not be written down", error);
      }
    },
  };
}
