import { knowledgeNotes } from "../classify/session/knowledge-notes.ts";
import { sessionLimits, type SessionAtHand } from "../classify/second-opinion.ts";
import { redact } from "../diff/secrets.ts";
import { readFlake } from "../discover/discover.ts";
import { type HostName, matchesGlob } from "../discover/host.ts";
import { gateError } from "../failure.ts";
import type { ActionWorld } from "../goal/act/action-world.ts";
import type { GoalReport } from "../goal/goal-report.ts";
import { leaveOf, type Goal, type Leave } from "../goal/goal.ts";
import { askableHosts, goalHostTools, goalToolLimits } from "../goal/host-tools.ts";
import { goalNamed, type KnownGoal, knownGoals } from "../goal/known-goals.ts";
import { type Occasion, occasionOf } from "../goal/occasion.ts";
import { type GoalPorts, runGoal } from "../goal/run-goal.ts";
import type { Log, Session } from "../io/ports.ts";
import { readIncident } from "../listen/incident-text.ts";
import { goalPolicy, type GoalsPolicy } from "../policy-goals.ts";
import { observeOnly, parsePolicy, type Policy } from "../policy.ts";
import { bound, type Tool } from "../tools/tool.ts";
import { toolbox } from "../tools/toolbox.ts";
import { contextOf } from "./context-run.ts";
import type { AskedFleet } from "./fleet-setup.ts";
import { readOwnGoals } from "./own-goal.ts";
import type { Prepared } from "./prepare.ts";
import type { Workshop, WorkshopSetup } from "./workshop.ts";

/** One run of a goal, as it was asked for. */
export type GoalCall = {
  readonly name: string;
  readonly text: string | undefined;
  /** As it was handed over, not parsed yet. */
  readonly alert: string | undefined;
  /** The session is asked and nothing is done. */
  readonly dryRun: boolean;
};

export type GoalWorld = {
  readonly session: SessionAtHand | string;
  readonly programRoot: string;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** The tip of the deploy branch, asked where an action depends on it. Undefined where nobody can tell. */
  readonly deployTip: () => Promise<string | undefined>;
  /** Where a proposal goes; undefined where it stays a patch. */
  readonly publish?: WorkshopSetup["publish"] | undefined;
};

/** Goals that can be run, ours and the operator's, at the base revision. */
export async function goalsAt(
  { goalFiles }: Pick<Prepared, "goalFiles">,
  policy: GoalsPolicy,
  programRoot: string,
): Promise<{ readonly known: ReadonlyMap<string, KnownGoal>; readonly notes: readonly string[] }> {
  const theirs = await goalFiles(policy.directory);
  return { known: knownGoals(readOwnGoals(programRoot), theirs.files), notes: theirs.notes };
}

/** The policy of the flake as it stands, without anything else of it. */
export async function policyOf({ sources: { head }, ports: { nix } }: Pick<Prepared, "sources" | "ports">): Promise<Policy> {
  const { deployGate } = await readFlake(nix, head, { trust: head.trust, timeoutSeconds: 300 });
  return deployGate === undefined ? observeOnly : parsePolicy(deployGate.value, head.shown);
}

/** Whether that can be run at all, before a host is asked. Throws what `goalOn` throws for what was typed. */
export async function checkCall(call: GoalCall, prepared: Prepared, programRoot: string): Promise<void> {
  const { known } = await goalsAt(prepared, (await policyOf(prepared)).goals, programRoot);
  occasionFor(goalNamed(known, call.name), call, prepared.ports.clock.now());
}

const occasionFor = (goal: Goal, { text, alert }: GoalCall, now: Date): Occasion =>
  occasionOf(goal, { text, incident: alert === undefined ? undefined : readIncident(alert, now, (given) => redact(given).text) });

/**
 * Runs a goal on hosts that have been asked what they run. Throws the GateErrors `goal-unknown`, `goal-invalid`, `goal-untold`, `alert-invalid` and `no-host-matches`;
 * a session that gives no answer is a value of the report.
 */
