import { join, resolve } from "node:path";
import { storePathOf } from "../diff/store-path.ts";
import { readSystem } from "../diff/toplevel.ts";
import { readFlake } from "../discover/discover.ts";
import { mayBegin, refuseInputs } from "../discover/guard.ts";
import { GateError, gateError } from "../failure.ts";
import { gate } from "../gate.ts";
import type { GoalPorts } from "../goal/run-goal.ts";
import type { ProposalEnd } from "../goal/goal-report.ts";
import { commitChanges, diffOf, pushProposal, stageChanges } from "../io/proposal-branch.ts";
import type { GitRun, Log } from "../io/ports.ts";
import type { PullRequestDone } from "../io/pull-requests.ts";
import { makeWorkingCopy } from "../io/working-copy.ts";
import type { Policy } from "../policy.ts";
import { checkChanges, missingSecrets } from "../proposal/check-changes.ts";
import { docsExpression, optionExpression } from "../proposal/option-expression.ts";
import { withEdgeCase } from "../proposal/edge-case-entry.ts";
import { forbiddenPath } from "../proposal/path-rules.ts";
import { type Clash, clashesOf, newClashes } from "../proposal/port-clash.ts";
import { planProblems, verdictsOf } from "../proposal/plan-problems.ts";
import { commitMessage, pullRequestBody, shownDiff, titleOf } from "../proposal/proposal-text.ts";
import type { WorkingCopy } from "../proposal/working-copy.ts";
import { comment } from "../report/comment.ts";
import type { Plan } from "../report/plan.ts";
import { terminalReport } from "../report/terminal.ts";
import type { FlakeAnswer, FlakePorts } from "../tools/flake-ports.ts";
import type { RepositoryPorts } from "../tools/repository-ports.ts";
import { evaluationSeconds, flakeValue } from "./flake-value.ts";
import { type Prepared, withPrepared } from "./prepare.ts";
import packageJson from "../../package.json" with { type: "json" };

export type WorkshopSetup = {
  /** Of the run: the flake at the base revision, which has been merged. */
  readonly prepared: Prepared;
  readonly policy: Policy;
  /** That the goal is about. */
  readonly hosts: readonly string[];
  readonly goal: string;
  readonly id: string;
  readonly told: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Where a proposal goes; undefined in a shell without a remote, where the branch stays in the checkout's reach as a patch. */
  readonly publish?: {
    readonly remote: NonNullable<GitRun["remote"]>;
    readonly open: (wanted: { readonly branch: string; readonly title: string; readonly body: string }) => Promise<PullRequestDone>;
    readonly runUrl: string | undefined;
    /** How much strangers may read there, unless the policy says. */
    readonly detail: "full" | "names";
  };
};

/** A copy of the repository for one goal, what may be asked of it, and what becomes of it in the end. */
export type Workshop = {
  readonly copy: WorkingCopy;
  readonly repository: RepositoryPorts;
  readonly flake: FlakePorts;
  readonly propose: GoalPorts["propose"];
};

/**
 * Lays out a copy of the repository. What a session writes there is code that nobody has reviewed: it is evaluated and built as a stranger's pull request is, behind the
 * same walls, beside the secrets of this run (invariant 4). Throws a GateError where the flake is in no git repository.
 */
