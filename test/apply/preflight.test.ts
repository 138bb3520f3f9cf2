import { describe, expect, test } from "vitest";
import { groupsOf } from "../../src/apply/group-health.ts";
import { overridable, preflight, preflightChecks, type PreflightCase } from "../../src/apply/preflight.ts";
import { parsePolicy } from "../../src/policy.ts";
import type { Observation } from "../../src/target/observation.ts";
import {
  address,
  attempt,
  check,
  digest,
  endedAs,
  gibibyte,
  host,
  observation,
  revision,
  started,
  system,
  unit,
  whole,
} from "./sample-host.ts";

const planned: PreflightCase["planned"] = {
  from: { current: system("a"), profile: system("a"), specialisation: undefined },
  to: system("b"),
  activate: system("b"),
  mode: "switch",
  need: { copyBytes: gibibyte, copyPaths: 500, bootBytes: 60 * 1024 ** 2 },
  revision: revision("b"),
  approval: undefined,
};
const looked = (over: Partial<Observation> = {}): PreflightCase["look"] => ({ kind: "observed", observation: observation(over) });
const base: PreflightCase = {
  address,
  planned,
  look: looked(),
  ledger: "none",
  checks: [],
  group: undefined,
  isAncestor: () => "unknown",
  ownAttempts: [],
  despite: [],
};
const run = (over: Partial<PreflightCase> = {}) => preflight({ ...base, ...over });
const line = (over: Partial<PreflightCase>, name: string) => run(over).checks.find((one) => one.check === name);
/** The one thing that is not green, and what follows from it. */
const against = (over: Partial<PreflightCase>) => {
  const { checks, summary } = run(over);
  return { not: checks.filter((one) => one.outcome !== "passed").map((one) => `${one.check} ${one.outcome}`), may: summary.may };
};
const plan = (over: Partial<PreflightCase["planned"]>): Partial<PreflightCase> => ({ planned: { ...planned, ...over } });

test("a host that is well may be changed; every check was asked and says a sentence", () => {
  const { checks, summary } = run({
    checks: [check("web")],
    look: looked({ failedUnits: ["backup.service"], units: [unit("x.service", { subState: "auto-restart" })] }),
  });
  expect(checks.map((one) => one.check)).toEqual(preflightChecks);
  for (const one of checks) expect(one.sentence).toMatch(/^\S.* .*\.$/);
  expect(summary).toMatchObject({
    may: "go",
    baseline: { failedUnits: ["backup.service"], restarting: ["x.service"], checks: [{ key: "web" }] },
  });
});

describe("what is no host to be changed fails", () => {
  test("one that does not answer", () => {
    const { checks, summary } = run({ look: { kind: "silent", trouble: "unreachable", detail: "No route to host" } });
    expect(summary).toMatchObject({ may: "fail", outcome: "unreachable", next: "ssh root@web1.example true" });
    expect(checks).toHaveLength(1);
  });
  test.each([
    ["another name", { identity: { name: "db1", machineId: "0".repeat(32) } }, "host"],
    ["another machine id", { identity: { name: "web1", machineId: "1".repeat(32) } }, "host"],
    ["an unreadable machine id", { identity: { name: "web1", machineId: undefined } }, "host"],
    ["no NixOS", { isNixos: false }, "nixos"],
    ["nothing active", { current: undefined }, "nixos"],
  ])("%s", (_, over, name) => {
    const { checks, summary } = run({ look: looked(over) });
    expect(checks.at(-1)).toMatchObject({ check: name, outcome: "failed" });
    expect(summary).toMatchObject({ may: "fail", outcome: "failed" });
    expect(summary.may === "fail" && summary.next).toBeTruthy();
  });
});

describe("what is there already is done", () => {
  test("active and booting", () => {
    expect(run({ look: looked({ current: system("b"), profile: system("b") }) }).summary).toMatchObject({
      may: "done",
      outcome: "unchanged",
    });
  });
  test("staged, where only a boot brings it in", () => {
    const look = looked({ profile: system("b") });
    expect(run({ look, ...plan({ mode: "boot-only" }) }).summary).toMatchObject({ may: "done", outcome: "staged" });
    expect(run({ look }).summary.may).toBe("hold");
  });
  test("not where only what is active is right: another boots", () => {
    expect(run({ look: looked({ current: system("b") }) }).summary).toMatchObject({ may: "hold", outcome: "superseded" });
  });
});

