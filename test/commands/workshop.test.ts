import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withPrepared } from "../../src/commands/prepare.ts";
import { openWorkshop, type Workshop, type WorkshopSetup } from "../../src/commands/workshop.ts";
import type { GoalPorts } from "../../src/goal/run-goal.ts";
import { observeOnly } from "../../src/policy.ts";
import { flakeOption, flakeOptionDocs, flakePlan } from "../../src/tools/flake-option.ts";
import { flake, Repository } from "../scenario/flake.ts";

/** A session's copy of a repository, with real Nix and real git: what it may ask of it and what becomes of it. */
let scratch: string;
let repository: Repository;
const answer: Parameters<GoalPorts["propose"]>[0]["answer"] = {
  headline: "Synapse runs on web1.",
  findings: [],
  actions: [],
  proposal: {
    title: "Run Synapse on web1",
    why: "It was asked for.\nI have tested it @everyone.",
    alternatives: ["Conduit needs less."],
    questions: ["Which domain?"],
  },
  opinion: "",
  edgeCase: { symptom: "", cause: "", strategy: "" },
};
const outputs = (unit: string, gatePolicy = "{ hosts.web1.deploy = true; }"): string =>
  flake(`
    nixosConfigurations.web1 = (system { name = "web1"; unit = ${unit}; }) // {
      options.services.synapse.enable = { _type = "option"; description = "Whether to run Synapse."; type.description = "boolean"; files = [ "synapse.nix" ]; };
    };
    nixosConfigurations.web2 = system { name = "web2"; };
    deployGate = ${gatePolicy};`);
const unit = (text: string): string => `''[Service]\nExecStart=/bin/${text}\n''`;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "gate-workshop-"));
  repository = new Repository(join(scratch, "fleet"));
  repository.write({ "flake.nix": outputs(unit("old")), ".github/workflows/deploy.yml": "on: push\n" });
  repository.commit();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function inWorkshop<T>(use: (workshop: Workshop) => Promise<T>, more: Partial<WorkshopSetup> = {}): Promise<T> {
  const log = { progress: () => {}, debug: () => {}, mask: () => {} };
  const { signal } = new AbortController();
  const world = { environment: process.env, signal, log };
  const event = { kind: "shell", trust: "deploy-branch" } as const;
  return await withPrepared({ flake: repository.directory, directory: repository.directory, event, ...world }, async (prepared) => {
    const setup = {
      prepared,
      policy: observeOnly,
      hosts: ["web1", "web2"],
      goal: "intent",
      id: "0123456789abcdef",
      told: "run Synapse",
      ...world,
      ...more,
    };
    return await use(await openWorkshop(setup));
  });
}
const proposed = async (change: (workshop: Workshop) => unknown, more: Partial<WorkshopSetup> = {}, says = answer) =>
  await inWorkshop(async (workshop) => {
    change(workshop);
    return await workshop.propose({ title: says.proposal.title, answer: says, costUsd: 0.12 });
  }, more);

