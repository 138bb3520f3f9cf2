import { describe, expect, test } from "vitest";
import type { CheckResult } from "../../src/target/check-result.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import type { Observation } from "../../src/target/observation.ts";
import { LedgerEntry as LedgerSchema } from "../../src/target/ledger.ts";
import { rebootAttempts, stopsGroup } from "../../src/reboot/attempts.ts";
import { rebootDuration } from "../../src/reboot/duration.ts";
import { rebootDue, type DueQuestion } from "../../src/reboot/due.ts";
import { resume } from "../../src/reboot/resume.ts";
import type { RebootEvent, RebootJob, RebootState, Step } from "../../src/reboot/state.ts";
import { step } from "../../src/reboot/state-machine.ts";
import { boot1, boot2, deployed, newSystem, night, observed, oldSystem, policyOf, system, web1 } from "./sample.ts";

const need = { needed: true, reasons: [], release: { running: "6.12.40", wanted: "6.12.44" } };
const staged = deployed("deploy-1", newSystem, new Date("2026-11-20T01:30:00Z"));
const later = (seconds: number, from = night): Date => new Date(from.getTime() + seconds * 1000);
const due = (changes: Partial<DueQuestion> = {}) =>
  rebootDue({ host: web1, observation: observed(), need, ledger: staged, policy: policyOf(), now: night, ...changes });
const why = (changes: Partial<DueQuestion>): string => {
  const answer = due(changes);
  return answer.kind === "person" ? answer.why : answer.kind;
};

function job(policy: object = {}): RebootJob {
  const answer = due();
  if (answer.kind !== "now") throw new Error(answer.sentence);
  return {
    ...answer.plan,
    bootId: boot1,
    group: "web",
    policy: policyOf(policy),
    latest: answer.latest,
    failedBefore: undefined,
    fireAt: undefined,
  };
}

const spare = { allowed: true, sentence: "It can be spared." };
const ready = (changes: Partial<Extract<RebootEvent, { event: "preflighted" }>> = {}): RebootEvent => ({
  event: "preflighted",
  now: night,
  observation: observed(),
  checks: [],
  inhibited: [],
  leave: spare,
  ...changes,
});
const back = (changes: Partial<Observation> = {}): Observation =>
  observed({ bootId: boot2, booted: newSystem, at: later(90), uptimeSeconds: 30, ...changes });

