import * as z from "zod";
import { actionKinds, type ActionKind, autonomies, type Autonomy, type GoalPolicy } from "../policy-goals.ts";

/** What a goal's session may ask. Those of `edit` change a copy of the repository that nobody else sees. */
const toolGroups = ["hosts", "repository", "options", "plan", "edit"] as const;
export type ToolGroup = (typeof toolGroups)[number];

/** A goal as its file says it: what a session is asked, and what it is given for that at most. */
export type Goal = {
  readonly name: string;
  readonly tools: readonly ToolGroup[];
  readonly actions: readonly ActionKind[];
  /** The most that policy may allow it. A goal that asks questions never acts, whatever policy says. */
  readonly autonomy: Autonomy;
  /** In US dollars and minutes of one run; policy may say less. */
  readonly usd: number;
  readonly minutes: number;
  /** What comes out of it: words, or a pull request where there is something to change. */
  readonly output: "report" | "proposal";
  /** Whether it has to be told something: an alert, a wish. */
  readonly needs: "nothing" | "text" | "alert";
  /** What the session is asked. */
  readonly text: string;
};

const words = <T extends string>(known: readonly T[]) =>
  z
    .string()
    .transform((line) => line.split(/[\s,]+/).filter((word) => word !== "" && word !== "none"))
    .pipe(z.array(z.enum(known)));

const FrontMatter = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, "it is not the name of a goal"),
  tools: words(toolGroups),
  actions: words(actionKinds).default([]),
  autonomy: z.enum(autonomies).default("observe"),
  usd: z.coerce.number().positive().max(1_000).default(3),
  minutes: z.coerce.number().int().min(1).max(240).default(30),
  output: z.enum(["report", "proposal"]).default("report"),
  needs: z.enum(["nothing", "text", "alert"]).default("nothing"),
});

export type ReadGoalFile = { readonly ok: true; readonly goal: Goal } | { readonly ok: false; readonly problem: string };

/** Reads a goal's file: `key: value` lines between two lines `---`, then Markdown. Unknown keys are refused: somebody believes in them. */
export function readGoalFile(file: string): ReadGoalFile {
  const [, front, text] = /^---\r?\n([\s\S]*?)\r?\n---\r?\n([\s\S]*)$/.exec(file) ?? [];
  if (front === undefined || text === undefined)
    return { ok: false, problem: 'it does not begin with lines "key: value" between two lines "---"' };
  const pairs: Record<string, string> = {};
  for (const line of front.split(/\r?\n/).filter((one) => one.trim() !== "")) {
    const [, key, value] = /^([a-z-]+):\s*(.*)$/.exec(line.trim()) ?? [];
    if (key === undefined || value === undefined) return { ok: false, problem: `"${line.slice(0, 60)}" is not "key: value"` };
    if (Object.hasOwn(pairs, key)) return { ok: false, problem: `"${key}" stands there twice` };
    pairs[key] = value.trim();
  }
  const parsed = FrontMatter.safeParse(pairs);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      ok: false,
      problem: `${issue?.path[0] === undefined ? "" : `${String(issue.path[0])}: `}${issue?.message ?? "not the expected shape"}`,
    };
  }
  const asked = text.trim();
  return asked === "" ? { ok: false, problem: "it asks nothing" } : { ok: true, goal: { ...parsed.data, text: asked } };
}

/** What this run of a goal may do: the lesser of what its file asks for and what the policy allows. */
export type Leave = {
  readonly autonomy: Autonomy;
  readonly actions: readonly ActionKind[];
  readonly usd: number;
  readonly minutes: number;
  readonly hosts: readonly string[];
  readonly tools: readonly ToolGroup[];
};

export function leaveOf(goal: Goal, policy: GoalPolicy): Leave {
  const autonomy = autonomies[Math.min(autonomies.indexOf(goal.autonomy), autonomies.indexOf(policy.autonomy))] ?? "observe";
  return {
    autonomy,
    actions: autonomy === "act" ? goal.actions.filter((kind) => policy.actions === undefined || policy.actions.includes(kind)) : [],
    usd: Math.min(goal.usd, policy.usd),
    minutes: Math.min(goal.minutes, policy.minutes),
    hosts: policy.hosts,
    // A copy that cannot become a proposal is not worth the session's time.
    tools: goal.tools.filter((group) => group !== "edit" || autonomy !== "observe"),
  };
}
