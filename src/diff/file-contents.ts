import type { StoreFiles } from "../io/ports.ts";
import { followPairs, type FollowedPair } from "./follow.ts";
import { normaliseHashes } from "./normalise.ts";
import { redactPair } from "./secrets.ts";
import type { FileChange } from "./system-diff.ts";
import { unifiedDiff } from "./text-diff.ts";

/** What two files of the store say about each other, whichever host they are on. */
export type FileContents = Pick<FileChange, "kind" | "hashOnly" | "sizeFrom" | "sizeTo" | "diff" | "redacted"> & {
  /** The bytes are the same. */
  readonly same: boolean;
  /** Files that the two texts name and that differ as well. */
  readonly behind: readonly FollowedPair[];
};

const maxTextBytes = 1024 * 1024;
/** Two files of the same size are read to their end to tell them apart; larger ones are taken to differ, since their paths do. */
const maxHashedBytes = 256 * 1024 * 1024;
const maxRemembered = 20_000;

const memory = new WeakMap<StoreFiles, Map<string, FileContents>>();

/**
 * Compares two files by what is in them; a side may be missing. Each pair is compared once for all hosts of a run. Without `shown` the texts are compared and followed,
 * and no diff is made.
 */
export function compareFiles(
  store: StoreFiles,
  from: string | undefined,
  to: string | undefined,
  { label, shown }: { readonly label: string; readonly shown: boolean },
): FileContents {
  const known = memory.get(store) ?? new Map<string, FileContents>();
  memory.set(store, known);
  // The name tells a few formats apart when secrets are looked for.
  const key = `${from ?? ""}\0${to ?? ""}\0${/netrc/.test(label) ? "netrc" : ""}\0${shown ? "" : "only listed"}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = compare(store, from, to, shown ? label : undefined);
  if (known.size >= maxRemembered) known.clear();
  known.set(key, made);
  return made;
}

function compare(store: StoreFiles, from: string | undefined, to: string | undefined, label: string | undefined): FileContents {
  const before = from === undefined ? undefined : store.read(from, maxTextBytes);
  const after = to === undefined ? undefined : store.read(to, maxTextBytes);
  const base = { hashOnly: false, sizeFrom: before?.size, sizeTo: after?.size, diff: "", redacted: false, same: false, behind: [] };
  if ((from !== undefined && before === undefined) || (to !== undefined && after === undefined)) return { ...base, kind: "unread" };
  if (before?.binary === true || after?.binary === true || before?.truncated === true || after?.truncated === true) {
    const kind = before?.binary === true || after?.binary === true ? "binary" : "text";
    const size = Math.max(before?.size ?? 0, after?.size ?? 0);
    const diff = kind === "text" ? `\\ ${size} bytes, too long to be compared line by line\n` : "";
    return { ...base, kind, diff, same: from !== undefined && to !== undefined && sameBytes(store, from, to, before?.size, after?.size) };
  }
  const oldText = before?.text ?? "";
  const newText = after?.text ?? "";
  if (from !== undefined && to !== undefined && oldText === newText) return { ...base, kind: "text", same: true };
  const behind = followPairs(store, oldText, newText);
  const old = normaliseHashes(oldText);
  const now = normaliseHashes(newText);
  if (from !== undefined && to !== undefined && old === now) return { ...base, kind: "text", hashOnly: true, behind };
  if (label === undefined) return { ...base, kind: "text", behind };
  const texts = redactPair(old, now, label);
  const diff = unifiedDiff(texts.from, texts.to);
  // A secret far from what changed is not in what is shown.
  return { ...base, kind: "text", behind, diff, redacted: texts.redacted && diff.includes("<redacted ") };
}

function sameBytes(store: StoreFiles, from: string, to: string, sizeFrom: number | undefined, sizeTo: number | undefined): boolean {
  if (sizeFrom !== sizeTo || (sizeFrom ?? 0) > maxHashedBytes) return false;
  const hash = store.hash(from);
  return hash !== undefined && hash === store.hash(to);
}
