import { join } from "node:path";
import { expect } from "vitest";
import { Plan, type PlanHost } from "../../src/report/plan.ts";
import { Repository } from "../scenario/flake.ts";
import { type ActionEvent, type ActionOptions, type ActionResult, runAction } from "./run-action.ts";
import type { StoryForge } from "./story-forge.ts";

/** The machine of a story. */
export interface StoryHost {
  readonly name: string;
  readonly sshPrivateKey: string;
  readonly sshKnownHosts: string;
  /** The whole flake, but for its policy, in which the host has this version; with rules of sudo that nobody had before where it is `risky`. */
  files(version: number, risky: boolean): Readonly<Record<string, string>>;
  /** What the policy says of how it is reached; undefined where the story writes no policy, and there is one among the files, or none. */
  readonly target: object | undefined;
  /** False where it only says what it runs: approvals are then tried with `dry-run`. */
  readonly changes: boolean;
}

/** What the jobs that an event starts give to the Action, in their order. Where one fails, those after it are not run. */
export type Jobs = (event: ActionEvent) => readonly Readonly<Record<string, string>>[];

export type Step = { readonly result: ActionResult; readonly plan: Plan; readonly host: PlanHost };

/** People and runners at work on one repository: each step is an event, and the run of the gate that it starts. */
export class Story {
  readonly forge: StoryForge;
  readonly host: StoryHost;
  /** The checkout in which people work. */
  readonly here: Repository;
  readonly #jobs: Jobs | undefined;
  readonly #scratch: string;
  #run = 100;
  #main = "";

  /** Without `jobs` an event starts one, which gives the Action the token, the keys where the event may have them, and what was typed. */
  constructor(forge: StoryForge, host: StoryHost, scratch: string, jobs?: Jobs) {
    this.#jobs = jobs;
    this.forge = forge;
    this.host = host;
    this.#scratch = scratch;
    this.here = new Repository(join(scratch, "people"), forge.gitEnvironment);
    this.here.git("remote", "add", "origin", forge.remote);
  }

  get main(): string {
    return this.#main;
  }

