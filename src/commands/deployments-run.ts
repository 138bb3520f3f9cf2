import type { Event, Run } from "../event.ts";
import type { Failure } from "../failure.ts";
import type { HostReport } from "../host-report.ts";
import type { BegunDeployment, DeploymentStatus, Deployments, Forge } from "../io/ports.ts";
import type { Policy } from "../policy.ts";
import { begunEnvironments, endedEnvironment } from "../report/deployments.ts";
import type { Plan } from "../report/plan.ts";

type Begun = { readonly policy: Policy; readonly environments: ReadonlyMap<string, Promise<BegunDeployment | undefined>> };

/**
 * The deployments that a run shows on a forge that has them. They are shown and never asked, so nothing waits for them: they are made while hosts are changed already, and a
 * forge that refuses them costs a sentence. A run that is killed leaves its own in progress; the next run of the environment ends them.
 */
export class ShownDeployments {
  readonly #forge: Deployments | undefined;
  readonly #about: { readonly run: Run; readonly event: Event };
  readonly #notes = new Set<string>();
  #begun: Begun | undefined;

  constructor(forge: Forge | undefined, about: { readonly run: Run; readonly event: Event }) {
    // A schedule deploys nothing that was not deployed before; a pull request contacts no host.
    const shown = about.event.kind === "push" || about.event.kind === "dispatch";
    this.#forge = shown ? forge?.deployments : undefined;
    this.#about = about;
  }

  begin(reports: readonly HostReport[], policy: Policy, revision: string | undefined): void {
    const forge = this.#forge;
    if (forge === undefined || revision === undefined) return;
    const { id: runId, attempt } = this.#about.run;
    const begun = begunEnvironments(reports, policy).map(({ environment, status }) => {
      const making = forge.begin({ sha: revision, environment, runId, attempt }, this.#whole(status));
      const made = making.then((answer) => (answer.ok ? answer.value : this.#noted(answer.failure)));
      return [environment, made] as const;
    });
    this.#begun = { policy, environments: new Map(begun) };
  }

  /** Says how each ended; answers with what could not be said, as sentences. */
  async end(plan: Plan): Promise<readonly string[]> {
    return await this.#say((environment, policy) => endedEnvironment(environment, plan, policy));
  }

  /** The same for a run that came to no plan: what became of its hosts is not known here. */
  async broke(failure: Failure): Promise<readonly string[]> {
    return await this.#say(() => ({ state: "error", description: `The run ended early: ${failure.message}` }));
  }

  async #say(how: (environment: string, policy: Policy) => Omit<DeploymentStatus, "logUrl">): Promise<readonly string[]> {
    const begun = this.#begun;
    if (begun === undefined || this.#forge === undefined) return [];
    for (const [environment, making] of begun.environments) {
      const made = await making;
      if (made === undefined) continue;
      const said = await this.#forge.say(made, this.#whole(how(environment, begun.policy)));
      if (!said.ok) this.#noted(said.failure);
    }
    return [...this.#notes];
  }

  #whole(status: Omit<DeploymentStatus, "logUrl">): DeploymentStatus {
    return { ...status, logUrl: this.#about.run.url };
  }

  /** Once for all environments: what one may not write, none may. */
  #noted(failure: Failure): undefined {
    const off = `With deployGate.report.deployments = "off" the gate does not try.`;
    const refused = failure.code === "forge-forbidden" || failure.code === "forge-not-found";
    this.#notes.add(
      refused
        ? `GitHub Deployments were not written: this job may not (permissions: deployments: write). ${off}`
        : `A GitHub Deployment was not written: ${failure.message} ${off}`,
    );
    return undefined;
  }
}
