import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LoopbackForge } from "../forge/loopback-forge.ts";
import type { ActionEvent } from "../forge/run-action.ts";
import { LoopbackStory } from "../forge/story-forge.ts";
import { type Step, Story } from "../forge/story.ts";
import { type GateJob, gateJobs } from "../forge/workflow-jobs.ts";
import { Repository } from "../scenario/flake.ts";
import { type Ended, gate } from "../scenario/gate.ts";
import { type HostSpec, machineParts } from "./fleet.ts";
import { type Lab, startLab } from "./lab.ts";

/**
 * The way of somebody who has found this: a flake that knows nothing of the gate, and then nothing but what README.md says to type and what `init` wrote. The jobs are
 * those of the workflow files, with the inputs that stand there; forge and git are on loopback, the host is a real one.
 */
const flake = (address: string): string => `{
  description = "The machines of somebody who has never heard of the gate";

  outputs = _: let specs = builtins.fromJSON (builtins.readFile ./specs.json); in {
    # as deploy-rs reads it
    deploy.nodes.alpha.hostname = "${address}";

    nixosConfigurations = builtins.mapAttrs (host: spec: {
      config.networking.hostName = host;
      config.system.build.toplevel = builtins.head (import ./toplevel.nix { system = "x86_64-linux"; specs = builtins.toJSON [ ({ inherit host; } // spec) ]; });
    }) specs;
  };
}
`;
const readme = readFileSync(resolve(import.meta.dirname, "../../README.md"), "utf8");
const mirror = { github: "fleet/nixos-deploy-gate", forgejo: "https://git.example.org/fleet/nixos-deploy-gate" } as const;
const clock = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);

/** The words of a command as README.md has it, with our names in the place of its own. */
function fromReadme(command: RegExp, names: Readonly<Record<string, string>>): string[] {
  const [found] = command.exec(readme) ?? [];
  if (found === undefined) throw new Error(`README.md has no command like ${command}`);
  return found
    .split(" ")
    .slice(1)
    .map((word) => names[word] ?? word);
}

/** Which permission of the job's token on GitHub a request needs. */
function needs(request: string): string {
  if (request.includes("/statuses/") && !request.includes("/deployments/")) return "statuses";
  if (request.includes("/deployments")) return "deployments";
  return request.includes("/issues/") ? "pull-requests" : "contents";
}
/** Comments on commits, which GitHub lets any token write that reads the repository. */
const onCommits = /\/commits\/[0-9a-f]{40}\/comments$|machines\/comments\/\d+$/;

