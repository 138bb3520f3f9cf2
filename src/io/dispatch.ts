import * as z from "zod";
import type { Failure } from "../failure.ts";
import type { ForgeClient } from "./forge-client.ts";

export type WorkflowStart = {
  /** `owner/name` */
  readonly repository: string;
  /** File name of the workflow, `goal.yml`: Forgejo takes no id. */
  readonly workflow: string;
  readonly ref: string;
  readonly inputs: Readonly<Record<string, string>>;
};

/** `uncertain`: the run may have been started all the same. */
export type WorkflowStarted =
  | { readonly ok: true; readonly url: string | undefined }
  | { readonly ok: false; readonly failure: Failure; readonly uncertain: boolean };

/** GitHub answers 204, or 200 with the run where it was asked for; Forgejo 204 or 201. Source: both OpenAPI descriptions. */
const Answer = z.union([
  z.looseObject({ html_url: z.string().optional() }),
  z.unknown().transform((): { html_url?: string | undefined } => ({})),
]);

/** Starts a workflow by `workflow_dispatch`, once: an answer that did not come is not asked for again here. */
export async function startWorkflow(client: ForgeClient, start: WorkflowStart): Promise<WorkflowStarted> {
  const [owner, repo] = start.repository.split("/");
  const answer = await client.ask({
    route: "POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
    parameters: { owner, repo, workflow_id: start.workflow, ref: start.ref, inputs: start.inputs },
    doing: `starting the workflow ${start.workflow}`,
    permission: "actions: write",
    repeatable: false,
    answer: Answer,
  });
  return answer.ok ? { ok: true, url: answer.value.html_url } : { ok: false, failure: answer.failure, uncertain: answer.uncertain };
}
