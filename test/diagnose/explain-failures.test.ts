import { expect, test } from "vitest";
import type { SessionAtHand } from "../../src/classify/second-opinion.ts";
import type { Diagnosed } from "../../src/diagnose/diagnose.ts";
import { diagnostician } from "../../src/diagnose/diagnostician.ts";
import { explainFailures, type Explained, type FailuresCase } from "../../src/diagnose/explain-failures.ts";
import type { Evidence } from "../../src/diagnose/evidence.ts";
import { HostName } from "../../src/discover/host.ts";
import { failure, type Failure } from "../../src/failure.ts";
import type { HostReport } from "../../src/host-report.ts";
import type { Nix, SessionQuestion } from "../../src/io/ports.ts";
import { observeOnly, parsePolicy } from "../../src/policy.ts";
import { comment } from "../../src/report/comment.ts";
import { Plan, planJson } from "../../src/report/plan.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { sampleRun } from "../report/sample.ts";
import { evidence, item } from "./sample.ts";

/** Which failures are put before whom, what that may cost, and what of it stands in a report. */
const name = (host: string): HostName => HostName.parse(host);
const unknown: Failure = failure("host-evaluation-failed", { flake: ".", host: "web1" }, "error: something that nobody knows about web1");
const failed = (host: string, why: Failure = unknown, atBase = false): HostReport => ({
  host: name(host),
  warnings: [],
  decision: { action: "fail", reasons: ["It does not evaluate."] },
  state: "failed",
  stage: "evaluate",
  failure: why,
  atBase,
});
const from = `/nix/store/${"0".repeat(32)}-nixos-system-web1-1`;
const rolledBack = (host: string): HostReport => ({
  ...failed(host),
  state: "unchanged",
  toplevel: from,
  outcome: {
    outcome: "rolled-back",
    reasons: ["The host runs its old system: units failed that had not failed before."],
    now: { current: from, profile: from, booted: from },
    misses: [],
    attempts: [{ strategy: "switch", ended: "app.service failed" }],
  },
});

const nix: Nix = {
  run: () => Promise.resolve({ exitCode: 1, signal: undefined, timedOut: false, stdout: "", stderr: "" }),
  version: () => Promise.resolve({ version: "2.34.8" }) as ReturnType<Nix["version"]>,
};

type Scripted = { readonly session: SessionAtHand; readonly asked: SessionQuestion[] };
/** Answers with a piece of the evidence, for `usd` each. */
function scripted(over: Record<string, unknown> = {}, usd = 0.5, silent = false): Scripted {
  const asked: SessionQuestion[] = [];
  const use = { costUsd: usd, inputTokens: 1, outputTokens: 1, seconds: 1 };
  return {
    asked,
    session: {
      session: {
        program: () => Promise.resolve({ kind: "usable", version: "2.1.330" }),
        ask: (question) => {
          asked.push(question);
          if (silent) return Promise.resolve({ kind: "none", reason: "timed-out", detail: "", use });
          const value = {
            nonce: /nonce (\w+)/.exec(question.prompt)?.[1],
            cause: "An option was removed.",
            culprit: "web1",
            quote: "something that nobody knows",
            confidence: "high",
            remedy: "escalate",
            units: [],
            condition: "none",
            waitSeconds: 0,
            patch: "-services.old\n+services.new",
            ...over,
          };
          return Promise.resolve({ kind: "answered", value, use });
        },
      },
      goal: "",
      diagnosis: { build: "build", deploy: "deploy" },
      model: undefined,
      nonce: () => "abc123",
      kept: undefined,
      knowledge: () => Promise.resolve({ files: [{ path: "docs/edge-cases.md", text: "web1 is odd" }], notes: [] }),
      everyHost: false,
      told: () => {},
      notes: [],
    },
  };
}

