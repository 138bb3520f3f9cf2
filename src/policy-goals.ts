import * as z from "zod";

/** How far a goal may go by itself. Destructive actions do not exist at any of them. */
export const autonomies = ["observe", "propose", "act"] as const;
export type Autonomy = (typeof autonomies)[number];

/** What may be done to a fleet without a person, all of it. Each is carried out by code that was there before the session; none can lose data that Nix cannot make again. */
export const actionKinds = ["restart-unit", "collect-garbage", "reboot-in-window", "redeploy"] as const;
export type ActionKind = (typeof actionKinds)[number];

/** What the operator allows one goal. Everything is observation until they say more. */
const GoalPolicy = z.strictObject({
  /** `observe` reports. `propose` may open a pull request, which passes the gate like everyone's. `act` may also do what stands on the closed list of actions. */
  autonomy: z.enum(autonomies).default("observe"),
  /** Cap of one run in US dollars, sessions and plans of proposals together. */
  usd: z.number().positive().max(1_000).default(3),
  /** Wall clock of one run. */
  minutes: z.int().min(1).max(240).default(30),
  /** Globs of the hosts that it is about: no tool asks another one, and no action touches another one. */
  hosts: z.array(z.string().min(1).max(100)).min(1).max(64).default(["*"]),
  /** Of what may be done under `act`, by the names of the closed list; all that the goal itself asks for where it is absent. */
  actions: z.array(z.enum(actionKinds)).max(8).optional(),
});
export type GoalPolicy = z.infer<typeof GoalPolicy>;

export const GoalsPolicy = z.strictObject({
  /** Of the repository: Markdown files there, read at the base revision, go before the gate's own of the same name and stand beside them. */
  directory: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}$/, "it is not a directory of the repository")
    .refine(
      (path) => !path.split("/").some((part) => part === "" || part === "." || part === ".."),
      "it leaves the repository or names nothing",
    )
    .default("deploy-gate/goals"),
  /** Paths that a proposal may change, as globs; workflows, policy, keys and the like never, whatever stands here. */
  paths: z.array(z.string().min(1).max(200)).min(1).max(64).default(["**"]),
  /** By the name of the goal. */
  by: z.record(z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, "it is not the name of a goal"), GoalPolicy).default({}),
});
export type GoalsPolicy = z.infer<typeof GoalsPolicy>;

/** What nobody has said anything about is observed. */
export const goalPolicy = (policy: GoalsPolicy, name: string): GoalPolicy =>
  (Object.hasOwn(policy.by, name) ? policy.by[name] : undefined) ?? GoalPolicy.parse({});
