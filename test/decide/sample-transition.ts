import type { Finding } from "../../src/classify/finding.ts";
import type { ApprovalCase } from "../../src/decide/approval.ts";
import { issueToken, parseToken, type ApprovalToken } from "../../src/decide/approval-token.ts";
import type { UndatedTransition } from "../../src/decide/transition.ts";
import { HostName } from "../../src/discover/host.ts";
import { ApprovalPolicy } from "../../src/policy-deploy.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";

/** A held change of a database and a case in which everything speaks for its approval. */

export const system = (letter: string, name = "nixos-system-db1-26.05"): string => `/nix/store/${letter.repeat(32)}-${name}`;
export const revision = "4f2c".repeat(10);
export const issuedAt = Date.UTC(2026, 10, 22, 12) / 1000;

export const found = (over: Partial<Finding> = {}): Finding => ({
  rule: "database-major",
  verdict: "risky",
  mode: "switch",
  attended: false,
  reversible: true,
  subject: "postgresql",
  from: "15.8",
  to: "16.4",
  hazard: "Data has to be migrated.",
  evidence: ["-postgresql 15.8", "+postgresql 16.4"],
  ...over,
});

export const transition: UndatedTransition = {
  repository: "fleet/machines",
  host: HostName.parse("db1"),
  revision,
  from: { current: system("a"), profile: system("a") },
  to: system("b"),
  mode: "switch",
  attended: false,
  reversible: true,
  findings: [found(), found({ rule: "kernel-series", verdict: "reboot", subject: "linux", from: "6.12", to: "6.18" })],
};

export function tokenOf(change: Partial<UndatedTransition> = {}, at = issuedAt): ApprovalToken {
  const parsed = parseToken(issueToken({ ...transition, issuedAt: at, ...change }).token);
  if (parsed === undefined) throw new Error("a token that we print is one that we read");
  return parsed;
}

export const approvalCase = (over: Partial<ApprovalCase> = {}): ApprovalCase => ({
  token: tokenOf(),
  now: transition,
  onDeployBranch: true,
  newer: true,
  ledger: [],
  clock: new Date((issuedAt + 3600) * 1000),
  policy: ApprovalPolicy.parse({}),
  approver: { login: "alice", permission: "write", attempt: 1, isAuthor: false },
  ...over,
});

export const started = (at: number, attempt: Partial<Extract<LedgerEntry, { event: "started" }>["attempt"]> = {}): LedgerEntry => ({
  v: 1,
  event: "started",
  at,
  bootId: "b",
  attempt: { id: "attempt-1", host: transition.host, operation: "switch", from: {}, to: system("b"), ...attempt },
});
export const rejected = (digest: string, over: { at?: number; issuedAt?: number; by?: string } = {}): LedgerEntry => ({
  v: 1,
  event: "rejected",
  at: issuedAt + 60,
  digest,
  by: "bob",
  ...over,
});
