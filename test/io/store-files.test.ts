import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StoreFiles } from "../../src/io/ports.ts";
import { storeFiles } from "../../src/io/store-files.ts";

let directory: string;
let prefix: string;
let store: StoreFiles;
const at = (path: string): string => join(prefix, path);

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gate-store-files."));
  prefix = join(directory, "store");
  mkdirSync(at("a-dir/sub"), { recursive: true });
  writeFileSync(at("a-dir/file"), "hello\n");
  writeFileSync(at("a-dir/sub/deep"), "deep");
  writeFileSync(at("b-script"), "#!/bin/sh\n");
  chmodSync(at("b-script"), 0o555);
  writeFileSync(join(directory, "secret"), "outside");
  mkdirSync(join(directory, "store-sibling"));
  writeFileSync(join(directory, "store-sibling", "secret"), "outside");
  const links: Readonly<Record<string, string>> = {
    "c-link": at("a-dir"),
    "c-relative": "a-dir/sub/../file",
    "c-chain": at("c-link/sub/deep"),
    "c-dangling": at("nothing/here"),
    "c-loop": at("c-loop2"),
    "c-loop2": at("c-loop"),
    "c-self": at("c-self/x"),
    "c-outside": join(directory, "secret"),
    "c-up": "../secret",
    "c-sibling": join(directory, "store-sibling", "secret"),
    "c-dir-outside": directory,
    "c-null": "/dev/null",
    "c-root": "/",
    "c-around": `../${"store"}/a-dir/file`,
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, at(name));
  execFileSync("mkfifo", [at("d-fifo")]);
  writeFileSync(at("e-invalid"), Buffer.from([0x66, 0xff, 0xfe, 0x0a]));
  writeFileSync(at("e-nul"), Buffer.from([0x66, 0x00]));
  writeFileSync(at("e-long"), "ä".repeat(1000));
  mkdirSync(at("f-names"));
  for (const name of ["new\nline", "esc\u001b[31mred", "\u202eback", " "]) writeFileSync(at(`f-names/${name}`), name);
  writeFileSync(at("g-huge"), "");
  truncateSync(at("g-huge"), 100 << 20);
  store = storeFiles(prefix);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("inside the store", () => {
  test("entries are told as they stand, never followed", () => {
    expect(store.entry(at("a-dir"))).toEqual({ kind: "directory" });
    expect(store.entry(at("a-dir/file"))).toEqual({ kind: "file", size: 6, executable: false });
    expect(store.entry(at("b-script"))).toMatchObject({ kind: "file", executable: true });
    expect(store.entry(at("c-link"))).toEqual({ kind: "symlink", target: at("a-dir") });
    expect(store.entry(at("c-link/file"))).toMatchObject({ kind: "file", size: 6 });
    expect(store.entry(at("d-fifo"))).toEqual({ kind: "other" });
    expect(store.entry(at("nothing"))).toBeUndefined();
  });

  test("the same is said after a listing, which brings the kinds", () => {
    expect(store.list(at("a-dir"))).toEqual(["file", "sub"]);
    expect(store.list(at("c-link"))).toEqual(["file", "sub"]);
    expect(store.entry(at("a-dir/file"))).toEqual({ kind: "file", size: 6, executable: false });
    expect(store.entry(at("a-dir/sub"))).toEqual({ kind: "directory" });
    expect(store.list(at("a-dir/file"))).toEqual([]);
    expect(store.list(at("nothing"))).toEqual([]);
  });

  test("all of a directory at once is what each of its names is", () => {
    const fresh = storeFiles(prefix);
    for (const directory of ["a-dir", "c-link", "f-names"]) {
      const names = fresh.list(at(directory));
      expect([...store.entries(at(directory))]).toEqual(names.map((name) => [name, storeFiles(prefix).entry(at(`${directory}/${name}`))]));
    }
    mkdirSync(at("h-mixed"));
    symlinkSync("nowhere", at("h-mixed/link"));
    execFileSync("mkfifo", [at("h-mixed/fifo")]);
    const raw = Buffer.concat([Buffer.from(`${at("h-mixed")}/`), Buffer.from([0xff, 0xfe])]);
    symlinkSync("nowhere", raw);
    expect([...fresh.entries(at("h-mixed"))]).toEqual([
      ["fifo", { kind: "other" }],
      ["link", { kind: "symlink", target: "nowhere" }],
      // Bytes that are no UTF-8: something is there, and nothing can be said of it.
      ["\ufffd\ufffd", { kind: "other" }],
    ]);
    for (const place of ["a-dir/file", "nothing", "d-fifo", "c-dangling"]) expect(fresh.entries(at(place)).size, place).toBe(0);
  });

  test("links are followed to their end", () => {
    expect(store.resolve(at("c-link"))).toBe(at("a-dir"));
    expect(store.resolve(at("c-relative"))).toBe(at("a-dir/file"));
    expect(store.resolve(at("c-chain"))).toBe(at("a-dir/sub/deep"));
    expect(store.resolve(at("c-link/sub/../file"))).toBe(at("a-dir/file"));
    expect(store.resolve(at("c-around"))).toBe(at("a-dir/file"));
    expect(store.resolve(at("a-dir/"))).toBe(at("a-dir"));
    expect(store.read(at("c-chain"), 100)?.text).toBe("deep");
  });

  test("reading, in whole and in part", () => {
    expect(store.read(at("a-dir/file"), 100)).toEqual({ text: "hello\n", size: 6, truncated: false, binary: false });
    expect(store.read(at("a-dir/file"), 2)).toEqual({ text: "he", size: 6, truncated: true, binary: false });
    expect(store.read(at("a-dir"), 2)).toBeUndefined();
    expect(Buffer.from(store.readBytes(at("a-dir/file"), 1, 3) as Uint8Array).toString()).toBe("ell");
    expect(store.readBytes(at("a-dir/file"), 4, 100)).toHaveLength(2);
    expect(store.readBytes(at("a-dir/file"), 50, 100)).toHaveLength(0);
    expect(store.hash(at("a-dir/file"))).toBe(createHash("sha256").update("hello\n").digest("hex"));
  });

  test("what a build brings later is seen then", () => {
    expect(store.entry(at("late"))).toBeUndefined();
    expect(store.resolve(at("late"))).toBeUndefined();
    writeFileSync(at("late"), "x");
    expect(store.entry(at("late"))).toMatchObject({ kind: "file" });
    expect(store.resolve(at("late"))).toBe(at("late"));
  });
});

