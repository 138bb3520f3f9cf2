import { parse } from "yaml";
import * as z from "zod";

/** Workflow files as a runner reads them: which jobs an event starts, what they give to the gate, and what their token may. */
const Step = z.object({
  uses: z.string().optional(),
  with: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
const Permissions = z.record(z.string(), z.enum(["read", "write"]));
const Job = z.object({ steps: z.array(Step), permissions: Permissions.optional(), environment: z.string().optional() });
const Workflow = z.object({ on: z.record(z.string(), z.unknown()), jobs: z.record(z.string(), Job) });

export type GateJob = {
  readonly name: string;
  /** The inputs that the workflow gives, with their expressions filled in. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly permissions: Readonly<Record<string, "read" | "write">>;
  readonly environment: string | undefined;
};
/** What expressions of a workflow may name. `secrets.X` that nobody has set is empty, as a runner has it. */
export type Expressions = Readonly<Record<"secrets" | "vars" | "inputs", Readonly<Record<string, string>>>>;

/** The jobs of a workflow in the order of the file. Throws where the event does not start it, or where a job does not start the gate with a pinned commit. */
export function gateJobs(text: string, event: string, expressions: Expressions): readonly GateJob[] {
  const workflow = Workflow.parse(parse(text));
  if (!(event in workflow.on)) throw new Error(`The workflow is not started by ${event}`);
  return Object.entries(workflow.jobs).map(([name, job]) => {
    const step = job.steps.find(({ uses }) => /\/nixos-deploy-gate@[0-9a-f]{40}$/.test(uses ?? ""));
    if (step === undefined) throw new Error(`The job ${name} does not start the gate`);
    const inputs = Object.entries(step.with ?? {}).map(([key, value]) => [key, filledIn(String(value), expressions)] as const);
    return { name, inputs: Object.fromEntries(inputs), permissions: job.permissions ?? {}, environment: job.environment };
  });
}

function filledIn(value: string, expressions: Expressions): string {
  return value.replace(/\$\{\{(.*?)\}\}/g, (_, expression: string) => {
    const [, context = "", name = ""] = /^ (secrets|vars|inputs)\.(\w+) $/.exec(expression) ?? [];
    if (context === "") throw new Error(`This does not know the expression ${expression}`);
    return expressions[context as keyof Expressions][name] ?? "";
  });
}
