import { resolve } from "node:path";
import { selectHosts } from "../discover/discover.ts";
import type { HostName } from "../discover/host.ts";
import { gateError } from "../failure.ts";
import { actionReference, plainBranch, plainLabel, wordsOf, workflowFolder } from "../init/workflows.ts";
import { type ForgeRepository, parseRemote } from "../init/remote.ts";
import { askForgeKind } from "../io/forge-kind.ts";
import { checkoutOf, type LocalFlake } from "./checkout.ts";
import { type ForgeKind, forgeOption } from "./doctor-forge.ts";
import { standing } from "./init-files.ts";
import type { Prompt } from "./prompt.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption } from "./shell-run.ts";

/** All that is not in the flake itself. */
export type Answers = {
  readonly forge: ForgeKind;
  readonly repository: ForgeRepository | undefined;
  readonly action: string | undefined;
  readonly branch: string;
  readonly runner: string | undefined;
  readonly deploy: readonly HostName[];
  readonly approvers: readonly string[];
  readonly user: string;
};

/** What the flake and its repository tell before anybody is asked. */
export type Found = {
  readonly local: LocalFlake;
  readonly hosts: readonly HostName[];
  /** There is a policy already, which is not touched. */
  readonly hasPolicy: boolean;
  /** Another tool says of at least one host how it is reached. */
  readonly reachedElsewhere: boolean;
};

const login = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;
const user = /^[a-z_][a-z0-9_-]{0,31}$/;

/**
 * Takes flags, then what was found, then a person's word, then defaults. Throws the GateErrors `usage` for a flag that cannot be, and `init-unanswered` where something
 * has no default and nobody can be asked.
 */
export async function answersFor(found: Found, options: Options, shell: Shell, prompt: Prompt | undefined): Promise<Answers> {
  const text = (name: string, pattern: RegExp, example: string): string | undefined => {
    const value = options[name];
    if (typeof value !== "string") return undefined;
    if (!pattern.test(value))
      throw gateError("usage", { problem: `--${name} is like ${example}; this is ${JSON.stringify(value)}.`, command: "init" });
    return value;
  };
  const ask = async (question: Question): Promise<string | undefined> =>
    prompt === undefined ? undefined : await askUntil(question, shell, prompt);

  const repository = found.local.origin === undefined ? undefined : parseRemote(found.local.origin);
  const forge =
    forgeOption(options, "init") ??
    repository?.kind ??
    (repository === undefined ? undefined : await askForgeKind(repository.origin)) ??
    ((await ask({
      why: `The workflows of Forgejo and GitHub differ. ${repository === undefined ? "The repository has no origin on a forge." : `${repository.host} did not say which of them it is.`}`,
      question: "Is it on forgejo or on github?",
      pattern: /^(?:forgejo|github)$/,
    })) as ForgeKind | undefined);
  if (forge === undefined)
    throw gateError("init-unanswered", { what: "which forge the repository is on", flags: "--forge forgejo   # or github" });

  const example =
    forge === "github" ? `OWNER/nixos-deploy-gate@${"1".repeat(40)}` : `https://HOST/OWNER/nixos-deploy-gate@${"1".repeat(40)}`;
  const own = await ownAction(forge, repository, shell);
  const action =
    text("action", actionReference[forge], example) ??
    (prompt === undefined
      ? own
      : (await ask({
          why: "The workflows name this program by a commit, so that nobody changes what runs beside your key: best a mirror in your own organisation.",
          question: "Address and commit",
          fallback: own ?? "",
          shown: own ?? "fill it in later",
          pattern: new RegExp(`${actionReference[forge].source}|^$`),
          hint: `It is like ${example}.`,
        })) || own);

  // Whoever starts this again may stand on a branch of work, or has forgotten a flag of the first time.
  const standingDeploy = standing(found.local.checkout.root, `${workflowFolder[forge]}/deploy.yml`);
  const said = standingDeploy.kind === "file" ? wordsOf(standingDeploy.text) : {};
  const branch =
    text("branch", plainBranch, "main") ??
    said.branch ??
    (found.local.branch !== undefined && plainBranch.test(found.local.branch) ? found.local.branch : "main");
  const runner =
    text("runner", plainLabel, "nix") ??
    said.runner ??
    (forge === "forgejo"
      ? await ask({
          why: "A runner of your own runs the jobs: one that has Nix, with build users and sandbox, and Node 22 or newer.",
          question: "Its label",
          fallback: "nix",
          pattern: plainLabel,
        })
      : undefined);
  if (found.hasPolicy) return { forge, repository, action, branch, runner, deploy: [], approvers: [], user: "root" };

  for (const name of listOption(options, "approvers"))
    if (!login.test(name))
      throw gateError("usage", { problem: `--approvers takes logins of the forge; ${JSON.stringify(name)} is none.`, command: "init" });
  const named = listOption(options, "approvers");
  const approvers =
    named.length > 0 || forge === "github"
      ? named
      : words(
          await ask({
            why: "What is risky waits for a person. Forgejo does not tell a job who may write to the repository, so the policy names who may approve.",
            question: "Their logins",
            fallback: "",
            shown: "nobody yet",
            pattern: /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}[\s,]*)*$/,
          }),
        );

  const handed = listOption(options, "deploy");
  const asked =
    handed.length > 0
      ? handed
      : words(
          await ask({
            why: `Only hosts that the policy hands over are ever contacted; the others are built, compared and reported. There are ${shortList(found.hosts)}.`,
            question: 'Hosts to hand over now (names or "web*")',
            fallback: "",
            shown: "none",
            pattern: /^[A-Za-z0-9_.*?,\s-]*$/,
            accepts: (typed) => words(typed).every((one) => matches(found.hosts, one)),
            hint: `The hosts are ${shortList(found.hosts)}.`,
          }),
        );
  const deploy = asked.length === 0 ? [] : selectHosts(found.hosts, asked);
  const by =
    text("user", user, "root") ??
    (found.reachedElsewhere
      ? undefined
      : await ask({
          why: "Whoever deploys becomes root: root itself, or a user with sudo without a password.",
          question: "Who logs in on the hosts",
          fallback: "root",
          pattern: user,
        })) ??
    "root";
  return { forge, repository, action, branch, runner, deploy, approvers, user: by };
}