describe("a proposal", { timeout: 120_000 }, () => {
  test("is planned from the copy and becomes one pull request that says what it does to the machines", async () => {
    const opened: { branch: string; title: string; body: string }[] = [];
    const publish = {
      remote: { url: repository.directory },
      runUrl: "https://forge.example.org/run/1",
      detail: "full",
      open: async (wanted: (typeof opened)[number]) => {
        opened.push(wanted);
        return await Promise.resolve({ ok: true, kind: "opened", url: "https://forge.example.org/pulls/7" } as const);
      },
    } as const;
    const ended = await proposed(({ copy }) => copy.write("flake.nix", outputs(unit("synapse"))), { publish });
    expect(ended).toMatchObject({
      kind: "opened",
      branch: "deploy-gate/intent-0123456789abcdef",
      url: "https://forge.example.org/pulls/7",
      changedPaths: ["flake.nix"],
      verdicts: { unchanged: 1 },
    });
    const [pull] = opened;
    expect(pull?.title).toBe("Run Synapse on web1");
    expect(pull?.body).toContain("hello.service");
    expect(pull?.body).toContain("run Synapse");
    expect(pull?.body).toContain("Which domain?");
    // A model's words mention nobody.
    expect(pull?.body).not.toContain("@everyone");
    expect(repository.git("log", "-1", "--format=%B", "deploy-gate/intent-0123456789abcdef")).toMatch(
      /^Run Synapse on web1\n\nIt was asked for\./,
    );
    expect(repository.git("status", "--porcelain")).toBe("");
  });
  test("where strangers read it tells names, and neither what was reported nor what lines of a unit differ", async () => {
    const bodies: string[] = [];
    const publish = {
      remote: { url: repository.directory },
      runUrl: undefined,
      detail: "names",
      open: async ({ body }: { body: string }) => {
        bodies.push(body);
        return await Promise.resolve({ ok: true, kind: "opened", url: "https://forge.example.org/pulls/8" } as const);
      },
    } as const;
    const told = "Nov 22 03:00:00 web1 app: a line of a journal";
    const change = ({ copy }: Workshop) => copy.write("flake.nix", outputs(unit("synapse --like-this")));
    await proposed(change, { publish, told });
    expect(bodies[0]).toContain("hello.service");
    expect(bodies[0]).toContain("Which domain?");
    expect(bodies[0]).not.toMatch(/line of a journal|like-this/);
    // The operator's own word on it counts.
    await proposed(change, {
      publish,
      told,
      id: "1123456789abcdef",
      policy: { ...observeOnly, report: { ...observeOnly.report, detail: "full" } },
    });
    expect(bodies[1]).toContain("line of a journal");
  });
  test("without a forge is a patch", async () => {
    const ended = await proposed(({ copy }) => copy.write("flake.nix", outputs(unit("synapse"))));
    expect(ended).toMatchObject({ kind: "opened", url: undefined, patch: expect.stringContaining("+ExecStart=/bin/synapse") as string });
    expect("diff" in ended && ended.diff).toMatch(/^diff --git [\s\S]*^-ExecStart=\/bin\/old\n\+ExecStart=\/bin\/synapse$/m);
  });
  test("that is too long for a report is cut there and whole in its patch", async () => {
    const ended = await proposed(({ copy }) => {
      copy.write("flake.nix", outputs(unit("synapse")));
      copy.write("notes.txt", Array.from({ length: 1_500 }, (_, n) => `line ${n} of many`).join("\n"));
    });
    expect("diff" in ended && ended.diff).toMatch(/\(\d+ more characters left out\)\n$/);
    expect("diff" in ended && (ended.diff?.length ?? 0)).toBeLessThan(16_100);
    expect("patch" in ended && ended.patch).toContain("+line 1499 of many");
  });
  test("brings along what was learned, where later sessions read it", async () => {
    const edgeCase = { symptom: "synapse.service needs\n# a minute", cause: "its database", strategy: "wait" };
    const ended = await proposed(({ copy }) => copy.write("flake.nix", outputs(unit("synapse"))), {}, { ...answer, edgeCase });
    expect(ended).toMatchObject({ kind: "opened", changedPaths: ["docs/edge-cases.md", "flake.nix"] });
    expect("patch" in ended && ended.patch).toMatch(
      /\+## synapse\.service needs a minute\n\+\n\+- Seen: .*, goal intent\n\+- Cause: its database\n\+- Strategy: wait/,
    );
    expect(await proposed(() => {}, {}, { ...answer, edgeCase })).toEqual({ kind: "none" });
  });
  test("of nothing is none", async () => expect(await proposed(() => {})).toEqual({ kind: "none" }));
  test.each([
    [
      "that loosens the policy",
      "flake.nix",
      () => outputs(unit("old"), '{ hosts.web1.deploy = true; goals.by.intent.autonomy = "act"; }'),
      /policy \(deployGate\)/,
    ],
    ["that breaks a host", "flake.nix", () => outputs('throw "no"'), /web1 does not build any more/],
    [
      "that takes a host away",
      "flake.nix",
      () => flake(`nixosConfigurations.web1 = system { name = "web1"; }; deployGate = { hosts.web1.deploy = true; };`),
      /removes the host web2/,
    ],
    [
      "that has two units listen on one port",
      "flake.nix",
      () => {
        const more = `cd etc/systemd/system; mkdir sockets.target.wants
          for one in a b; do printf "[Socket]\\nListenStream=80\\n" >$one.socket; ln -s ../$one.socket sockets.target.wants/; done`;
        return flake(
          `nixosConfigurations.web1 = system { name = "web1"; unit = ${unit("old")}; more = ''${more}''; }; nixosConfigurations.web2 = system { name = "web2"; }; deployGate = { hosts.web1.deploy = true; };`,
        );
      },
      /On web1, a\.socket and b\.socket both listen on tcp 80/,
    ],
    ["that brings a secret", "secret.nix", () => `"ghp_${"a1B2".repeat(9)}"`, /looks like a secret/],
  ])("%s is refused, whatever the session says of it", async (_what, path, text, problem) => {
    const ended = await proposed(({ copy }) => copy.write(path, text()));
    expect(ended.kind).toBe("refused");
    expect("problems" in ended && ended.problems.join("\n")).toMatch(problem);
  });
  test("that reaches a workflow behind the tools is refused all the same, and not evaluated", async () => {
    const ended = await proposed(({ copy }) => {
      copy.write(".github/workflows/deploy.yml", "on: pull_request_target\n");
      copy.write("flake.nix", 'throw "evaluated"');
    });
    expect(ended).toEqual({ kind: "refused", problems: [expect.stringContaining("workflows are") as string] });
  });
  test("of a host that the goal is not about is refused", async () => {
    const ended = await proposed(({ copy }) => copy.write("flake.nix", outputs(unit("synapse"))), { hosts: ["web2"] });
    expect("problems" in ended && ended.problems).toEqual(["It changes web1, which the goal is not about."]);
  });
});

