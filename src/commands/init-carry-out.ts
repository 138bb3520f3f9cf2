import { posix } from "node:path";
import { unifiedDiff } from "../diff/text-diff.ts";
import { gateError } from "../failure.ts";
import { outputLine } from "../init/flake-output.ts";
import { diffLines, type FileResult, type InitResult } from "../init/init-text.ts";
import { leftToDo } from "../init/left-to-do.ts";
import { policyFile, type ProposedFile } from "../init/proposal.ts";
import { gitPort } from "../io/git.ts";
import { scratchDirectory } from "../io/machine.ts";
import { count } from "../report/count.ts";
import { wrap } from "../report/terminal-escape.ts";
import type { LocalFlake } from "./checkout.ts";
import type { Answers } from "./init-answers.ts";
import { replaceText, type standing, workflowFilesIn, writeNew } from "./init-files.ts";
import type { Prompt } from "./prompt.ts";
import type { Options, Shell } from "./shell.ts";

/** What is to be done, after everything was found, asked and proven. Nothing has been written. */
export type Steps = {
  readonly answers: Answers;
  readonly local: LocalFlake;
  readonly hosts: readonly string[];
  readonly deploys: boolean;
  readonly files: readonly (ProposedFile & { readonly now: ReturnType<typeof standing> })[];
  /** The change of flake.nix, proven. */
  readonly output: { readonly path: string; readonly from: string; readonly to: string } | undefined;
  readonly needsOutput: boolean;
  readonly notes: readonly string[];
};

/** Writes what a person, or `--yes`, agreed to, and says what became of each file. */
export async function carryOut(steps: Steps, options: Options, shell: Shell, prompt: Prompt | undefined): Promise<InitResult> {
  const { answers, local, files, output, hosts } = steps;
  const { root } = local.checkout;
  const dry = options["dry-run"] === true;
  const fresh = files.filter(({ now }) => now.kind === "missing");
  if (prompt !== undefined) {
    const { repository, forge, branch } = answers;
    const where = repository === undefined ? "" : `${repository.owner}/${repository.name} on `;
    const summary = `${where}${forge === "github" ? "GitHub" : "Forgejo"}, branch ${branch}, ${count(hosts.length, "host")}, of which ${answers.deploy.length === 0 ? "none is" : `${answers.deploy.join(", ")} ${answers.deploy.length === 1 ? "is" : "are"}`} handed over.`;
    shell.error(`\n${wrap(summary, shell.terminal.width).join("\n")}\n${fresh.map(({ path }) => `  + ${path}\n`).join("")}`);
  }
  const write =
    !dry &&
    (fresh.length === 0 ||
      prompt === undefined ||
      (await agrees(prompt, "Write these files? Git is told of them, since Nix sees only what git knows.", true)));
  const written: string[] = [];
  if (write)
    for (const { path, text } of fresh) {
      writeNew(root, path, text);
      written.push(path);
    }
  let changed = false;
  if (output !== undefined) {
    const diff = unifiedDiff(output.from, output.to);
    if (prompt !== undefined && write) {
      const asked = `The policy is in force as an output of ${output.path}. With this line the flake was evaluated: the same hosts, the same outputs, and the policy.`;
      shell.error(`\n${wrap(asked, shell.terminal.width).join("\n")}\n${diffLines(diff, shell.terminal).join("\n")}\n`);
    }
    changed = write && (prompt === undefined || (await agrees(prompt, `Change ${output.path} so?`, false)));
    if (changed) replaceText(root, output.path, output.from, output.to);
  }
  if (written.length > 0) await tellGit(local, written, shell);
  const results: FileResult[] = files.map(({ path, text, now }): FileResult => {
    if (now.kind === "missing") return { path, state: written.includes(path) ? "written" : "would-write", text };
    if (now.kind === "file" && now.text === text) return { path, state: "same" };
    return { path, state: "differs", ...(now.kind === "file" ? { diff: unifiedDiff(now.text, text) } : {}) };
  });
  if (output !== undefined)
    results.push({ path: output.path, state: changed ? "changed" : "would-change", diff: unifiedDiff(output.from, output.to) });
  const flakeFile = posix.join(local.directory, "flake.nix");
  return {
    forge: answers.forge,
    repository: answers.repository === undefined ? undefined : `${answers.repository.owner}/${answers.repository.name}`,
    branch: answers.branch,
    hosts,
    deploy: answers.deploy,
    files: results,
    notes: steps.notes,
    left: leftToDo({
      workflows: {
        forge: answers.forge,
        action: answers.action,
        branch: answers.branch,
        runner: answers.runner,
        directory: local.directory,
      },
      repository: answers.repository,
      outputLine: steps.needsOutput && !changed && !(dry && output !== undefined) ? outputLine : undefined,
      flakeFile,
      policyFile: posix.join(local.directory, policyFile),
      approvers: answers.approvers.length > 0 || !steps.needsOutput,
      deploys: steps.deploys,
      shadowed:
        answers.forge === "forgejo" &&
        workflowFilesIn(root, ".forgejo/workflows").every((name) => written.includes(`.forgejo/workflows/${name}`))
          ? workflowFilesIn(root, ".github/workflows")
          : [],
      written: [...written, ...(changed ? [flakeFile] : [])],
    }),
  };
}

async function agrees(prompt: Prompt, question: string, fallback: boolean): Promise<boolean> {
  for (let tries = 0; tries < 5; tries++) {
    const typed = (await prompt.ask(`${question} [${fallback ? "Y/n" : "y/N"}] `)).toLowerCase();
    if (typed === "") return fallback;
    if (typed === "y" || typed === "yes") return true;
    if (typed === "n" || typed === "no") return false;
  }
  return false;
}

/** Only their names: what is in them stays out of the index until a person adds it. */
async function tellGit(local: LocalFlake, paths: readonly string[], { environment, signal }: Shell): Promise<void> {
  const scratch = scratchDirectory(environment);
  try {
    const git = gitPort({ environment, scratch: scratch.path, signal });
    const end = await git.run({ directory: local.checkout.root, arguments: ["add", "--intent-to-add", "--", ...paths] });
    if (end.exitCode !== 0) throw gateError("git-failed", { doing: "telling git of the new files" }, end.stderr.slice(0, 2_000));
  } finally {
    scratch.remove();
  }
}