const managed = parsePolicy({ hosts: { web1: { deploy: true }, web2: { deploy: true }, web3: { deploy: true } } });
async function explained({ spentUsd = 0, ...over }: Partial<FailuresCase> & { readonly spentUsd?: number }): Promise<Explained> {
  const { policy = managed, session = "no session was asked for" } = over;
  return await explainFailures(
    {
      reports: [],
      sides: [],
      policy,
      session,
      asked: diagnostician({ policy, session, spentUsd, told: () => {} }),
      evidence: new Map(),
      diagnosed: new Map(),
      reach: undefined,
      trust: "unreviewed",
      change: undefined,
      ...over,
    },
    { nix, log: recordingLog(), clock: { now: () => new Date("2026-11-22T12:00:00Z") } },
  );
}
const causeOf = ({ reports }: Explained, host: string) => reports.find((one) => one.host === host)?.diagnosis;

test("one question is asked for hosts that failed alike, with what the operator wrote down, and its answer is each one's", async () => {
  const { session, asked } = scripted();
  const found = await explained({ reports: [failed("web1"), failed("web2")], session });
  expect(asked.length).toBe(1);
  expect(asked[0]?.prompt).toContain("web1 is odd");
  expect(causeOf(found, "web1")).toEqual({
    by: "session",
    cause: "An option was removed.",
    culprit: "web1",
    confidence: "likely",
    evidence: ["something that nobody knows"],
    patch: "-services.old\n+services.new",
  });
  expect(causeOf(found, "web2")).toEqual(causeOf(found, "web1"));
  expect(found.escalations.map((one) => [one.key, one.hosts])).toEqual([["evaluation/host-evaluation-failed/web1/web2", ["web1", "web2"]]]);
  expect(found.costUsd).toBe(0.5);
});

test.each([
  ["where a known cause is certain", [failed("web1", failure("disk-full", {}, "No space left on device"))], managed],
  ["about what the base has as well", [failed("web1", unknown, true)], managed],
  ["about a host that the policy does not hand over", [failed("other")], managed],
  ["where the policy switches it off", [failed("web1")], { ...managed, session: "off" as const }],
])("no session is asked %s", async (_, reports, policy) => {
  const { session, asked } = scripted();
  const found = await explained({ reports, policy, session });
  expect(asked).toEqual([]);
  expect(found.escalations.length).toBe(1);
  expect(found.costUsd).toBe(0);
});

test("what a run may spend is what all of its questions cost together, and five is the most", async () => {
  const different = (n: number): HostReport =>
    failed(`web${n}`, failure("host-evaluation-failed", { flake: ".", host: "x" }, `error ${n}`));
  const hosts = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`web${n}`, { deploy: true }]));
  const all = Array.from({ length: 9 }, (_, n) => different(n));
  const dear = scripted({ quote: "error" }, 1);
  const policy = parsePolicy({ hosts, sessionSettings: { runUsd: 3 } });
  expect((await explained({ reports: all, policy, session: dear.session, spentUsd: 1 })).costUsd).toBe(2);
  expect(dear.asked.map((question) => question.budgetUsd)).toEqual([0.5, 0.5]);
  const cheap = scripted({ quote: "error" }, 0.01);
  await explained({ reports: all, policy, session: cheap.session });
  expect(cheap.asked.length).toBe(5);
});

test.each([
  ["times out", {}, true, "timed-out"],
  ["answers another document", { nonce: "other" }, false, "wrong-nonce"],
  ["asks for what is on no list", { remedy: "restart-units", units: ["sshd.service"] }, false, "forbidden-remedy"],
  ["quotes what stands nowhere", { quote: "made up" }, false, "no-evidence"],
])("a session that %s leaves it to a person, with the evidence", async (_, over, silent, reason) => {
  const found = await explained({ reports: [failed("web1")], session: scripted(over, 0.5, silent).session });
  expect(causeOf(found, "web1")).toBeUndefined();
  expect(found.escalations[0]?.stopped).toEqual([`A Claude session gave no diagnosis (${reason}).`]);
  expect(found.escalations[0]?.folds.length).toBeGreaterThan(0);
});

