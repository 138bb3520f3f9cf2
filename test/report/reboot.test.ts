import { describe, expect, test } from "vitest";
import type { Outcome, OutcomeKind } from "../../src/apply/outcome.ts";
import { HostName } from "../../src/discover/host.ts";
import { failure } from "../../src/failure.ts";
import { parsePolicy } from "../../src/policy.ts";
import type { Rebooted } from "../../src/reboot/reboot-outcome.ts";
import { comment } from "../../src/report/comment.ts";
import { exitCode } from "../../src/report/exit-code.ts";
import { notification } from "../../src/report/notification.ts";
import { outputs } from "../../src/report/outputs.ts";
import { whatHappens } from "../../src/report/phrases.ts";
import { Plan, type PlanHost } from "../../src/report/plan.ts";
import { rebootExit } from "../../src/report/reboot-exit.ts";
import { rebootedJson, rebootedText } from "../../src/report/rebooted-text.ts";
import { rebootLine } from "../../src/report/reboot-line.ts";
import { isRebootNews } from "../../src/report/reboot-news.ts";
import { rebootOf } from "../../src/report/reboot-of.ts";
import { rebootPlan, rebootReport } from "../../src/report/reboot-plan.ts";
import { terminalReport } from "../../src/report/terminal.ts";

const now = new Date("2026-11-25T12:00:00Z");
const policy = parsePolicy({
  hosts: { web1: { group: "web" }, web2: { group: "web" }, vault: { reboot: { attended: true } } },
  groups: { web: { reboot: { windows: [{ days: ["sun"], from: "02:00", to: "04:00", zone: "Europe/Berlin" }] } } },
});

function rebooted(name: string, outcome: OutcomeKind, reason: string, more: Partial<Rebooted> = {}): Rebooted {
  const host = HostName.parse(name);
  const bad =
    outcome === "reboot-failed" ? { failure: failure("reboot-failed", { host: name, why: "never-came-back", sentence: reason }) } : {};
  const made: Outcome = { outcome, reasons: [reason], misses: [], attempts: [], ...bad };
  return { host, outcome: made, moved: false, pending: undefined, seconds: undefined, ...more };
}
const waiting = (hours: number, overdue = false): Rebooted["pending"] => ({ since: now, hours, missed: 2, overdue, next: now });
const plan = (...hosts: Rebooted[]): Plan =>
  rebootPlan(
    hosts.map((one) => rebootReport(one, policy, now)),
    {
      tool: { version: "0.1.0" },
      flake: ".",
      event: "schedule",
      revision: { head: "1".repeat(40) },
      startedAt: now,
      finishedAt: now,
      policy: { source: "deployGate" },
      detail: "full",
    },
  );

const quiet = [
  rebooted("db1", "unchanged", "It runs what it boots."),
  rebooted("web1", "reboot-pending", "It reboots in 3 days.", { pending: waiting(30) }),
];

