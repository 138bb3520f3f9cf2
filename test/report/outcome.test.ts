import { expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import type { HostReport } from "../../src/host-report.ts";
import { exitCode, worstExit } from "../../src/report/exit-code.ts";
import { outputs } from "../../src/report/outputs.ts";
import { headline } from "../../src/report/headline.ts";
import type { Plan } from "../../src/report/plan.ts";
import { brokenStatus, status } from "../../src/report/status.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { changed, databaseDiff, databaseFindings, sampleHosts, sampleRun, unchanged } from "./sample.ts";

const only = (hosts: readonly HostReport[], event: Plan["event"] = "pull_request"): Plan => toPlan({ ...sampleRun, event, hosts });
const pick = (...names: string[]): HostReport[] => sampleHosts.filter((host) => names.includes(host.host));
const watched = changed("w", databaseDiff("w"), judgement(databaseFindings), { action: "observe", reasons: ["r"] });

test.each([
  ["failed", pick("ci", "db1", "web1"), "failure", "failure", 1, "failed", "usage"],
  ["held", pick("db1", "gateway"), "success", "pending", 3, "held", "postgresql-major"],
  ["reboot", pick("gateway", "web1"), "success", "success", 0, "deploy", "kernel-changed"],
  ["clean", pick("web1"), "success", "success", 0, "deploy", "no-rule-objects"],
  ["risky but only observed", [watched], "success", "success", 0, "observe", "postgresql-major"],
  ["unchanged", [unchanged("a")], "success", "success", 0, "nothing", "unchanged"],
  ["no host at all", [], "error", "error", 4, "failed", "no-hosts"],
] as const)("%s: status, exit code and outputs", (_, hosts, onPullRequest, onPush, exit, decision, reason) => {
  expect(status(only(hosts)).state).toBe(onPullRequest);
  expect(status(only(hosts, "push")).state).toBe(onPush);
  expect(exitCode(only(hosts))).toBe(exit);
  expect(outputs(only(hosts), { plan: "p", report: "r", html: "h" })).toMatchObject({
    decision,
    "reason-code": reason,
    plan: "p",
    report: "r",
  });
});

test("several exit codes at once: 4 over 2 over 1 over 3 over 0", () => {
  expect(worstExit([])).toBe(0);
  expect(worstExit([0, 3])).toBe(3);
  expect(worstExit([3, 1, 0])).toBe(1);
  expect(worstExit([1, 2, 3])).toBe(2);
  expect(worstExit([1, 4, 2])).toBe(4);
});

test("the headline counts in words what will happen, and what is only observed apart", () => {
  expect(headline(only(sampleHosts).hosts)).toBe(
    "1 host failed · 1 host needs you · 1 reboot · 2 clean · 1 removed · 2 not managed (1 reboot, 1 clean) · 2 unchanged",
  );
  expect(headline(only([watched]).hosts)).toBe("1 not managed (1 risky)");
});

test("a description fits what GitHub takes, also of a huge fleet and of a hostile message", () => {
  const many = Array.from({ length: 900 }, (_, i) => [
    changed(`a${i}`, databaseDiff("x"), judgement(databaseFindings), { action: "hold", reasons: ["r"] }),
    unchanged(`b${i}`),
    changed(`c${i}`, databaseDiff("x"), judgement([]), { action: "observe", reasons: ["r"] }),
  ]).flat();
  expect(status(only([...many, ...sampleHosts])).description.length).toBeLessThanOrEqual(140);
  const broken = brokenStatus(`\u001b[31m${"x".repeat(1_000)}\n`);
  expect(broken.description.length).toBeLessThanOrEqual(140);
  expect(broken.description).not.toContain("\u001b");
  expect(broken.state).toBe("failure");
});

test("the list of hosts in the outputs is JSON and stays within what a job may put out", () => {
  const [first] = JSON.parse(outputs(only(sampleHosts), { plan: "", report: "", html: "" }).hosts) as unknown[];
  expect(first).toEqual({ host: "ci", state: "failed", action: "fail", reason: "usage" });
  const many = Array.from({ length: 9_000 }, (_, i) => unchanged(`host-with-a-long-name-${i}`));
  const text = outputs(only(many), { plan: "", report: "", html: "" }).hosts;
  expect(text.length).toBeLessThanOrEqual(500_000);
  expect(JSON.parse(text)).toBeInstanceOf(Array);
});