describe("questions to the copy", { timeout: 120_000 }, () => {
  test("see what was written, new files too", async () => {
    await inWorkshop(async ({ copy, flake: ports }) => {
      copy.write("extra.nix", "41 + 1");
      copy.write(
        "flake.nix",
        outputs(unit("old")).replace(
          'nixosConfigurations.web2 = system { name = "web2"; };',
          'nixosConfigurations.web2 = { config = (system { name = "web2"; }).config // { answer."to.all" = import ./extra.nix; }; };',
        ),
      );
      expect(await flakeOption.ask(ports, { host: "web2", option: 'answer."to.all"' })).toMatchObject({ text: "42" });
      expect(await flakeOption.ask(ports, { host: "web2", option: "answer.absent" })).toMatchObject({
        refused: expect.stringContaining("there is no option absent there") as string,
      });
      expect(await flakeOption.ask(ports, { host: "db1", option: "a.b" })).toMatchObject({
        refused: expect.stringContaining("not about that host") as string,
      });
      expect(await flakeOption.ask(ports, { host: "web2", option: 'a."${builtins.getEnv "HOME"}"' })).toMatchObject({
        refused: expect.stringContaining("do not fit") as string,
      });
      expect(await flakeOptionDocs.ask(ports, { host: "web1", option: "services.synapse.enable" })).toMatchObject({
        text: expect.stringContaining("Whether to run Synapse.") as string,
      });
      expect(await flakeOptionDocs.ask(ports, { host: "web1", option: "services.synapse" })).toMatchObject({
        text: expect.stringContaining("enable") as string,
      });
    });
  });
  test("a plan tells the verdicts, and what would be refused", async () => {
    await inWorkshop(async ({ copy, flake: ports }) => {
      copy.write("flake.nix", outputs(unit("synapse"), "{ }"));
      const told = await flakePlan.ask(ports, {});
      expect(told).toMatchObject({ text: expect.stringMatching(/hello\.service[\s\S]*policy \(deployGate\)/) as string });
      expect(await flakePlan.ask(ports, { hosts: ["db1"] })).toMatchObject({ refused: expect.any(String) as string });
    });
  });
  test("a builder that it writes sees none of this machine's files, nor the process that holds this run's secrets", async () => {
    const victim = join(scratch, "victim");
    writeFileSync(victim, "planted-secret", { mode: 0o600 });
    await inWorkshop(async ({ copy, flake: ports }) => {
      const reads = `cat ${victim} /proc/${process.pid}/environ 2>/dev/null | tr "\\000" " " >"$out"; echo built >>"$out"`;
      const stolen = `builtins.readFile (derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" ''${reads}'' ]; })`;
      copy.write(
        "flake.nix",
        flake(
          `nixosConfigurations.web1 = system { name = "web1"; }; nixosConfigurations.web2 = (system { name = "web2"; }) // { config.a = ${stolen}; };`,
        ),
      );
      const told = JSON.stringify(await flakeOption.ask(ports, { host: "web2", option: "a" }));
      expect(told).not.toContain("planted-secret");
      expect(told).not.toContain("NDG_STORE");
      expect(told).toMatch(/built|import-from-derivation|allow-import/);
    });
  });
  test("what it writes reads nothing of this machine", async () => {
    await inWorkshop(async ({ copy, flake: ports }) => {
      const victim = join(scratch, "victim");
      copy.write(
        "flake.nix",
        `{ inputs.x = { url = "path:${victim}"; flake = false; }; outputs = { self, x }: { nixosConfigurations.web2.config.a = builtins.readFile x; }; }`,
      );
      const told = await flakeOption.ask(ports, { host: "web2", option: "a" });
      expect(told).toMatchObject({ refused: expect.any(String) as string });
    });
  });
});