type Question = {
  /** Why it is asked, as sentences. */
  readonly why: string;
  readonly question: string;
  /** What an empty line means; without it there has to be an answer. */
  readonly fallback?: string;
  /** How the fallback is shown, where that is not itself. */
  readonly shown?: string;
  readonly pattern: RegExp;
  readonly accepts?: (typed: string) => boolean;
  readonly hint?: string;
};

const mostTries = 5;

async function askUntil(
  { why, question, fallback, shown, pattern, accepts, hint }: Question,
  shell: Shell,
  prompt: Prompt,
): Promise<string> {
  const { wrap } = await import("../report/terminal-escape.ts");
  shell.error(`\n${wrap(why, shell.terminal.width).join("\n")}\n`);
  for (let tries = 0; tries < mostTries; tries++) {
    const typed = (await prompt.ask(`${question}${fallback === undefined ? "" : ` [${shown ?? fallback}]`}: `)) || fallback;
    if (typed !== undefined && pattern.test(typed) && (accepts?.(typed) ?? true)) return typed;
    shell.error(`That cannot be used. ${hint ?? `It is like ${fallback || "forgejo"}.`}\n`);
  }
  throw gateError("init-unanswered", { what: `for an answer to "${question}"`, flags: "--help" });
}

const words = (typed: string | undefined): string[] => (typed ?? "").split(/[\s,]+/).filter((word) => word !== "");

function matches(hosts: readonly HostName[], glob: string): boolean {
  try {
    return selectHosts(hosts, [glob]).length > 0;
  } catch {
    // A glob that names none.
    return false;
  }
}

const shortList = (names: readonly string[]): string =>
  names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`;

/** This program itself as workflows would name it: the origin of its checkout, at the commit that runs now. Undefined where that is no checkout of a forge. */
async function ownAction(forge: ForgeKind, repository: ForgeRepository | undefined, shell: Shell): Promise<string | undefined> {
  const root = resolve(shell.programRoot);
  const local = await checkoutOf(root, shell);
  if (local === undefined || local.checkout.root !== root || local.head === undefined || local.origin === undefined) return undefined;
  const own = parseRemote(local.origin);
  if (own === undefined || !own.name.includes("deploy-gate")) return undefined;
  const name = `${own.owner}/${own.name}@${local.head}`;
  // GitHub takes actions from itself alone.
  const reference = forge === "forgejo" ? `${own.origin}/${name}` : own.host === (repository?.host ?? "github.com") ? name : undefined;
  return reference !== undefined && actionReference[forge].test(reference) ? reference : undefined;
}