describe("a run of reboots", () => {
  test("what waits for its window is no news; what waits too long, was done, failed or needs a person is", () => {
    expect(isRebootNews(plan(...quiet))).toBe(false);
    expect(isRebootNews(plan(...quiet, rebooted("web2", "reboot-pending", "It waits.", { pending: waiting(400, true) })))).toBe(true);
    for (const kind of ["rebooted", "reboot-failed", "reboot-held", "unreachable"] as const)
      expect(isRebootNews(plan(...quiet, rebooted("web2", kind, "So."))), kind).toBe(true);
  });
  test("nobody is told every hour of what waits for its window or for a person; what failed, or waits for too long, is told with a command", () => {
    const byHand = rebooted("vault", "reboot-held", "Somebody has to be there when it boots.", { pending: waiting(30) });
    expect(notification(plan(...quiet, byHand, rebooted("ada", "offline", "It does not answer.")), undefined)).toBeUndefined();
    const late = notification(plan(...quiet, rebooted("web2", "reboot-pending", "It waits.", { pending: waiting(400, true) })), undefined);
    expect(late).toMatchObject({ urgent: false, hosts: [{ host: "web2" }] });
    expect(late?.text).toContain("nixos-deploy-gate reboot --now --hosts web2");
    const bad = notification(plan(...quiet, byHand, rebooted("web2", "reboot-failed", "It does not answer any more.")), undefined);
    expect(bad).toMatchObject({ urgent: true, hosts: [{ host: "web2" }] });
  });
  test("a failed reboot is told once, with its age when it is told again; what somebody types is not what would only say the same", () => {
    const since = new Date(now.getTime() - 3 * 86_400_000);
    const held = (tell: boolean) =>
      rebooted("web1", "reboot-held", "It was rebooted for this once.", { trouble: { since, tell, to: "/nix/store/x" } });
    expect(notification(plan(held(false)), undefined)).toBeUndefined();
    const again = notification(plan(held(true)), undefined);
    expect(again?.text).toContain("web1 since 2026-11-22 12:00 UTC, 3 days.");
    expect(again?.hosts).toMatchObject([{ host: "web1", since: since.toISOString() }]);
    // Another host's trouble is told all the same.
    const bad = rebooted("web2", "reboot-failed", "So.", { trouble: { since: now, tell: true, to: "/nix/store/y" } });
    expect(notification(plan(held(false), bad), undefined)?.hosts.map(({ host }) => host)).toEqual(["web2"]);
  });
  test("a run of reboots does not say that it judged or compared anything, nor that a host boots what it did not boot", () => {
    const [a, b] = ["a", "b"].map((letter) => `/nix/store/${letter.repeat(32)}-nixos-system-web-26.05`);
    const failed = rebooted("web2", "reboot-failed", "It came back with another.");
    const made = plan({ ...failed, outcome: { ...failed.outcome, now: { current: a, booted: a, profile: b } } });
    for (const text of [
      comment(made, { limit: 60_000, detail: "full", links: {} }),
      terminalReport(made, { width: 100, color: false, unicode: true }),
    ]) {
      expect(text).toContain("A run of reboots: no change is judged, and nothing is changed but what is booted.");
      expect(text).toContain("By the policy of revision");
      expect(text).not.toMatch(/Judged by rules|compared with|It boots/);
      expect(text).toContain("It was to boot");
    }
  });
  test("a laptop that sleeps is no failure and no news", () => {
    const asleep = rebooted("ada", "offline", "It does not answer, which its policy allows.");
    expect([rebootExit([asleep], false), rebootExit([asleep], true), exitCode(plan(...quiet, asleep))]).toEqual([0, 0, 0]);
    expect(isRebootNews(plan(...quiet, asleep))).toBe(false);
    expect(rebootedText([asleep], new Map(), { unicode: true })).toContain("ada: offline");
  });
  test("is a plan like any other, whose longest wait is an output", () => {
    const made = plan(...quiet, rebooted("web2", "reboot-failed", "It does not answer any more."));
    expect(Plan.parse(JSON.parse(JSON.stringify(made)))).toEqual(made);
    expect(made.hosts.map((host) => host.host)).toEqual(["web2", "web1", "db1"]);
    expect(outputs(made, { plan: "", report: "", html: "" })).toMatchObject({
      decision: "failed",
      "reason-code": "reboot-failed",
      "pending-hours": "30.0",
    });
    const text = comment(made, { limit: 60_000, detail: "full", links: {} });
    expect(text).toContain("1 did not reboot as planned · 1 to be rebooted · 1 unchanged");
    expect(text).toContain("ssh web2 true");
    expect(terminalReport(made, { width: 100, color: false, unicode: true })).toContain("It reboots in 3 days.");
  });
  test("text and exit codes of the shell", () => {
    const all = [...quiet, rebooted("vault", "reboot-held", "Somebody has to be there.")];
    expect(rebootedText(all, new Map(), { unicode: true })).toBe(
      "1 reboot held, 1 reboot pending, 1 runs what it boots\n\nvault: reboot held\n  Somebody has to be there.\n\nweb1: reboot pending\n  It reboots in 3 days.\n",
    );
    expect(JSON.parse(rebootedJson(all, new Map()))).toMatchObject({
      schema: 1,
      hosts: [{ host: "db1" }, { host: "web1", pending: { missed: 2 } }, {}],
    });
    expect([rebootExit(quiet, false), rebootExit(quiet, true), rebootExit(all, false)]).toEqual([0, 3, 3]);
    expect(rebootExit([...all, rebooted("web2", "reboot-failed", "So.")], false)).toBe(1);
    // A host's words cannot move the cursor.
    expect(rebootedText([rebooted("web1", "reboot-failed", "\u001b[2J")], new Map(), { unicode: true })).not.toContain("\u001b");
  });
});

test("a pull request says which hosts its merge reboots, and when; what nobody reboots by itself is said apart", () => {
  const host = (name: string, action: string, outcome?: OutcomeKind) => {
    const report = {
      host: HostName.parse(name),
      decision: { action, reasons: [""] },
      ...(outcome === undefined ? {} : { outcome: { outcome } }),
    };
    const { reboot } = rebootOf(report as unknown as Parameters<typeof rebootOf>[0], policy, now);
    return { ...report, ...(reboot === undefined ? {} : { reboot: { when: reboot.when, byHand: reboot.byHand } }) };
  };
  const line = (event: string, ...hosts: object[]): string | undefined => rebootLine({ event, hosts } as unknown as Plan);
  const changes = [host("web1", "deploy-then-reboot"), host("web2", "stage"), host("db1", "deploy")];
  const row = (one: object): string => whatHappens(one as PlanHost, "pull_request");
  expect([...changes, host("vault", "deploy-then-reboot"), host("vault", "stage")].map(row)).toEqual([
    "is switched, then reboots",
    "becomes the boot default, then reboots",
    "is switched, no reboot",
    "is switched; a person reboots it",
    "becomes the boot default; a person reboots it",
  ]);
  expect(line("pull_request", ...changes)).toBe("Merging this reboots 2 hosts: web1, web2 Sun 02:00–04:00 Europe/Berlin.");
  expect(line("pull_request", ...changes, host("vault", "stage"))).toBe(
    "Merging this reboots 2 hosts: web1, web2 Sun 02:00–04:00 Europe/Berlin. Somebody has to reboot vault: by policy nothing does so by itself.",
  );
  expect(line("push", host("web1", "stage", "staged"), host("web2", "stage", "rolled-back"))).toBe(
    "Still to be rebooted: 1 host: web1 Sun 02:00–04:00 Europe/Berlin.",
  );
  expect(line("push", host("db1", "deploy"))).toBeUndefined();
});