export async function openWorkshop(setup: WorkshopSetup): Promise<Workshop> {
  const { prepared, policy, hosts } = setup;
  const { sources, git, scratch } = prepared;
  const revision = sources.head.rev;
  if (sources.inGit === undefined || revision === undefined)
    throw gateError("source-unusable", {
      flake: sources.head.shown,
      problem: "a proposal needs a git repository with a commit",
      next: "git commit",
    });
  const place = await git.locate(sources.inGit.repository.directory);
  if (place.kind !== "checkout") throw gateError("git-failed", { doing: "making a copy of the repository" });
  const copy = await makeWorkingCopy(git, place.checkout, revision, join(scratch, "proposal"));
  const below = sources.inGit.directory;
  const flake = below === "" ? copy.directory : `${copy.directory}?dir=${below}`;

  /** Everything of a run, on the copy as it is now. */
  const onCopy = async <T>(use: (laid: Prepared) => Promise<T>): Promise<T> => {
    await stageChanges(git, copy);
    const { environment, signal, log } = setup;
    const event = { kind: "shell", base: revision } as const;
    return await withPrepared({ flake, directory: copy.directory, event, environment, signal, log: quiet(log) }, use);
  };
  const plan = async (globs: readonly string[]): Promise<{ plan: Plan; policySame: boolean; clashes: readonly string[] }> =>
    await onCopy(async (laid) => {
      const made = await gate(
        {
          event: "shell",
          phase: "pull-request",
          flake: ".",
          sources: laid.sources,
          commitMessage: async () => undefined,
          hosts: globs,
          detail: "full",
          build: true,
          holdings: { secrets: true, writeToken: setup.publish !== undefined },
          session: "a proposal is judged by a session when it is a pull request",
          version: packageJson.version,
          notes: [],
        },
        laid.ports,
      );
      const [was, is] = await Promise.all(
        [laid.sources.base, laid.sources.head].map(async (side) =>
          side === undefined
            ? undefined
            : (await readFlake(laid.ports.nix, side, { trust: side.trust, timeoutSeconds: evaluationSeconds })).deployGate?.value,
        ),
      );
      const clashes = made.hosts.flatMap((host) => {
        if (host.state !== "changed" && host.state !== "added") return [];
        const { store } = laid.ports;
        const clashes = (toplevel: string): readonly Clash[] => {
          const path = storePathOf(toplevel, store.prefix);
          return path === undefined ? [] : clashesOf(store, readSystem(store, path));
        };
        return newClashes(host.host, "from" in host ? clashes(host.from) : [], clashes(host.to));
      });
      return { plan: made, policySame: JSON.stringify(was) === JSON.stringify(is), clashes };
    });
  const evaluated = async (expression: (url: string) => string): Promise<FlakeAnswer> =>
    await told(
      async () =>
        await onCopy(async ({ sources: laid, ports }) => {
          refuseInputs(laid);
          mayBegin(await ports.isolation, { secrets: true, writeToken: setup.publish !== undefined }, policy, ports.noJail);
          return await flakeValue(ports.nix, expression(laid.head.url), laid.head.trust);
        }),
    );

  return {
    copy,
    repository: { copy, forbidden: (path) => forbiddenPath(path, policy.goals) },
    flake: {
      hosts,
      option: async (host, path) => await evaluated((url) => optionExpression(url, host, path)),
      describe: async (host, path) => await evaluated((url) => docsExpression(url, host, path)),
      plan: async (wanted) =>
        await told(async () => {
          const { plan: made, policySame, clashes } = await plan(wanted);
          const notes = [...planProblems(made, policySame, hosts), ...clashes];
          return {
            ok: true,
            text: [terminalReport(made, { width: 120, color: false, unicode: true, verbose: true }), ...notes].join("\n"),
          };
        }),
    },
    propose: async ({ answer, costUsd }) => await propose(answer, costUsd),
  };

  /** What was learned goes where later sessions read it, with the change that it is about. */
  function keepEdgeCase(entry: Parameters<typeof withEdgeCase>[1]): void {
    const may = policy.sessionSettings.knowledge.filter((path) => forbiddenPath(path, policy.goals) === undefined);
    const path = may.find((one) => copy.read(one).ok) ?? may[0];
    if (path === undefined) return;
    const was = copy.read(path);
    const text = withEdgeCase(was.ok ? was.value : undefined, entry, prepared.ports.clock.now().toISOString().slice(0, 10), setup.goal);
    if (text !== undefined) copy.write(path, text);
  }

  async function propose(answer: Parameters<GoalPorts["propose"]>[0]["answer"], costUsd: number): Promise<ProposalEnd> {
    if (copy.changes().length === 0) return { kind: "none" };
    keepEdgeCase(answer.edgeCase);
    const changes = copy.changes();
    try {
      const encrypted = [...copy.changes().map(({ path }) => path), ...sopsFiles(copy)].flatMap((path) => {
        const text = copy.read(path);
        return text.ok && /^\s*"?sops"?\s*:/m.test(text.value) ? [text.value] : [];
      });
      const problems = [
        ...checkChanges(changes, policy.goals),
        ...missingSecrets(changes, { encrypted, exists: (path) => copy.read(path).ok }),
      ];
      // What may not be proposed is not evaluated either.
      if (problems.length > 0) return { kind: "refused", problems };
      const { plan: made, policySame, clashes } = await plan([]);
      const failing = [...planProblems(made, policySame, hosts), ...clashes];
      if (failing.length > 0) return { kind: "refused", problems: failing };
      const branch = `deploy-gate/${setup.goal}-${setup.id}`;
      const { publish } = setup;
      const detail = publish === undefined ? "full" : (policy.report.detail ?? publish.detail);
      const text = {
        goal: setup.goal,
        id: setup.id,
        told: setup.told,
        answer,
        detail,
        plan: comment(made, { limit: 40_000, detail, links: {} }),
        costUsd,
        runUrl: publish?.runUrl,
      };
      const commit = await commitChanges(git, copy, commitMessage(text), prepared.ports.clock.now());
      const ended = {
        branch,
        verdicts: verdictsOf(made),
        changedPaths: changes.map(({ path }) => path),
        diff: shownDiff(await diffOf(git, copy, commit)),
      };
      if (publish === undefined) {
        const kept = await git.run({ directory: copy.directory, arguments: ["format-patch", "--stdout", `${copy.revision}..${commit}`] });
        return { kind: "opened", url: undefined, patch: kept.stdout, ...ended };
      }
      const pushed = await pushProposal(git, copy, commit, branch, publish.remote);
      if (!pushed.ok) return { kind: "failed", failure: pushed.failure };
      const opened = await publish.open({ branch, title: titleOf(answer, setup.goal), body: pullRequestBody(text) });
      if (!opened.ok) return { kind: "failed", failure: opened.failure };
      return { kind: opened.kind === "unchanged" && pushed.kind === "pushed" ? "updated" : opened.kind, url: opened.url, ...ended };
    } catch (error) {
      if (error instanceof GateError) return { kind: "failed", failure: error.failure };
      throw error;
    }
  }
}

/** Where sops keeps things by custom; a file of another place is found where it is changed in the same proposal. */
function sopsFiles(copy: WorkingCopy): string[] {
  const found = copy.search("sops:", "", 200);
  const json = copy.search('"sops": {', "", 200);
  return [...new Set([...(found.ok ? found.value : []), ...(json.ok ? json.value : [])].map(({ path }) => path))].map((path) =>
    resolve("/", path).slice(1),
  );
}

async function told(ask: () => Promise<FlakeAnswer>): Promise<FlakeAnswer> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof GateError)) throw error;
    return { ok: false, problem: `${error.failure.message}${error.failure.detail === undefined ? "" : `\n${error.failure.detail}`}` };
  }
}

/** What a plan of the copy does is not what the run does. */
const quiet = (log: Log): Log => ({
  progress: () => {},
  debug: (message, fields) => log.debug(message, fields),
  mask: (value) => log.mask(value),
});
