import * as z from "zod";
import { Finding, Mode, Verdict } from "../classify/finding.ts";
import type { Action } from "../decide/decision.ts";
import { HostName } from "../discover/host.ts";
import { PlanDiagnosis, PlanEscalation } from "./plan-diagnosis.ts";
import { ClosureSizes, PlanDiff } from "./plan-diff.ts";
import { PlanFailure } from "./plan-failure.ts";
import { PlanOutcome } from "./plan-outcome.ts";
import { PlanReboot } from "./plan-reboot.ts";
import { PlanSession } from "./plan-session.ts";
import { PlanTimeline } from "./timeline.ts";

/**
 * plan.json: the machine's report. What people read is derived from it, never the other way, so that no report can say what the record does not.
 *
 * Strings in it are data from flakes, stores and logs: escape them for where they are shown.
 */
const text = z.string();
const StorePath = z.string();

export const PlanJudgement = z.object({
  /** `unknown-until-built` stands in a preview where a built system may be clean. */
  verdict: z.enum([...Verdict.options, "unknown-until-built"]),
  mode: Mode,
  attended: z.boolean(),
  reversible: z.boolean(),
  findings: z.array(Finding),
  /** How many findings there were; more than `findings` holds where the list was cut. */
  findingsTotal: z.int(),
});
export type PlanJudgement = z.infer<typeof PlanJudgement>;

const actions = [
  "nothing",
  "observe",
  "deploy",
  "deploy-then-reboot",
  "stage",
  "build",
  "hold",
  "fail",
] as const satisfies readonly Action[];
const PlanDecision = z.object({
  action: z.enum(actions),
  reasons: z.array(text),
  /** What became of an approval that was given in this run; `unused` where the host was not held. */
  approval: z.object({ by: text, became: z.enum(["granted", "refused", "unused"]), failure: PlanFailure.optional() }).optional(),
  /** Held, and somebody said no to this very change. */
  rejectedBy: text.optional(),
});
true satisfies Action extends (typeof actions)[number] ? true : never;

/** What approves a held host: the token to give back, the digest of the change that it stands for, and since when it counts. */
const PlanApproval = z.object({ token: text, digest: text, issuedAt: z.iso.datetime() });

const common = {
  host: HostName,
  platform: text.optional(),
  warnings: z.array(text),
  decision: PlanDecision,
  /** On held hosts of a run that could deploy; never on a pull request, whose revision is on no deploy branch yet. */
  approval: PlanApproval.optional(),
  /** What became of it. Each host of a run that may change hosts has one; no host of a run that only looks. */
  outcome: PlanOutcome.optional(),
  /** The reboot that its change asks for, or for which it waits. */
  reboot: PlanReboot.optional(),
  /** Why it failed, where that is known. */
  diagnosis: PlanDiagnosis.optional(),
  /** Markdown for the repository's edge-cases file, where a failure was resolved by a strategy. */
  edgeCase: text.optional(),
};
export const PlanHost = z.discriminatedUnion("state", [
  z.object({ ...common, state: z.literal("unchanged"), toplevel: StorePath }),
  z.object({ ...common, state: z.literal("added"), to: StorePath, baseFailed: PlanFailure.optional(), judgement: PlanJudgement }),
  z.object({ ...common, state: z.literal("removed"), from: StorePath.optional() }),
  z.object({
    ...common,
    state: z.literal("changed"),
    from: StorePath,
    to: StorePath,
    /** Key in `diffs`: hosts with the same change share one. */
    diff: text,
    /** Its own, where others share the change. */
    closure: ClosureSizes,
    judgement: PlanJudgement,
  }),
  z.object({
    ...common,
    state: z.literal("failed"),
    stage: z.enum(["evaluate", "build", "observe", "diff"]),
    failure: PlanFailure,
    atBase: z.boolean(),
  }),
]);
export type PlanHost = z.infer<typeof PlanHost>;

/** What made the run. `shell` is a person at a prompt. */
export const PlanEvent = z.enum(["pull_request", "push", "workflow_dispatch", "schedule", "shell"]);
export type PlanEvent = z.infer<typeof PlanEvent>;

export const Plan = z.object({
  schema: z.literal(1),
  tool: z.object({ version: text, nix: text.optional() }),
  /** `owner/name` */
  repository: text.optional(),
  flake: text,
  event: PlanEvent,
  /** Full revisions. `base` is missing where hosts are compared with what they run. */
  revision: z.object({ head: text.optional(), base: text.optional() }),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  /** `none`: the flake has no deployGate output, so everything is only observed. */
  /** `digest` is of the policy's values, defaults included, so that two runs can be told to have gone by the same one. */
  policy: z.object({ source: z.enum(["deployGate", "none"]), revision: text.optional(), digest: text.optional() }),
  /** Every host of the flake, of both sides, in a run that was asked for some of them. */
  fleet: z.array(HostName).optional(),
  session: PlanSession,
  /** From derivations, before anything was built: what a build would show is not in it. */
  preview: z.boolean(),
  /** A run of reboots: no change was built, judged or compared. */
  reboots: z.literal(true).optional(),
  /** `names`: texts, versions, diffs and log lines were left out before this was written. */
  detail: z.enum(["full", "names"]),
  /** About the run as a whole, as sentences. */
  notes: z.array(text),
  /** Worst first, then by name. */
  hosts: z.array(PlanHost),
  diffs: z.record(z.string(), PlanDiff),
  /** What a person has to see to, worst first; hosts that failed of one thing share one. Missing where nothing failed. */
  escalations: z.array(PlanEscalation).optional(),
  /** When each stage and each step of a host began. Missing where nobody looked at the clock. */
  timeline: PlanTimeline.optional(),
});
export type Plan = z.infer<typeof Plan>;

/** The diff of a changed host. A plan whose host names a diff that is not there was not written by this program. */
export function diffOf(plan: Plan, host: PlanHost): PlanDiff | undefined {
  return host.state === "changed" && Object.hasOwn(plan.diffs, host.diff) ? plan.diffs[host.diff] : undefined;
}

/** The JSON Schema of plan.json. */
export function planJsonSchema(): Record<string, unknown> {
  return { title: "nixos-deploy-gate plan, schema 1", ...z.toJSONSchema(Plan) };
}

/**
 * plan.json as text, ending in a newline. Characters that a terminal or an editor acts on without showing them are written as escapes: JSON leaves most of them
 * bare, and people do `cat` this file.
 */
export function planJson(plan: Plan): string {
  const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(plan, undefined, 2).replace(/[\u007f-\u009f]|[\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu, (run) => run.split("").map(escaped).join(""))}\n`;
}
