import type { WorkflowWords } from "./workflows.ts";
import { workflowFolder } from "./workflows.ts";

/** What only a person can do, with the commands to type. */
export type LeftToDo = { readonly sentence: string; readonly commands: readonly string[] };

export type Standing = {
  readonly workflows: WorkflowWords;
  readonly repository: { readonly owner: string; readonly name: string } | undefined;
  /** The line that is still to be put into flake.nix; undefined where it is there. */
  readonly outputLine: string | undefined;
  /** Of the flake.nix that it belongs into, from the root. */
  readonly flakeFile: string;
  readonly policyFile: string;
  readonly approvers: boolean;
  readonly deploys: boolean;
  /** Workflows of GitHub's kind that a Forgejo no longer reads once there is a folder of its own. */
  readonly shadowed: readonly string[];
  readonly written: readonly string[];
};

/** In the order in which it is done. Pure. */
export function leftToDo(standing: Standing): readonly LeftToDo[] {
  const { workflows, repository, outputLine, written } = standing;
  const { forge, branch } = workflows;
  const folder = workflowFolder[forge];
  const todo: LeftToDo[] = [];
  if (standing.shadowed.length > 0)
    todo.push({
      sentence: `Forgejo reads .github/workflows no more once there is .forgejo/workflows: bring ${standing.shadowed.join(", ")} along if they are to run on.`,
      commands: [`cp ${standing.shadowed.map((name) => shellWord(`.github/workflows/${name}`)).join(" ")} .forgejo/workflows/`],
    });
  if (outputLine !== undefined)
    todo.push({
      sentence: `Put the policy into the outputs of ${standing.flakeFile}; until then everything is only observed:`,
      commands: [outputLine],
    });
  if (workflows.action === undefined)
    todo.push({
      sentence: "Mirror this program where only you change it, and name the mirror and the commit that you have read in the workflows:",
      commands: [
        forge === "github"
          ? `sed -i 's|your-organisation/nixos-deploy-gate@0\\{40\\}.*|OWNER/nixos-deploy-gate@COMMIT|' ${folder}/*.yml`
          : `sed -i 's|https://code.example.org/your-organisation/nixos-deploy-gate@0\\{40\\}.*|https://HOST/OWNER/nixos-deploy-gate@COMMIT|' ${folder}/*.yml`,
      ],
    });
  if (forge === "forgejo" && !standing.approvers)
    todo.push({
      sentence: `Name who may approve, in ${standing.policyFile}: without names nobody can, since Forgejo does not tell a job who may write.`,
      commands: ['approval.by = [ "ada" ];'],
    });
  if (forge === "forgejo")
    todo.push({
      sentence: `A runner with the label "${workflows.runner ?? "nix"}" that has Nix 2.8 or newer (with build users and sandbox) and Node 22 or newer.`,
      commands: [],
    });
  todo.push({
    sentence:
      "A deploy key of the gate's own, without passphrase; its public half goes to the hosts (users.users.root.openssh.authorizedKeys.keys):",
    commands: [
      "ssh-keygen -t ed25519 -N '' -C deploy-gate -f deploy-gate.key   # not into the repository",
      "ssh-keyscan HOST... > known_hosts   # compare with the consoles",
    ],
  });
  const at = repository === undefined ? "" : ` --repo ${repository.owner}/${repository.name}`;
  if (forge === "github")
    todo.push({
      sentence: `An environment "production" that admits the branch ${branch} alone (Settings, Environments, Deployment branches), and in it:`,
      commands: [
        `gh secret set DEPLOY_KEY --env production${at} < deploy-gate.key`,
        `gh variable set DEPLOY_KNOWN_HOSTS --env production${at} < known_hosts`,
        `gh secret set ANTHROPIC_API_KEY --env production${at}   # only for a second opinion by a Claude session`,
      ],
    });
  else
    todo.push({
      sentence:
        "In the repository's settings, under Actions: the secret DEPLOY_KEY (deploy-gate.key) and the variable DEPLOY_KNOWN_HOSTS (known_hosts). Every branch that somebody may push here reaches them; where that is too many, a second repository with a runner of its own holds them.",
      commands: [],
    });
  if (written.length > 0)
    todo.push({
      sentence: "Read what was written, commit it on a branch, and open a pull request:",
      commands: [`git add ${written.map(shellWord).join(" ")}`, "git commit -m 'Guard the fleet with nixos-deploy-gate'"],
    });
  if (!standing.deploys)
    todo.push({
      sentence: `Hand a host over when you have read what the gate says of it: deploy = true in ${standing.policyFile}. Then start init again, for the reboots' workflow.`,
      commands: [],
    });
  return todo;
}

const shellWord = (text: string): string => (/^[A-Za-z0-9_./@:+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