test("a remedy that is none for that stage is not shown", async () => {
  const found = await explained({ reports: [failed("web1")], session: scripted({ remedy: "rollback" }).session });
  expect(causeOf(found, "web1")?.remedy).toBeUndefined();
});

const told: Evidence = evidence({
  units: ["app.service"],
  items: [item({ kind: "executable", subject: "app.service", text: "missing /nix/store/app/bin/app" })],
});

test("what a host said of its failure is diagnosed, and nothing of it is asked of the host again", async () => {
  const found = await explained({ reports: [rolledBack("web1")], evidence: new Map([[name("web1"), told]]) });
  expect(causeOf(found, "web1")).toMatchObject({ by: "known-cause", confidence: "certain", culprit: "/nix/store/app/bin/app" });
  expect(found.escalations[0]).toMatchObject({ key: "activation/rolled-back/web1", tried: [{ remedy: "switch" }] });
  expect(found.escalations[0]?.next).toEqual(["nixos-deploy-gate status --hosts web1"]);
});

test("a run in which nothing failed is what it was", async () => {
  const well: HostReport = { ...rolledBack("web1"), outcome: { outcome: "deployed", reasons: ["Done."], misses: [], attempts: [] } };
  expect(await explained({ reports: [well] })).toEqual({ reports: [well], escalations: [], costUsd: 0 });
});

