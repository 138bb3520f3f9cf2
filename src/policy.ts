import * as z from "zod";
import { RuleSetting, HostFacts } from "./classify/host-facts.ts";
import { HostName } from "./discover/host.ts";
import { gateError } from "./failure.ts";
import { ApplyPolicy, ApprovalPolicy, Check, GroupPolicy, TargetPolicy } from "./policy-deploy.ts";
import { ContextPolicy } from "./policy-context.ts";
import { GoalsPolicy } from "./policy-goals.ts";
import { NotifyPolicy } from "./policy-notify.ts";
import { ReportPolicy } from "./policy-report.ts";
import { RebootPolicy } from "./reboot/window-policy.ts";

/** What the operator says of one host. Without `deploy = true` a host is built, compared and reported, and never touched (invariant 5). */
const HostPolicy = z.strictObject({
  deploy: z.boolean().default(false),
  /** Facts that the closure does not hold, as in `gate diff --facts`. */
  facts: HostFacts.optional(),
  target: TargetPolicy.prefault({}),
  group: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, "it is not the name of a group")
    .optional(),
  /** Goes first; where it fails nobody follows. */
  canary: z.boolean().default(false),
  /** What runs on this host that the gate itself needs: it goes last and confirms itself. */
  carries: z.array(z.enum(["runner", "forge"])).default([]),
  checks: z.array(Check).max(32).default([]),
  /** In place of the group's, as a whole. */
  reboot: RebootPolicy.optional(),
});

/** A file of the repository, read from git at the base revision. */
const RepositoryPath = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (path) => !/[\p{C}\\]/u.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== ".."),
    "a path inside the repository, without a slash at its ends and without .. in it",
  );
const dollars = z.number().positive().max(1_000);

/** What a Claude session may cost and what it is told besides the change. */
const SessionSettings = z.strictObject({
  /** As the CLI takes it; the input `model` of the workflow and `--model` in a shell win over it. */
  model: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/[\]-]{0,127}$/, "it is not the name of a model")
    .default("sonnet"),
  /** Caps in US dollars: of one question, of one run, and of one day (UTC) over all runs that share a cache directory. */
  questionUsd: dollars.default(0.5),
  runUsd: dollars.default(3),
  dayUsd: dollars.default(20),
  /** For one question. */
  timeoutSeconds: z.int().min(10).max(3_600).default(240),
  /** What the operator wrote down about these machines. Those that are not there are passed over. */
  knowledge: z.array(RepositoryPath).max(8).default(["docs/edge-cases.md", "EDGE-CASES.md", "CLAUDE.md"]),
});

/**
 * The flake output `deployGate`: pure Nix data, every key optional. Strict on purpose: a misspelt key would be a rule that the operator believes in and the
 * gate does not know.
 */
export const Policy = z.strictObject({
  hosts: z.record(HostName, HostPolicy).default({}),
  groups: z.record(z.string(), GroupPolicy).default({}),
  apply: ApplyPolicy.prefault({}),
  approval: ApprovalPolicy.prefault({}),
  /** `required`: no verdict of the session holds the host. `optional`: the rules alone decide, and the report says so. */
  session: z.enum(["required", "optional", "off"]).default("optional"),
  sessionSettings: SessionSettings.prefault({}),
  rules: z.record(z.string(), RuleSetting).default({}),
  /** Told, after the report, of a run that changes hosts and leaves something to a person. */
  notify: NotifyPolicy.prefault({}),
  /** What a goal's session is told of the fleet, and `gate context` shows. */
  context: ContextPolicy.prefault({}),
  goals: GoalsPolicy.prefault({}),
  report: ReportPolicy.prefault({}),
  evaluation: z
    .strictObject({
      /** In words, because it gives the runner's secrets to whoever may open a pull request (invariant 4). */
      isolation: z.enum(["required", "unreviewed code may read the secrets of this runner"]).default("required"),
      timeoutSeconds: z.int().min(1).max(86_400).default(600),
    })
    .prefault({}),
  build: z.strictObject({ timeoutSeconds: z.int().min(1).max(604_800).default(10_800) }).prefault({}),
});
export type Policy = z.infer<typeof Policy>;

/** The policy of a flake without `deployGate`: everything is observed, nothing is deployed. */
export const observeOnly: Policy = Policy.parse({});

/** Parses the value of `deployGate`; `flake` is what people call the one that it is of. Throws the GateError `policy-invalid` naming the key. */
export function parsePolicy(value: unknown, flake = "."): Policy {
  const parsed = Policy.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = innermost(parsed.error.issues[0]);
  const key = ["deployGate", ...(issue?.path ?? [])].join(".");
  throw gateError("policy-invalid", { flake, key, problem: issue?.message ?? "not the expected shape" });
}

type Issue = z.core.$ZodIssue;

/** Where a value may have one of several shapes, the mistake that lies deepest is the one that was made; "invalid input" for all of it would help nobody. */
function innermost(issue: Issue | undefined): Pick<Issue, "path" | "message"> | undefined {
  if (issue?.code !== "invalid_union") return issue;
  const inside = issue.errors.flat().flatMap((one) => innermost(one) ?? []);
  const deepest = inside.reduce<(typeof inside)[number] | undefined>((a, b) => (b.path.length > (a?.path.length ?? 0) ? b : a), undefined);
  return deepest === undefined ? issue : { path: [...issue.path, ...deepest.path], message: deepest.message };
}
