import type { RedactionNumbers } from "../diff/secrets.ts";
import { byteLength, excerpt } from "../tools/excerpt.ts";
import type { FailureCode } from "../failure.ts";
import { plainText } from "../nix-message.ts";

/** Where a run or a host failed. */
export const failureStages = ["evaluation", "build", "copy", "connection", "activation", "verification", "reboot"] as const;
export type FailureStage = (typeof failureStages)[number];

/**
 * Whose words these are, which decides how far they are believed. `tool`: Nix, ssh, systemd by the journal's trusted fields, the kernel, or what our own program
 * looked at. `flake`: Nix quoting the configuration, where a `throw` may say anything. `program`: a builder, a unit's process, an activation snippet.
 */
export type Origin = "tool" | "flake" | "program";

export const evidenceKinds = [
  "message",
  "connection",
  "trace",
  "activation-log",
  "unit-manager",
  "executable",
  "unit-journal",
  "unit-diff",
  "unit-status",
  "build-log",
  "kernel-log",
  "disk",
  "mounts",
  "unit-file",
  "dependency",
  "changed-inputs",
  "changed-files",
] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

export type EvidenceItem = {
  readonly kind: EvidenceKind;
  /** The unit or derivation that it is about; empty where it is about all. */
  readonly subject: string;
  readonly origin: Origin;
  /** Untrusted, redacted, without control characters, lines kept. */
  readonly text: string;
  /** Bytes of it that were left out. */
  readonly leftOut: number;
};

/** Everything that is known about one failure. */
export type Evidence = {
  readonly stage: FailureStage;
  readonly host: string | undefined;
  readonly failure: { readonly code: FailureCode; readonly message: string } | undefined;
  /** Of the operation on the host, where one ended. Written by the activation program itself, which no snippet can imitate. */
  readonly exit: number | undefined;
  /** When the attempt began, in seconds since 1970 by the host's clock: what a journal says of earlier is another story. */
  readonly since: number | undefined;
  readonly derivation: string | undefined;
  /** Units that failed or are named by the failure; the only ones a remedy may touch. */
  readonly units: readonly string[];
  /** Whether the same fails without the change. */
  readonly atBase: "fails" | "works" | "unknown";
  readonly items: readonly EvidenceItem[];
  /** What there was no room for, as `kind subject`. */
  readonly omitted: readonly string[];
  /** Secrets that were taken out. */
  readonly redacted: number;
};

export type RawItem = Omit<EvidenceItem, "leftOut"> & {
  /** Which part is worth most where it has to be cut: a log ends with what matters, a message begins with it. */
  readonly keep: "head" | "tail";
};
export type RawEvidence = Omit<Evidence, "items" | "omitted" | "redacted"> & { readonly items: readonly RawItem[] };

/** In bytes of UTF-8. */
export type EvidenceLimits = { readonly itemBytes: number; readonly totalBytes: number; readonly items: number };
export const evidenceLimits: EvidenceLimits = { itemBytes: 6 * 1024, totalBytes: 48 * 1024, items: 60 };

/** Longer texts are cut before they are searched for secrets, generously, so that a cut never halves one that is then shown. */
const searched = 4;

/**
 * Bounded, redacted and in the order of relevance (that of `evidenceKinds`, then as collected). Redaction comes before the cut: half a key looks like none. The
 * same input gives the same bytes.
 */
export function makeEvidence(raw: RawEvidence, limits: EvidenceLimits = evidenceLimits): Evidence {
  const numbers: RedactionNumbers = new Map();
  const rank = (item: RawItem): number => evidenceKinds.indexOf(item.kind);
  const ordered = raw.items.filter((item) => item.text.trim() !== "").toSorted((a, b) => rank(a) - rank(b));
  const items: EvidenceItem[] = [];
  const omitted: string[] = [];
  let redacted = 0;
  let left = limits.totalBytes;
  for (const item of ordered) {
    const subject = oneLine(item.subject, 200);
    const room = Math.min(limits.itemBytes, left);
    if (items.length >= limits.items || room < 200) {
      if (omitted.length < 50) omitted.push(`${item.kind} ${subject}`.trim());
      continue;
    }
    const kept = excerpt(item.text, { bytes: room, searched: limits.itemBytes * searched, keep: item.keep, numbers, path: subject });
    redacted += kept.redacted;
    items.push({ kind: item.kind, subject, origin: item.origin, text: kept.text, leftOut: kept.leftOut });
    left -= byteLength(kept.text);
  }
  const failure = raw.failure === undefined ? undefined : { code: raw.failure.code, message: raw.failure.message.slice(0, 2_000) };
  return { ...raw, failure, units: raw.units.slice(0, 100), items, omitted, redacted };
}

/** Untrusted text as one line. */
export function oneLine(text: string, limit: number): string {
  const line = plainText(text.slice(0, limit * 4))
    .replace(/\s+/g, " ")
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}