  /** A commit on main, pushed without a pull request. */
  commit(version: number, policy: object = {}, risky = false): string {
    this.here.git("switch", "--quiet", "-C", "main", ...(this.#main === "" ? [] : [this.#main]));
    this.#main = this.#write(version, policy, risky);
    this.here.git("push", "--quiet", "origin", "HEAD:refs/heads/main");
    return this.#main;
  }

  /** Pushed to a branch beside main. */
  branch(name: string, version: number, policy: object = {}): string {
    this.here.git("switch", "--quiet", "-C", name, this.#main);
    const head = this.#write(version, policy);
    this.here.git("push", "--quiet", "--force", "origin", `HEAD:refs/heads/${name}`);
    return head;
  }

  async pullRequest(number: number, head: string): Promise<Step> {
    return await this.#gate({ name: "pull_request", number, head, base: this.#main, merge: head }, head);
  }

  async merge(pull: number): Promise<{ readonly before: string; readonly after: string }> {
    const before = this.#main;
    this.#main = await this.forge.merge(pull);
    this.here.git("fetch", "--quiet", "origin", this.#main);
    return { before, after: this.#main };
  }

  async push(before: string, after: string, more: Partial<ActionOptions> = {}): Promise<Step> {
    return await this.#gate({ name: "push", before, after }, after, more);
  }

  async approve(token: string, more: Readonly<Record<string, string>> = {}, options: Partial<ActionOptions> = {}): Promise<Step> {
    return await this.#dispatch({ approve: token, ...more }, options);
  }
  async reject(token: string): Promise<Step> {
    return await this.#dispatch({ reject: token });
  }

  async scheduled(): Promise<Step> {
    return await this.#gate({ name: "schedule", sha: this.#main }, this.#main);
  }

  async #dispatch(inputs: Readonly<Record<string, string>>, options: Partial<ActionOptions> = {}): Promise<Step> {
    return await this.#gate({ name: "workflow_dispatch", sha: this.#main, inputs }, this.#main, { ...options, inputs });
  }

  #write(version: number, policy: object, risky = false): string {
    const { name, target } = this.host;
    this.here.write(this.host.files(version, risky));
    if (target !== undefined) {
      const apply = { soakSeconds: 1, confirmSeconds: 40, activationSeconds: 90, loaderSeconds: 60 };
      const hosts = { [name]: { deploy: true, target } };
      this.here.write({ "policy.json": JSON.stringify({ hosts, apply, approval: { ttlHours: 24 }, ...policy }) });
    }
    return this.here.commit(`Version ${version}`);
  }

  async #gate(event: ActionEvent, sha: string, { inputs, ...more }: Partial<ActionOptions> = {}): Promise<Step> {
    const { forge, host } = this;
    const keys = event.name === "pull_request" ? {} : { "ssh-private-key": host.sshPrivateKey, "ssh-known-hosts": host.sshKnownHosts };
    let result: ActionResult | undefined;
    for (const given of this.#jobs?.(event) ?? [{ token: forge.token, ...keys, ...inputs }]) {
      const checkout = new Repository(join(this.#scratch, `checkout-${++this.#run}`), forge.gitEnvironment);
      checkout.git("remote", "add", "origin", forge.remote);
      checkout.git("fetch", "--quiet", "--depth=1", "origin", sha);
      checkout.git("checkout", "--quiet", "--detach", sha);
      result = await runAction({
        forge,
        event,
        repository: forge.repository,
        actor: forge.person,
        main: "src/main.ts",
        cwd: checkout.directory,
        runId: this.#run,
        seconds: 400,
        inputs: given,
        ...more,
      });
      if (result.exitCode !== 0) break;
    }
    if (result === undefined) throw new Error(`No job runs on ${event.name}`);
    if (result.files["plan"] === undefined) throw new Error(`The gate made no plan:\n${result.log}`);
    const plan = Plan.parse(JSON.parse(result.files["plan"]));
    const found = plan.hosts.find((one) => one.host === host.name);
    if (found === undefined) throw new Error(`The plan has no host ${host.name}:\n${result.log}`);
    return { result, plan, host: found };
  }
}

/**
 * The story of one change: opened as a pull request, pushed to once more, merged, held, approved, deployed. Where the host only says what it runs the approval is as far as
 * it goes. Answers with the token that was given.
 */
export async function throughApproval(story: Story): Promise<{ readonly token: string; readonly deployed: Step }> {
  const { forge } = story;
  story.commit(1);
  const first = story.branch("update", 2);
  const pull = await forge.openPull("update", first);
  await forge.synchronized(pull, first);
  const opened = await story.pullRequest(pull, first);
  expect(opened.result.exitCode, opened.result.log).toBe(0);
  expect(await forge.comments(pull)).toEqual([expect.stringContaining(story.host.name)]);
  expect(await forge.status(first)).toBe("success");
  // Nothing may be approved before it is merged.
  expect(opened.host.approval).toBeUndefined();

  const second = story.branch("update", 3);
  await forge.synchronized(pull, second);
  const again = await story.pullRequest(pull, second);
  expect(again.result.exitCode, again.result.log).toBe(0);
  expect(await forge.comments(pull)).toEqual([expect.stringContaining(`sha=${second}`)]);
  expect(await forge.status(second)).toBe("success");

  const { before, after } = await story.merge(pull);
  const held = await story.push(before, after);
  expect([held.result.exitCode, held.result.outputs["decision"], held.host.outcome?.outcome], held.result.log).toEqual([0, "held", "held"]);
  expect(await forge.status(after)).toBe("pending");
  const token = held.host.approval?.token ?? "";
  // The report says which command approves it, and where.
  const told = (await forge.reports(after, pull)).filter((text) => text.includes(token));
  expect(told).toEqual([expect.stringContaining("approve.yml")]);

  // A token of this repository is worth nothing to a shell, which knows it by another name: the log must not say so either.
  expect(held.result.log).toContain("approve.yml");
  expect(held.result.log).not.toContain("deploy --approve");

  const deployed = await story.approve(token, story.host.changes ? {} : { "dry-run": "true" });
  expect(deployed.host.decision.reasons[0], deployed.result.log).toContain(`Approved by ${forge.person}`);
  expect(deployed.host.outcome?.outcome, deployed.result.log).toBe(story.host.changes ? "deployed" : "would-deploy");
  if (story.host.changes) {
    expect(deployed.result.exitCode).toBe(0);
    expect(await forge.status(after)).toBe("success");
    expect((await forge.reports(after, pull)).filter((text) => text.includes("deployed")).length).toBe(1);
  }
  return { token, deployed };
}

/** A change that waits for a person is refused; the host remembers, and nobody is asked again until something else changes. */
export async function throughRejection(story: Story, version: number): Promise<void> {
  const before = story.main;
  // What loosens the policy is a person's to decide, whatever else is in the commit.
  const after = story.commit(version, { approval: { ttlHours: 48 } });
  const held = await story.push(before, after);
  expect(held.host.outcome?.outcome, held.result.log).toBe("held");
  const token = held.host.approval?.token ?? "";
  const refused = await story.reject(token);
  expect(refused.plan.notes.join(" "), refused.result.log).toContain(`rejected by ${story.forge.person}; its ledger says so`);
  const again = await story.push(before, after);
  expect(again.host.decision, again.result.log).toMatchObject({ action: "hold", rejectedBy: story.forge.person });
  expect(again.host.approval).toBeUndefined();
  const late = await story.approve(token);
  expect(late.host.decision.reasons[0], late.result.log).toContain(`was rejected by ${story.forge.person}`);
}

/**
 * A risky change is approved and deployed, and then undone outside of the gate, so that the very change that the token was given for stands there again. The token is worth
 * nothing any more: the host's ledger knows it. `undo` is told the token and where the change led.
 */
export async function throughReplay(story: Story, version: number, undo: (token: string, to: string) => Promise<void>): Promise<void> {
  const before = story.main;
  const after = story.commit(version, {}, true);
  const held = await story.push(before, after);
  expect(held.host.outcome?.outcome, held.result.log).toBe("held");
  const token = held.host.approval?.token ?? "";
  const deployed = await story.approve(token, story.host.changes ? {} : { "dry-run": "true" });
  expect(deployed.host.outcome?.outcome, deployed.result.log).toBe(story.host.changes ? "deployed" : "would-deploy");
  await undo(token, held.host.state === "changed" ? held.host.to : "");
  const replayed = await story.approve(token);
  const { decision, outcome } = replayed.host;
  expect([outcome?.outcome, decision.approval?.became, decision.approval?.failure?.code], replayed.result.log).toEqual([
    "held",
    "refused",
    "approval-used",
  ]);
  expect(decision.reasons[0]).toMatch(/was used at .* and is good for one attempt/);
  // Whoever wants it all the same is asked anew.
  expect(replayed.host.approval?.token ?? token).not.toBe(token);
}
