import { describe, expect, test } from "vitest";
import type { Alert } from "../../src/listen/alert.ts";
import { accept, type AlertBook, defaultLimits, emptyBook, failed, incidentId, nextStep, started } from "../../src/listen/alert-book.ts";
import { batchOf, Incident } from "../../src/listen/incident.ts";

const t0 = 1_790_000_000;
const alert = (n: number, over: Partial<Alert> = {}): Alert => ({
  fingerprint: n.toString(16).padStart(32, "0"),
  status: "firing",
  name: "UnitFailed",
  host: `web${n}`,
  unit: undefined,
  severity: "critical",
  summary: `web${n} is unwell`,
  details: undefined,
  startsAt: "2026-11-22T03:00:00.000Z",
  ...over,
});
const heard = (book: AlertBook, alerts: readonly Alert[], now: number): AlertBook => accept(book, alerts, now).book;
const told = (book: AlertBook, now: number): AlertBook => {
  const step = nextStep(book, now);
  if (step.kind !== "start") throw new Error(`not a start but ${step.kind}`);
  return started(
    book,
    step.alerts.map((pending) => pending.alert.fingerprint),
    now,
  );
};

describe("when a run is started", () => {
  test("not at the first alert but when more of the same had time to come", () => {
    const book = heard(emptyBook, [alert(1)], t0);
    expect(nextStep(book, t0)).toEqual({ kind: "wait", until: t0 + 20 });
    expect(nextStep(book, t0 + 20)).toMatchObject({ kind: "start", alerts: [{ alert: { host: "web1" } }] });
    expect(nextStep(emptyBook, t0)).toEqual({ kind: "idle" });
  });
  test("a storm is one run", () => {
    let book = emptyBook;
    for (let n = 0; n < 500; n++) book = heard(book, [alert(n)], t0 + n / 10);
    book = told(book, t0 + 60);
    expect(book.pending.size).toBe(0);
    expect(nextStep(book, t0 + 61)).toEqual({ kind: "idle" });
  });
  test("what comes while one is running waits for a rest, and no more than so many are started in an hour", () => {
    let book = emptyBook;
    let starts = 0;
    for (let second = 0; second < 7_200; second += 10) {
      book = heard(book, [alert(second)], t0 + second);
      if (nextStep(book, t0 + second).kind === "start") {
        book = told(book, t0 + second);
        starts++;
      }
    }
    expect(starts).toBe(2 * defaultLimits.perHour);
    expect(book.pending.size).toBeGreaterThan(0);
  });
  test("a clock that was set back a year does not keep an alert for a year", () => {
    const book = heard(told(heard(emptyBook, [alert(1)], t0), t0 + 20), [alert(2)], t0 - 3e7);
    const step = nextStep(book, t0 - 3e7);
    expect(step.kind === "wait" && step.until - (t0 - 3e7)).toBeLessThanOrEqual(3_600);
  });
});

describe("the same alert again", () => {
  const after = told(heard(emptyBook, [alert(1)], t0), t0 + 20);
  test("is counted while it waits and does not wait longer for it", () => {
    const book = heard(heard(emptyBook, [alert(1)], t0), [alert(1, { summary: "worse" })], t0 + 15);
    expect([...book.pending.values()]).toMatchObject([{ times: 2, since: t0, alert: { summary: "worse" } }]);
    expect(nextStep(book, t0 + 20).kind).toBe("start");
  });
  test("is known for hours after a run was told, then told again", () => {
    expect(accept(after, [alert(1)], t0 + 3_600)).toMatchObject({ known: 1, fresh: 0, changed: [] });
    expect(accept(after, [alert(1)], t0 + 20 + defaultLimits.repeatSeconds)).toMatchObject({ fresh: 1 });
  });
  test("is new when it had been over", () => {
    const over = heard(after, [alert(1, { status: "resolved" })], t0 + 100);
    expect(accept(over, [alert(1)], t0 + 200)).toMatchObject({ fresh: 1, known: 0 });
  });
  test("is new when it was over while the run was being started: nobody was told of the second time", () => {
    const waiting = heard(emptyBook, [alert(1), alert(2)], t0);
    const meanwhile = heard(waiting, [alert(1, { status: "resolved" })], t0 + 21);
    const book = started(meanwhile, [alert(1).fingerprint, alert(2).fingerprint], t0 + 25);
    expect(accept(book, [alert(1), alert(2)], t0 + 600)).toMatchObject({ fresh: 1, known: 1 });
  });
  test("that is over is to be kept as that where a run was told of it", () => {
    expect(accept(after, [alert(1, { status: "resolved" })], t0 + 100)).toMatchObject({ toldChanged: true });
    expect(accept(after, [alert(1)], t0 + 100)).toMatchObject({ toldChanged: false });
    expect(accept(emptyBook, [alert(1, { status: "resolved" })], t0)).toMatchObject({ toldChanged: false });
  });
  test("that is over before a run was started is dropped, on disk too", () => {
    const taken = accept(heard(emptyBook, [alert(1)], t0), [alert(1, { status: "resolved" })], t0 + 5);
    expect(taken).toMatchObject({ resolved: 1, changed: [alert(1).fingerprint] });
    expect(nextStep(taken.book, t0 + 100)).toEqual({ kind: "idle" });
  });
});

