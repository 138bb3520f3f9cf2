import { describe, expect, test } from "vitest";
import { readAlertmanager, readPlain } from "../../src/listen/alert.ts";

const arrived = new Date("2026-11-22T03:04:05Z");
const fired = {
  status: "firing",
  labels: { alertname: "HostOutOfDiskSpace", instance: "web1:9100", severity: "warning", mountpoint: "/var" },
  annotations: { summary: "web1 has 4 % left on /var", description: "df says so" },
  startsAt: "2026-11-22T04:00:00.123+01:00",
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: "http://prometheus/graph",
  fingerprint: "aaaa",
};
const body = (...alerts: unknown[]): unknown => ({
  version: "4",
  groupKey: "{}:{}",
  truncatedAlerts: 0,
  status: "firing",
  receiver: "gate",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "http://alertmanager",
  alerts,
});
const one = (input: unknown) => {
  const read = readAlertmanager(body(input), arrived);
  if (!read.ok) throw new Error(read.problem);
  return read.alerts[0];
};

describe("Alertmanager's format", () => {
  test("is read: host without its port, time in UTC", () => {
    expect(one(fired)).toEqual({
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      status: "firing",
      name: "HostOutOfDiskSpace",
      host: "web1",
      unit: undefined,
      severity: "warning",
      summary: "web1 has 4 % left on /var",
      details: "df says so",
      startsAt: "2026-11-22T03:00:00.123Z",
    });
  });
  test("the same labels are the same trouble, whatever is said about it and when; another label is another", () => {
    const later = { ...fired, annotations: { summary: "worse" }, startsAt: "2026-11-23T00:00:00Z", status: "resolved" };
    expect(one(later)?.fingerprint).toBe(one(fired)?.fingerprint);
    expect(one({ ...fired, labels: { ...fired.labels, mountpoint: "/" } })?.fingerprint).not.toBe(one(fired)?.fingerprint);
    // What is a name in one label must not be made up by another.
    expect(one({ ...fired, labels: { a: "b", c: "d" } })?.fingerprint).not.toBe(one({ ...fired, labels: { a: 'b","c","d' } })?.fingerprint);
  });
  test("a unit is what node_exporter calls name; another name is none", () => {
    expect(one({ ...fired, labels: { alertname: "SystemdUnitFailed", name: "nginx.service", instance: "[fd00::1]:9100" } })).toMatchObject({
      unit: "nginx.service",
      host: "fd00::1",
    });
    expect(one({ ...fired, labels: { alertname: "X", name: "something" } })?.unit).toBeUndefined();
  });
  test("without a time it began when it arrived, and without a summary it is its name", () => {
    expect(one({ status: "firing", labels: { alertname: "Watchdog" } })).toMatchObject({
      summary: "Watchdog",
      startsAt: "2026-11-22T03:04:05.000Z",
    });
  });
  test.each([
    [[], "expected object"],
    ["x", "expected object"],
    [{ version: "3", alerts: [] }, "version"],
    [{ version: "4", alerts: [{ status: "pending", labels: {} }] }, "alerts.0.status"],
    [{ version: "4", alerts: [{ status: "firing", labels: { a: 1 } }] }, "alerts.0.labels.a"],
    [{ version: "4", alerts: Array.from({ length: 1_001 }, () => fired) }, "alerts"],
    [body({ ...fired, startsAt: "yesterday" }), "alerts.0.startsAt"],
    [body({ ...fired, labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`l${i}`, "x"])) }), "more than 64"],
  ])("refuses %j", (input, problem) => {
    expect(readAlertmanager(input, arrived)).toMatchObject({ ok: false, problem: expect.stringContaining(problem) as string });
  });
});

describe("the plain format", () => {
  const plain = (input: unknown) => {
    const read = readPlain(input, arrived);
    if (!read.ok) throw new Error(read.problem);
    return read.alerts[0];
  };
  test("a failed unit says all that is needed", () => {
    expect(plain({ unit: "nginx.service", host: "web1", details: "a\nb\n" })).toMatchObject({
      name: "unit-failed",
      summary: "nginx.service failed on web1",
      details: "a\nb",
      startsAt: "2026-11-22T03:04:05.000Z",
    });
  });
  test("of a long journal the end is kept; what a terminal or a page acts on is not", () => {
    const details = `${"x".repeat(9_000)}\n\u001b[31mred\u202e the end`;
    const read = plain({ name: "a\u001b]0;title\u0007\nb", details });
    expect(read?.name).toBe("a ]0;title b");
    expect(read?.details).toHaveLength(8_000);
    expect(read?.details).toMatch(/�\[31mred� the end$/);
  });
  test.each([[{}], [{ name: "x", extra: 1 }], [{ unit: 5 }], [null], [[{ name: "x" }]]])("refuses %j", (input) => {
    expect(readPlain(input, arrived).ok).toBe(false);
  });
});
