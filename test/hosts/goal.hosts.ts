import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { goalAnswer, GoalStage, type Login, use as gateUse } from "../commands/goal-stage.ts";
import { LoopbackForge } from "../forge/loopback-forge.ts";
import { loopbackModel, type Step } from "../session/loopback-model.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";

/** `gate goal` whole: a real host that fills up and a unit that fails on it, the real CLI, and a model on loopback. */
let lab: Lab;
let fleet: Fleet;
let alpha: LabHost;
let claude: string;
// It fails while its flag is there, and starts once that is gone: a reason that passes.
const base: HostSpec = {
  services: {
    hello: { version: "1.0" },
    moody: { script: "test ! -e /var/lib/moody.flag || { echo the flag is there; exit 3; }; exec sleep infinity" },
  },
};
/** What the gate deploys: a host on which it has deployed nothing is one that no goal touches. */
const next: HostSpec = { ...base, services: { ...base.services, hello: { version: "2.0" } } };

beforeAll(async () => {
  claude = execFileSync(resolve(import.meta.dirname, "../../.ci/claude"), { encoding: "utf8" }).trim();
  lab = await startLab({ hosts: [{ host: "alpha", ...base }] });
  alpha = lab.host("alpha");
  fleet = new Fleet(lab);
  await fleet.begin();
});
afterAll(async () => {
  fleet?.remove();
  await lab?.stop();
});

type Report = {
  answer: { kind: string; answer: { headline: string; findings: { quote: string }[] } };
  calls: { tool: string; ended: string; note: string }[];
  actions: { end: string; reasons: string[]; action: { unit: string } }[];
  notes: string[];
  context: { hosts: { host: string; troubles: { sentence: string }[] }[] };
};

/** One run as a person types it; the model plays a script, and every answer of a tool is seen. */
async function run(
  script: (request: string, index: number) => Step,
  ...words: string[]
): Promise<{ report: Report; exitCode: number | undefined; seen: string[] }> {
  const model = await loopbackModel(script);
  try {
    const environment = {
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: "sk-ant-api03-dummy",
      PATH: `${dirname(claude)}:${process.env["PATH"] ?? ""}`,
      XDG_CACHE_HOME: join(fleet.repository, "ssh", "cache"),
    };
    const ended = await fleet.gateIn(environment, "goal", "health-check", "--json", ...words);
    if (!ended.stdout.startsWith("{")) throw new Error(`gate goal ended with ${ended.exitCode}: ${ended.stderr}`);
    return { report: JSON.parse(ended.stdout) as Report, exitCode: ended.exitCode, seen: model.seen.map(({ body }) => body) };
  } finally {
    await model.close();
  }
}
const answer = (request: string, over: object): Step =>
  goalAnswer(/nonce ([0-9a-f]{16})/.exec(request)?.[1] ?? "", { headline: "alpha has a log that fills its disk.", ...over });
const use = (name: string, input: object) => gateUse(name, { host: "alpha", ...input });
const restart = (unit: string) => ({ kind: "restart-unit", host: "alpha", unit, reason: "its flag is gone" });

