/**
 * Every way in which the gate can refuse or fail, on one page.
 *
 * A failure is data: a stable code for machines, a sentence for the person who is woken by it, and the next command to type. A failure that ends the run is
 * thrown as a `GateError`; a failure of one host is that host's value and never ends the run (invariant 7).
 */

/** Exit codes of the program; when several apply the order is 4 > 2 > 1 > 3 > 0. */
export type ExitCode = 0 | 1 | 2 | 3 | 4;

export type Failure = {
  readonly code: FailureCode;
  /** One sentence, no jargon beyond Nix's own. */
  readonly message: string;
  /** The next command to type, or the next thing to do where no command helps. */
  readonly next: string;
  /** What the tool underneath said, cut to what matters. Untrusted text: escape before showing. */
  readonly detail?: string;
};

type Entry = { readonly exit: ExitCode; readonly message: string; readonly next: string };

/**
 * What was typed, without the words that say which side of the change is meant (`. (main, 1a2b3c4d5)`), as one word of a shell with this output behind it. Nix looks
 * up a bare name in its registry, where the gate looks for a directory.
 */
function output(flake: string, attribute?: string): string {
  const typed = flake.replace(/ \([^()]*\)$/, "");
  const reference = /^[a-zA-Z][a-zA-Z0-9+.-]*:|^[./]/.test(typed) ? typed : `./${typed}`;
  return `'${(attribute === undefined ? reference : `${reference}#${attribute}`).replaceAll("'", `'\\''`)}'`;
}

const toplevelOf = (host: string): string => `nixosConfigurations."${host}".config.system.build.toplevel.drvPath`;

/** What people call a derivation: `restic-0.18.1` of `/nix/store/<hash>-restic-0.18.1.drv`. The command to type has the path. */
const called = (derivation: string): string => derivation.replace(/^\/\S*\/[0-9a-z]{32}-/, "").replace(/\.drv$/, "");

const seconds = (n: number): string => `${n} second${n === 1 ? "" : "s"}`;

