import * as z from "zod";
import { cut } from "./commit-status.ts";
import type { Answer, ForgeClient } from "./forge-client.ts";
import type { BegunDeployment, Deployment, Deployments, DeploymentStatus, Result, Written } from "./ports.ts";

/** Tells our deployments from those that GitHub makes for each job with an `environment`, and from other tools'. */
const task = "nixos-deploy-gate";

const Payload = z.union([z.object({ run: z.number().optional(), attempt: z.number().optional() }), z.string()]);
const Made = z.object({ id: z.number() });
const Listed = z.object({
  id: z.number(),
  sha: z.string(),
  payload: Payload.nullish(),
  creator: z.object({ login: z.string() }).nullish(),
});
type Listed = z.infer<typeof Listed>;
const State = z.object({ state: z.string() });

/** So many earlier ones are looked at, newest first: each costs a question, and what is older was seen to by a run in between. */
const earlier = 10;
const permission = "deployments: write";

/** Deployments of one repository of GitHub. */
export class GitHubDeployments implements Deployments {
  readonly #client: ForgeClient;
  readonly #at: { readonly owner: string; readonly repo: string };
  readonly #me: () => Promise<string>;

  constructor(client: ForgeClient, at: { readonly owner: string; readonly repo: string }, me: () => Promise<string>) {
    this.#client = client;
    this.#at = at;
    this.#me = me;
  }

  async begin(deployment: Deployment, status: DeploymentStatus): Promise<Result<BegunDeployment>> {
    const made = await this.#make(deployment);
    if (!made.ok) return made;
    const begun = { id: made.value.id, environment: deployment.environment };
    const said = await this.#post(begun.id, status);
    if (!said.ok) return said;
    await this.#retire(begun, ["in_progress", "queued", "pending"], status.logUrl);
    return { ok: true, value: begun };
  }

  async say(begun: BegunDeployment, status: DeploymentStatus): Promise<Result<Written>> {
    const said = await this.#post(begun.id, status);
    if (!said.ok) return said;
    if (status.state === "success") await this.#retire(begun, ["success"], status.logUrl);
    return { ok: true, value: { action: "created", url: status.logUrl, notes: [] } };
  }

  /**
   * Two of GitHub's defaults would bite: it would merge the default branch into what is deployed (`auto_merge`), and refuse while any check of the commit is not green
   * (`required_contexts`), our own pending one among them. Whether an environment counts as production is left to GitHub's own rule, which goes by its name.
   */
  async #make({ sha, environment, runId, attempt }: Deployment): Promise<Answer<{ readonly id: number }>> {
    const made = await this.#client.ask({
      route: "POST /repos/{owner}/{repo}/deployments",
      parameters: {
        ...this.#at,
        ref: sha,
        task,
        environment,
        auto_merge: false,
        required_contexts: [],
        transient_environment: false,
        payload: { run: runId, attempt },
        description: "NixOS hosts",
      },
      doing: `making the deployment ${environment}`,
      permission,
      repeatable: false,
      answer: Made,
    });
    if (made.ok || !made.uncertain) return made;
    // It may be there although the answer got lost; a second one would never end.
    const listed = await this.#ours(environment);
    const found = listed.find(
      ({ sha: of, payload }) => of === sha && typeof payload === "object" && payload?.run === runId && payload.attempt === attempt,
    );
    return found === undefined ? made : { ok: true, value: { id: found.id }, headers: {} };
  }

  async #post(id: number, { state, description, logUrl }: DeploymentStatus): Promise<Answer<unknown>> {
    return await this.#client.ask({
      route: "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
      // Of the earlier ones GitHub would turn off those of other tools too, and none of an environment that it takes for production.
      parameters: { ...this.#at, deployment_id: id, state, description: cut(description), log_url: logUrl, auto_inactive: false },
      doing: "saying how the deployment stands",
      permission,
      repeatable: true,
      answer: z.unknown(),
    });
  }

  /** What cannot be told or changed stays as it is: the next run comes by again. */
  async #retire(begun: BegunDeployment, from: readonly string[], logUrl: string): Promise<void> {
    const others = (await this.#ours(begun.environment)).filter(({ id }) => id !== begun.id).slice(0, earlier);
    for (const { id } of others) {
      const asked = await this.#client.ask({
        route: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
        parameters: { ...this.#at, deployment_id: id, per_page: 1 },
        doing: "looking at an earlier deployment",
        permission,
        repeatable: true,
        answer: z.array(State),
      });
      if (!asked.ok) return;
      // One that never got a status was made by a run that ended right there.
      const state = asked.value[0]?.state ?? "pending";
      if (from.includes(state)) await this.#post(id, { state: "inactive", description: "A later run took its place.", logUrl });
    }
  }

  async #ours(environment: string): Promise<readonly Listed[]> {
    const me = await this.#me();
    const listed = await this.#client.ask({
      route: "GET /repos/{owner}/{repo}/deployments",
      parameters: { ...this.#at, environment, task, per_page: 30 },
      doing: "looking for earlier deployments",
      permission,
      repeatable: true,
      answer: z.array(Listed),
    });
    return listed.ok ? listed.value.filter(({ creator }) => creator?.login === me) : [];
  }
}