export async function goalOn(asked: AskedFleet, call: GoalCall, world: GoalWorld): Promise<GoalReport> {
  const { session, programRoot, log } = world;
  const { policy, prepared, fleet, targets } = asked;
  const { clock, nix, database } = prepared.ports;
  const { known, notes } = await goalsAt(prepared, policy.goals, programRoot);
  const goal = goalNamed(known, call.name);
  const allowed = leaveOf(goal, goalPolicy(policy.goals, goal.name));
  const leave = call.dryRun ? leaveOf({ ...goal, autonomy: "observe" }, goalPolicy(policy.goals, goal.name)) : allowed;
  const occasion = occasionFor(goal, call, clock.now());
  // Of groups more hosts were asked than it is about: an action looks at them, a session does not.
  const about = (host: HostName): boolean => asked.chosen.includes(host) && leave.hosts.some((pattern) => matchesGlob(host, pattern));
  if (!asked.chosen.some(about)) throw gateError("no-host-matches", { pattern: leave.hosts.join(", "), known: asked.chosen });

  log.progress({ kind: "stage", stage: "diagnose", text: "asking the hosts how they fare" });
  const context = await contextOf(asked, about);
  const usable = policy.session === "off" ? "the policy switches the session off" : session;
  const knowledge = typeof usable === "string" ? { files: [], notes: [] } : await usable.knowledge(policy.sessionSettings.knowledge);
  const limits = sessionLimits(policy, typeof usable === "string" ? undefined : usable.model);
  const workshop = await workshopOf(
    goal,
    leave,
    occasion,
    asked,
    world,
    context.hosts.map(({ host }) => host),
  );
  const table: readonly Tool<undefined>[] = [
    ...(leave.tools.includes("hosts")
      ? bound(goalHostTools, { hosts: askableHosts(context, fleet.addresses), targets, nix, database })
      : []),
    ...(workshop?.tools ?? []),
  ];
  const tools =
    table.length === 0
      ? undefined
      : toolbox(table, undefined, {
          clock,
          limits: goalToolLimits(leave.minutes),
          told: ({ tool, asked: words, ended, note }) => {
            log.progress({ kind: "stage", stage: "diagnose", text: `the session asks: ${tool}` });
            log.debug("a session asked", { tool, asked: words, ended, note });
          },
        });
  log.progress({ kind: "stage", stage: "diagnose", text: `asking a Claude session (${goal.name})` });
  const report = await runGoal(
    { goal, leave, ...occasion, context, knowledge: knowledgeNotes(knowledge.files), model: limits.model, dayUsd: limits.dayUsd },
    {
      session: typeof usable === "string" ? silent(usable) : usable.session,
      spending: typeof usable === "string" ? undefined : usable.kept?.spending,
      clock,
      nonce: typeof usable === "string" ? () => "" : usable.nonce,
      tools,
      act: await actorOf(goal, leave, asked, world.deployTip),
      propose: async (draft) => (await workshop?.propose(draft)) ?? { kind: "none" },
    },
  );
  const dry =
    call.dryRun && allowed.autonomy !== "observe"
      ? ["This was a dry run: nothing was done and nothing was proposed, whatever the policy allows."]
      : [];
  const atHand = typeof usable === "string" ? [] : usable.notes;
  return { ...report, notes: [...dry, ...notes, ...atHand, ...knowledge.notes, ...report.notes] };
}

/** A copy of the repository and the tools over it, where the goal has leave for any. Loaded where it does. */
async function workshopOf(
  { name }: Goal,
  { tools: groups }: Leave,
  { id, told }: Occasion,
  { policy, prepared }: AskedFleet,
  { environment, signal, log, publish }: GoalWorld,
  hosts: readonly HostName[],
): Promise<(Pick<Workshop, "propose"> & { readonly tools: readonly Tool<undefined>[] }) | undefined> {
  if (!groups.some((group) => group !== "hosts")) return undefined;
  const { openWorkshop } = await import("./workshop.ts");
  const { workshopTools } = await import("./workshop-tools.ts");
  const setup = { prepared, policy, hosts, goal: name, id, told, environment, signal, log };
  const workshop = await openWorkshop({ ...setup, ...(publish === undefined ? {} : { publish }) });
  return { propose: workshop.propose, tools: workshopTools(workshop, groups) };
}

/** Does what a session asks for, where it may. Loaded where something may. */
async function actorOf(
  goal: Goal,
  leave: Leave,
  { policy, prepared, fleet, targets, request }: AskedFleet,
  deployTip: GoalWorld["deployTip"],
): Promise<GoalPorts["act"]> {
  if (leave.actions.length === 0)
    return (action) => Promise.resolve({ action, end: "refused", reasons: ["nobody allowed this goal to act"] });
  const { performAction } = await import("../goal/act/perform-action.ts");
  const { nix, store, clock, log } = prepared.ports;
  const { probe, pause, signal, finishing, random, dryRun, isAncestor, runnerBootId, repository } = request;
  const deploy = { targets, nix, probe, clock, pause, signal, finishing, log, store, apply: policy.apply, random, dryRun };
  const world: ActionWorld = {
    // Only what a host has had last is ever brought in again, so that no two revisions are compared.
    deploy: { ...deploy, isAncestor: (a, b) => (a === b ? true : "unknown"), evidence: new Map(), recovery: undefined, despite: [] },
    policy,
    addresses: fleet.addresses,
    runnerBootId,
    onDeployBranch: async (revision) => {
      const tip = await deployTip();
      return tip === undefined ? "unknown" : await isAncestor(revision, tip);
    },
    repository,
    goal: goal.name,
    begun: new Set(),
  };
  return async (action) => await performAction(action, world);
}

/** Where there is no session the run still tells how the fleet is, and why nobody was asked. */
const silent = (why: string): Session => ({
  program: async () => ({ kind: "usable", version: "" }),
  ask: async () => ({
    kind: "none",
    reason: "no-credential",
    detail: why,
    use: { costUsd: 0, inputTokens: 0, outputTokens: 0, seconds: 0 },
  }),
});
