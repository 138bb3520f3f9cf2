import { plainText } from "../nix-message.ts";
import type { Clock, RemoteRecord, RemoteResult, Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { LedgerEntry } from "../target/ledger.ts";
import { lastRecord } from "../target/last-record.ts";
import type { Followed, Phase } from "./activation.ts";
import { followProgram } from "./follow-program.ts";
import { parsePhase } from "./phase.ts";

export type FollowOptions = {
  /** `waiting` returns at the end, too. */
  readonly until: "waiting" | "ended";
  /** Wall clock for all of it, reconnecting included. */
  readonly timeoutSeconds: number;
  /** Pieces of the activation's log as they arrive; untrusted text. */
  readonly onLog?: (piece: string) => void;
  readonly clock: Clock;
  readonly pause: (seconds: number) => Promise<void>;
};

/** Of the log that is kept here; the host keeps more. */
const maxLog = 256 << 10;
/** One blocking call is at most so long, so that a connection that died unseen is not waited on for an hour. */
const maxCallSeconds = 240;
const pauseSeconds = 3;

/**
 * Follows an attempt to a phase, one blocking round trip unless the connection is lost: then it connects again until the time is up and reads what is true by then. At the
 * limit it answers with the phase in which the attempt is. A host that cannot be asked at all is `lost`; what became of the attempt is then unknown, never assumed.
 */
export async function followActivation(targets: Targets, address: Address, id: string, options: FollowOptions): Promise<Followed> {
  const { until, timeoutSeconds, onLog, clock, pause } = options;
  const end = clock.now().getTime() + timeoutSeconds * 1000;
  let log = "";
  let at = 0;
  let detail = "";
  const onRecord = (record: RemoteRecord): void => {
    if (record.name === "log") {
      const piece = plainText(record.value);
      log = `${log}${piece}`.slice(-maxLog);
      onLog?.(piece);
    }
    if (record.name === "log-at") at = Number.parseInt(record.value, 10) || at;
  };
  let last: Phase | undefined;
  for (;;) {
    const left = Math.ceil((end - clock.now().getTime()) / 1000);
    const seconds = Math.max(0, Math.min(left, maxCallSeconds));
    const result = await targets.run({
      address,
      program: followProgram,
      verb: "follow",
      arguments: [id, until, String(at), String(seconds)],
      connection: "shared",
      timeoutSeconds: seconds + 45,
      maxBytes: 6 << 20,
      onRecord,
    });
    const answer = read(id, result);
    if (answer.kind === "gone") return answer;
    if (answer.kind === "phase") {
      last = answer.phase;
      if (last.phase === "ended" || (until === "waiting" && last.phase === "waiting")) return { ...answer, log };
    } else {
      detail = answer.detail;
      // Only what can pass by itself is tried again.
      if (!result.ok && !passing.has(result.trouble)) return { kind: "lost", detail };
    }
    if (clock.now().getTime() >= end) return answer.kind === "phase" ? { ...answer, log } : { kind: "lost", detail };
    if (answer.kind === "lost") await pause(Math.min(pauseSeconds, Math.max(0.1, (end - clock.now().getTime()) / 1000)));
  }
}

const passing: ReadonlySet<string> = new Set(["unreachable", "lost", "timed-out", "jump-failed", "not-understood", "access-refused"]);

/** Where an attempt is now, without waiting; one round trip. */
export async function readPhase(
  targets: Targets,
  address: Address,
  id: string,
  connection: "shared" | "new" = "shared",
): Promise<Followed> {
  const result = await targets.run({
    address,
    program: followProgram,
    verb: "follow",
    arguments: [id, "now", "0", "0"],
    connection,
    timeoutSeconds: 60,
    maxBytes: 6 << 20,
  });
  const answer = read(id, result);
  if (answer.kind !== "phase") return answer;
  const log = result.records.flatMap((record) => (record.name === "log" ? [plainText(record.value)] : []));
  return { ...answer, log: log.join("").slice(-maxLog) };
}

function read(id: string, result: RemoteResult): Followed {
  const told = lastRecord(result.records, "phase");
  const phase = told === undefined ? undefined : parsePhase(told);
  if (phase !== undefined) return { kind: "phase", phase, log: "" };
  if (!result.ok) return { kind: "lost", detail: `${result.trouble}: ${result.detail}` };
  const entry = ledgerEntry(lastRecord(result.records, "ledger"));
  if (entry?.event === "ended" && entry.id === id) {
    return { kind: "phase", phase: { phase: "ended", outcome: entry.outcome, reason: entry.reason, exit: entry.exit }, log: "" };
  }
  if (lastRecord(result.records, "gone") !== undefined) return { kind: "gone" };
  return { kind: "lost", detail: result.stderr.trim() || `the program on the host ended with exit code ${result.exitCode}` };
}

function ledgerEntry(line: string | undefined): LedgerEntry | undefined {
  if (line === undefined) return undefined;
  try {
    return LedgerEntry.safeParse(JSON.parse(line)).data;
  } catch {
    // Not JSON: a ledger that somebody has edited says nothing.
    return undefined;
  }
}
