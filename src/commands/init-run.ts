import { posix } from "node:path";
import { doctorExit, type Check } from "../doctor/check.ts";
import { doctorText } from "../doctor/doctor-text.ts";
import { discover, selectHosts } from "../discover/discover.ts";
import { parseFlakeref } from "../discover/flakeref.ts";
import { type ExitCode, gateError } from "../failure.ts";
import { withOutput } from "../init/flake-output.ts";
import { type InitResult, initText } from "../init/init-text.ts";
import { policyFile, proposedFiles } from "../init/proposal.ts";
import { parsePolicy } from "../policy.ts";
import { checkoutOf, type LocalFlake } from "./checkout.ts";
import { answersFor } from "./init-answers.ts";
import { carryOut, type Steps } from "./init-carry-out.ts";
import { exampleWorkflows, standing } from "./init-files.ts";
import { proveOutput } from "./init-prove.ts";
import type { Prepared } from "./prepare.ts";
import { type Prompt, terminalPrompt } from "./prompt.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption, withShellRun } from "./shell-run.ts";

/** Sets a repository up. Nothing that is there is overwritten, and nothing is written before a person agreed or `--yes` did. */
export async function runInit(flake: string, options: Options, shell: Shell): Promise<ExitCode> {
  const local = await localFlake(flake, shell);
  const prompt = promptOf(options, shell);
  let result: InitResult | undefined;
  try {
    await withShellRun({ flake, options, shell, trust: "unreviewed" }, async (prepared, log) => {
      log.progress({ kind: "stage", stage: "discover", text: `reading ${prepared.sources.head.shown}` });
      const steps = await plan(local, prepared, options, shell, { prompt, quiet: () => log.close() });
      result = await carryOut(steps, options, shell, prompt);
      return 0;
    });
  } finally {
    prompt?.close();
  }
  if (result === undefined) return 4;
  if (options["json"] !== true) shell.out(initText(result, shell.terminal));
  const checks = options["no-doctor"] === true ? [] : await doctorAfter(flake, result, options, shell);
  if (options["json"] === true) shell.out(`${JSON.stringify({ schema: 1, ...result, checks }, undefined, 2)}\n`);
  else if (checks.length > 0) shell.out(`\n${doctorText(checks, shell.terminal)}`);
  return doctorExit(checks);
}

/** A person, where there is one to be asked. Throws the GateError `init-unanswered` where nobody is there and nobody said what to take. */
function promptOf(options: Options, shell: Shell): Prompt | undefined {
  if (options["yes"] === true || options["dry-run"] === true || options["json"] === true) {
    if (options["json"] === true && options["yes"] !== true && options["dry-run"] !== true)
      throw gateError("init-unanswered", {
        what: "whether the files may be written (with --json nothing is asked)",
        flags: "--yes   # or --dry-run",
      });
    return undefined;
  }
  if (shell.terminal.asks !== true)
    throw gateError("init-unanswered", {
      what: "whether the files may be written: there is no terminal to ask in",
      flags: "--yes   # or --dry-run, to see them first",
    });
  return terminalPrompt(shell.signal);
}

async function localFlake(flake: string, shell: Shell): Promise<LocalFlake> {
  const parsed = parseFlakeref(flake);
  const problem = (text: string, next: string) => gateError("source-unusable", { flake, problem: text, next });
  if (parsed.kind === "remote")
    throw problem("it is not on this machine, and files are to be written there", `git clone … fleet && nixos-deploy-gate init fleet`);
  if (parsed.kind === "local" && (parsed.rev ?? parsed.ref) !== undefined)
    throw problem("it names a revision, and files are written into the working tree", "nixos-deploy-gate init .");
  const local = await checkoutOf(flake, shell);
  if (local === undefined)
    throw problem("it is in no repository of git, which workflows belong into", "git init && git add --all && git commit -m 'The fleet'");
  return local;
}