const table = {
  // ---- usage and configuration (exit 2) -------------------------------------------------------------------------
  usage: (c: { problem: string; command?: string }): Entry => ({
    exit: 2,
    message: c.problem,
    next: `nixos-deploy-gate ${c.command === undefined ? "" : `${c.command} `}--help`,
  }),
  "input-invalid": (c: { input: string; problem: string }): Entry => ({
    exit: 2,
    message: `The input "${c.input}" is not usable: ${c.problem}.`,
    next: `Correct "${c.input}" in the workflow and run it again.`,
  }),
  "not-a-flake": (c: { flake: string }): Entry => ({
    exit: 2,
    message: `There is no flake at "${c.flake}".`,
    next: `ls flake.nix   # then: nixos-deploy-gate plan path/to/the/flake`,
  }),
  "no-hosts": (c: { flake: string }): Entry => ({
    exit: 2,
    message: `The flake ${c.flake} has no nixosConfigurations, so there is nothing to guard.`,
    next: `nix flake show ${output(c.flake)}`,
  }),
  "no-host-matches": (c: { pattern: string; known: readonly string[] }): Entry => ({
    exit: 2,
    message: `No host matches ${c.pattern}; the flake has ${c.known.slice(0, 12).join(", ")}${c.known.length > 12 ? ` and ${c.known.length - 12} more` : ""}.`,
    next: `nixos-deploy-gate plan --hosts '${c.known[0] ?? "NAME"}'`,
  }),
  "host-name-invalid": (c: { name: string }): Entry => ({
    exit: 2,
    message: `The host name ${c.name} cannot be used: a name is 1 to 63 letters, digits, "-", "_" or ".", and starts with a letter or a digit.`,
    next: `Rename it under nixosConfigurations in flake.nix.`,
  }),
  "plans-do-not-join": (c: { problem: string }): Entry => ({
    exit: 2,
    message: `The plans of these jobs do not make one report: ${c.problem}.`,
    next: `Run all jobs of the matrix again, each with its own hosts, and join what they all wrote.`,
  }),
  "policy-invalid": (c: { flake: string; key: string; problem: string }): Entry => ({
    exit: 2,
    message: `The policy is not usable: ${c.key}: ${c.problem}.`,
    next: `nix eval --json ${output(c.flake, "deployGate")}`,
  }),
  internal: (_nothing: object): Entry => ({
    exit: 4,
    message: "The gate made a mistake of its own and stopped; no host was touched by what failed.",
    next: "Run it again with --log-file gate.log and report the lines above together with that file.",
  }),
  "init-unanswered": (c: { what: string; flags: string }): Entry => ({
    exit: 2,
    message: `Nobody could be asked ${c.what}.`,
    next: `nixos-deploy-gate init ${c.flags}`,
  }),
  "init-incomplete": (c: { folder: string }): Entry => ({
    exit: 4,
    message: `The workflows that belong to this program are not beside it: ${c.folder} cannot be read.`,
    next: "git clone the whole repository of nixos-deploy-gate, and start it from there.",
  }),
  "init-write-failed": (c: { path: string }): Entry => ({
    exit: 2,
    message: `${c.path} could not be written; what was written before it stays, and nothing was overwritten.`,
    next: "git status   # then the same command again: it goes on with what is missing",
  }),
  "goal-unknown": (c: { name: string; known: readonly string[] }): Entry => ({
    exit: 2,
    message: `There is no goal "${c.name}"; there are ${c.known.join(", ")}.`,
    next: "nixos-deploy-gate goal --list",
  }),
  "goal-invalid": (c: { path: string; problem: string }): Entry => ({
    exit: 2,
    message: `The goal in ${c.path} cannot be used: ${c.problem}.`,
    next: `Correct ${c.path} on the deploy branch; docs/goals.md shows what such a file says.`,
  }),
  "goal-untold": (c: { goal: string; needs: "text" | "alert" }): Entry => ({
    exit: 2,
    message:
      c.needs === "text"
        ? `The goal ${c.goal} works on a wish in words, and none was given.`
        : `The goal ${c.goal} looks into an alert, and none was given.`,
    next:
      c.needs === "text" ? `nixos-deploy-gate goal ${c.goal} --text 'what you wish for'` : `nixos-deploy-gate goal ${c.goal} --alert FILE`,
  }),
  "goal-overtaken": (c: { branch: string }): Entry => ({
    exit: 4,
    message: `${c.branch} has moved on since this run began, so its policy is not the one in force, and no session was asked.`,
    next: `Leave it to the next scheduled run, or start the workflow on ${c.branch} again.`,
  }),
  "alert-invalid": (c: { problem: string }): Entry => ({
    exit: 2,
    message: `What was given as an alert is none: ${c.problem}.`,
    next: `Give what "gate listen" starts a workflow with, what Alertmanager posts, or {"name": "…", "host": "…", "unit": "…", "summary": "…"}.`,
  }),
  // ---- the event and the forge (exit 2 where the workflow has to change, else 4) -----------------------------------
  "event-unsupported": (c: { event: string; problem: string }): Entry => ({
    exit: 2,
    message: `The gate does not run on ${c.event}: ${c.problem}.`,
    next: `Compare "on:" in the workflow with examples/workflows.`,
  }),
  "not-deploy-branch": (c: { branch: string; deployBranch: string | undefined }): Entry => ({
    exit: 2,
    message:
      c.deployBranch === undefined
        ? `The run is on ${c.branch} and which branch is deployed is not known, so no host was contacted.`
        : `The run is on ${c.branch}, and only ${c.deployBranch} is deployed: what another branch says of the machines, its policy included, was agreed to by nobody.`,
    next:
      c.deployBranch === undefined
        ? `Give the gate the name of that branch as the input "deploy-branch".`
        : `Start the workflow on ${c.deployBranch}, or merge ${c.branch} first.`,
  }),
  "not-on-deploy-branch": (c: { revision: string; deployBranch: string; tip: string }): Entry => ({
    exit: 2,
    message: `What is checked out, ${c.revision.slice(0, 12)}, is not in the history of ${c.deployBranch} (now at ${c.tip.slice(0, 12)}), so no host was contacted.`,
    next: `git log --oneline ${c.tip.slice(0, 12)}   # the branch was rewritten, or the job checks out something else; run the workflow on its tip`,
  }),
  "event-unsafe": (c: { event: string }): Entry => ({
    exit: 2,
    message: `The gate refuses ${c.event}: it would build what a stranger wrote beside the repository's secrets and a token that may write.`,
    next: `Use "on: pull_request" in the workflow instead of "${c.event}"; approve by workflow_dispatch.`,
  }),
  "event-unreadable": (c: { what: string; problem: string }): Entry => ({
    exit: 4,
    message: `The runner's description of the event cannot be read: ${c.what}: ${c.problem}.`,
    next: `Run the gate as a step of a workflow, or use nixos-deploy-gate plan in a shell.`,
  }),
  "forge-unauthorised": (c: { forge: string; doing: string }): Entry => ({
    exit: 4,
    message: `The forge does not accept the token while ${c.doing} (${c.forge}).`,
    next: `Check the input "token"; the job's own token ends with its job.`,
  }),
  "forge-forbidden": (c: { forge: string; doing: string; permission: string }): Entry => ({
    exit: 4,
    message: `The token may not do this on ${c.forge}: ${c.doing}.`,
    next: `Give the job "${c.permission}"; on a fork's pull request the token is read-only and this report is the whole answer.`,
  }),
  "forge-not-found": (c: { forge: string; doing: string }): Entry => ({
    exit: 4,
    message: `The forge has no such thing, or hides it from this token, while ${c.doing} (${c.forge}).`,
    next: `Check that the token belongs to this repository and that the pull request or commit still exists.`,
  }),
  "forge-too-long": (c: { forge: string; doing: string; characters: number }): Entry => ({
    exit: 4,
    message: `The text is too long for ${c.forge} (${c.characters} characters) while ${c.doing}.`,
    next: `Read the whole report in the job's log or in the file that the output "report" names.`,
  }),
  "forge-refused": (c: { forge: string; doing: string; status: number }): Entry => ({
    exit: 4,
    message: `The forge refused (HTTP ${c.status}) while ${c.doing} (${c.forge}).`,
    next: `Read what it said below; run the job again once that is settled.`,
  }),
  "proposal-not-pushed": (c: { branch: string; problem: string }): Entry => ({
    exit: 1,
    message: `The proposal was not put on the branch ${c.branch}: ${c.problem}.`,
    next: `git ls-remote origin 'refs/heads/${c.branch}'   # delete or merge that branch, or give the job "contents: write"`,
  }),
  "listen-address": (c: { address: string; problem: string }): Entry => ({
    exit: 4,
    message: `Nothing can listen on ${c.address}: ${c.problem}.`,
    next: `ss -ltnp   # another listener? then give --address another port`,
  }),
  "listen-secret": (c: { file: string; problem: string }): Entry => ({
    exit: 2,
    message: `The secret in ${c.file} is not usable: ${c.problem}.`,
    next: `head -c 24 /dev/urandom | base64 > FILE   # a secret for senders; a token comes from the forge`,
  }),
  "listen-state": (c: { directory: string }): Entry => ({
    exit: 4,
    message: `Alerts cannot be kept in ${c.directory}, so none is taken.`,
    next: `ls -ld '${c.directory.replaceAll("'", `'\\''`)}'`,
  }),
  "forge-busy": (c: { forge: string; doing: string; seconds: number | undefined }): Entry => ({
    exit: 4,
    message: `The forge's rate limit is used up${c.seconds === undefined ? "" : ` for another ${c.seconds} s`} while ${c.doing} (${c.forge}).`,
    next: `Run the job again later.`,
  }),
  "forge-unavailable": (c: { forge: string; doing: string }): Entry => ({
    exit: 4,
    message: `The forge did not answer, or only with errors of its own, while ${c.doing} (${c.forge}).`,
    next: `Check the forge and run the job again.`,
  }),
  "forge-elsewhere": (c: { forge: string; doing: string; to: string }): Entry => ({
    exit: 4,
    message: `The forge sent us to ${c.to} while ${c.doing}; the token is not taken to another host than ${c.forge}.`,
    next: `Register the runner under the forge's own address (its ROOT_URL), or take the proxy between them out of the way.`,
  }),
  "forge-answer": (c: { forge: string; doing: string; problem: string }): Entry => ({
    exit: 4,
    message: `The answer is not what a forge gives while ${c.doing} (${c.forge}): ${c.problem}.`,
    next: `Check that the API address of the runner leads to GitHub or to Forgejo 15 or newer.`,
  }),

  // ---- comparing two systems (exit 1, or 4 where Nix itself cannot be understood) --------------------------------
  "path-info-shape": (c: { command: string; problem: string }): Entry => ({
    exit: 4,
    message: `The answer of "${c.command}" has no shape that we know: ${c.problem}.`,
    next: `${c.command} | head -c 600   # see what it says, and report it with the output of: nix --version`,
  }),
  "path-info-failed": (c: { command: string; exitCode: number | undefined }): Entry => ({
    exit: 4,
    message: `Nix could not tell what the systems consist of: "${c.command}" ended with ${c.exitCode === undefined ? "a signal" : `exit code ${c.exitCode}`}.`,
    next: `${c.command}`,
  }),
  "diff-defect": (c: { from: string; to: string }): Entry => ({
    exit: 1,
    message: `The two systems could not be compared: the gate itself has a defect, which ${c.from} and ${c.to} show.`,
    next: `nixos-deploy-gate diff ${c.from} ${c.to} --verbose   # report what it says`,
  }),
  "toplevel-missing": (c: { path: string }): Entry => ({
    exit: 1,
    message: `${c.path} is not in the store, so it cannot be compared.`,
    next: `nix build ${c.path}   # or: nix copy --from ssh-ng://HOST ${c.path}`,
  }),
  "toplevel-invalid": (c: { path: string; problem: string }): Entry => ({
    exit: 1,
    message: `${c.path} is not a NixOS system: ${c.problem}.`,
    next: `ls -l ${c.path}   # a system is what /run/current-system or config.system.build.toplevel points to`,
  }),
  // ---- Nix, evaluation and build (exit 4 for the run, 1 for a host) ------------------------------------------------
  "nix-missing": (_nothing: object): Entry => ({
    exit: 4,
    message: "There is no Nix on this machine.",
    next: "command -v nix   # to install it: https://nixos.org/download, or on Debian and Ubuntu: apt-get install nix-bin",
  }),
  "nix-too-old": (c: { version: string }): Entry => ({
    exit: 4,
    message: `This machine has Nix ${c.version}; the gate needs 2.8 or newer.`,
    next: "nix upgrade-nix   # or install a newer one from https://nixos.org/download",
  }),
  "nix-unusable": (c: { problem: string }): Entry => ({
    exit: 4,
    message: `The Nix of this machine cannot be used: ${c.problem}.`,
    next: "nix --version",
  }),
  "store-unusable": (_nothing: object): Entry => ({
    exit: 4,
    message: "The Nix store of this machine cannot be used: it cannot be written, or its daemon does not answer.",
    next: "nix store ping; ls -ld /nix/store /nix/var/nix/db",
  }),
  "disk-full": (_nothing: object): Entry => ({
    exit: 4,
    message: "The disk of this machine is full, so nothing more can be built.",
    next: "df -h /nix /tmp; nix-collect-garbage",
  }),
  cancelled: (_nothing: object): Entry => ({
    exit: 4,
    message: "The run was cancelled before it was done; nothing that it had started still runs.",
    next: "Run it again.",
  }),
  "flake-not-locked": (c: { flake: string }): Entry => ({
    exit: 2,
    message: `The lock file of ${c.flake} does not fit its inputs, or an input in it is not locked; the gate never changes a lock file.`,
    next: "nix flake lock   # then commit flake.lock",
  }),
  "flake-unfetchable": (c: { flake: string }): Entry => ({
    exit: 4,
    message: `The flake ${c.flake} or one of its inputs could not be fetched.`,
    next: `nix flake metadata ${output(c.flake)}`,
  }),
  "flake-evaluation-failed": (c: { flake: string }): Entry => ({
    exit: 2,
    message: `The flake ${c.flake} cannot be evaluated, so its hosts are not known.`,
    next: `nix eval --apply builtins.attrNames ${output(c.flake, "nixosConfigurations")}`,
  }),
  "flake-evaluation-timeout": (c: { flake: string; seconds: number }): Entry => ({
    exit: 4,
    message: `Listing the hosts of ${c.flake} did not end within ${seconds(c.seconds)}.`,
    next: `time nix eval --apply builtins.attrNames ${output(c.flake, "nixosConfigurations")}`,
  }),
  "host-evaluation-failed": (c: { flake: string; host: string }): Entry => ({
    exit: 1,
    message: `The configuration of ${c.host} cannot be evaluated.`,
    next: `nix eval --show-trace ${output(c.flake, toplevelOf(c.host))}`,
  }),
  "host-evaluation-timeout": (c: { flake: string; host: string; seconds: number }): Entry => ({
    exit: 1,
    message: `The evaluation of ${c.host} did not end within ${seconds(c.seconds)} and was stopped.`,
    next: `time nix eval ${output(c.flake, toplevelOf(c.host))}`,
  }),
  "host-evaluation-killed": (c: { flake: string; host: string; signal: string }): Entry => ({
    exit: 1,
    message: `The evaluation of ${c.host} was ended by ${c.signal}, which most often means that the machine ran out of memory.`,
    next: `free -m; nix eval ${output(c.flake, toplevelOf(c.host))}`,
  }),
  "no-toplevel": (c: { flake: string; host: string; problem: string }): Entry => ({
    exit: 1,
    message: `nixosConfigurations."${c.host}" ${c.problem}, so there is no system to build.`,
    next: `nix eval --apply builtins.attrNames ${output(c.flake, `nixosConfigurations."${c.host}".config.system.build`)}   # is it made by nixpkgs.lib.nixosSystem?`,
  }),
  "not-a-nixos-system": (c: { host: string; toplevel: string; lacks: string }): Entry => ({
    exit: 1,
    message: `What nixosConfigurations."${c.host}" builds is not a NixOS system: ${c.toplevel} has no ${c.lacks}.`,
    next: `ls ${c.toplevel}`,
  }),
  "build-failed": (c: { derivation: string; reason: string }): Entry => ({
    exit: 1,
    message: `The build of ${called(c.derivation)} failed: ${c.reason}.`,
    next: `nix log ${c.derivation}`,
  }),
  "build-hash-mismatch": (c: { derivation: string }): Entry => ({
    exit: 1,
    message: `What ${called(c.derivation)} downloads is not what its hash says: the source has changed, or the hash is wrong.`,
    next: `nix-store --realise ${c.derivation}   # then correct the hash where it is fetched`,
  }),
  "build-platform": (c: { derivation: string; platform: string }): Entry => ({
    exit: 1,
    message: `Nothing here can build for ${c.platform}, which ${called(c.derivation)} needs.`,
    next: "nix show-config | grep -E '^(builders|extra-platforms|system-features)'   # add a builder, or binfmt for that platform",
  }),
  "build-nowhere": (c: {
    derivation: string;
    platform?: string;
    lost: readonly { machine: string; reason: string }[];
    untrusted: readonly string[];
  }): Entry => {
    const why = [
      c.platform === undefined ? "this one builds nothing itself (max-jobs = 0)" : `this one does not build for ${c.platform}`,
      ...(c.lost.length === 0 && c.untrusted.length === 0 ? ["no builder takes it"] : []),
      ...c.lost.slice(0, 3).map(({ machine, reason }) => `the builder ${machine} cannot be used (${reason})`),
      ...c.untrusted.slice(0, 3).map((cache) => `what the cache ${cache} has is signed by none of its trusted-public-keys`),
    ];
    return {
      exit: 1,
      message: `No machine could build ${called(c.derivation)}: ${why.slice(0, -1).join(", ")}, and ${why.at(-1) ?? ""}.`,
      // Constant: what names the builder here is Nix's log, in which others may write too.
      next: "nix show-config | grep -E '^(builders|max-jobs|system-features|trusted-public-keys) '   # then, as who builds (root with a daemon): nix store ping --store BUILDER",
    };
  },
  "build-timeout": (c: { seconds: number; running: readonly string[] }): Entry => ({
    exit: 1,
    message: `The builds did not end within ${seconds(c.seconds)} and were stopped${c.running.length === 0 ? "" : ` while at ${c.running.slice(0, 3).map(called).join(", ")}`}.`,
    next: "nix show-config | grep -E '^(substituters|builders|max-jobs) '   # or raise build.timeoutSeconds in deployGate",
  }),
  "build-not-done": (c: { derivation: string }): Entry => ({
    exit: 1,
    message: `Nix ended without building ${called(c.derivation)} and did not say why.`,
    next: `nix-store --realise ${c.derivation}`,
  }),
  // ---- where the code comes from (exit 2 where the operator can correct it, else 4) -------------------------------
  "git-missing": (_nothing: object): Entry => ({
    exit: 4,
    message: "git is not installed, or not in PATH; without it neither side of the change can be read.",
    next: "apt-get install git   # or: nix profile install nixpkgs#git",
  }),
  "git-failed": (c: { doing: string }): Entry => ({
    exit: 4,
    message: `git failed while ${c.doing}.`,
    next: "git -C PATH/OF/THE/CHECKOUT fsck --connectivity-only",
  }),
  "git-fetch-failed": (c: { from: string; what: string }): Entry => ({
    exit: 4,
    message: `${c.what} could not be fetched from ${c.from}.`,
    next: `Check that the input "token" may read the repository ("contents: read"), then: git ls-remote ${c.from}`,
  }),
  "source-unusable": (c: { flake: string; problem: string; next: string }): Entry => ({
    exit: 2,
    message: `${c.flake} cannot be used: ${c.problem}.`,
    next: c.next,
  }),
  "ref-unknown": (c: { ref: string; shallow: boolean }): Entry => ({
    exit: 2,
    message: `The repository has no commit called ${c.ref}${c.shallow ? " (its history has been cut off: it is a shallow clone)" : ""}.`,
    next: c.shallow ? "git fetch --unshallow   # then run it again" : "git branch --all   # then: nixos-deploy-gate plan --base REF",
  }),
  "merge-conflict": (c: { base: string; files: readonly string[] }): Entry => ({
    exit: 1,
    message: `The change does not merge into ${c.base}: ${c.files.slice(0, 8).join(", ")}${c.files.length > 8 ? ` and ${c.files.length - 8} more` : ""}.`,
    next: `git merge ${c.base}   # resolve, commit and push; the gate then runs again`,
  }),
  "merge-impossible": (c: { base: string }): Entry => ({
    exit: 2,
    message: `The change and ${c.base} share no history, so that what a merge would give cannot be said.`,
    next: `git rebase --onto ${c.base} --root   # and push again`,
  }),
  "lock-unreadable": (c: { flake: string; problem: string }): Entry => ({
    exit: 2,
    message: `The flake.lock of ${c.flake} cannot be trusted: ${c.problem}.`,
    next: "nix flake lock   # and commit the result",
  }),
  "lock-refused": (c: { inputs: readonly string[] }): Entry => ({
    exit: 2,
    message: `The change brings inputs that would let it read this machine or its network, so nothing was evaluated: ${c.inputs.slice(0, 5).join("; ")}${c.inputs.length > 5 ? `; and ${c.inputs.length - 5} more` : ""}.`,
    next: "git diff BASE -- flake.lock   # take these inputs out, or have the change merged by someone who has read it",
  }),
  "evaluation-exposed": (c: { how: string }): Entry => ({
    exit: 4,
    message: `Code that nobody has reviewed would be evaluated where it can read this job's secrets or its token: ${c.how}.`,
    next: "Run this job without secrets and with read-only permissions, on a runner that allows user namespaces (or a Nix daemon with sandbox); docs/threat-model.md has both.",
  }),
  // ---- the preview before a build (exit 1, or 4 where Nix itself cannot be understood) ------------------------------
  "derivations-shape": (c: { command: string; problem: string }): Entry => ({
    exit: 4,
    message: `The answer of "${c.command}" has no shape that we know: ${c.problem}.`,
    next: `${c.command} | head -c 600   # see what it says, and report it with the output of: nix --version`,
  }),
  "derivations-failed": (c: { command: string; exitCode: number | undefined }): Entry => ({
    exit: 4,
    message: `Nix could not show the derivations: "${c.command}" ended with ${c.exitCode === undefined ? "a signal or at its time limit" : `exit code ${c.exitCode}`}.`,
    next: `${c.command}`,
  }),
  "preview-impossible": (c: { derivation: string; problem: string }): Entry => ({
    exit: 1,
    message: `There is no preview of ${c.derivation}: ${c.problem}.`,
    next: `nix build '${c.derivation}^*'   # the full comparison works once it is built`,
  }),
  // ---- approvals (exit 3: the host goes on waiting for a person) -----------------------------------------------------
  "approval-unreadable": (_nothing: object): Entry => ({
    exit: 2,
    message: "What was given to approve or reject is not a token as a report prints it: HOST@REVISION.TIME.DIGEST, in one piece.",
    next: "Copy the whole token out of the newest report.",
  }),
  "approval-several": (c: { what: string }): Entry => ({
    exit: 2,
    message: `The tokens are for ${c.what}; one run takes one token a host, all of one revision.`,
    next: "Start the workflow once for each revision, with the tokens of that revision's report.",
  }),
  "approval-other-host": (c: { host: string; token: string }): Entry => ({
    exit: 3,
    message: `The token is for ${c.token} and says nothing of ${c.host}.`,
    next: `Copy the token that the newest report prints for ${c.host}.`,
  }),
  "approval-other-revision": (c: { host: string; token: string; revision: string }): Entry => ({
    exit: 3,
    message: `The token for ${c.host} is for revision ${c.token.slice(0, 12)} and not for ${c.revision.slice(0, 12)}, which is looked at here.`,
    next: `Approve what the newest report prints for ${c.host}.`,
  }),
  "approval-not-merged": (c: { host: string; revision: string; known: boolean }): Entry => ({
    exit: 3,
    message: c.known
      ? `Revision ${c.revision.slice(0, 12)} is not on the deploy branch, and nothing else is deployed to ${c.host}.`
      : `Whether revision ${c.revision.slice(0, 12)} is on the deploy branch cannot be told, so it is not deployed to ${c.host}.`,
    next: `git branch --all --contains ${c.revision.slice(0, 12)}   # merge it first, or give the job a checkout with history`,
  }),
  "approval-older": (c: { host: string; revision: string; known: boolean }): Entry => ({
    exit: 3,
    message: c.known
      ? `${c.host} runs something newer than revision ${c.revision.slice(0, 12)}, and an approval does not take a host back.`
      : `Whether revision ${c.revision.slice(0, 12)} is newer than what ${c.host} runs cannot be told, so it is not deployed.`,
    next: c.known
      ? `Revert on the deploy branch, or: nixos-deploy-gate rollback ${c.host}`
      : `nixos-deploy-gate status --hosts ${c.host}   # then deploy the tip of the branch`,
  }),
  "approval-expired": (c: { host: string; issued: string; hours: number }): Entry => ({
    exit: 3,
    message: `The token for ${c.host} is from ${c.issued}, and approvals are good for ${c.hours} ${c.hours === 1 ? "hour" : "hours"} (approval.ttlHours).`,
    next: "Run the deploy again: its report prints a new token for what the host is now.",
  }),
  "approval-early": (c: { host: string; issued: string; now: string }): Entry => ({
    exit: 3,
    message: `The token for ${c.host} says that it is from ${c.issued}, and it is ${c.now} here.`,
    next: "timedatectl   # set the clock of the runner right, then run the deploy again for a new token",
  }),
  "approval-used": (c: { host: string; at: string }): Entry => ({
    exit: 3,
    message: `The token for ${c.host} was used at ${c.at} and is good for one attempt.`,
    next: `nixos-deploy-gate status --hosts ${c.host}   # what became of it; a new report prints a new token`,
  }),
  "approval-rejected": (c: { host: string; by: string; at: string }): Entry => ({
    exit: 3,
    message: `This change of ${c.host} was rejected by ${c.by} at ${c.at}, after the token had been issued.`,
    next: "Push a change that may pass, or run the deploy again and approve with the token of that report.",
  }),
  "approval-changed": (c: { host: string; moved: string }): Entry => ({
    exit: 3,
    message: `The token for ${c.host} is for another change than this one: ${c.moved}.`,
    next: `Read what the newest report says of ${c.host}; it prints the token for that.`,
  }),
  "approval-ledger": (c: { host: string }): Entry => ({
    exit: 3,
    message: `The ledger of ${c.host} cannot be read, so it cannot be shown that this token was never used.`,
    next: `ssh ${c.host} tail /var/lib/nixos-deploy-gate/ledger.jsonl   # every line has to be one JSON object of ours`,
  }),
  "approval-rerun": (c: { host: string; attempt: number }): Entry => ({
    exit: 3,
    message: `This is attempt ${c.attempt} of its run: who starts a run again is not always told, so only a run's first attempt approves ${c.host}.`,
    next: "Start the workflow anew with the same token instead of re-running it.",
  }),
  "approval-nobody": (c: { host: string; by: string; problem: string; forge: boolean }): Entry => ({
    exit: 3,
    message: `${c.by} may not approve ${c.host}: ${c.problem}.`,
    next: c.forge
      ? "Name those who may approve in deployGate.approval.by, or give the gate a token that may look permissions up (on Forgejo that of an administrator of the repository)."
      : "Have it approved by someone who may.",
  }),
  "approval-author": (c: { host: string; by: string; known: boolean; why?: string | undefined }): Entry => ({
    exit: 3,
    message: c.known
      ? `${c.by} wrote, committed or pushed part of what ${c.host} would get, and the policy wants somebody else (approval.exceptAuthor).`
      : `Whether ${c.by} wrote, committed or pushed part of what ${c.host} would get cannot be told${c.why === undefined ? "" : `, because ${c.why}`}; the policy wants somebody else (approval.exceptAuthor).`,
    next: c.known
      ? "Have it approved by someone who had no hand in it."
      : `Let the forge know it (docs/runs.md, "Who may approve"), or approve in a shell, by a policy without approval.exceptAuthor.`,
  }),
  // ---- what a host says of itself (exit 1: that host's own) ---------------------------------------------------------
  "wrong-host": (c: { host: string; hostname: string; what: string; expected: string; found: string; line: string }): Entry => ({
    exit: 1,
    message: `The machine at ${c.hostname} is not ${c.host}: its ${c.what} is ${c.found} and not ${c.expected}; nothing was done to it.`,
    next: `ssh ${c.hostname} cat /proc/sys/kernel/hostname /etc/machine-id   # the right machine after all? then in deployGate: ${c.line}`,
  }),
  "not-nixos": (c: { host: string; hostname: string; lacks: string }): Entry => ({
    exit: 1,
    message: `The machine at ${c.hostname} for ${c.host} is not a running NixOS: it has no ${c.lacks}; nothing was done to it.`,
    next: `ssh ${c.hostname} ls -ld /etc/NIXOS /run/current-system   # installing comes before deploying: see nixos-install(8)`,
  }),
  "observation-unreadable": (c: { host: string; problem: string }): Entry => ({
    exit: 1,
    message: `What ${c.host} says of itself cannot be relied on: ${c.problem}; nothing was done to it.`,
    next: `ssh ${c.host} 'hostname; cat /proc/sys/kernel/random/boot_id; date +%s; readlink -f /run/current-system /nix/var/nix/profiles/system'`,
  }),
  // ---- reaching a host over ssh (exit 1: it is that host's own) -------------------------------------------------------
  "ssh-key-unusable": (c: { problem: string }): Entry => ({
    exit: 2,
    message: `The private key for the hosts cannot be used: ${c.problem}.`,
    next: `ssh-keygen -t ed25519 -N '' -C deploy -f deploy   # its whole file, first and last line included, is the secret behind "ssh-private-key"`,
  }),
  "ssh-key-missing": (_nothing: object): Entry => ({
    exit: 2,
    message: "The policy hands hosts to the gate (deploy = true), and there is neither a private key nor an ssh agent to reach them with.",
    next: `Give the job the input "ssh-private-key" (in a shell: --ssh-key FILE, or start ssh-agent); the report's host names tell which hosts need its public half.`,
  }),
  "target-address": (c: { host: string; problem: string }): Entry => ({
    exit: 1,
    message: `Where ${c.host} is reached cannot be told: ${c.problem}.`,
    next: `Say it in the flake: deployGate.hosts."${c.host}".target = { hostname = "…"; user = "…"; port = 22; };`,
  }),
  "target-unreachable": (c: { host: string; at: string; next: string }): Entry => ({
    exit: 1,
    message: `${c.host} cannot be reached over ssh (${c.at}).`,
    next: c.next,
  }),
  "target-host-key-unknown": (c: { host: string; at: string; next: string }): Entry => ({
    exit: 1,
    message: `Nobody has said what the ssh host key of ${c.host} is (${c.at}), so it was not spoken to.`,
    next: c.next,
  }),
  "target-host-key-changed": (c: { host: string; at: string; next: string }): Entry => ({
    exit: 1,
    message: `What answers for ${c.host} (${c.at}) has another host key than the one that is known: it was installed anew, or it is another machine.`,
    next: c.next,
  }),
  "target-access-refused": (c: { host: string; at: string; next: string }): Entry => ({
    exit: 1,
    message: `${c.host} (${c.at}) does not let this key in.`,
    next: c.next,
  }),
  "target-sudo-refused": (c: { host: string; user: string; next: string }): Entry => ({
    exit: 1,
    message: `The user ${c.user} may not become root on ${c.host} without a password.`,
    next: c.next,
  }),
  "target-jump-failed": (c: { host: string; jump: string; next: string }): Entry => ({
    exit: 1,
    message: `The way to ${c.host} is closed at its jump host (${c.jump}).`,
    next: c.next,
  }),
  "target-not-understood": (c: { host: string; at: string; next: string }): Entry => ({
    exit: 1,
    message: `${c.host} (${c.at}) lets us in and then does not run our program: a forced command, a login shell that is none, or another machine.`,
    next: c.next,
  }),
  "target-lost": (c: { host: string; at: string; next: string }): Entry => ({
    exit: 1,
    message: `The connection to ${c.host} (${c.at}) broke before the host said that it was done, so what it did is not known.`,
    next: c.next,
  }),
  "target-timed-out": (c: { host: string; at: string; next: string }): Entry => ({
    exit: 1,
    message: `${c.host} (${c.at}) did not finish within its time and was told to stop.`,
    next: c.next,
  }),
  "ssh-unusable": (_nothing: object): Entry => ({
    exit: 4,
    message: "The ssh of this machine is missing, older than OpenSSH 8, or cannot run as this user.",
    next: "ssh -V; id   # on Debian and Ubuntu: apt-get install openssh-client",
  }),
  "dry-activate-failed": (c: { host: string; toplevel: string; problem: string }): Entry => ({
    exit: 1,
    message: `What the switch would do on ${c.host} could not be asked: ${c.problem}.`,
    next: `On ${c.host}: ${c.toplevel}/bin/switch-to-configuration dry-activate </dev/null`,
  }),
  // ---- the ledger of a host (exit 1) -----------------------------------------------------------------------------------
  "ledger-unwritable": (c: { host: string }): Entry => ({
    exit: 1,
    message: `Nothing can be written into the ledger of ${c.host}, and without it no order and no approval can be shown later.`,
    next: `On ${c.host}: df -h /var; ls -ld /var/lib/nixos-deploy-gate`,
  }),
  // ---- copying to a host (exit 1: it is that host's own) --------------------------------------------------------------
  "copy-unsigned": (c: { host: string; user: string; path: string; checked: boolean }): Entry => ({
    exit: 1,
    message: c.checked
      ? `${c.host} takes no path without a signature that it trusts, and ${c.path} has none.`
      : `${c.host} takes unsigned paths from trusted users only, and ${c.user} is none there.`,
    next: c.checked
      ? `Set deployGate.apply.copy.signingKeyFile, its public half in nix.settings.trusted-public-keys of ${c.host}; or deployGate.apply.copy.checkSignatures = false for a trusted user.`
      : `In the configuration of ${c.host}: nix.settings.trusted-users = [ "${c.user}" ]; or sign: deployGate.apply.copy.signingKeyFile and checkSignatures = true.`,
  }),
  "copy-no-space": (c: { host: string; login: string }): Entry => ({
    exit: 1,
    message: `The disk of ${c.host} is full, so the new system could not be copied.`,
    next: `${c.login} 'df -h /nix /nix/var; nix-collect-garbage --delete-older-than 30d'`,
  }),
  "copy-no-nix": (c: { host: string; program: string; login: string }): Entry => ({
    exit: 1,
    message: `${c.host} has no ${c.program} where its login shell looks for it.`,
    next: `${c.login} 'command -v ${c.program}; echo $PATH'`,
  }),
  "copy-daemon": (c: { host: string; login: string }): Entry => ({
    exit: 1,
    message: `The Nix daemon does not answer while copying to ${c.host}.`,
    next: `${c.login} 'systemctl status nix-daemon.socket nix-daemon'   # and the same on this machine`,
  }),
  "copy-path-missing": (c: { host: string; path: string }): Entry => ({
    exit: 1,
    message: `${c.path} is not in the store that it should be copied from, so ${c.host} did not get it.`,
    next: `nix path-info ${c.path}   # it may have been collected: run the gate again, which builds it`,
  }),
  "copy-corrupt": (c: { host: string; path: string }): Entry => ({
    exit: 1,
    message: `${c.path} is not what its hash says, so ${c.host} refused it.`,
    next: `nix-store --verify-path ${c.path}; nix-store --repair-path ${c.path}`,
  }),
  "copy-timed-out": (c: { host: string; seconds: number }): Entry => ({
    exit: 1,
    message: `Copying to ${c.host} did not end within ${seconds(c.seconds)}; what arrived is kept there.`,
    next: `Run the gate again, it goes on where it stopped; or raise deployGate.apply.copy.timeoutSeconds.`,
  }),
  "copy-signing-failed": (c: { file: string }): Entry => ({
    exit: 1,
    message: `The paths could not be signed with ${c.file}.`,
    next: `nix key convert-secret-to-public < ${c.file}   # the file is made by: nix key generate-secret --key-name deploy-1`,
  }),
  "copy-not-rooted": (c: { host: string; login: string }): Entry => ({
    exit: 1,
    message: `Nothing was copied to ${c.host}: what comes could not be kept from its garbage collection.`,
    next: `${c.login} 'mkdir -p /nix/var/nix/gcroots/nixos-deploy-gate; ls -ld /nix/var/nix/gcroots; df -h /nix; mount | grep /nix'`,
  }),
  "copy-failed": (c: { host: string; url: string; path: string; exitCode: number | undefined }): Entry => ({
    exit: 1,
    message: `Copying to ${c.host} failed: "nix copy" ended with ${c.exitCode === undefined ? "a signal" : `exit code ${c.exitCode}`}.`,
    next: `nix copy --to ${c.url} ${c.path}`,
  }),
  "activation-escalated": (c: { host: string; reason: string }): Entry => ({
    exit: 1,
    message: `${c.host} needs a person: ${c.reason}`,
    next: `nixos-deploy-gate verify --hosts ${c.host}   # says what runs and what boots there now`,
  }),
  "reboot-overtaken": (c: { branch: string }): Entry => ({
    exit: 4,
    message: `${c.branch} has moved on since this run began, so its policy is not the one in force, and nothing was rebooted.`,
    next: `Leave it to the next scheduled run, or start the workflow on ${c.branch} again.`,
  }),
  "reboot-failed": (c: { host: string; why: string; sentence: string }): Entry => ({
    exit: 1,
    message: `The reboot of ${c.host} did not end as planned: ${c.sentence}`,
    next:
      c.why === "never-came-back"
        ? `ssh ${c.host} true   # then its console: what it boots, and whether somebody has to type a passphrase there`
        : c.why === "other-generation" || c.why === "other-kernel"
          ? `ssh ${c.host} 'readlink -f /run/booted-system /nix/var/nix/profiles/system; bootctl status; journalctl --boot=-1 --priority=err'`
          : `ssh ${c.host} 'systemctl --failed; journalctl --boot --priority=warning'   # its group stands still until it is well`,
  }),
  "running-unknown": (c: { host: string; toplevel: string }): Entry => ({
    exit: 1,
    message: `${c.host} runs ${c.toplevel}, which is neither in the store here nor what the base builds, so that the change cannot be compared.`,
    next: `nix copy --no-check-sigs --from ssh-ng://root@${c.host} ${c.toplevel}   # only where you trust that host with this store`,
  }),
  "specialisation-gone": (c: { host: string; specialisation: string }): Entry => ({
    exit: 1,
    message: `${c.host} runs the specialisation "${c.specialisation}", which the new system does not have.`,
    next: `Keep specialisation.${c.specialisation} in the configuration, or switch the host to its plain system first.`,
  }),
  "nothing-managed": (c: { flake: string }): Entry => ({
    exit: 2,
    message: `None of these hosts is handed to the gate: the policy of ${c.flake} says deploy = true for none of them.`,
    next: `deployGate.hosts.NAME.deploy = true;   # in the outputs of flake.nix`,
  }),
  "no-generation": (c: { host: string; wanted: number | undefined; known: readonly number[] }): Entry => ({
    exit: 1,
    message:
      c.wanted === undefined
        ? `${c.host} has no earlier generation that it could go back to.`
        : `${c.host} has no generation ${c.wanted}; it has ${c.known.length === 0 ? "none" : c.known.slice(0, 12).join(", ")}.`,
    next: c.known.length === 0 ? `Push a commit that corrects it.` : `nixos-deploy-gate rollback ${c.host} --to ${c.known.at(-1) ?? ""}`,
  }),
  "rollback-nothing": (c: { host: string; generation: number }): Entry => ({
    exit: 1,
    message: `${c.host} runs and boots generation ${c.generation} already.`,
    next: `nixos-deploy-gate status --hosts ${c.host}`,
  }),
} satisfies Record<string, (context: never) => Entry>;

