import { execFileSync } from "node:child_process";
import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { diffFiles } from "../../src/diff/file-diff.ts";
import type { FileChange } from "../../src/diff/system-diff.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove(), 60_000);
type Parts = Parameters<ThrowawayStore["system"]>[0];
const diff = (before: Parts, after: Parts): FileChange[] => diffFiles(store.files, store.system(before), store.system(after));
const lines = (change: FileChange | undefined): string[] => (change?.diff ?? "").split("\n").filter((line) => /^[+-]/.test(line));

describe("entries of /etc", () => {
  test("text, with hashes taken out", () => {
    const tool = (hash: string): string => `A=${store.prefix}/${hash.repeat(32)}-tool-1/bin/tool\nB=1\n`;
    expect(diff({ etc: { a: tool("a") } }, { etc: { a: `${tool("b")}C=2\n` } })).toMatchObject([
      { path: "/etc/a", change: "changed", kind: "text", hashOnly: false, redacted: false },
    ]);
    expect(lines(diff({ etc: { a: tool("a") } }, { etc: { a: `${tool("b")}C=2\n` } })[0])).toEqual(["+C=2"]);
    expect(diff({ etc: { a: tool("a") } }, { etc: { a: tool("b") } })).toMatchObject([{ path: "/etc/a", hashOnly: true, diff: "" }]);
  });
  test("added and removed", () => {
    expect(diff({}, { etc: { a: "x\n" } })).toMatchObject([{ path: "/etc/a", change: "added", sizeFrom: undefined, sizeTo: 2 }]);
    expect(diff({ etc: { a: "x\n" } }, {})).toMatchObject([{ path: "/etc/a", change: "removed", sizeFrom: 2, sizeTo: undefined }]);
  });
  test("an equal file of another path is no change", () => {
    expect(diff({ etc: { a: "x\n" } }, { etc: { a: "x\n" } })).toEqual([]);
  });
  test("mode", () => {
    expect(diff({ etc: { a: "x\n", "a.mode": "0440\n" } }, { etc: { a: "x\n", "a.mode": "0444\n" } })).toMatchObject([
      { path: "/etc/a", kind: "mode", diff: "-mode 0440\n+mode 0444\n" },
    ]);
  });
  test("links out of the store", () => {
    const [change] = diff({ etc: { "resolv.conf": { link: "/run/a" } } }, { etc: { "resolv.conf": "nameserver ::1\n" } });
    expect(change).toMatchObject({ path: "/etc/resolv.conf", kind: "link" });
    expect(lines(change)[0]).toBe("-link to /run/a");
  });
  test("a directory by its files, a package's directory by its name", () => {
    const rules = (text: string) => ({ "udev/rules.d": { link: store.tree("udev-rules", { "1.rules": text, "2.rules": "same\n" }) } });
    expect(diff({ etc: rules("a\n") }, { etc: rules("b\n") })).toMatchObject([{ path: "/etc/udev/rules.d/1.rules", kind: "text" }]);
    const zones = (version: string) => ({
      zoneinfo: { link: `${store.tree(`tzdata-${version}`, { "share/zoneinfo/UTC": version })}/share/zoneinfo` },
    });
    expect(diff({ etc: zones("2025a") }, { etc: zones("2025b") })).toMatchObject([
      { path: "/etc/zoneinfo", kind: "link", hashOnly: false },
    ]);
    expect(diff({ etc: zones("2025a") }, { etc: zones("2025a") })).toMatchObject([{ path: "/etc/zoneinfo", kind: "link", hashOnly: true }]);
  });
  test("secrets are taken out and seen to differ", () => {
    const [change] = diff({ etc: { w: "psk=hunter2hunter2\n" } }, { etc: { w: "psk=swordfish1234\n" } });
    expect(change).toMatchObject({ redacted: true });
    expect(lines(change)).toEqual(["-psk=<redacted 1>", "+psk=<redacted 2>"]);
  });
  test("JSON on one line is shown line by line", () => {
    const json = (value: number): string => JSON.stringify({ a: "x".repeat(100), deep: { value } });
    expect(lines(diff({ etc: { j: json(1) } }, { etc: { j: json(2) } })[0])).toEqual(['-    "value": 1', '+    "value": 2']);
  });
});