async function plan(
  local: LocalFlake,
  prepared: Prepared,
  options: Options,
  shell: Shell,
  { prompt, quiet }: { readonly prompt: Prompt | undefined; readonly quiet: () => void },
): Promise<Steps> {
  const { head } = prepared.sources;
  const outputs = await discover(prepared.ports.nix, head, { trust: head.trust, timeoutSeconds: 300 });
  const policy = outputs.deployGate === undefined ? undefined : parsePolicy(outputs.deployGate.value, head.shown);
  const hosts = selectHosts(outputs.hosts, listOption(options, "hosts"));
  // A line that is drawn again and again would draw over the questions.
  quiet();
  const elsewhere = [...outputs.deployNodes, ...outputs.hive];
  const found = {
    local,
    hosts,
    hasPolicy: policy !== undefined,
    reachedElsewhere: elsewhere.some((name) => hosts.some((host) => host === name)),
  };
  const answers = await answersFor(found, options, shell, prompt);
  const { forge, action, branch, runner, deploy, approvers, user } = answers;
  const deploys = policy === undefined ? deploy.length > 0 : Object.values(policy.hosts).some((one) => one.deploy);
  const proposed = proposedFiles(
    {
      workflows: { forge, action, branch, runner, directory: local.directory },
      policy:
        policy === undefined ? { forge, hosts, deploy, deployNodes: outputs.deployNodes, hive: outputs.hive, user, approvers } : undefined,
      schedule: deploys,
    },
    exampleWorkflows(shell.programRoot, forge),
  );
  const files = proposed.map((file) => ({ ...file, now: standing(local.checkout.root, file.path) }));
  const notes = policy === undefined ? [] : ["The flake has a policy (deployGate) already, which is left as it is."];
  return {
    answers,
    local,
    hosts,
    deploys,
    files,
    needsOutput: policy === undefined,
    ...(await outputOf(local, prepared, files, policy === undefined, notes)),
  };
}

/** The change of flake.nix, where it can be made by its text and was proven by evaluating what comes out. */
async function outputOf(
  local: LocalFlake,
  prepared: Prepared,
  files: Steps["files"],
  wanted: boolean,
  notes: readonly string[],
): Promise<Pick<Steps, "output" | "notes">> {
  const path = posix.join(local.directory, "flake.nix");
  const now = wanted ? standing(local.checkout.root, path) : { kind: "missing" as const };
  const policy = files.find((file) => file.path.endsWith(policyFile));
  if (now.kind !== "file" || policy === undefined) return { output: undefined, notes };
  // Another file of that name is somebody else's: whether it is a policy is theirs to say.
  if (policy.now.kind !== "missing" && !(policy.now.kind === "file" && policy.now.text === policy.text))
    return { output: undefined, notes };
  const to = withOutput(now.text);
  if (to === undefined)
    return {
      output: undefined,
      notes: [...notes, `Where the line of the policy belongs in ${path} cannot be told by its text alone, so that it is left to you.`],
    };
  const proof = await proveOutput(prepared, [policy, { path, text: to }]);
  return proof.ok
    ? { output: { path, from: now.text, to }, notes }
    : { output: undefined, notes: [...notes, `${path} is left as it is: with the line of the policy put in by itself, ${proof.because}.`] };
}

/** The table at the end. A trial run has written nothing that could be looked at, and asks only what stands. */
async function doctorAfter(flake: string, result: InitResult, options: Options, shell: Shell): Promise<Check[]> {
  const { doctor } = await import("./doctor-run.ts");
  const { "dry-run": dry, "ssh-key": sshKey, "known-hosts": knownHosts, "token-file": tokenFile, "log-file": debugLog } = options;
  const hosts = dry === true || result.deploy.length === 0 ? {} : { hosts: result.deploy.join(",") };
  return await doctor(
    flake,
    { ...hosts, forge: result.forge, "ssh-key": sshKey, "known-hosts": knownHosts, "token-file": tokenFile, "log-file": debugLog },
    shell,
  );
}