export type FailureCode = keyof typeof table;
type Context<C extends FailureCode> = Parameters<(typeof table)[C]>[0];

function entry<C extends FailureCode>(code: C, context: Context<C>): Entry {
  const make = table[code] as (context: Context<C>) => Entry;
  return make(context);
}

/** Builds the failure of that code. `detail` is what the tool underneath said. */
export function failure<C extends FailureCode>(code: C, context: Context<C>, detail?: string): Failure {
  const { message, next } = entry(code, context);
  return detail === undefined ? { code, message, next } : { code, message, next, detail };
}

/** A failure that ends the run. */
export class GateError extends Error {
  readonly failure: Failure;
  readonly exit: ExitCode;
  constructor(made: Failure, exit: ExitCode, options?: ErrorOptions) {
    super(made.message, options);
    this.name = "GateError";
    this.failure = made;
    this.exit = exit;
  }
}

/** The failure of that code, ready to throw. `cause` keeps the original for the debug log. */
export function gateError<C extends FailureCode>(code: C, context: Context<C>, detail?: string, cause?: unknown): GateError {
  return new GateError(failure(code, context, detail), entry(code, context).exit, cause === undefined ? undefined : { cause });
}

/** The codes of the table, for the runbook and its test. */
export function failureCodes(): FailureCode[] {
  return Object.keys(table) as FailureCode[];
}