describe("files behind units, /etc and activation", () => {
  const script = (text: string): string => store.tree("unit-script-a-start", { "bin/a-start": text });
  const unit = (text: string): Parts => ({ units: { "a.service": `[Service]\nExecStart=${script(text)}/bin/a-start\n` } });

  test("followed from file to file, each reached path named", () => {
    const chain = (port: number): Parts =>
      unit(`exec nginx -c ${store.file("nginx.conf", `include ${store.file("hosts.conf", `listen ${port};\n`)};\n`)}\n`);
    const changes = diff(chain(80), chain(81));
    expect(changes.map(({ path, hashOnly }) => [path, hashOnly])).toEqual([
      ["a.service → a-start", true],
      ["a.service → a-start → nginx.conf", true],
      ["a.service → a-start → nginx.conf → hosts.conf", false],
    ]);
    expect(lines(changes.at(-1))).toEqual(["-listen 80;", "+listen 81;"]);
  });
  test("scripts of units that come and go", () => {
    expect(diff({}, unit("rm -rf /var/lib/a\n"))).toMatchObject([{ path: "a.service → a-start", change: "added" }]);
    expect(diff(unit("rm -rf /var/lib/a\n"), {})).toMatchObject([{ path: "a.service → a-start", change: "removed" }]);
  });
  test("programs are their packages' business", () => {
    const program = (version: string): Parts => ({
      units: { "a.service": `[Service]\nExecStart=${store.tree(`app-${version}`, { "bin/app": version, "lib/x": "" })}/bin/app\n` },
    });
    expect(diff(program("1.0"), program("1.1"))).toEqual([]);
  });
  test("a script whose name carries a number is still a script", () => {
    const numbered = (text: string): Parts => ({
      units: { "a.service": `[Service]\nExecStart=${store.tree("backup-2", { "bin/backup-2": text })}/bin/backup-2\n` },
    });
    expect(diff(numbered("a\n"), numbered("b\n"))).toMatchObject([{ path: "a.service → backup-2" }]);
  });
  test("configuration that carries its program's version is paired", () => {
    const versioned = (version: string): Parts => ({ etc: { a: `include ${store.file(`app-${version}.conf`, `v ${version}\n`)}\n` } });
    expect(diff(versioned("1.0"), versioned("1.1")).map(({ path, change }) => [path, change])).toEqual([
      ["/etc/a", "changed"],
      ["/etc/a → app-1.1.conf", "changed"],
    ]);
  });
  test("activation snippets: the list of users, with its hashes redacted", () => {
    const users = (uid: number): Parts => {
      const json = JSON.stringify({
        users: [{ name: "a", uid, hashedPassword: "$y$j9T$saltsaltsalt$0123456789abcdef" }],
        groups: [],
        mutableUsers: false,
      });
      return { activate: `#### Activation script snippet users:\nperl ${store.file("users-groups.json", json)}\n` };
    };
    const [change] = diff(users(1000), users(1001));
    expect(change?.path).toBe("activation of users → users-groups.json");
    expect(change?.diff).toContain('"uid": 1001');
    expect(change?.diff).not.toContain("saltsalt");
  });
  test("the list of restart triggers is no file of its own", () => {
    const trigger = (text: string): Parts => ({
      units: { "a.service": `[Unit]\nX-Restart-Triggers=${store.file("X-Restart-Triggers-a", `${store.file("a.conf", text)}\n`)}\n` },
    });
    expect(diff(trigger("x\n"), trigger("y\n")).map((change) => change.path)).toEqual(["a.service → a.conf"]);
  });
  test("files that name each other end", () => {
    const loop = (text: string): Parts => {
      const first = store.path("first.conf");
      const second = store.file("second.conf", `include ${first}\n${text}`);
      execFileSync("sh", ["-c", 'printf "%s\\n" "include $1" > "$0"', first, second]);
      return { etc: { a: `include ${first}\n` } };
    };
    expect(diff(loop("x\n"), loop("y\n"))).toHaveLength(3);
  });
});

