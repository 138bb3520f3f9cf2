import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { LoopbackForge } from "../forge/loopback-forge.ts";
import { type ActionEvent, type ActionResult, runAction } from "../forge/run-action.ts";
import { Repository } from "../scenario/flake.ts";
import { loopbackModel, type Seen, type Step } from "../session/loopback-model.ts";

/** What the model does when it is asked the `index`th time. The nonce is the run's. */
export type Script = (nonce: string, index: number, request: string) => Step;

/** How hosts are logged in to: a private key as text, and lines of known_hosts(5). */
export type Login = { readonly key: string; readonly knownHosts: string };

/** One call of a tool of the gate. */
export const use = (name: string, input: object): { name: string; input: object } => ({ name: `mcp__gate__${name}`, input });

/** An answer of a session that found nothing, and what it found all the same. */
export const goalAnswer = (nonce: string, over: object = {}): Step => ({
  answer: {
    nonce,
    headline: "All is well.",
    findings: [],
    actions: [],
    proposal: { title: "", why: "", alternatives: [], questions: [] },
    opinion: "",
    edgeCase: { symptom: "", cause: "", strategy: "" },
    ...over,
  },
});

/** A repository on this machine and the Action that runs goals on it, with the real CLI and a model on loopback. */
export class GoalStage {
  readonly scratch = mkdtempSync(join(tmpdir(), "gate-goal-action-"));
  readonly origin: Repository;
  readonly #program = execFileSync(resolve(import.meta.dirname, "../../.ci/claude"), { encoding: "utf8" }).trim();
  #checkouts = 0;

  /** Takes up the repository that lies in `origin`, or begins one. */
  constructor(origin?: string) {
    this.origin = new Repository(origin ?? join(this.scratch, "origin"));
    this.origin.git("config", "uploadpack.allowAnySHA1InWant", "true");
  }

  /** Runs a goal on a fresh checkout of that commit, on the deploy branch unless the event says otherwise. */
  async run(
    { forge, sha, login, inputs, says }: { forge: LoopbackForge; sha: string; login: Login; inputs: Record<string, string>; says: Script },
    {
      event = { name: "workflow_dispatch", sha },
      credential = true,
      seconds,
    }: { event?: ActionEvent; credential?: boolean; seconds?: number } = {},
  ): Promise<ActionResult & { readonly seen: Seen[] }> {
    const here = new Repository(join(this.scratch, `checkout-${++this.#checkouts}`));
    here.git("remote", "add", "origin", `file://${this.origin.directory}`);
    here.git("fetch", "--quiet", "--depth=1", "origin", sha);
    here.git("checkout", "--quiet", "--detach", sha);
    const model = await loopbackModel((request, index) => says(/nonce ([0-9a-f]{16})/.exec(request)?.[1] ?? "none", index, request));
    const given = {
      command: "goal",
      "ssh-private-key": login.key,
      "ssh-known-hosts": login.knownHosts,
      "claude-path": this.#program,
      ...(credential ? { "anthropic-api-key": "sk-ant-api03-dummy" } : {}),
      ...inputs,
    };
    try {
      const options = { forge, event, main: "src/main.ts", cwd: here.directory, inputs: given, env: { ANTHROPIC_BASE_URL: model.url } };
      return { ...(await runAction({ ...options, ...(seconds === undefined ? {} : { seconds }) })), seen: model.seen };
    } finally {
      await model.close();
    }
  }

  remove(): void {
    rmSync(this.scratch, { recursive: true, force: true });
  }
}
