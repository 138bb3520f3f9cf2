import { execFileSync } from "node:child_process";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
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
const answer = (request: string, over: object): Step => ({
  answer: {
    nonce: /nonce ([0-9a-f]{16})/.exec(request)?.[1] ?? "",
    headline: "alpha has a log that fills its disk.",
    findings: [],
    actions: [],
    proposal: { title: "", why: "", alternatives: [], questions: [] },
    opinion: "",
    edgeCase: { symptom: "", cause: "", strategy: "" },
    ...over,
  },
});
const use = (name: string, input: object) => ({ name: `mcp__gate__${name}`, input: { host: "alpha", ...input } });
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