describe("anything else that is not shown to be well holds", () => {
  const full = { sizeBytes: 1, freeBytes: 1000, freeInodes: 9 };
  const cases: [string, Partial<PreflightCase>, string[]][] = [
    ["it was switched meanwhile", { look: looked({ current: system("c") }) }, ["from failed", "order inconclusive"]],
    ["it boots another", { look: looked({ profile: system("c") }) }, ["from failed", "order inconclusive"]],
    ["its profile cannot be told", { look: looked({ profile: undefined }) }, ["from inconclusive", "order inconclusive"]],
    ["it left its specialisation", plan({ from: { ...planned.from, specialisation: "travel" } }), ["specialisation failed"]],
    [
      "the specialisation is gone",
      { look: looked({ specialisation: "travel" }), ...plan({ from: { ...planned.from, specialisation: "travel" }, activate: undefined }) },
      ["specialisation failed"],
    ],
    [
      "another activation runs",
      { look: looked({ activations: ["nixos-rebuild-switch-to-configuration.service"] }) },
      ["activation failed"],
    ],
    ["the lock is held", { look: looked({ switchLock: "held" }) }, ["activation failed"]],
    ["the lock cannot be told", { look: looked({ switchLock: "unknown" }) }, ["activation inconclusive"]],
    ["it is in rescue mode", { look: looked({ systemState: "maintenance" }) }, ["activation failed"]],
    ["a reboot is scheduled", { look: looked({ scheduledShutdown: new Date("2026-03-01T11:00:00Z") }) }, ["shutdown failed"]],
    ["it is shutting down", { look: looked({ systemState: "stopping" }) }, ["shutdown failed"]],
    ["/nix is full", { look: looked({ space: { ...observation().space, store: { ...full, freeInodes: 1e7 } } }) }, ["store-space failed"]],
    [
      "room for the bytes alone is not enough",
      { look: looked({ space: { ...observation().space, store: { sizeBytes: 1, freeBytes: gibibyte + 1, freeInodes: 1e7 } } }) },
      ["store-space failed"],
    ],
    ["no inodes are left", { look: looked({ space: { ...observation().space, store: { ...full, freeBytes: 1e12 } } }) }, ["inodes failed"]],
    [
      "the room on /nix cannot be told",
      { look: looked({ space: { ...observation().space, store: undefined } }) },
      ["store-space inconclusive", "inodes inconclusive"],
    ],
    [
      "/boot is full",
      { look: looked({ space: { ...observation().space, boot: { ...full, mountPoint: "/boot" } } }) },
      ["boot-space failed"],
    ],
    [
      "the room on /boot cannot be told",
      { look: looked({ space: { ...observation().space, boot: undefined } }) },
      ["boot-space inconclusive"],
    ],
    ["the size of what comes is not known", plan({ need: { ...planned.need, copyBytes: undefined } }), ["store-space inconclusive"]],
    ["a check fails", { checks: [check("web"), check("db", "failed"), check("mail", "inconclusive")] }, ["checks failed"]],
    ["a check could not be asked", { checks: [check("web"), check("mail", "inconclusive")] }, ["checks inconclusive"]],
    ["the ledger cannot be read", { ledger: "unreadable" }, ["order error", "attempts error"]],
  ];
  test.each(cases)("%s", (_, over, not) => {
    expect(against(over)).toEqual({ not, may: "hold" });
  });

  test("a host without a boot partition, or without a kernel to come, needs no room there", () => {
    const space = { ...observation().space, boot: undefined };
    const root = { target: "/", source: "/dev/sda1", root: "/", type: "ext4", options: [], superOptions: [] };
    expect(run({ look: looked({ space, mounts: [root] }) }).summary.may).toBe("go");
    expect(run({ look: looked({ space }), ...plan({ need: { ...planned.need, bootBytes: 0 } }) }).summary.may).toBe("go");
    expect(run({ look: looked({ space, mounts: [root, { ...root, target: "/boot" }] }) }).summary.may).toBe("hold");
  });
  test("nothing to copy needs no room: a second try of what is there already", () => {
    const store = { sizeBytes: 1, freeBytes: 0, freeInodes: 0 };
    const need = { copyBytes: 0, copyPaths: 0, bootBytes: 0 };
    expect(run({ look: looked({ space: { ...observation().space, store } }), ...plan({ need }) }).summary.may).toBe("go");
  });
});