test("a disk that fills with something explainable, and a unit that failed: what the host says reaches the session and its quotes stand", async () => {
  await fleet.commit({ alpha: next }, {});
  expect((await fleet.deploy()).exitCode).toBe(0);
  await alpha.sh(
    "mkdir -p '/var/log/odd name'; head -c 30000000 /dev/zero >'/var/log/odd name/access.log'; touch /var/lib/moody.flag; systemctl restart moody.service || true; sleep 1",
  );
  const { report, exitCode, seen } = await run((request, index) =>
    index === 0
      ? {
          calls: [
            use("disk_usage", { directory: "/var/log" }),
            use("disk_usage", { directory: "/nowhere" }),
            use("journal", { unit: "moody.service" }),
            use("unit_status", { unit: "moody.service" }),
            use("cluster_status", { topic: "mounts" }),
            use("cluster_status", { topic: "zfs" }),
            { name: "mcp__gate__journal", input: { host: "beta", unit: "moody.service" } },
          ],
        }
      : answer(request, {
          findings: [
            { host: "alpha", severity: "urgent", what: "The access log is 30 MB.", quote: "/var/log/./odd name/access.log" },
            { host: "alpha", severity: "urgent", what: "moody fails while its flag is there.", quote: "the flag is there" },
          ],
          actions: [restart("moody.service")],
        }),
  );
  expect(report.calls.map(({ tool, ended }) => `${tool} ${ended}`)).toEqual([
    "disk_usage answered",
    "disk_usage answered",
    "journal answered",
    "unit_status answered",
    "cluster_status answered",
    "cluster_status answered",
    "journal refused",
  ]);
  expect(
    report.answer.answer.findings.map(({ quote }) => quote),
    seen[1],
  ).toEqual(["/var/log/./odd name/access.log", "the flag is there"]);
  expect(report.context.hosts[0]?.troubles.map(({ sentence }) => sentence)).toContain("moody.service has failed");
  expect(seen[0]).toContain("moody.service has failed");
  expect(seen[1]).toContain("There is no such directory.");
  // Nobody allowed it to act: it is told, and the unit is as it was.
  expect([report.actions, exitCode]).toEqual([[], 3]);
  expect(report.notes.join()).toContain("restart-unit on alpha, which is not done");
  expect((await alpha.sh("systemctl is-active moody.service || true")).trim()).toBe("failed");
});

test("where it may act the unit is restarted, once, and seen to work; a unit that nobody restarts by itself is not", async () => {
  await alpha.sh("rm -f /var/lib/moody.flag");
  await fleet.commit({ alpha: next }, { goals: { by: { "health-check": { autonomy: "act", actions: ["restart-unit"] } } } });
  const asks = (request: string): Step => answer(request, { actions: [restart("moody.service"), restart("sshd.service")] });
  const dry = await run(asks, "--dry-run");
  expect(dry.report.actions).toEqual([]);
  expect(dry.report.notes.join()).toContain("This was a dry run");
  expect((await alpha.sh("systemctl is-active moody.service || true")).trim()).toBe("failed");
  const { report } = await run(asks);
  expect(
    report.actions.map(({ end, action, reasons }) => [action.unit, end, reasons]),
    JSON.stringify(report.actions),
  ).toEqual([["moody.service", "done", expect.anything()]]);
  expect((await alpha.sh("systemctl is-active moody.service")).trim()).toBe("active");
});