describe("what a stranger may put there", () => {
  test.each(["c-dangling", "c-loop", "c-self", "c-outside", "c-up", "c-sibling", "c-dir-outside", "c-null", "c-root"])(
    "%s leads nowhere",
    (name) => {
      expect(store.resolve(at(name))).toBeUndefined();
      expect(store.read(at(name), 100)).toBeUndefined();
      expect(store.readBytes(at(name), 0, 100)).toBeUndefined();
      expect(store.hash(at(name))).toBeUndefined();
      expect(store.list(at(name))).toEqual([]);
      expect(store.entry(at(name))).toMatchObject({ kind: "symlink" });
    },
  );

  test("paths outside are not looked at, however they are written", () => {
    for (const path of [
      join(directory, "secret"),
      at("../secret"),
      at("a-dir/../../secret"),
      at("c-dir-outside/secret"),
      at("c-root/etc/passwd"),
      prefix,
      `${prefix}/`,
      "",
      "relative",
      `${at("a-dir")}\0x`,
      at("x".repeat(5000)),
    ]) {
      expect(store.entry(path), path).toBeUndefined();
      expect(store.read(path, 10), path).toBeUndefined();
      expect(store.list(path), path).toEqual([]);
    }
  });

  test("a FIFO is never opened", () => {
    expect(store.read(at("d-fifo"), 10)).toBeUndefined();
    expect(store.hash(at("d-fifo"))).toBeUndefined();
  });

  test("bytes that are no text are told to be binary; a character cut in two is none", () => {
    expect(store.read(at("e-invalid"), 100)).toMatchObject({ binary: true, size: 4 });
    expect(store.read(at("e-nul"), 100)).toMatchObject({ binary: true });
    expect(store.read(at("e-long"), 501)).toMatchObject({ binary: false, truncated: true, text: "ä".repeat(250) });
  });

  test("names are data", () => {
    const names = store.list(at("f-names"));
    expect([...names].sort()).toEqual([" ", "esc\u001b[31mred", "new\nline", "\u202eback"].sort());
    for (const name of names) expect(store.read(at(`f-names/${name}`), 100)?.text).toBe(name);
  });

  test("a huge file is read no further than asked, and hashed without being held", () => {
    expect(store.read(at("g-huge"), 10)).toMatchObject({ size: 100 << 20, truncated: true, binary: true });
    const before = process.memoryUsage().arrayBuffers;
    expect(store.hash(at("g-huge"))).toBe("20492a4d0d84f8beb1767f6616229f85d44c2827b64bdbfb260ee12fa1109e0e");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });
});