test("a failure that a strategy resolved is offered for the edge-cases file, and to nobody who only may see names", async () => {
  const attempts = [
    { strategy: "switch", ended: "refused" },
    { strategy: "boot", ended: "staged" },
  ] as const;
  const staged: HostReport = { ...rolledBack("web1"), outcome: { outcome: "staged", reasons: ["Staged."], misses: [], attempts } };
  const log = item({ kind: "activation-log", origin: "program", text: "There are changes to critical components of the system:\n- dbus" });
  const found = await explained({ reports: [staged], evidence: new Map([[name("web1"), evidence({ exit: 1, items: [log] })]]) });
  expect(found.escalations).toEqual([]);
  const run = { ...sampleRun, event: "push" as const, hosts: found.reports };
  expect(toPlan(run).hosts[0]?.edgeCase).toMatch(/^## The new system must not be switched to.*- Strategy: bring it in by a boot/s);
  const shown = comment(toPlan(run), { limit: 60_000, detail: "full", links: {} });
  expect(shown).toContain("For your edge-cases file");
  expect(shown).toContain("- Seen: 2026-11-22, activation, on web1");
  expect(planJson(toPlan({ ...run, detail: "names" }))).not.toContain("critical components");
});

test("what fell after the host was confirmed is told with its cause; what a strategy resolved before is not", async () => {
  const outcome = {
    outcome: "deployed-with-misses",
    reasons: ["Done."],
    misses: [],
    attempts: [{ strategy: "switch", ended: "" }],
  } as const;
  const missing = item({ kind: "executable", subject: "app.service", origin: "tool", text: "missing /nix/store/app/bin/app" });
  const of = async (stage: Evidence["stage"]) =>
    await explained({
      reports: [{ ...rolledBack("web1"), outcome }],
      evidence: new Map([[name("web1"), evidence({ stage, units: ["app.service"], items: [missing] })]]),
    });
  const fell = await of("verification");
  expect(causeOf(fell, "web1")).toMatchObject({ by: "known-cause", cause: expect.stringContaining("a program that is not there") });
  expect(fell.escalations).toMatchObject([{ key: "verification/deployed-with-misses/web1", hosts: ["web1"], stage: "verification" }]);
  const earlier = await of("activation");
  expect([causeOf(earlier, "web1"), earlier.escalations]).toEqual([undefined, []]);
});

test("what a session asked is told where its remedy helped and nobody has to see to anything, and not to strangers", async () => {
  const attempts = [
    { strategy: "switch", ended: "refused" },
    { strategy: "retry", ended: "deployed" },
  ] as const;
  const deployed: HostReport = { ...rolledBack("web1"), outcome: { outcome: "deployed", reasons: ["Done."], misses: [], attempts } };
  const before = evidence({ items: [item({ kind: "activation-log", origin: "program", text: "the moon is in the wrong phase" })] });
  const found: Diagnosed = {
    known: [],
    proposals: [],
    session: {
      kind: "answered",
      diagnosis: {
        cause: "The moon.",
        culprit: undefined,
        quote: "the moon is in the wrong phase",
        confidence: "likely",
        doubtful: false,
        remedy: { kind: "retry" },
        patch: undefined,
      },
      use: { costUsd: 0.1, inputTokens: 1, outputTokens: 1, seconds: 1 },
      calls: [
        { tool: "journal", asked: '{"host":"web1","unit":"moon.service"}', ended: "answered", note: "812 bytes" },
        { tool: "journal", asked: '{"host":"web2"}', ended: "refused", note: "It is not about that host." },
      ],
    },
  };
  const made = await explained({
    reports: [deployed],
    evidence: new Map([[name("web1"), before]]),
    diagnosed: new Map([[name("web1"), { evidence: before, found }]]),
  });
  const run = { ...sampleRun, event: "push" as const, hosts: made.reports, escalations: made.escalations };
  const plan = toPlan(run);
  expect(plan.hosts[0]?.diagnosis?.asked).toEqual([
    'journal {"host":"web1","unit":"moon.service"}: 812 bytes',
    'journal {"host":"web2"}: refused: It is not about that host.',
  ]);
  const shown = comment(plan, { limit: 60_000, detail: "full", links: {} });
  expect(shown).toContain("What the session asked");
  expect(shown).toContain("refused: It is not about that host.");
  const names = toPlan({ ...run, detail: "names" });
  expect(names.hosts[0]?.diagnosis).not.toHaveProperty("asked");
  expect(comment(names, { limit: 60_000, detail: "names", links: {} })).not.toContain("moon");
});

test("plan.json reads back, is bounded, and a report for strangers has no word of it", async () => {
  const secret = "internal-host-name-of-the-customer";
  const { session } = scripted({ cause: `${secret} `.repeat(15).trim(), patch: secret.repeat(20) });
  const found = await explained({
    reports: [failed("web1", { ...unknown, detail: `something that nobody knows ${secret}\n`.repeat(5_000) }), rolledBack("web2")],
    session,
    evidence: new Map([[name("web2"), told]]),
  });
  const run = { ...sampleRun, event: "push" as const, hosts: found.reports, escalations: found.escalations };
  const plan = toPlan(run);
  expect(Plan.parse(JSON.parse(planJson(plan)))).toEqual(plan);
  expect(Buffer.byteLength(planJson(plan))).toBeLessThan(150_000);
  const full = comment(plan, { limit: 60_000, detail: "full", links: {} });
  expect(full).toContain("A Claude session thinks:");
  expect(full).toContain("A unit starts a program that is not there");
  const names = toPlan({ ...run, detail: "names" });
  expect(planJson(names)).not.toContain(secret);
  expect(planJson(names)).not.toContain("/nix/store/app");
  expect(names.hosts.find((host) => host.host === "web1")?.diagnosis).toMatchObject({ by: "session", cause: "", evidence: [] });
  expect(comment(names, { limit: 60_000, detail: "names", links: {} })).not.toContain(secret);
});

test("a policy that hands nothing over and no session still gives what is known", async () => {
  const found = await explained({ reports: [failed("web1", failure("disk-full", {}, "No space left on device"))], policy: observeOnly });
  expect(causeOf(found, "web1")).toMatchObject({ by: "known-cause", confidence: "certain" });
});