describe("order", () => {
  const applied = whole("deployed", { to: system("a"), revision: revision("a") });
  const history =
    (ancestors: Record<string, string[]>): PreflightCase["isAncestor"] =>
    (a, b) =>
      ancestors[b]?.includes(a) ?? false;
  const line1 = history({ [revision("b")]: [revision("a")] });
  test.each([
    ["newer", applied, revision("b"), line1, "passed"],
    ["the same", applied, revision("a"), () => "unknown" as const, "passed"],
    ["older", applied, revision("9"), history({ [revision("a")]: [revision("9")] }), "failed"],
    ["neither", applied, revision("b"), () => false, "failed"],
    ["not to be told", applied, revision("b"), () => "unknown" as const, "inconclusive"],
    ["of no revision", applied, undefined, line1, "inconclusive"],
    ["first", [], revision("b"), () => "unknown" as const, "passed"],
    [
      "after one that never took effect",
      [...whole("rolled-back", { revision: revision("c"), to: system("c") }), ...whole("refused", { to: system("d") })],
      revision("b"),
      () => "unknown" as const,
      "passed",
    ],
    ["after one that was staged", whole("staged", { revision: revision("c"), to: system("c") }), revision("b"), () => false, "failed"],
  ] as const)("%s", (_, ledger, ours, isAncestor, outcome) => {
    expect(line({ ledger, isAncestor, ...plan({ revision: ours }) }, "order")).toMatchObject({ outcome });
  });
  test("an older one is called older, and what to do about it is said", () => {
    const older = line(
      { ledger: applied, isAncestor: history({ [revision("a")]: [revision("9")] }), ...plan({ revision: revision("9") }) },
      "order",
    );
    expect(older).toMatchObject({
      sentence: expect.stringMatching(/is older than/),
      next: expect.stringMatching(/^nixos-deploy-gate rollback/),
    });
  });
  test("nothing was ever applied, but the host is not what was planned for", () => {
    expect(line({ ledger: "none", look: looked({ current: system("c") }) }, "order")).toMatchObject({ outcome: "inconclusive" });
  });
});

describe("attempts", () => {
  const of = (ledger: PreflightCase["ledger"], over: Partial<PreflightCase> = {}) =>
    line({ ledger, isAncestor: () => true, ...over }, "attempts");
  test.each(["rolled-back", "rollback-failed", "left-unconfirmed"] as const)("what ended as %s is not tried again by itself", (outcome) => {
    expect(of(whole(outcome))).toMatchObject({ outcome: "failed" });
    expect(of(whole(outcome, { to: system("c") }))).toMatchObject({ outcome: "passed" });
    expect(of([...whole(outcome), ...whole("deployed")])).toMatchObject({ outcome: "passed" });
  });
  test.each(["refused", "superseded", "deployed", "staged"] as const)("what ended as %s may be", (outcome) => {
    expect(of(whole(outcome))).toMatchObject({ outcome: "passed" });
  });
  test("one that a loss of power cut off is tried once more, and no more", () => {
    expect(of([started(attempt(), "boot-0")])).toMatchObject({
      outcome: "passed",
      sentence: expect.stringMatching(/loss of power.*once more/),
    });
    expect(of([started(attempt(), "boot-1")])).toMatchObject({ outcome: "passed", sentence: expect.stringMatching(/broke off/) });
    expect(of([started(attempt(), "boot-0"), started(attempt(), "boot-0")])).toMatchObject({ outcome: "failed" });
  });
  test("one that nobody confirmed in time is tried once more: a gate that was killed confirms nothing either", () => {
    const silent = whole("rolled-back").map((entry) => (entry.event === "ended" ? { ...entry, reason: "not-confirmed" } : entry));
    expect(of(silent)).toMatchObject({ outcome: "passed", sentence: expect.stringMatching(/not confirmed in time.*once more/) });
    expect(of([...silent, ...silent])).toMatchObject({ outcome: "failed" });
    expect(of([...silent, ...whole("rolled-back")])).toMatchObject({ outcome: "failed" });
    expect(of([...silent, ...whole("deployed"), ...silent])).toMatchObject({ outcome: "passed" });
  });
  test("the boot loader gets a second try", () => {
    expect(of(whole("live-but-old-boots"))).toMatchObject({ outcome: "passed" });
    expect(of([...whole("live-but-old-boots"), ...whole("live-but-old-boots")])).toMatchObject({ outcome: "failed" });
  });
  test("what a person went back from is not brought in again by the next push of the same system", () => {
    const back = whole("deployed", { operation: "rollback", from: { current: system("b"), profile: system("b") }, to: system("a") });
    expect(of([...whole("deployed"), ...back])).toMatchObject({ outcome: "failed", sentence: expect.stringMatching(/A person went back/) });
  });
  test("a fresh approval is another try; other strategies of this very run are none", () => {
    const approval = { by: "ada", digest: digest("1") };
    expect(of(whole("rolled-back"), plan({ approval }))).toMatchObject({
      outcome: "passed",
      sentence: expect.stringMatching(/A person has approved/),
    });
    const own = attempt({ digest: digest("1") });
    const ledger = [started(own), endedAs(own, "rolled-back")];
    expect(run({ ledger, ...plan({ approval }) }).summary.may).toBe("hold");
    expect(run({ ledger, ...plan({ approval }), ownAttempts: [own.id] }).summary.may).toBe("go");
  });
});

