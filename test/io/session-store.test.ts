import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSessionStore, type SessionStore } from "../../src/io/session-store.ts";

const key = "a".repeat(64);
let root: string;
let now: Date;
let said: string[];
const open = (directory = join(root, "cache")): SessionStore => {
  const store = openSessionStore(directory, { clock: { now: () => now }, log: { debug: (message) => void said.push(message) } });
  if (typeof store === "string") throw new Error(store);
  return store;
};
const refusal = (directory: string): unknown => openSessionStore(directory, { clock: { now: () => now }, log: { debug: () => {} } });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gate-store-"));
  now = new Date("2026-11-22T10:00:00Z");
  said = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("kept answers", () => {
  test("what was written is read back by a later run, for this user alone", () => {
    open().cache.write(key, { answer: { verdict: "clean" } });
    expect(open().cache.read(key)).toEqual({ answer: { verdict: "clean" } });
    expect(open().cache.read("b".repeat(64))).toBeUndefined();
    for (const path of ["cache", "cache/answers", "cache/spent"]) expect(statSync(join(root, path)).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "cache/answers", `${key}.json`)).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(root, "cache/answers"))).toEqual([`${key}.json`]);
  });

  test("a key that is no hash reaches no file", () => {
    const { cache } = open();
    for (const bad of ["", "../../etc/passwd", "A".repeat(64), `${key}/x`]) {
      cache.write(bad, { x: 1 });
      expect(cache.read(bad)).toBeUndefined();
    }
    expect(readdirSync(join(root, "cache/answers"))).toEqual([]);
  });

  test("what is corrupt, a link, no file or too long is dropped and never thrown", () => {
    const { cache } = open();
    const file = join(root, "cache/answers", `${key}.json`);
    const outside = join(root, "outside.json");
    writeFileSync(outside, "{}");
    const wrong: readonly (() => void)[] = [
      () => writeFileSync(file, '{"answer":'),
      () => writeFileSync(file, ""),
      () => writeFileSync(file, Buffer.from([0xff, 0xfe, 0x00])),
      () => writeFileSync(file, " ".repeat(100_000)),
      () => symlinkSync(outside, file),
    ];
    for (const make of wrong) {
      make();
      expect(cache.read(key)).toBeUndefined();
      expect(readdirSync(join(root, "cache/answers"))).toEqual([]);
    }
    expect(said).toHaveLength(wrong.length);
    mkdirSync(join(file, "below"), { recursive: true });
    expect(cache.read(key)).toBeUndefined();
    expect(readdirSync(join(root, "cache/answers"))).toEqual([]);
    expect(statSync(outside).size).toBe(2);
  });

  test("count and size are bounded, and the newest stay", () => {
    const { cache } = open();
    const hex = (i: number): string => i.toString(16).padStart(64, "0");
    for (let i = 0; i < 530; i++) {
      cache.write(hex(i), { i });
      utimesSync(
        join(root, "cache/answers", `${hex(i)}.json`),
        new Date(now.getTime() - 1e6 + i * 1000),
        new Date(now.getTime() - 1e6 + i * 1000),
      );
    }
    cache.write(hex(1_000), { last: true });
    const left = readdirSync(join(root, "cache/answers"));
    expect(left.length).toBeLessThanOrEqual(512);
    expect(left).toContain(`${hex(529)}.json`);
    expect(left).not.toContain(`${hex(0)}.json`);
    cache.write(hex(2_000), { long: "x".repeat(1_000_000) });
    expect(cache.read(hex(2_000))).toBeUndefined();
  });

  test("an answer of last season is gone at the next write", () => {
    const { cache } = open();
    cache.write(key, {});
    utimesSync(join(root, "cache/answers", `${key}.json`), new Date("2026-09-01T00:00:00Z"), new Date("2026-09-01T00:00:00Z"));
    cache.write("b".repeat(64), {});
    expect(readdirSync(join(root, "cache/answers"))).toEqual([`${"b".repeat(64)}.json`]);
  });
});

describe("the directory", () => {
  test("one that others may write to, that is a link or that is no directory is left alone", () => {
    mkdirSync(join(root, "open"), { mode: 0o777 });
    chmodSync(join(root, "open"), 0o777);
    expect(refusal(join(root, "open"))).toMatch(/^others may write to /);
    symlinkSync(join(root, "open"), join(root, "link"));
    expect(refusal(join(root, "link"))).toMatch(/is not a directory$/);
    writeFileSync(join(root, "file"), "");
    expect(refusal(join(root, "file"))).toMatch(/file/);
    expect(refusal("/proc/nothing/here")).toEqual(expect.any(String));
  });
});

describe("what a day costs", () => {
  test("is summed over runs that overlap, and begins anew each day in UTC", () => {
    const [a, b] = [open(), open()];
    a.spending.add(0.25);
    b.spending.add(1.5);
    a.spending.add(0);
    expect([a.spending.today(), b.spending.today()]).toEqual([1.75, 1.75]);
    now = new Date("2026-11-22T23:59:59Z");
    expect(a.spending.today()).toBe(1.75);
    now = new Date("2026-11-23T00:00:00Z");
    expect(a.spending.today()).toBe(0);
    now = new Date("2026-12-05T00:00:00Z");
    a.spending.add(1);
    expect(readdirSync(join(root, "cache/spent"))).toEqual(["2026-12-05"]);
  });

  test("a line that is no amount counts as nothing; a file that cannot be read is not taken for an empty one", () => {
    const { spending } = open();
    const file = join(root, "cache/spent/2026-11-22");
    writeFileSync(file, "0.5\nlots\n-7\n1e9\nNaN\n0.25\n0.1");
    expect(spending.today()).toBeCloseTo(0.85);
    rmSync(file);
    mkdirSync(file);
    expect(spending.today()).toBeUndefined();
    spending.add(1);
    expect(said).toEqual(["what was spent today cannot be read", "what was spent could not be written down"]);
  });
});
