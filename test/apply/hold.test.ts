import { expect, test } from "vitest";
import { holdNote, openHold } from "../../src/apply/hold.ts";
import { LedgerEntry } from "../../src/target/ledger.ts";

const system = `/nix/store/${"a".repeat(32)}-nixos-system-web-26.05`;
const revision = "1".repeat(40);
const day = 86_400;
const start = 1_790_000_000;
const at = (days: number): Date => new Date((start + days * day) * 1000);
const read = (...entries: object[]): LedgerEntry[] => entries.map((entry) => LedgerEntry.parse({ v: 1, ...entry }));
const attempt = (operation: string, days: number, outcome: string, reason = "as-planned") => [
  {
    event: "started",
    at: start + days * day,
    bootId: "b",
    attempt: { id: `${operation}-0123456789abcdef`, host: "web1", operation, from: {}, to: system },
  },
  { event: "ended", at: start + days * day + 9, id: `${operation}-0123456789abcdef`, outcome, reason },
];
const held = (rules: string[], now = 0, ...before: object[]): LedgerEntry[] => {
  const entries = read(...before);
  const note = holdNote({ action: "hold", rules, revision }, entries, at(now));
  return note === undefined ? entries : [...entries, LedgerEntry.parse(note)];
};

test("a hold begins once; the same again adds no line, other rules add one that keeps since when", () => {
  const first = held(["sshd", "kernel-major", "sshd"]);
  expect(first).toEqual([{ v: 1, event: "held", at: start, since: start, revision, rules: ["kernel-major", "sshd"] }]);
  expect(holdNote({ action: "hold", rules: ["sshd", "kernel-major"], revision: "2".repeat(40) }, first, at(1))).toBeUndefined();
  const other = held(["database-major"], 2, ...first);
  expect(openHold(other)).toEqual({ since: at(0), revision, rules: ["database-major"], rejected: undefined });
});

test("what was brought in ends it, and so does a run that found nothing to hold; a failed attempt and a reboot do not", () => {
  const first = held(["sshd"]);
  const after = (...entries: object[]) => openHold(read(...first, ...entries));
  expect(after(...attempt("switch", 1, "deployed"))).toBeUndefined();
  expect(after(...attempt("boot", 1, "staged"))).toBeUndefined();
  expect(after({ event: "let-go", at: start + day })).toBeUndefined();
  for (const outcome of ["refused", "rolled-back"] as const) expect(after(...attempt("switch", 1, outcome))?.since).toEqual(at(0));
  expect(after(...attempt("reboot", 1, "refused", "window"))?.since).toEqual(at(0));
  const again = held(["sshd"], 5, ...first, ...attempt("switch", 1, "deployed"));
  expect(openHold(again)?.since).toEqual(at(5));
});

test("only a run that found nothing to do lets go of what was held; one that failed says nothing of it", () => {
  const note = (action: string, entries: readonly LedgerEntry[]) => holdNote({ action, rules: [], revision }, entries, at(3));
  expect(note("nothing", held(["sshd"]))).toEqual({ v: 1, event: "let-go", at: start + 3 * day });
  expect(note("nothing", [])).toBeUndefined();
  for (const action of ["fail", "deploy", "stage", "observe"]) expect(note(action, held(["sshd"])), action).toBeUndefined();
});

test("a person's no while it is held is part of it, one from before is not", () => {
  const no = { event: "rejected", at: start + day, digest: "0".repeat(32), issuedAt: start, by: "ada" };
  expect(openHold(read(...held(["sshd"]), no))?.rejected).toEqual({ by: "ada", at: at(1) });
  expect(openHold(held(["sshd"], 2, no))?.rejected).toBeUndefined();
});
