import type { Look } from "../apply/host-look.ts";
import type { OutcomeKind } from "../apply/outcome.ts";
import { collectHostEvidence } from "../diagnose/collect-host-evidence.ts";
import { makeEvidence, type Evidence, type FailureStage } from "../diagnose/evidence.ts";
import type { Failure } from "../failure.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Attempted } from "./attempt.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";

export type FailedDeploy = {
  readonly change: Pick<Change, "address" | "host" | "diff">;
  readonly stage: Extract<FailureStage, "copy" | "activation">;
  readonly failure: Failure | undefined;
  /** Before the first attempt, by the host's own clock. */
  readonly since: Date | undefined;
  /** Of what was tried, the one that failed. */
  readonly attempt: Attempted | undefined;
  /** It answered after the failure. */
  readonly answers: boolean;
};

const asked: ReadonlySet<OutcomeKind> = new Set(["failed", "rolled-back", "live-but-old-boots", "left-unconfirmed"]);
export const isAskedWhy = (outcome: OutcomeKind): boolean => asked.has(outcome);

/** The attempt that tells why: going back is what came of it. */
export const toldBy = (attempts: readonly Attempted[]): Attempted | undefined =>
  attempts.findLast((one) => one.ended.strategy !== "rollback") ?? attempts.at(-1);

/** Asks the host why, while it answers, unless it was asked on the spot; its answer is kept for the diagnosis. One round trip. */
export async function keepEvidence({ change, stage, failure, since, attempt, answers }: FailedDeploy, world: DeployWorld): Promise<void> {
  const { host, address } = change;
  if (world.evidence.has(host)) return;
  if (!answers) return keepLog(change.host, attempt, world);
  const { evidence } = await collectHostEvidence(world.targets, address, {
    stage,
    failure,
    exit: attempt?.phase?.exit,
    since: since === undefined ? undefined : since.getTime() / 1000 - 1,
    units: attempt?.ended.evidence.failedUnits ?? [],
    log: attempt?.log,
    atBase: "unknown",
    unitDiffs: change.diff?.units ?? [],
  });
  world.evidence.set(host, evidence);
}

/** Of a host that stopped to answer before anything was done to it. */
export function silentEvidence(host: Change["host"], look: Look<BriefObservation>, reasons: readonly string[]): Evidence {
  const said =
    look.kind === "silent" ? { subject: look.trouble, text: look.detail || look.trouble } : { subject: "", text: reasons.join("\n") };
  return makeEvidence({
    stage: "connection",
    host,
    failure: undefined,
    exit: undefined,
    since: undefined,
    derivation: undefined,
    units: [],
    atBase: "unknown",
    items: [{ kind: "connection", origin: "program", keep: "head", ...said }],
  });
}

/** What an attempt that failed left here, without asking anybody: a strategy that follows may bring it to a good end. */
export function keepLog(host: Change["host"], attempt: Attempted | undefined, { evidence }: Pick<DeployWorld, "evidence">): void {
  if (attempt === undefined || attempt.ended.trouble === undefined || evidence.has(host)) return;
  evidence.set(
    host,
    makeEvidence({
      stage: "activation",
      host,
      failure: undefined,
      exit: attempt.phase?.exit,
      since: undefined,
      derivation: undefined,
      units: [],
      atBase: "unknown",
      items: [
        { kind: "activation-log", subject: "", origin: "program", text: attempt.log, keep: "tail" },
        { kind: "message", subject: "", origin: "program", text: attempt.reasons.join("\n"), keep: "head" },
      ],
    }),
  );
}
