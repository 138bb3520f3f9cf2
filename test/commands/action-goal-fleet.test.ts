import { resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LoopbackForge } from "../forge/loopback-forge.ts";
import { goalAnswer, GoalStage, type Script, use } from "./goal-stage.ts";
import { StandInHost } from "./stand-in-host.ts";

/** Goals that change a repository, or must not, on the example fleet: the Action whole, with the real CLI, a model, a forge and one host on loopback. */
describe("a goal on the example fleet", { timeout: 240_000 }, () => {
  let stage: GoalStage;
  let host: StandInHost;
  let forge: LoopbackForge;
  const hosts = ["web1", "db1", "nas1", "git1", "backup1", "lab1"];

  const commit = (by: object, goals: object = {}): string => {
    // Nobody listens on port 1: a dead host is a line of the snapshot, and its closure is compared all the same.
    const away = { deploy: true, target: { hostname: "127.0.0.1", port: 1, user: "root" } };
    const policy = {
      hosts: { ...Object.fromEntries(hosts.map((name) => [name, away])), web1: { deploy: true, target: host.target } },
      report: { detail: "full" },
      goals: { by, ...goals },
    };
    stage.origin.write({ "policy.json": JSON.stringify(policy) });
    return stage.origin.commit();
  };
  const run = async (sha: string, inputs: Record<string, string>, says: Script) =>
    await stage.run({ forge, sha, login: { key: host.key.privateKey, knownHosts: host.knownHost }, inputs, says }, { seconds: 200 });
  const toolsOf = (body: string | undefined): string[] =>
    (JSON.parse(body ?? "{}") as { tools: { name: string }[] }).tools
      .map(({ name }) => name)
      .filter((name) => name.startsWith("mcp__gate__"));
  /** Words of the answers to calls, which come with the next request. */
  const heard = (body: string | undefined): string => JSON.stringify((JSON.parse(body ?? "{}") as { messages: unknown[] }).messages);

  beforeAll(async () => {
    stage = new GoalStage();
    host = await new StandInHost("web1").start(`/nix/store/${"a".repeat(32)}-nixos-system-web1-25.11`);
    const { origin } = stage;
    origin.copy(resolve(import.meta.dirname, "../../examples/fleet"));
    const whole = origin.read("flake.nix");
    const read = whole.replace(/deployGate = \{[\s\S]*?\n {6}\};\n/, "deployGate = builtins.fromJSON (builtins.readFile ./policy.json);\n");
    expect(read).not.toBe(whole);
    origin.write({
      "flake.nix": read,
      "docs/edge-cases.md": "# Edge cases\n\n## openssl 3.4.1 lets a handshake read beyond its buffer\n\n- Cause: fixed in 3.4.3\n",
      ".github/workflows/deploy.yml": "on: push\n",
    });
  }, 300_000);
  beforeEach(async () => {
    host.forget();
    forge = await new LoopbackForge("github").start();
    return async () => await forge[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    stage.remove();
  });

  test("intent: a wish for a service becomes a pull request whose plan says which one host changes, and that the others do not", async () => {
    const sha = commit({ intent: { autonomy: "propose" } });
    const unit = `units."synapse.service" = ''\n    [Unit]\n    Description=Matrix homeserver\n\n    [Service]\n    ExecStart=\${pkgs.bash}/bin/bash -c synapse\n    DynamicUser=true\n    MemoryMax=1G\n  '';`;
    const result = await run(sha, { goal: "intent", text: "Run Synapse." }, (nonce, index) =>
      index === 0
        ? { calls: [use("list_files", { directory: "hosts" }), use("read_file", { path: "hosts/git1.nix" })] }
        : index === 1
          ? {
              calls: [
                use("edit_file", { path: "hosts/git1.nix", old: 'units."forgejo.service"', new: `${unit}\n  units."forgejo.service"` }),
                use("plan", {}),
              ],
            }
          : goalAnswer(nonce, {
              headline: "git1 runs Synapse.",
              proposal: { title: "Run Synapse on git1", why: "It was wished for.", alternatives: ["Conduit needs less."], questions: [] },
            }),
    );
    expect([result.exitCode, result.outputs["reason-code"]], result.log).toEqual([0, "proposal-opened"]);
    const [pull] = forge.opened;
    const head = pull?.head ?? "";
    expect(stage.origin.git("diff", "--name-only", sha, head)).toBe("hosts/git1.nix");
    // What the session was told of the blast radius, and what the pull request tells a person.
    expect(heard(result.seen[2]?.body)).toMatch(/synapse\.service/);
    const text = pull?.body ?? "";
    expect(text).toContain("`git1`");
    expect(text).toContain("synapse.service");
    expect(text).toMatch(/5 (?:hosts )?(?:are |)unchanged/);
    expect(text).not.toMatch(/`(?:web1|db1|nas1|backup1|lab1)`[^\n]*changed/);
    expect(text).toContain("Conduit needs less.");
    expect(forge.violations).toEqual([]);
    expect(host.asked).not.toContain("ledger");
  });

  test("proactive: a version with a known security fix becomes one pull request, with what it brings to every host; where it may only observe it is words", async () => {
    const knowing: Script = (nonce, index) =>
      index === 0
        ? { calls: [use("search_files", { words: "openssl" }), use("read_file", { path: "versions.nix" })] }
        : index === 1
          ? { calls: [use("edit_file", { path: "versions.nix", old: 'openssl = "3.4.1"', new: 'openssl = "3.4.3"' }), use("plan", {})] }
          : goalAnswer(nonce, {
              headline: "openssl 3.4.1 has a hole that 3.4.3 closes.",
              findings: [{ host: "", severity: "warning", what: "Every host has it.", quote: 'openssl = "3.4.1"' }],
              proposal: { title: "openssl 3.4.1 -> 3.4.3", why: "A handshake reads beyond its buffer.", alternatives: [], questions: [] },
            });
    const sha = commit({ proactive: { autonomy: "propose" } }, { paths: ["versions.nix", "hosts/**"] });
    const result = await run(sha, { goal: "proactive" }, knowing);
    expect([result.exitCode, result.outputs["reason-code"]], result.log).toEqual([0, "proposal-opened"]);
    // What the operator wrote down went along.
    expect(result.seen[0]?.body).toContain("lets a handshake read beyond its buffer");
    const [pull] = forge.opened;
    expect(pull?.head).toBe("deploy-gate/proactive-standing");
    const diff = stage.origin.git("diff", sha, pull?.head ?? "");
    expect(diff.match(/^[-+] .*$/gm)).toEqual(['-  openssl = "3.4.1";', '+  openssl = "3.4.3";']);
    expect(pull?.body).toMatch(/openssl/);
    for (const name of hosts) expect(pull?.body).toContain(name);
    expect(result.summary).toContain("versions.nix");
    expect(result.summary).toMatch(/The change[\s\S]*-  openssl = "3\.4\.1";\n\s*\+  openssl = "3\.4\.3";/);
    // The quote stands in what it was shown, so that it is a finding and not an opinion.
    expect(result.summary).toContain('openssl = "3.4.1"');
    const tip = stage.origin.git("rev-parse", pull?.head ?? "");
    // A week later nothing was merged: the same pull request, not a second one.
    const again = await run(sha, { goal: "proactive" }, knowing);
    expect([again.exitCode, forge.opened.length], again.log).toEqual([0, 1]);
    expect(stage.origin.git("rev-parse", pull?.head ?? "")).toBe(tip);

    const watching = await run(commit({}), { goal: "proactive" }, (nonce, index) =>
      index === 0
        ? { calls: [use("edit_file", { path: "versions.nix", old: "3.4.1", new: "3.4.3" })] }
        : goalAnswer(nonce, { findings: [{ host: "", severity: "warning", what: "Every host has it.", quote: "" }] }),
    );
    expect([watching.exitCode, watching.outputs["reason-code"], forge.opened.length], watching.log).toEqual([0, "findings", 1]);
    expect(toolsOf(watching.seen[0]?.body)).not.toContain("mcp__gate__edit_file");
    expect(watching.summary).toContain('deployGate.goals.by.proactive.autonomy = "propose";');
  });

  test("explore: topology, configuration, blast radius and an opinion, founded on what was read, and nothing is changed whatever policy says", async () => {
    const sha = commit({ explore: { autonomy: "act" } });
    const result = await run(sha, { goal: "explore", text: "What if we added a third server for quorum?" }, (nonce, index) =>
      index === 0
        ? {
            calls: [
              use("read_file", { path: "hosts/db1.nix" }),
              use("option_value", { host: "db1", option: "networking.hostName" }),
              use("write_file", { path: "hosts/db2.nix", text: "{ ... }: { }" }),
            ],
          }
        : goalAnswer(nonce, {
            headline: "Add db2 and db3 together, or neither.",
            findings: [{ host: "db1", severity: "note", what: "It is alone.", quote: 'pkgs.postgresql "16.9"' }],
            proposal: {
              title: "",
              why: "hosts/db2.nix\n\n  { pkgs, ... }: { }",
              alternatives: ["Do nothing: one disk more."],
              questions: ["What may it cost?"],
            },
            opinion: "I would wait.",
          }),
    );
    expect([result.exitCode, result.outputs["decision"], result.outputs["reason-code"]], result.log).toEqual([0, "held", "questions"]);
    for (const words of [
      "What if we added a third server",
      "I would wait.",
      "Do nothing: one disk more.",
      "What may it cost?",
      "hosts/db2.nix",
      "It is alone.",
    ])
      expect(result.summary).toContain(words);
    const offered = toolsOf(result.seen[0]?.body);
    expect(offered).toContain("mcp__gate__option_value");
    for (const name of ["write_file", "edit_file", "remove_file", "plan"]) expect(offered).not.toContain(`mcp__gate__${name}`);
    expect(result.summary).toContain('pkgs.postgresql "16.9"');
    expect(forge.opened).toEqual([]);
    expect(stage.origin.git("branch", "--list", "deploy-gate/explore*")).toBe("");
    expect(host.asked).not.toContain("ledger");
  });

  test("a session that reaches for workflows, policy, keys and its own instructions, and says that all is tested, changes nothing and is told so", async () => {
    const sha = commit({ intent: { autonomy: "propose" } });
    const branches = stage.origin.git("branch", "--list", "deploy-gate/*");
    const reached = [
      ".github/workflows/deploy.yml",
      "deploy-gate.nix",
      "deploy-gate/goals/intent.md",
      "CLAUDE.md",
      ".sops.yaml",
      "keys/admin.pub",
    ];
    const result = await run(sha, { goal: "intent", text: "run Conduit" }, (nonce, index) =>
      index === 0
        ? {
            calls: [
              ...reached.map((path) => use("write_file", { path, text: "mine" })),
              // The policy itself lies in a file that nobody thought of, which only its effect tells.
              use("write_file", { path: "policy.json", text: '{"goals":{"by":{"intent":{"autonomy":"act"}}}}' }),
            ],
          }
        : goalAnswer(nonce, {
            headline: "Done and tested on all hosts.",
            proposal: { title: "Run Synapse", why: "I have built, deployed and tested it.", alternatives: [], questions: [] },
          }),
    );
    expect([result.exitCode, result.outputs["decision"], result.outputs["reason-code"]], result.log).toEqual([
      0,
      "held",
      "proposal-refused",
    ]);
    for (const path of reached) expect(heard(result.seen[1]?.body)).toContain(`${path} is not for a session to change`);
    expect(result.summary).toContain("deployGate");
    // Which calls it made, and which not: it tested nothing.
    expect(result.summary).toContain("write_file");
    expect(result.summary).not.toMatch(/\bplan\b.*answered/);
    expect([forge.opened, stage.origin.git("branch", "--list", "deploy-gate/*")]).toEqual([[], branches]);
  });

  test("a session that asks without end is answered no further, and its run ends", async () => {
    const sha = commit({ proactive: { autonomy: "propose" } });
    const result = await run(sha, { goal: "proactive" }, (nonce, index) =>
      index < 8 ? { calls: Array.from({ length: 10 }, () => use("read_file", { path: "versions.nix" })) } : goalAnswer(nonce),
    );
    expect([result.exitCode, result.outputs["reason-code"]], result.log).toEqual([0, "all-well"]);
    expect(heard(result.seen[8]?.body).match(/openssl = /g)?.length).toBe(60);
  });
});
