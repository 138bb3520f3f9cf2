import type { OutcomeKind } from "../../src/apply/outcome.ts";
import type { FailureCode } from "../../src/failure.ts";

/** What helps where the sentence alone is not enough. */
export const failureNotes: Readonly<Partial<Record<FailureCode, string>>> = {
  "no-hosts": "A run that looks at no host proves nothing, so it is never a success.",
  "plans-do-not-join":
    "A job that could not run has no plan, so its hosts are missing here: look at that job first. Where the base branch moved while the jobs ran, they saw different revisions. [scale-out.md](scale-out.md#a-job-for-some-of-the-hosts) shows the workflow.",
  "policy-invalid":
    "A misspelt key is refused on purpose. [policy.md](policy.md) has every key; [policy.schema.json](policy.schema.json) tells an editor the same.",
  internal:
    "Hosts in the middle of an activation do not need the gate: they go on, and go back where nobody confirms. Look with `nixos-deploy-gate status`. Report it with the debug log; read that file first, since it names hosts and paths.",
  "not-deploy-branch": "The input `deploy-branch` names the branch; without it the repository's default branch counts.",
  "not-on-deploy-branch": "Usual causes: somebody force-pushed the branch, or the checkout step has a `ref` of its own.",
  "event-unsafe": "These events run with the repository's secrets on what a stranger wrote. There is no setting that allows them.",
  "forge-forbidden":
    "The work itself is done: the report is in the job's log, in the step summary and in the file of the output `report`. On GitHub the permissions stand in the job; on Forgejo a job's token may write unless the pull request comes from a fork.",
  "proposal-not-pushed":
    "A goal's branch is replaced only where its last commit is the gate's own; a branch that people have taken over is theirs.",
  "listen-address": "The port belongs to another program, or the address to another machine.",
  "listen-secret":
    "Whoever has the secret may start runs, which cost money; whoever has the token may start workflows. Both are read from files that only the listener may read.",
  "listen-state": "An alert is acknowledged once it is on disk; without a disk the sender is better off to keep it.",
  "forge-busy": "The limit is the forge's, per token and hour. Many matrix jobs that each post a comment use it up.",
  "forge-elsewhere": "A token that follows a redirect would be read by whoever it leads to.",
  "diff-defect":
    "Only this host is without a verdict. Both systems are in the store: keep them (`nix-store --add-root`), so that the defect can be found.",
  "toplevel-missing": "A garbage collection between two steps does this too.",
  "store-unusable": "On a runner in a container: is `/nix` writable, and does `NIX_REMOTE` say what it should?",
  cancelled: "Hosts that had begun were brought to their end first, unless the run was cancelled twice: then they go back by themselves.",
  "flake-not-locked": "The gate evaluates what is locked and nothing else, so that everybody who looks at the revision sees the same.",
  "host-evaluation-killed":
    "Evaluating one host takes from half a GiB to several. Give the runner more memory, or fewer hosts a job (`hosts`).",
  "build-hash-mismatch": "Where the source was replaced without a new version, find out why before you correct the hash.",
  "build-platform": "The runner needs a builder for that platform, or emulation (`boot.binfmt.emulatedSystems` on a NixOS runner).",
  "build-nowhere":
    "A builder that does not answer is left after 10 seconds, and what this machine can build it builds itself. With a Nix daemon the limit is the daemon's: `ConnectTimeout 10` in `/etc/ssh/ssh_config`. [scale-out.md](scale-out.md#remote-builders)",
  "git-fetch-failed": "The gate fetches the base itself, so a shallow checkout is fine, but the token has to read the repository.",
  "lock-refused":
    "An input is fetched by the evaluator, with its rights: `path:/etc` would copy that into the store, `http://169.254.169.254` would ask a cloud for its credentials. What the base has locked already is not judged again.",
  "evaluation-exposed":
    "On Ubuntu 24.04: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` before the gate, as in the example workflows. In a container: allow user namespaces, or use a Nix daemon with build users and sandbox. [threat-model.md](threat-model.md#isolation-of-unreviewed-code) says what is shut away and what is not.",
  "approval-not-merged": "Only what the deploy branch holds is deployed, whoever approves it.",
  "approval-older": "An approval is no rollback. `nixos-deploy-gate rollback` is, and so is a revert that is pushed.",
  "approval-changed":
    "The host, the change or what the rules find is not what it was. The newest report has the token for what it is now; read that before you approve it.",
  "approval-ledger":
    "One broken line makes the whole file unreadable, on purpose: what cannot be read could have been the line that says no.",
  "approval-rerun": "Forges keep the name of who started a run first, so a second start could borrow it.",
  "approval-nobody":
    'A Forgejo job\'s token may not ask what people may do. Name them: `deployGate.approval.by = [ "ada" ];`. Names count without regard to case.',
  "approval-author":
    "With `approval.exceptAuthor = true` the forge has to know author, committer and pusher of every commit between what the host runs and what it would get; docs/runs.md says from where it knows them.",
  "wrong-host":
    "An address that was given to another machine, a clone, or a name that points elsewhere. Correct the address. Pin the machine id only where you have seen it on the right machine.",
  "target-unreachable":
    "Nothing was done to it, and this alone does not stop the others. The runner has to reach the port: a GitHub-hosted runner reaches public addresses only.",
  "target-host-key-unknown": "The gate never learns a key by itself: whoever answers first would be believed.",
  "target-host-key-changed": "Until you know which of the two it is, treat it as another machine.",
  "target-sudo-refused": "Whoever may deploy is root. A user other than root needs `sudo` without a password for everything.",
  "target-not-understood":
    "Usual causes: a forced command on the key, a login shell that prints or does something of its own, a machine that is no NixOS.",
  "target-lost": "Before an activation nothing was changed. During one the host goes on by itself; the next run reads what became of it.",
  "copy-unsigned": "root is trusted by Nix everywhere, so that logging in as root needs neither.",
  "copy-no-space": "The preflight asks for room; this comes where other writers were faster.",
  "copy-not-rooted": "The link lies in `/nix/var/nix/gcroots/nixos-deploy-gate` and goes away by itself.",
  "activation-escalated": "Read what was tried and what the host is now before you type anything: the outcome of the host says both.",
  "reboot-failed": "Its group stands still until it is well again.",
  "running-unknown":
    "Usual after a switch by hand, or on a new runner whose store does not have what hosts run. The change is then judged as if everything in it were new. A closure is not fetched from the host by itself: it would come without a signature that says who built it.",
  "specialisation-gone": "A host in a specialisation stays in it: switching it to the plain system could take away what it is in use for.",
};