describe("approval", () => {
  const approval = { by: "ada", digest: digest("1") };
  test.each([
    ["never used", [], "passed"],
    ["another one used", whole("deployed", { digest: digest("2"), to: system("c") }), "passed"],
    ["used, and it went well", whole("deployed", { digest: digest("1"), to: system("c") }), "failed"],
    ["used, and nothing was done", whole("refused", { digest: digest("1") }), "failed"],
    ["begun and not ended", [started(attempt({ digest: digest("1") }), "boot-0")], "failed"],
    ["rejected", [{ v: 1, event: "rejected", at: 1, digest: digest("1"), by: "bob" }], "failed"],
    ["not to be told", "unreadable", "error"],
  ] as const)("%s", (_, ledger, outcome) => {
    expect(line({ ledger, isAncestor: () => true, ...plan({ approval }) }, "approval")).toMatchObject({ outcome });
  });
});

describe("group", () => {
  const policy = parsePolicy({
    hosts: Object.fromEntries(["web1", "web2", "web3"].map((name) => [name, { group: "web" }])),
    groups: { web: { quorum: true } },
  });
  const group = groupsOf(policy).get("web")!;
  const health = (...sick: string[]) =>
    new Map(group.members.map((member) => [member, { healthy: !sick.includes(member), sentence: "It is shown so." }] as const));
  test.each([
    ["all are well", health(), "go"],
    ["it is itself the sick one", health("web1"), "go"],
    ["another is away", health("web2"), "hold"],
    ["nothing is known of another", new Map([...health()].filter(([member]) => member !== host("web3"))), "hold"],
  ])("%s", (_, known, may) => {
    const { checks, summary } = run({ group: { group, health: known } });
    expect(summary.may).toBe(may);
    expect(checks.find((one) => one.check === "group")?.sentence).toMatch(/^(The group|Without)/);
  });
});

test("a person may go on in spite of checks, group, order and attempts, and of nothing else", () => {
  const checks = [check("web", "failed")];
  const { summary } = run({ checks, despite: ["checks"] });
  expect(summary.may).toBe("go");
  expect(summary.reasons.join(" ")).toMatch(/in spite of that/);
  expect(run({ checks, despite: ["group"] }).summary.may).toBe("hold");
  expect(run({ look: looked({ switchLock: "held" }), despite: overridable }).summary.may).toBe("hold");
});

test("whatever is not well says what to type, on the machine where it helps and by the way that leads there", () => {
  const through = { ...address, user: "deploy", sudo: true, port: 2222, jump: ["jump@bastion.example:2200"] };
  const typed = (over: Partial<PreflightCase>, name: string) =>
    preflight({ ...base, address: through, ...over }).checks.find((one) => one.check === name)?.next;
  const login = "ssh -J jump@bastion.example:2200 -p 2222 deploy@web1.example";
  expect(typed({ look: { kind: "silent", trouble: "unreachable", detail: "" } }, "reachable")).toBe(`${login} true`);
  expect(typed({ look: looked({ switchLock: "held" }) }, "activation")).toBe(
    `${login} 'sudo fuser -v /run/nixos/switch-to-configuration.lock'`,
  );
  expect(typed({ look: looked({ current: system("c") }) }, "from")).toBe(
    "nixos-deploy-gate deploy --dry-run --hosts web1   # compares with what it runs now",
  );
  const boot = { sizeBytes: gibibyte, freeBytes: 1, freeInodes: undefined, mountPoint: "/boot" };
  expect(typed({ look: looked({ space: { ...observation().space, boot } }) }, "boot-space")).toBe(
    `${login} 'sudo nix-env -p /nix/var/nix/profiles/system --delete-generations +3 && sudo /run/current-system/bin/switch-to-configuration boot'`,
  );
  // A host names its own units: what a shell would read in one stays out of what a person pastes.
  expect(typed({ look: looked({ activations: ["x'; rm -rf /; '.service"] }) }, "activation")).toBe(`${login} 'sudo systemctl status'`);
  const many = preflight({
    ...base,
    look: looked({ switchLock: "unknown", systemState: "stopping", specialisation: "blue" }),
    ledger: "unreadable",
  });
  for (const one of many.checks) expect([one.check, one.next === undefined]).toEqual([one.check, one.outcome === "passed"]);
  expect(many.summary).toMatchObject({ may: "hold", next: expect.any(String) as string });
});
