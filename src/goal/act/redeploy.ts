import { baselineOf } from "../../apply/baseline.ts";
import { lastApplied, triedOf } from "../../apply/history.ts";
import { preflight, type Planned } from "../../apply/preflight.ts";
import { entriesOf, type KnownLedger } from "../../decide/rejection.ts";
import { attempt } from "../../deploy/attempt.ts";
import type { Change } from "../../deploy/change.ts";
import { checksOf } from "../../deploy/checks-of.ts";
import { lookAt } from "../../deploy/look-at.ts";
import type { Operation } from "../../deploy/operation.ts";
import type { HostName } from "../../discover/host.ts";
import type { Observation } from "../../target/observation.ts";
import type { ActionCase, Ended } from "./action-case.ts";
import { type ActionWorld, carriesGate, checksNow, groupNow } from "./action-world.ts";
import { worseThan } from "./against-host.ts";

export type RedeployCase = {
  readonly host: HostName;
  readonly observation: Pick<Observation, "current" | "profile" | "specialisation" | "generations">;
  readonly ledger: KnownLedger;
  /** Whether the deploy branch holds the revision that was deployed last; asked before. */
  readonly onBranch: boolean | "unknown";
  readonly carries: boolean;
};

export type Redeployment = {
  readonly to: string;
  readonly revision: string;
  /** As it was brought in then: what was only staged is only staged again. */
  readonly operation: "switch" | "boot";
  readonly from: { readonly current: string; readonly profile: string };
};

/** The revision that the gate deployed last, which decides what is asked of the deploy branch; undefined where there is none. Pure. */
const lastRevision = (ledger: KnownLedger): string | undefined => lastApplied(entriesOf(ledger))?.revision;

/**
 * What would be brought back, or why nothing is, as sentences. Pure. A change that was never judged goes through the pipeline, and so does a way there that nobody judged: from
 * a system that the ledger does not know, which somebody switched to by hand.
 */
function redeployment({ host, observation, ledger, onBranch, carries }: RedeployCase): Redeployment | readonly string[] {
  const pipeline = "A new change goes through the pipeline.";
  const entries = entriesOf(ledger);
  const last = lastApplied(entries);
  const tried = triedOf(entries);
  const end = tried.findLast(({ attempt: one }) => one.id === last?.id)?.ended?.outcome;
  if (last === undefined || end === undefined) return [`The ledger of ${host} names nothing that the gate deployed. ${pipeline}`];
  if (last.operation !== "switch" && last.operation !== "boot")
    return [`What was done last on ${host} was going back; to bring in again what was left is a person's decision.`];
  if (end !== "deployed" && end !== "staged")
    return [`The last deploy of ${host} ended as ${end}, so there is nothing good to bring back. ${pipeline}`];
  const { revision, to } = last;
  if (revision === undefined)
    return [`What was deployed last on ${host} has no revision, so that nobody can tell whether it was approved. ${pipeline}`];
  if (onBranch !== true)
    return [
      onBranch === false
        ? `${revision.slice(0, 9)}, which was deployed last, is not on the deploy branch any more. ${pipeline}`
        : `Whether ${revision.slice(0, 9)} is on the deploy branch cannot be told.`,
    ];
  const { current, profile } = observation;
  if (current === undefined || profile === undefined) return [`What ${host} runs and boots cannot be told.`];
  if (observation.specialisation !== undefined)
    return [`${host} runs the specialisation ${observation.specialisation}; which one it is to run is a person's decision.`];
  const staged = end === "staged";
  if (profile === to && (staged || current === to))
    return [
      staged && current !== to
        ? `${host} boots what was staged; a reboot brings it in.`
        : `${host} runs and boots what was deployed last; it has not drifted. ${pipeline}`,
    ];
  if (carries) return [`${host} carries the gate itself; the next deploy brings it back.`];
  const known = new Set(tried.flatMap(({ attempt: one }) => [one.to, one.from.current, one.from.profile]));
  if (!known.has(current) || !known.has(profile))
    return [
      `${host} ${known.has(current) ? "boots" : "runs"} a system that its ledger does not know: somebody brought it in by hand, and a person decides whether it goes. ${pipeline}`,
    ];
  if (!observation.generations.some(({ toplevel }) => toplevel === to))
    return [`What was deployed last is no generation of ${host} any more; the next deploy builds and copies it.`];
  return { to, revision, operation: staged ? "boot" : "switch", from: { current, profile } };
}

/** Brings a host back to what the gate deployed last, under its supervisor, and looks whether that is what it runs. Nothing is copied: the host has it. */
export async function redeploy(
  { host, address, observation, ledger }: ActionCase,
  world: ActionWorld,
  begin: () => string | undefined,
): Promise<Ended> {
  const { deploy, policy, repository } = world;
  const revision = lastRevision(ledger);
  const onBranch = revision === undefined ? "unknown" : await world.onDeployBranch(revision);
  const carries = carriesGate(host, observation.bootId, world);
  const back = redeployment({ host, observation, ledger, onBranch, carries });
  if (!("to" in back)) return { end: "refused", reasons: back };
  const { to, from, operation } = back;
  const planned: Planned = {
    from: { ...from, specialisation: undefined },
    to,
    activate: to,
    mode: operation === "boot" ? "boot-only" : "switch",
    need: { copyBytes: 0, copyPaths: 0, bootBytes: 0 },
    revision: back.revision,
    approval: undefined,
  };
  const [checks, group] = await Promise.all([checksNow(host, address, world), groupNow(host, world)]);
  const { isAncestor } = deploy;
  const look = { kind: "observed", observation } as const;
  const { summary } = preflight({ address, planned, look, ledger, checks, group, isAncestor, ownAttempts: [], despite: [] });
  if (summary.may !== "go") return { end: "refused", reasons: summary.reasons };
  const not = begin();
  if (not !== undefined) return { end: "refused", reasons: [not] };

  const change: Change = {
    host,
    address,
    planned,
    reversible: true,
    attended: false,
    rebootsByItself: false,
    repository,
    checks: checksOf(policy, host),
    carries: false,
    diff: undefined,
  };
  const strategy = operation === "boot" ? "boot" : "switch";
  const what: Operation = { strategy, operation, from, to, activate: to, stopFirst: [] };
  const made = await attempt(change, what, baselineOf(observation, checks), deploy);
  const after = await lookAt({ address }, deploy);
  if (after.kind === "silent") return { end: "failed", reasons: [`${host} does not answer after it was redeployed.`, ...made.reasons] };
  const now = after.observation;
  const there = now.profile === to && (operation === "boot" || now.current === to);
  const worse = worseThan({ observation, checks }, { observation: now, checks: await checksNow(host, address, world) });
  const short = back.revision.slice(0, 9);
  if (there && made.phase !== undefined && (made.phase.outcome === "deployed" || made.phase.outcome === "staged"))
    return worse.length === 0
      ? {
          end: "done",
          reasons: [
            operation === "boot" ? `${host} boots ${short} again; a reboot brings it in.` : `${host} runs and boots ${short} again.`,
          ],
        }
      : { end: "no-effect", reasons: [`${host} runs and boots ${short} again, and is not better for it.`, ...worse] };
  const asBefore = now.current === from.current && now.profile === from.profile;
  return asBefore
    ? { end: "no-effect", reasons: [`${host} is as it was before; ${short} did not stay.`, ...made.reasons] }
    : { end: "failed", reasons: [`${host} is neither what it was before nor ${short}; a person has to look.`, ...made.reasons, ...worse] };
}