/** All the way, as far as it goes; what was done on the way. */
function through(events: readonly RebootEvent[], policy: object = {}): { state: RebootState; effects: Step["effects"] } {
  let state: RebootState = { kind: "due", job: job(policy) };
  const effects: Step["effects"][number][] = [];
  for (const event of events) {
    const next = step(state, event);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}
const go: RebootEvent = { event: "go", now: night };
const begun: RebootEvent = { event: "begun", ok: true, detail: "" };
const surveyed: RebootEvent = { event: "surveyed", now: night, leave: spare };
const ordered: RebootEvent = { event: "ordered", now: night, result: "ordered", reason: "ordered" };
const seen = (observation: Observation, now = observation.at): RebootEvent => ({ event: "observed", now, observation });
const well: RebootEvent = { event: "verified", problems: [] };
const started = (through([go, ready()]).effects.find(({ effect }) => effect === "begin") as { entry: LedgerEntry }).entry;
const kinds = ({ effects }: { effects: Step["effects"] }): string[] => effects.map(({ effect }) => effect);

describe("due", () => {
  test("in its window, and until when it can begin", () => {
    expect(due()).toMatchObject({
      kind: "now",
      latest: new Date("2026-11-29T02:53:00Z"),
      pending: { hours: 216, missed: 1, overdue: false },
    });
    expect(due({ now: later(7200), observation: observed({ at: later(7200) }) })).toMatchObject({
      kind: "later",
      sentence: "It reboots in 7 days (Sun 6 Dec 02:00 CET).",
      pending: { missed: 2 },
    });
    expect(due({ policy: policyOf({ overdueHours: 200 }) })).toMatchObject({ pending: { overdue: true } });
    expect(due({ need: { ...need, needed: false } }).kind).toBe("nothing");
  });

  test("what needs a person says so", () => {
    expect(why({ policy: policyOf({ attended: true }) })).toBe("attended");
    expect(why({ policy: policyOf({ windows: "never" }) })).toBe("never");
    expect(why({ ledger: "none" })).toBe("no-ledger");
    expect(why({ ledger: "unreadable" })).toBe("ledger-unreadable");
    expect(why({ observation: observed({ booted: undefined }) })).toBe("unknown-system");
    expect(why({ now: later(600) })).toBe("clock");
    expect(why({ now: later(-600) })).toBe("clock");
    expect(why({ now: later(60) })).toBe("now");
    expect(why({ policy: policyOf({ blackout: [{ from: "2020-01-01", to: "2099-01-01" }] }) })).toBe("no-window");
    expect(why({ policy: policyOf({ expectedSeconds: 9000 }) })).toBe("window-too-short");
  });

  test("a plan that was rebooted for once is not rebooted for again; a plan of another generation is another one", () => {
    const tried: LedgerEntry[] = [...staged, started, { v: 1, event: "rebooted", at: 2e9, id: job().attempt.id, seconds: 90, ok: false }];
    expect(why({ ledger: tried, observation: observed({ bootId: boot2 }) })).toBe("tried");
    expect(why({ ledger: [...staged, started], observation: observed({ bootId: boot2 }) })).toBe("tried");
    expect(why({ ledger: tried, observation: observed({ bootId: boot2, generation: 8 }) })).toBe("now");
    expect(why({ ledger: tried, observation: observed({ bootId: boot2, profile: system("c") }) })).toBe("now");
  });

  test("what was begun three times in vain is not begun again; what lost a race is", () => {
    const times = (reason: string, n: number): LedgerEntry[] =>
      Array.from({ length: n }, (_, i) => {
        const id = job().attempt.id.replace(/1$/, String(i + 1));
        const line = { ...started, attempt: { ...job().attempt, id } } as LedgerEntry;
        return [line, { v: 1, event: "ended", at: 2, id, outcome: "refused", reason } as LedgerEntry];
      }).flat();
    expect(why({ ledger: [...staged, ...times("drain-failed", 2)] })).toBe("now");
    expect(why({ ledger: [...staged, ...times("drain-failed", 3)] })).toBe("given-up");
    expect(why({ ledger: [...staged, ...times("group-busy", 9)] })).toBe("now");
    const third = due({ ledger: [...staged, ...times("drain-failed", 2)] });
    expect(third.kind === "now" && third.plan.attempt.id).toMatch(/^reboot-[0-9a-f]{32}-3$/);
  });

  test("durations come from the ledger, the slowest of the last five and a quarter more", () => {
    const took = (...all: number[]): LedgerEntry[] =>
      all.map((seconds, n) => ({ v: 1, event: "rebooted", at: n, id: "reboot-x1", seconds, ok: seconds !== 999 }));
    expect(rebootDuration(policyOf(), [])).toMatchObject({ seconds: 300, needed: 420, measured: 0 });
    expect(rebootDuration(policyOf(), took(900, 100, 120, 80, 90, 110, 999))).toMatchObject({ seconds: 150, needed: 270, measured: 5 });
    expect(rebootDuration(policyOf({ drain: ["d"], undrain: ["u"] }), [])).toMatchObject({ needed: 420, neededWithDrain: 720 });
  });
});

describe("a reboot", () => {
  test("goes its way", () => {
    const all = [
      go,
      ready(),
      begun,
      surveyed,
      ordered,
      { event: "silent", now: later(20) } as const,
      seen(observed({ ...back(), systemState: "starting" })),
      seen(back({ at: later(95) })),
      well,
    ];
    const done = through(all);
    expect(done.state).toMatchObject({ kind: "released", seconds: 95 });
    expect(kinds(done)).toEqual(["preflight", "begin", "survey", "reboot", "observe", "observe", "observe", "verify", "settle", "note"]);
    for (const effect of done.effects) if ("entry" in effect) expect(LedgerSchema.parse(effect.entry)).toEqual(effect.entry);
    expect(done.effects.at(-1)).toMatchObject({ entry: { event: "rebooted", ok: true, seconds: 95 } });
  });

  test("is drained before and undrained after, and only then released", () => {
    const policy = { drain: ["drain", "me"], undrain: ["undrain", "me"] };
    const drained: RebootEvent = { event: "drained", now: later(60), ok: true, detail: "" };
    const verified = through([go, ready(), begun, surveyed, drained, ordered, seen(back()), well], policy);
    expect(verified.state.kind).toBe("undraining");
    expect(kinds(verified)).toEqual(["preflight", "begin", "survey", "drain", "reboot", "observe", "verify", "undrain"]);
    expect(kinds(step(verified.state, { event: "undrained", ok: true, detail: "" }))).toEqual(["settle", "note"]);
    const stays = step(verified.state, { event: "undrained", ok: false, detail: "no leader" });
    expect(stays.state).toMatchObject({
      kind: "failed",
      why: "undrain-failed",
      sentence: "It is still drained, since its undrain command failed: no leader",
    });
    expect(kinds(stays)).toEqual(["stop-group", "escalate"]);
  });

  test.each<[string, object, Partial<Extract<RebootEvent, { event: "preflighted" }>>]>([
    ["clock", {}, { now: later(400) }],
    ["window", {}, { now: later(4981), observation: observed({ at: later(4981) }) }],
    ["window", {}, { now: later(4980), observation: observed({ at: later(4990) }) }],
    ["changed", {}, { observation: observed({ bootId: boot2 }) }],
    ["changed", {}, { observation: observed({ profile: system("c") }) }],
    ["busy", {}, { observation: observed({ scheduledShutdown: night }) }],
    ["busy", {}, { observation: observed({ activations: ["nixos-upgrade.service"] }) }],
    ["busy", {}, { observation: observed({ switchLock: "held" }) }],
    ["busy", {}, { observation: observed({ systemState: "maintenance" }) }],
    ["logged-in", { notWhileLoggedIn: true }, { observation: observed({ loggedIn: ["ada"] }) }],
    ["logged-in", { notWhileLoggedIn: true }, { observation: observed({ loggedIn: undefined }) }],
    ["checks", {}, { checks: [{ key: "k", name: "http", outcome: "inconclusive", sentence: "?", tries: 1 } satisfies CheckResult] }],
    ["group-busy", {}, { leave: { allowed: false, sentence: "No." } }],
    ["inhibited", {}, { inhibited: ["restic runs"] }],
  ])("is not begun: %s", (reason, policy, changes) => {
    const held = through([go, ready(changes)], policy);
    expect(held.state).toMatchObject({ kind: "postponed", why: reason });
    expect(kinds(held)).toEqual(["preflight"]);
  });

  test("is not begun on an attended host, nor outside of the window", () => {
    expect(through([go], { attended: true }).state).toMatchObject({ kind: "postponed", why: "attended" });
    expect(through([{ event: "go", now: later(-3600) }]).state).toMatchObject({ kind: "postponed", why: "window" });
    expect(through([{ event: "go", now: later(4981) }]).state).toMatchObject({ kind: "postponed", why: "window" });
  });

  test("is given up where another run was at its group, and where draining took the window", () => {
    const policy = { drain: ["d"], undrain: ["u"] };
    const raced = through(
      [go, ready(), begun, { event: "surveyed", now: night, leave: { allowed: false, sentence: "db2 is away." } }],
      policy,
    );
    expect(raced.state).toMatchObject({ kind: "postponed", why: "group-busy" });
    expect(raced.effects.at(-1)).toMatchObject({ effect: "give-up", bootId: boot1, entry: { outcome: "refused", reason: "group-busy" } });
    const late = through(
      [
        go,
        ready(),
        begun,
        surveyed,
        { event: "drained", now: later(5000), ok: true, detail: "" },
        { event: "undrained", ok: true, detail: "" },
      ],
      policy,
    );
    expect(kinds(late)).toEqual(["preflight", "begin", "survey", "drain", "undrain", "give-up"]);
    const failed = through([go, ready(), begun, surveyed, { event: "drained", now: night, ok: false, detail: "no" }], policy);
    expect(failed.state.kind).toBe("undraining");
  });

  test("that the host refuses is given up; one whose host has booted since is looked at", () => {
    const refused = (reason: string) =>
      through([go, ready(), begun, surveyed, { event: "ordered", now: night, result: "refused", reason }]);
    expect(refused("boot-entry-wrong").state).toMatchObject({ kind: "postponed", why: "boot-entry" });
    expect(refused("switching").state).toMatchObject({ kind: "postponed", why: "order-refused" });
    expect(refused("boot-changed").state.kind).toBe("rebooting");
  });

  test.each<[string, readonly RebootEvent[], readonly string[]]>([
    ["never-came-back", [{ event: "silent", now: later(1201) }], ["stop-group", "escalate"]],
    ["did-not-go-down", [seen(observed({ at: later(1201) }))], ["note", "stop-group", "escalate"]],
    ["other-generation", [seen(back({ booted: oldSystem }))], ["note", "stop-group", "escalate"]],
    ["other-kernel", [seen(back({ kernel: { release: "6.12.40", commandLine: "", modules: [] } }))], ["note", "stop-group", "escalate"]],
    ["unhealthy", [seen(back({ failedUnits: ["nginx.service"] }))], ["note", "stop-group", "escalate"]],
    ["unhealthy", [seen(back()), { event: "verified", problems: ["It answers with 502."] }], ["verify", "note", "stop-group", "escalate"]],
  ])("that ends as %s stops its group and is told", (reason, events, effects) => {
    const failed = through([go, ready(), begun, surveyed, ordered, ...events]);
    expect(failed.state).toMatchObject({ kind: "failed", why: reason });
    expect(kinds(failed).slice(5)).toEqual(effects);
    for (const effect of failed.effects) if (effect.effect === "note") expect(effect.entry).toMatchObject({ event: "rebooted", ok: false });
  });

  test("is patient with a host that is slow, and blames it for nothing that was broken before", () => {
    const slow = through([
      go,
      ready({ observation: observed({ failedUnits: ["old.service"] }) }),
      begun,
      surveyed,
      ordered,
      { event: "silent", now: later(1199) },
      seen(back({ at: later(1300), failedUnits: ["old.service"] })),
    ]);
    expect(slow.state).toMatchObject({ kind: "verifying", seconds: 1300 });
  });

  test("knows no event twice", () => {
    const end = through([go, ready(), begun, surveyed, ordered, seen(back()), well]).state;
    for (const event of [go, ready(), begun, surveyed, ordered, seen(back()), well])
      expect(step(end, event)).toEqual({ state: end, effects: [] });
  });
});

describe("a run that was killed is taken up", () => {
  const context = { policy: policyOf(), group: "web", release: () => "6.12.44", now: later(100) };
  const ledger = [...staged, started];
  test("nothing was begun, or it has ended", () => {
    expect(resume(observed(), staged, context)).toBeUndefined();
    expect(resume(observed(), "none", context)).toBeUndefined();
    expect(
      resume(back(), [...ledger, { v: 1, event: "rebooted", at: 1, id: job().attempt.id, seconds: 1, ok: true }], context),
    ).toBeUndefined();
  });

  test("after the order: it has booted, and is verified", () => {
    const taken = resume(back({ at: later(86_400), uptimeSeconds: 86_300 }), ledger, context);
    // A hundred seconds to its kernel, and two minutes of what followed: not a day.
    expect(taken?.state).toMatchObject({ kind: "verifying", seconds: 220 });
    expect(taken && kinds(step(taken.state, well))).toEqual(["settle", "note"]);
  });

  test("after the order: it came back with the old system, or with a unit that had not failed before", () => {
    expect(resume(back({ booted: oldSystem }), ledger, context)?.state).toMatchObject({ kind: "failed", why: "other-generation" });
    expect(resume(back({ failedUnits: ["nginx.service"] }), ledger, context)?.state).toMatchObject({ kind: "failed", why: "unhealthy" });
    const before = [...staged, { ...started, failedUnits: ["nginx.service"] } as LedgerEntry];
    expect(resume(back({ failedUnits: ["nginx.service"] }), before, context)?.state.kind).toBe("verifying");
  });

  test("before the order: another run may be at it, so it is watched, and given up when its time is over", () => {
    const soon = resume(observed({ at: later(60) }), ledger, context);
    expect(soon?.state).toMatchObject({ kind: "rebooting", certain: false });
    const drain = { ...context, policy: policyOf({ drain: ["d"], undrain: ["u"], commandSeconds: 3600 }) };
    expect(resume(observed({ at: later(1300) }), ledger, context)?.state).toMatchObject({ kind: "postponed", why: "order-lost" });
    expect(resume(observed({ at: later(1300) }), ledger, drain)?.state.kind).toBe("rebooting");
    // Whoever watches from early on gives the run that drains its time as well.
    const watched = resume(observed({ at: later(60) }), ledger, drain);
    expect(watched && step(watched.state, seen(observed({ at: later(3600) }), later(3600))).state.kind).toBe("rebooting");
    const over = resume(observed({ at: later(5000) }), ledger, drain);
    expect(over && kinds(over)).toEqual(["undrain"]);
  });

  test("a timer that is set waits for its time", () => {
    const armed = [...staged, { ...started, at: Math.floor(later(600).getTime() / 1000) } as LedgerEntry];
    expect(resume(observed(), armed, context)?.state.kind).toBe("armed");
    expect(resume(observed({ at: later(700) }), armed, context)?.state.kind).toBe("rebooting");
  });

  test("the group stands still until somebody has repaired it or it gets another system", () => {
    const attempts = rebootAttempts([...ledger, { v: 1, event: "rebooted", at: 1, id: job().attempt.id, seconds: 1, ok: false }]);
    expect(stopsGroup(attempts, { profile: newSystem, booted: oldSystem }, true)).toBe(true);
    expect(stopsGroup(attempts, { profile: newSystem, booted: newSystem }, false)).toBe(true);
    expect(stopsGroup(attempts, { profile: newSystem, booted: newSystem }, true)).toBe(false);
    expect(stopsGroup(attempts, { profile: system("c"), booted: oldSystem }, true)).toBe(false);
  });
});
