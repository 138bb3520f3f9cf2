import { expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { namesOnly } from "../../src/report/names-only.ts";
import { compareHosts } from "../../src/report/order.ts";
import { Plan, planJson, planJsonSchema } from "../../src/report/plan.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { hostile, poisoned } from "./hostile.ts";
import { buildFailure, changed, emptyDiff, finding, sampleHosts, sampleRun, webDiff } from "./sample.ts";

const plan = toPlan(sampleRun);

test("what is written is what is read back", () => {
  expect(Plan.parse(JSON.parse(planJson(plan)))).toEqual(plan);
});

test("the order of hosts does not depend on the order in which they came", () => {
  expect(planJson(toPlan({ ...sampleRun, hosts: sampleHosts.toReversed() })).replace(/"diffs"[^]*/, "")).toBe(
    planJson(plan).replace(/"diffs"[^]*/, ""),
  );
  expect(plan.hosts.map((host) => host.host)).toEqual(["ci", "db1", "gateway", "laptop", "web1", "web2", "new1", "old1", "dns1", "mail"]);
  expect(plan.hosts.toSorted(compareHosts)).toEqual(plan.hosts);
});

test("equal changes are stored once, different ones apart", () => {
  const key = (name: string): string => {
    const host = plan.hosts.find((one) => one.host === name);
    return host?.state === "changed" ? host.diff : "";
  };
  expect(key("web1")).toBe(key("web2"));
  expect(key("gateway")).toBe(key("laptop"));
  expect(Object.keys(plan.diffs).toSorted()).toEqual([...new Set([key("web1"), key("gateway"), key("db1")])].toSorted());
  const reordered = Object.fromEntries(Object.entries(webDiff("x")).toReversed()) as unknown as ReturnType<typeof webDiff>;
  const twice = toPlan({
    ...sampleRun,
    hosts: [
      changed("x", webDiff("x"), judgement([]), { action: "deploy", reasons: ["r"] }),
      changed("y", reordered, judgement([]), { action: "deploy", reasons: ["r"] }),
    ],
  });
  expect(Object.keys(twice.diffs)).toHaveLength(1);
});

test("a flake that makes everything long gets a plan of bounded size that says what was cut", () => {
  const long = "x".repeat(100_000);
  const many = Array.from({ length: 5_000 }, (_, i) => ({
    path: `/etc/${i}`,
    change: "changed" as const,
    kind: "text" as const,
    hashOnly: false,
    sizeFrom: 1,
    sizeTo: 2,
    diff: `+${long}\n`.repeat(2),
    redacted: false,
  }));
  const big = changed(
    "big",
    { ...emptyDiff("big"), files: many },
    judgement(
      Array.from({ length: 900 }, (_, i) => finding("r", "risky", `s${i}`, long, { evidence: Array.from({ length: 200 }, () => long) })),
    ),
    { action: "hold", reasons: [long] },
    [long],
  );
  const failing = {
    ...sampleHosts.find((host) => host.state === "failed")!,
    failure: { ...buildFailure, detail: `first\n${"middle\n".repeat(50_000)}the last line` },
  };
  const made = toPlan({ ...sampleRun, hosts: [big, failing as (typeof sampleHosts)[number]] });
  expect(planJson(made).length).toBeLessThan(16_000_000);
  const diff = Object.values(made.diffs)[0];
  expect(diff?.files).toHaveLength(2_000);
  expect(diff?.cut).toEqual({ files: 5_000 });
  const host = made.hosts.find((one) => one.state === "changed");
  expect(host?.state === "changed" && [host.judgement.findings.length, host.judgement.findingsTotal]).toEqual([500, 900]);
  const failed = made.hosts.find((one) => one.state === "failed");
  expect(failed?.state === "failed" && failed.failure.detail).toMatch(/^… \d+ characters in all.*the last line$/s);
});

test("where strangers read, no text, version, path or log line is left in the record itself", () => {
  const secret = "PLANTED-1.2.3";
  const names = toPlan({ ...sampleRun, hosts: poisoned(sampleHosts, secret), notes: [secret], detail: "names" });
  const left: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value === "string" && value.includes(secret)) left.push(path.replace(/\.[0-9a-f]{16}(?=\.)|\.\d+(?=\.|$)/g, ""));
    else if (typeof value === "object" && value !== null) for (const [key, item] of Object.entries(value)) walk(item, `${path}.${key}`);
  };
  walk(names, "");
  expect([...new Set(left)].toSorted()).toEqual([
    ".diffs.packages.added.name",
    ".diffs.packages.changed.name",
    ".diffs.packages.rebuilt.name",
    ".diffs.packages.removed.name",
    ".diffs.units.name",
    ".hosts.judgement.findings.rule",
    ".hosts.judgement.findings.subject",
  ]);
  expect(namesOnly(names)).toEqual(names);
  expect(names.detail).toBe("names");
});

test("a subject that is neither a unit nor a package is not a name that strangers may read", () => {
  const names = namesOnly(plan);
  const db = names.hosts.find((host) => host.host === "db1");
  expect(db?.state === "changed" && db.judgement.findings.map((one) => one.subject)).toEqual(["postgresql.service", "", ""]);
});

test("plan.json holds nothing that a terminal obeys or an editor hides", () => {
  for (const bad of hostile)
    expect(planJson(toPlan({ ...sampleRun, hosts: poisoned(sampleHosts, bad) }))).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/u);
});

test("the JSON Schema names what a plan must have", () => {
  const schema = planJsonSchema();
  expect(schema["required"]).toEqual(expect.arrayContaining(["schema", "hosts", "diffs", "session", "revision"]));
  expect(JSON.stringify(schema)).toContain('"const":1');
});

test("a plan of another schema is refused", () => {
  expect(Plan.safeParse({ ...plan, schema: 2 }).success).toBe(false);
});