describe.each(["github", "forgejo-16"] as const)("%s", { timeout: 900_000 }, (edition) => {
  const kind = edition === "github" ? "github" : "forgejo";
  const action = `${mirror[kind]}@0123456789abcdef0123456789abcdef01234567`;
  const folder = `.${kind}/workflows`;
  let lab: Lab;
  let scratch: string;
  let forge: LoopbackForge;
  let story: Story;
  /** What a person has put into the forge's settings; nothing at first. */
  const settings: { secrets: Record<string, string>; vars: Record<string, string> } = { secrets: {}, vars: {} };
  let granted: GateJob["permissions"] = {};
  let seen = 0;

  const fileOf = {
    pull_request: "pull-request.yml",
    push: "deploy.yml",
    workflow_dispatch: "approve.yml",
    schedule: "schedule.yml",
  } as const;
  /** As the file stands in what people work in, which every step has pushed. */
  const jobs = (event: ActionEvent): GateJob["inputs"][] => {
    const inputs = event.name === "workflow_dispatch" ? (event.inputs ?? {}) : {};
    const found = gateJobs(story.here.read(`${folder}/${fileOf[event.name]}`), event.name, { ...settings, inputs });
    granted = found.at(-1)?.permissions ?? {};
    return found.map((job) => job.inputs);
  };
  const person = (words: readonly string[]): Promise<Ended> => gate(words, { directory: story.here.directory });
  /** What the last run wrote to the forge was within what its workflow grants; on Forgejo there is nothing to grant. */
  const stayedWithin = (): void => {
    const wrote = forge.writes.slice(seen).filter((request) => !onCommits.test(request));
    seen = forge.writes.length;
    if (kind === "github") for (const request of wrote) expect(granted, request).toMatchObject({ [needs(request)]: "write" });
    expect(forge.violations).toEqual([]);
  };
  /** The newest of what was written about a commit. */
  const report = async (sha: string, pull?: number): Promise<string> => (await story.forge.reports(sha, pull)).at(-1) ?? "";
  /** The host and all that may be read of a step, where it is not as it should be. */
  const ended = ({ result, host }: Step): unknown => [result.exitCode, result.outputs["decision"], host.outcome?.outcome];

  beforeAll(async () => {
    lab = await startLab({ hosts: [{ host: "alpha", services: { hello: { version: "1.0" } } }] });
    scratch = mkdtempSync(join(tmpdir(), "gate-stranger-"));
    forge = await new LoopbackForge(edition).start();
    const specs: Readonly<Record<number, HostSpec>> = { 4: { kernelParams: ["loglevel=4", "mitigations=off"] } };
    const host = {
      name: "alpha",
      changes: true,
      sshPrivateKey: "",
      sshKnownHosts: "",
      target: undefined,
      files: (version: number) => ({
        ...(version === 1 ? { ...machineParts(), "flake.nix": flake(lab.host("alpha").address) } : {}),
        "specs.json": JSON.stringify({ alpha: { services: { hello: { version: `${Math.min(version, 3)}.0` } }, ...specs[version] } }),
      }),
    };
    story = new Story(new LoopbackStory(forge, new Repository(join(scratch, "origin"))), host, scratch, jobs);
    // The token of a job, and nothing more.
    forge.tokenIsAdmin = false;
  });
  afterAll(async () => {
    await forge?.[Symbol.asyncDispose]();
    await lab?.stop();
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  });

  test("from a flake without a policy to a host that was rebooted in its window", async () => {
    const alpha = lab.host("alpha");
    const before = await alpha.systems();
    story.commit(1);
    const fleet = story.here.directory;

    // What README.md calls five minutes.
    const init = [...fromReadme(/^nixos-deploy-gate init \S+/m, { "~/fleet": fleet }), "--yes", "--forge", kind, "--action", action];
    const first = await person(kind === "forgejo" ? [...init, "--approvers", "alice"] : init);
    expect(first.code, first.stderr).toBe(0);
    const left = (text: string): string => text.slice(text.indexOf("Left to you"), text.indexOf("This machine")).replace(/\s+/g, " ");
    expect(left(first.stdout)).toMatch(/A deploy key .* open a pull request: .* Hand a host over .* deploy = true in deploy-gate\.nix/);
    expect(first.stdout).not.toMatch(/ ✗ /);
    const changed = story.here.git("status", "--short", "--untracked-files=all").split("\n");
    expect(changed.map((line) => line.trim()).toSorted()).toEqual([
      `A ${folder}/approve.yml`,
      `A ${folder}/deploy.yml`,
      `A ${folder}/pull-request.yml`,
      "A deploy-gate.nix",
      "M flake.nix",
    ]);

    // The pull request that brings it all is the first that is reported on.
    const head = story.branch("guard", 2);
    const pull = await story.forge.openPull("guard", head);
    const opened = await story.pullRequest(pull, head);
    expect(ended(opened), opened.result.log).toEqual([0, "observe", undefined]);
    const [comment = "", ...others] = await story.forge.comments(pull);
    expect(others).toEqual([]);
    expect(comment).toMatch(/### Deploy gate: 1 not managed \(1 clean\)[\s\S]*`alpha`[\s\S]*nothing: not managed, only reported/);
    expect(comment).toContain("up `hello` `1.0` → `2.0`");
    expect(comment).toContain("The policy deployGate is new in this change");
    expect(await story.forge.status(head)).toBe("success");
    stayedWithin();

    // Nobody has made a key yet, and nobody needs one.
    const merged = await story.merge(pull);
    const observed = await story.push(merged.before, merged.after);
    expect(ended(observed), observed.result.log).toEqual([0, "observe", "not-managed"]);
    const told = await report(merged.after, pull);
    expect(told).toContain("The policy hands none of these hosts to the gate (deploy = true), so none was contacted.");
    // The policy is merged by now, and in force.
    expect(told).not.toMatch(/no deployGate output|until it is merged/);
    expect(await story.forge.status(merged.after)).toBe("success");
    expect(await alpha.systems()).toEqual(before);
    expect(alpha.has("var/lib/nixos-deploy-gate")).toBe(false);
    stayedWithin();

    // "Hand a host over": looked at beforehand, by the key that the gate is to have.
    settings.secrets["DEPLOY_KEY"] = readFileSync(lab.key, "utf8");
    settings.vars["DEPLOY_KNOWN_HOSTS"] = lab.knownHosts;
    const names = { "~/fleet": fleet, web1: "alpha", "deploy-gate.key": lab.key, known_hosts: lab.knownHostsFile };
    const doctor = await person(fromReadme(/nixos-deploy-gate doctor \S+ --hosts [^`]+/, names));
    expect(doctor.stdout).toMatch(/✓ alpha +root@\S+ lets the gate in, and its host key is known/);
    // Of a test host nothing but its tiny disks is found wanting.
    expect([...doctor.stdout.matchAll(/✗ alpha +([\w-]+):/g)].map(([, check]) => check)).toEqual(["store-space", "boot-space"]);
    const policy = story.here.read("deploy-gate.nix");
    const window = `{ from = "${clock(-1)}"; to = "${clock(3)}"; zone = "UTC"; }`;
    const handed = policy.replace("alpha.deploy = false;", `alpha = { deploy = true; reboot.windows = [ ${window} ]; };`);
    expect(handed).not.toBe(policy);
    story.here.write({ "deploy-gate.nix": handed });
    // "init once more", from the branch that one happens to stand on.
    const second = await person([...init, "--ssh-key", lab.key, "--known-hosts", lab.knownHostsFile]);
    expect(second.stdout.match(/^ {2}. \.\S+ .*$/gm)?.map((line) => line.trim().replace(/\s+/g, " "))).toEqual([
      `= ${folder}/pull-request.yml is there already`,
      `= ${folder}/deploy.yml is there already`,
      `= ${folder}/approve.yml is there already`,
      `+ ${folder}/schedule.yml written`,
    ]);

    const was = story.main;
    const now = story.commit(3);
    const held = await story.push(was, now);
    expect(ended(held), held.result.log).toEqual([0, "held", "held"]);
    expect(await story.forge.status(now)).toBe("pending");
    const token = held.host.approval?.token ?? "";
    const asked = await report(now);
    expect(asked).toContain("The policy says deploy = true for this host since this push, and no gate has deployed it before.");
    expect(asked).toMatch(/<b><code>alpha<\/code><\/b>: clean, held,/);
    expect(asked).toContain("approve.yml");
    expect(asked).toContain(token);
    expect(await alpha.systems()).toEqual(before);
    stayedWithin();

    const approved = await story.approve(token);
    expect(ended(approved), approved.result.log).toEqual([0, "deploy", "deployed"]);
    expect(await report(now)).toMatch(/### Deploy gate: 1 deployed[\s\S]*is active, boots and is verified; approved by alice/);
    expect(await report(now)).not.toContain("counts as new");
    expect(await story.forge.status(now)).toBe("success");
    const to = approved.host.state === "changed" ? approved.host.to : "";
    expect(await alpha.systems()).toEqual({ current: to, profile: to, loader: to, booted: before.booted });
    expect(await alpha.sh("systemctl show --property ExecStart hello")).toContain("hello-3.0");
    stayedWithin();

    // From here on what is clean or needs nothing but a reboot comes in by itself.
    const last = story.commit(4);
    const waiting = await story.push(now, last);
    expect(ended(waiting), waiting.result.log).toEqual([0, "deploy", "deployed-reboot-pending"]);
    expect(await report(last)).toMatch(/Still to be rebooted: 1 host: alpha daily \d\d:\d\d–\d\d:\d\d UTC\.[\s\S]*mitigations=off/);
    expect(await story.forge.status(last)).toBe("success");
    stayedWithin();

    const bootId = await alpha.bootId();
    const rebooted = await story.scheduled();
    expect(ended(rebooted), rebooted.result.log).toEqual([0, "nothing", "rebooted"]);
    expect(await report(last)).toMatch(/### Deploy gate: 1 rebooted[\s\S]*was rebooted and is verified/);
    expect(await alpha.bootId()).not.toBe(bootId);
    const next = waiting.host.state === "changed" ? waiting.host.to : "";
    expect(await alpha.systems()).toEqual({ current: next, profile: next, loader: next, booted: next });
    stayedWithin();

    // The run of the next hour finds nothing to do, and says nothing.
    const reports = await story.forge.reports(last, undefined);
    const quiet = await story.scheduled();
    expect(ended(quiet), quiet.result.log).toEqual([0, "nothing", "unchanged"]);
    expect(await story.forge.reports(last, undefined)).toEqual(reports);
  });
});
