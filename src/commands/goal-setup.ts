import { knowledgeNotes } from "../classify/session/knowledge-notes.ts";
import { sessionLimits, type SessionAtHand } from "../classify/second-opinion.ts";
import { redact } from "../diff/secrets.ts";
import { type HostName, matchesGlob } from "../discover/host.ts";
import { gateError } from "../failure.ts";
import type { GoalReport } from "../goal/goal-report.ts";
import { leaveOf, type Goal, type Leave } from "../goal/goal.ts";
import { askableHosts, goalHostTools, goalToolLimits } from "../goal/host-tools.ts";
import { goalNamed, type KnownGoal, knownGoals } from "../goal/known-goals.ts";
import { occasionOf } from "../goal/occasion.ts";
import { type GoalPorts, runGoal } from "../goal/run-goal.ts";
import type { Log, Session } from "../io/ports.ts";
import { readIncident } from "../listen/incident-text.ts";
import { goalPolicy, type GoalsPolicy } from "../policy-goals.ts";
import { bound } from "../tools/tool.ts";
import { toolbox } from "../tools/toolbox.ts";
import { contextOf } from "./context-run.ts";
import type { AskedFleet } from "./fleet-setup.ts";
import { readOwnGoals } from "./own-goal.ts";
import type { Prepared } from "./prepare.ts";

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
  readonly log: Pick<Log, "debug" | "progress">;
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

/**
 * Runs a goal on hosts that have been asked what they run. Throws the GateErrors `goal-unknown`, `goal-invalid`, `goal-untold`, `alert-invalid` and `no-host-matches`;
 * a session that gives no answer is a value of the report.
 */
export async function goalOn(asked: AskedFleet, call: GoalCall, { session, programRoot, log }: GoalWorld): Promise<GoalReport> {
  const { policy, prepared, fleet, targets } = asked;
  const { clock, nix, database } = prepared.ports;
  const { known, notes } = await goalsAt(prepared, policy.goals, programRoot);
  const goal = goalNamed(known, call.name);
  const allowed = leaveOf(goal, goalPolicy(policy.goals, goal.name));
  const leave = call.dryRun ? leaveOf({ ...goal, autonomy: "observe" }, goalPolicy(policy.goals, goal.name)) : allowed;
  const incident = call.alert === undefined ? undefined : readIncident(call.alert, clock.now(), (text) => redact(text).text);
  const occasion = occasionOf(goal, { text: call.text, incident });
  const about = (host: HostName): boolean => leave.hosts.some((pattern) => matchesGlob(host, pattern));
  if (!asked.chosen.some(about)) throw gateError("no-host-matches", { pattern: leave.hosts.join(", "), known: asked.chosen });

  log.progress({ kind: "stage", stage: "diagnose", text: "asking the hosts how they fare" });
  const context = await contextOf(asked, about);
  const usable = policy.session === "off" ? "the policy switches the session off" : session;
  const knowledge = typeof usable === "string" ? { files: [], notes: [] } : await usable.knowledge(policy.sessionSettings.knowledge);
  const limits = sessionLimits(policy, typeof usable === "string" ? undefined : usable.model);
  const table = leave.tools.includes("hosts")
    ? bound(goalHostTools, { hosts: askableHosts(context, fleet.addresses), targets, nix, database })
    : [];
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
      ...handsOf(goal, leave),
    },
  );
  const dry =
    call.dryRun && allowed.autonomy !== "observe"
      ? ["This was a dry run: nothing was done and nothing was proposed, whatever the policy allows."]
      : [];
  const atHand = typeof usable === "string" ? [] : usable.notes;
  return { ...report, notes: [...dry, ...notes, ...atHand, ...knowledge.notes, ...report.notes] };
}

/** What may be done of what a session asks for. */
function handsOf(_goal: Goal, _leave: Leave): Pick<GoalPorts, "act" | "propose"> {
  return {
    act: async (action) => ({ action, end: "refused", reasons: ["this is not at hand in this build"] }),
    propose: async () => ({ kind: "none" }),
  };
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