describe("a forge that is down", () => {
  test("loses nothing; tries come at longer and longer intervals, five minutes at most", () => {
    let book = heard(emptyBook, [alert(1), alert(2)], t0);
    const waits: number[] = [];
    let now = t0 + 20;
    for (let n = 0; n < 10; n++) {
      book = failed(book, now);
      const step = nextStep(book, now);
      if (step.kind !== "wait") throw new Error("no wait");
      waits.push(step.until - now);
      now = step.until;
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300, 300]);
    expect(told(book, now).pending.size).toBe(0);
    expect(told(book, now).failures).toBe(0);
  });
  test("more than can be kept is refused, not dropped in silence", () => {
    const limits = { ...defaultLimits, mostPending: 2 };
    expect(accept(emptyBook, [alert(1), alert(2), alert(3)], t0, limits)).toMatchObject({ fresh: 2, refused: 1 });
  });
});

describe("what a run is told", () => {
  const pending = (alerts: readonly Alert[]) => {
    const step = nextStep(heard(emptyBook, alerts, t0), t0 + 20);
    return step.kind === "start" ? step.alerts : [];
  };
  const same = (text: string): string => text;
  test("one rule on ten hosts is one group", () => {
    const batch = batchOf(pending(Array.from({ length: 10 }, (_, n) => alert(n))), same);
    expect(batch.incident.groups).toHaveLength(1);
    expect(batch.incident.groups[0]?.at.map(({ host }) => host)).toEqual(Array.from({ length: 10 }, (_, n) => `web${n}`));
    expect(Incident.parse(JSON.parse(batch.text))).toEqual(batch.incident);
  });
  test("a storm of 500, twenty-five rules on twenty hosts, fits into one input and every one is named", () => {
    const storm = Array.from({ length: 500 }, (_, n) =>
      alert(n, {
        name: `Rule${n % 25}`,
        host: `web${n % 20}.example.org`,
        summary: `Rule ${n % 25} is not kept on web${n % 20}.example.org, ${"and so on ".repeat(50)}`,
        details: "log\n".repeat(1_000),
      }),
    );
    const batch = batchOf(pending(storm), same);
    expect(batch.text.length).toBeLessThanOrEqual(50_000);
    expect(batch.fingerprints).toHaveLength(500);
    expect(batch.incident.groups.flatMap(({ name, at }) => at.map(({ host }) => `${name} ${host}`))).toHaveLength(500);
  });
  test("what does not fit stays for the next, and one always fits", () => {
    const storm = Array.from({ length: 2_000 }, (_, n) => alert(n, { name: `Rule${n}`, summary: `${n} `.repeat(200) }));
    const batch = batchOf(pending(storm), same);
    expect(batch.fingerprints.length).toBeGreaterThan(10);
    expect(batch.fingerprints.length).toBeLessThan(2_000);
    expect(batch.text.length).toBeLessThanOrEqual(50_000);
    expect(batchOf(pending([alert(1)]), same, 10).fingerprints).toHaveLength(1);
  });
  test("secrets are taken out of what a forge would show", () => {
    const leaky = alert(1, { summary: "token=hunter2", details: "x token=hunter2 y" });
    expect(batchOf(pending([leaky]), (text) => text.replaceAll("hunter2", "*")).text).not.toContain("hunter2");
  });
  test("the id names the set", () => {
    expect(incidentId(["b", "a"])).toBe(incidentId(["a", "b"]));
    expect(incidentId(["a"])).not.toBe(incidentId(["a", "b"]));
  });
});