describe("bad input", () => {
  test("binaries by size, equal ones not at all", () => {
    expect(diff({ etc: { b: Buffer.from([0, 1, 2]) } }, { etc: { b: Buffer.from([0, 1, 2, 3]) } })).toMatchObject([
      { kind: "binary", sizeFrom: 3, sizeTo: 4, diff: "" },
    ]);
    expect(diff({ etc: { b: Buffer.from([0, 1, 2]) } }, { etc: { b: Buffer.from([0, 1, 3]) } })).toMatchObject([
      { kind: "binary", sizeFrom: 3, sizeTo: 3 },
    ]);
    expect(diff({ etc: { b: Buffer.from([0, 1, 2]) } }, { etc: { b: Buffer.from([0, 1, 2]) } })).toEqual([]);
    expect(diff({ etc: { b: Buffer.from([0xff, 0xfe, 0x61]) } }, { etc: { b: "a\n" } })).toMatchObject([{ kind: "binary" }]);
  });
  test("a file of a hundred megabytes", () => {
    const big = (last: string): string => {
      const path = store.file("big", "");
      truncateSync(path, 100 * 1024 * 1024);
      const file = openSync(path, "r+");
      writeSync(file, last, 100 * 1024 * 1024);
      closeSync(file);
      return path;
    };
    const changes = diff({ etc: { big: { link: big("a") } } }, { etc: { big: { link: big("b") } } });
    expect(changes).toMatchObject([{ path: "/etc/big", kind: "binary", sizeTo: 100 * 1024 * 1024 + 1, diff: "" }]);
  });
  test("a long text says that it is too long", () => {
    const text = (end: string): string => `${"line\n".repeat(300_000)}${end}\n`;
    expect(diff({ etc: { a: text("a") } }, { etc: { a: text("b") } })[0]?.diff).toMatch(/^\\ \d+ bytes, too long/);
  });
  test("FIFOs, loops, dangling links and files that leave the store", () => {
    const tree = store.tree("odd", {
      "a/loop": { link: "loop" },
      "a/up": { link: ".." },
      "a/out": { link: "/etc/passwd" },
      "a/gone": { link: "/nix/store/nothing" },
    });
    execFileSync("mkfifo", [`${tree}/a/pipe`]);
    const changes = diff(
      {},
      {
        etc: {
          odd: { link: `${tree}/a` },
          pipe: { link: `${tree}/a/pipe` },
          loop: { link: `${tree}/a/loop` },
          out: { link: `${tree}/a/out` },
        },
      },
    );
    expect(changes.map(({ path, kind }) => [path, kind])).toEqual([
      ["/etc/loop", "link"],
      ["/etc/out", "link"],
      ["/etc/pipe", "link"],
    ]);
    expect(JSON.stringify(changes)).not.toContain("root:");
  });
  test("names with newlines and escape sequences", () => {
    const name = "a\n\u001b[2Jb";
    expect(diff({}, { etc: { [name]: "x\n" } })).toMatchObject([{ path: `/etc/${name}`, change: "added" }]);
  });
  test("five thousand files are all listed, with their texts bounded", () => {
    const many = (text: string): Parts => ({
      etc: Object.fromEntries(
        Array.from({ length: 5000 }, (_, index) => [`many/${index}`, `${text} ${index}\n${"x\n".repeat(300)}${text}\n`]),
      ),
    });
    const changes = diff(many("a"), many("b"));
    expect(changes).toHaveLength(5000);
    expect(changes.reduce((sum, change) => sum + change.diff.length, 0)).toBeLessThan(2_100_000);
  }, 60_000);
  test("a script with a hundred thousand mentions", () => {
    const text = Array.from({ length: 100_000 }, (_, index) => `${store.prefix}/${"0".repeat(32)}-x${index}`).join(" ");
    expect(diff({ etc: { a: "x\n" } }, { etc: { a: text } })).toHaveLength(1);
  });
});

describe("properties", () => {
  const words = ["a.conf", "b.json", "c"];
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  const text = (): string => Array.from({ length: random(12) }, () => `line ${random(6)}\n`).join("");
  const parts = (): Parts => ({
    etc: Object.fromEntries(words.filter(() => random(4) > 0).map((word) => [word, `${text()}include ${store.file(word, text())}\n`])),
    units: Object.fromEntries(
      words
        .filter(() => random(4) > 0)
        .map((word) => [`${word}.service`, `[Service]\nExecStart=${store.tree(`unit-script-${word}`, { "bin/x": text() })}/bin/x\n`]),
    ),
  });
  const mirrored = { added: "removed", removed: "added", changed: "changed" } as const;
  test.each(Array.from({ length: 40 }, (_, index) => index))("run %i: nothing differs from itself, and the sides mirror each other", () => {
    const [one, other] = [store.system(parts()), store.system(parts())];
    expect(diffFiles(store.files, one, one)).toEqual([]);
    const there = diffFiles(store.files, one, other);
    const back = diffFiles(store.files, other, one);
    expect(back.map(({ path, change, sizeFrom, sizeTo }) => [path, mirrored[change], sizeTo, sizeFrom])).toEqual(
      there.map(({ path, change, sizeFrom, sizeTo }) => [path, change, sizeFrom, sizeTo]),
    );
    const count = (changes: readonly FileChange[], sign: string): number =>
      changes.flatMap(lines).filter((line) => line.startsWith(sign)).length;
    expect(count(back, "+")).toBe(count(there, "-"));
  });
});