/** What became of a host, and what to do. One for each kind. */
export const outcomeNotes: Readonly<Record<OutcomeKind, { readonly means: string; readonly act: string }>> = {
  unchanged: { means: "It runs and boots what the flake says already.", act: "Nothing." },
  "not-managed": {
    means: "The policy does not hand it to the gate. It was built and compared, and not contacted.",
    act: "Nothing, or `hosts.<name>.deploy = true`.",
  },
  deployed: { means: "The new system is active and boots, was confirmed over a new connection, and was verified.", act: "Nothing." },
  staged: {
    means: "The new system is the boot default. The old one runs until a reboot.",
    act: "Let it reboot, in its window or by hand.",
  },
  "deployed-reboot-pending": {
    means: "The new system is active and boots. Part of it (a kernel, its parameters, an initrd) needs a reboot.",
    act: "Let it reboot. Until then fixes in the new kernel do not hold.",
  },
  "deployed-with-misses": {
    means:
      "The new system is active and boots, and something that it promises is not so: a process that still runs the old program, a mount with old options, a unit that is failed.",
    act: "The report names each with what it needs: a restart, a remount, a reload. `nixos-deploy-gate verify` asks again.",
  },
  held: {
    means:
      "Nothing was done. A rule or the session wants a person, the policy asks for one, or the preflight found something that has to be settled first.",
    act: "Read the reason. Approve with the token that the report prints, or settle the reason and run again. The same token as `reject` refuses it.",
  },
  failed: {
    means: "It does not evaluate or build, it could not be copied to, or it could not be brought to a known end.",
    act: "The report says what the host runs now and the next command. Where that is not known, look with `nixos-deploy-gate status`.",
  },
  "rolled-back": {
    means: "The new system was tried and taken back. The host runs what it ran before, and boots it.",
    act: "Read the log and the failed units in the report. The same system is not tried again by itself: push a correction. To try the same once more, approve it anew where it is risky, or `nixos-deploy-gate deploy --despite attempts` in a shell.",
  },
  "live-but-old-boots": {
    means:
      "The new system is active and confirmed, and profile or boot loader could not be set. **The next boot brings the old system back.**",
    act: "Look at `/boot` (`df -h /boot`), make room, and run `nixos-deploy-gate deploy` again.",
  },
  "left-unconfirmed": {
    means:
      "The new system runs and was not confirmed. It was not taken back, since data may have been migrated and going back could lose it. The old one boots.",
    act: "Log in and look at the services. Where it is well, bring it in for good: approve it anew, or `nixos-deploy-gate deploy --despite attempts` in a shell. Where it is not, restore the data before you go back: `nixos-deploy-gate rollback`.",
  },
  unreachable: {
    means:
      "It did not answer. Before an activation: nothing was done. During one: its supervisor goes on and goes back where nobody confirms.",
    act: "Get it back (console, power), then `nixos-deploy-gate status`. Do not change it by hand before you know what it runs.",
  },
  "handed-over": {
    means: "It carries the runner or the forge, so the gate went away with it. Its supervisor confirms itself or goes back.",
    act: "Wait for the next run, or look with `nixos-deploy-gate status`.",
  },
  "not-reached": {
    means:
      "The run ended before its turn: another host failed, its group could not spare it, a canary was not well, or somebody cancelled the run.",
    act: "Settle what ended the run, then run again.",
  },
  superseded: {
    means: "A person or another tool switched it meanwhile, or a newer push takes over. What they did was left alone.",
    act: "Run again: the change is then judged against what the host runs now.",
  },
  "would-deploy": { means: "Only said (`--dry-run`): it would be switched.", act: "Nothing." },
  "would-stage": { means: "Only said: it would become the boot default.", act: "Nothing." },
  rebooted: { means: "It booted what it was to boot, and was verified.", act: "Nothing." },
  offline: {
    means:
      "It does not answer a run of reboots, and its policy says that it may be off or asleep (`reboot.mayBeOffline`). Nothing was done.",
    act: "Nothing. A run that meets it awake says for how long its reboot has been pending.",
  },
  "reboot-pending": { means: "It waits for its window, or for its group.", act: "Nothing. `nixos-deploy-gate status` says when." },
  "reboot-held": {
    means: "A reboot is pending and waits for a person: the policy says so, or something does not allow it by itself.",
    act: "Read the reason; reboot it by hand when somebody is there.",
  },
  "reboot-failed": {
    means: "A reboot was ordered, and the host did not come back as planned.",
    act: "Look at its console. Members of its group are not rebooted until it is well.",
  },
  "would-reboot": { means: "Only said: it would be rebooted.", act: "Nothing." },
};