/** The Action whole on the repository of the real hosts, with a forge on loopback. */
describe("by the Action", () => {
  let stage: GoalStage;
  let forge: LoopbackForge;
  const capped = (limit: number): HostSpec => ({
    ...next,
    services: {
      ...next.services,
      // It runs into its limit and says so, and lives on.
      capped: {
        script: 'set +e; while :; do ( exec 40</dev/null ) 2>/dev/null || echo "capped: accept: Too many open files"; sleep 2; done',
        service: { LimitNOFILE: String(limit) },
      },
    },
  });
  const login = (): Login => ({ key: readFileSync(lab.key, "utf8"), knownHosts: lab.knownHosts });

  beforeAll(async () => {
    await fleet.commit({ alpha: capped(20) });
    expect((await fleet.deploy()).exitCode).toBe(0);
    stage = new GoalStage(fleet.repository);
  });
  afterAll(() => stage?.remove());
  beforeEach(async () => {
    forge = await new LoopbackForge("github").start();
    return async () => await forge[Symbol.asyncDispose]();
  });

  test("proactive: a limit that a service runs into, by its own journal, becomes a pull request that raises it; the host is as it was", async () => {
    const sha = await fleet.commit(
      { alpha: capped(20) },
      { report: { detail: "full" }, goals: { by: { proactive: { autonomy: "propose" } } } },
    );
    const before = await alpha.systems();
    const result = await stage.run(
      {
        forge,
        sha,
        login: login(),
        inputs: { goal: "proactive" },
        says: (nonce, index) =>
          index === 0
            ? {
                calls: [
                  use("journal", { unit: "capped.service" }),
                  use("unit_status", { unit: "capped.service" }),
                  gateUse("read_file", { path: "specs.json" }),
                ],
              }
            : index === 1
              ? {
                  calls: [
                    gateUse("edit_file", { path: "specs.json", old: '"LimitNOFILE":"20"', new: '"LimitNOFILE":"1024"' }),
                    gateUse("plan", {}),
                  ],
                }
              : goalAnswer(nonce, {
                  headline: "capped runs into its limit of 20 open files.",
                  findings: [{ host: "alpha", severity: "warning", what: "It turns callers away.", quote: "accept: Too many open files" }],
                  proposal: { title: "capped: 1024 open files", why: "It runs into 20.", alternatives: [], questions: [] },
                }),
      },
      { seconds: 300 },
    );
    expect([result.exitCode, result.outputs["reason-code"]], result.log).toEqual([0, "proposal-opened"]);
    expect(result.summary).toContain("accept: Too many open files");
    const [pull] = forge.opened;
    expect(stage.origin.git("diff", "--name-only", sha, pull?.head ?? "")).toBe("specs.json");
    expect(
      stage.origin.git("diff", "--word-diff=porcelain", "--word-diff-regex=[0-9]+", sha, pull?.head ?? "").match(/^[-+]\d+$/gm),
    ).toEqual(["-20", "+1024"]);
    expect(pull?.body).toContain("capped.service");
    expect(await alpha.systems()).toEqual(before);
    expect(forge.violations).toEqual([]);
  });

  test("intent: a wish becomes a pull request that says which host gets it, and the host is as it was", async () => {
    const sha = await fleet.commit(
      { alpha: capped(20) },
      { report: { detail: "full" }, goals: { by: { intent: { autonomy: "propose" } } } },
    );
    const before = await alpha.systems();
    const result = await stage.run(
      {
        forge,
        sha,
        login: login(),
        inputs: { goal: "intent", text: "run Synapse" },
        says: (nonce, index) =>
          index === 0
            ? {
                calls: [
                  gateUse("edit_file", { path: "specs.json", old: '"hello":{', new: '"synapse":{"version":"1.0"},"hello":{' }),
                  gateUse("plan", {}),
                ],
              }
            : goalAnswer(nonce, {
                headline: "alpha runs Synapse.",
                proposal: { title: "Run Synapse on alpha", why: "It was wished for.", alternatives: [], questions: ["Which domain?"] },
              }),
      },
      { seconds: 300 },
    );
    expect([result.exitCode, result.outputs["reason-code"]], result.log).toEqual([0, "proposal-opened"]);
    expect(forge.opened[0]?.body).toMatch(/alpha[\s\S]*synapse\.service/);
    expect([await alpha.systems(), await alpha.sh("systemctl is-active synapse.service || true")]).toEqual([before, "inactive"]);
  });

  test("explore: what the host says founds the answer, and neither host nor repository changes", async () => {
    const sha = await fleet.commit({ alpha: capped(20) }, { report: { detail: "full" }, goals: { by: { explore: { autonomy: "act" } } } });
    const before = await alpha.systems();
    const branches = stage.origin.git("branch", "--list");
    const result = await stage.run(
      {
        forge,
        sha,
        login: login(),
        inputs: { goal: "explore", text: "What if we added a third server?" },
        says: (nonce, index) =>
          index === 0
            ? {
                calls: [
                  use("cluster_status", { topic: "mounts" }),
                  use("disk_usage", { directory: "/etc" }),
                  gateUse("list_files", { directory: "" }),
                ],
              }
            : goalAnswer(nonce, {
                headline: "Not for quorum: alpha is alone.",
                findings: [{ host: "alpha", severity: "note", what: "It answers.", quote: "specs.json" }],
                opinion: "I would wait.",
              }),
      },
      { seconds: 300 },
    );
    expect([result.exitCode, result.outputs["decision"], result.outputs["reason-code"]], result.log).toEqual([0, "nothing", "findings"]);
    expect(result.summary).toContain("I would wait.");
    expect(await alpha.systems()).toEqual(before);
    expect([forge.opened, stage.origin.git("branch", "--list")]).toEqual([[], branches]);
  });
});
