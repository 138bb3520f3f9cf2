import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

// Each test starts the program some times, on a machine that may have much else to do.
vi.setConfig({ testTimeout: 60_000 });

/** The program as a person starts it: a process of its own, an environment from nothing. */
const entry = resolve(import.meta.dirname, "../../src/cli.ts");
const scratch = mkdtempSync(join(tmpdir(), "gate-diff-command."));
afterAll(() => {
  execFileSync("chmod", ["-R", "u+w", scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
function gate(...words: readonly string[]): Promise<Ended> {
  const kept = Object.fromEntries(
    ["NIX_CONFIG", "NIX_REMOTE", "PATH"].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const child = spawn(process.execPath, [entry, "diff", ...words], {
    cwd: scratch,
    env: { ...kept, HOME: "/nonexistent", LANG: "C.UTF-8", TMPDIR: scratch },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((done, failed) => {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (piece: Buffer) => stdout.push(piece));
    child.stderr.on("data", (piece: Buffer) => stderr.push(piece));
    child
      .once("error", failed)
      .once("close", (code) => done({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }));
  });
}
const json = async (...words: readonly string[]): Promise<Record<string, any>> => {
  const { code, stdout, stderr } = await gate(...words, "--json");
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Record<string, any>;
};

/** "hello" as `xz` and `lz4 -l` write it. */
const xz = Buffer.from("/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAEaGVsbG8AAAAAsTe52+XaHpsAAR0FuC2Arx+2830BAAAAAARZWg==", "base64");
const lz4 = Buffer.from("AiFMGAYAAABQaGVsbG8=", "base64");

/** What a terminal would obey, or would not show. Newlines and tabs are what they are. */
const obeyed = /[\p{Cc}\p{Cf}]/gu;
const hidden = (text: string): string[] => (text.match(obeyed) ?? []).filter((c) => c !== "\n" && c !== "\t");

function build(name: string, script: string, more = ""): string {
  const quoted = script
    .replaceAll("''", "'''")
    .replaceAll("${", "''${")
    .replace(/\/nix\/store\/[0-9a-z]{32}-[\w.+-]+/g, "${builtins.storePath $&}");
  return execFileSync("nix-build", ["--no-out-link", "-"], {
    input: `derivation { name = "${name}"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; ${more} args = [ "-euc" ''${quoted}'' ]; }`,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  }).trim();
}
const toplevel = (host: string, script: string): string =>
  build(`nixos-system-${host}-26.05`, `mkdir $out; cd $out; mkdir -p etc/systemd bin; printf 26.05.1.abc > nixos-version; ${script}`);

let old: string;
let fresh: string;
let openssl: readonly [string, string];
const library = (): string => openssl[1];
beforeAll(() => {
  const tool = (version: string, needs: string): string => build(`tool-${version}`, `echo ${needs} > $out`);
  openssl = [build("openssl-3.0.14", "echo one > $out"), build("openssl-3.0.15", "echo two > $out")];
  const stays = ["first", "second"].map((salt) => build("zlib-1.3", `echo ${salt} > $out`));
  const unit = (text: string): string =>
    build("unit-web.service", `mkdir $out; printf '[Service]\\nExecStart=/bin/web\\n${text}' > $out/web.service`);
  const side = (at: 0 | 1): string => {
    const units = build(
      "system-units",
      `mkdir -p $out/multi-user.target.wants; ln -s ${unit(`Nice=${at}\\n`)}/web.service $out/web.service; ln -s ../web.service $out/multi-user.target.wants/web.service`,
    );
    const sw = build("system-path", `mkdir $out; ln -s ${tool(`1.${at}`, `${openssl[at] as string} ${stays[at] as string}`)} $out/tool`);
    return toplevel(
      "web",
      `ln -s ${units} etc/systemd/system; printf host-${at} > etc/hostname; ln -s ${sw} sw; printf 'quiet loglevel=${at}' > kernel-params`,
    );
  };
  [old, fresh] = [side(0), side(1)];
  symlinkSync(old, join(scratch, "current-system"));
  symlinkSync(fresh, join(scratch, "result"));
}, 120_000);

describe("the comparison", () => {
  test("as JSON has what is promised, through links as in /run", async () => {
    const said = await json("current-system", join(scratch, "result"));
    expect(said).toMatchObject({
      schema: 1,
      verdict: expect.stringMatching(/^(?:clean|reboot|risky)$/) as string,
      mode: expect.stringMatching(/^(?:switch|switch-then-reboot|boot-only)$/) as string,
      attended: expect.any(Boolean) as boolean,
      from: old,
      to: fresh,
      packages: { added: [], removed: [], sizeDelta: expect.any(Number) as number, rebuilt: { packages: 1 } },
      units: {
        system: [{ name: "web.service", change: "changed", keys: [{ section: "Service", key: "Nice", from: ["0"], to: ["1"] }] }],
        user: [],
      },
      session: null,
      unknown: [],
    });
    expect(said["packages"].changed).toMatchObject([
      { name: "openssl", from: ["3.0.14"], to: ["3.0.15"], direction: "up", selectedBy: [] },
      { name: "tool", from: ["1.0"], to: ["1.1"], direction: "up" },
    ]);
    expect(said["system"].kernelParams).toMatchObject({ changed: true, changedKeys: [{ key: "loglevel", from: "0", to: "1" }] });
    expect(said["files"]).toMatchObject([
      { path: "/etc/hostname", change: "changed", kind: "text", diff: expect.stringContaining("-host-0") as string },
    ]);
    expect(Array.isArray(said["findings"])).toBe(true);
    expect(said).not.toHaveProperty("why");
  });

  test("of a system with itself says unchanged", async () => {
    const said = await json("result", fresh);
    expect(said).toMatchObject({
      verdict: "unchanged",
      packages: { added: [], removed: [], changed: [], sizeDelta: 0 },
      files: [],
      findings: [],
    });
    expect((await gate("result", fresh)).stdout).toBe(`unchanged: both are ${fresh}\n`);
  });

  test("as text says what changed, without colours where nobody looks", async () => {
    const { code, stdout, stderr } = await gate("current-system", "result");
    expect([code, stderr]).toEqual([0, ""]);
    for (const words of [old, fresh, "loglevel", "web.service", "openssl", "3.0.14 → 3.0.15", "/etc/hostname"])
      expect(stdout).toContain(words);
    expect(hidden(stdout)).toEqual([]);
    expect(stdout).not.toContain("@@ -1");
    expect((await gate("current-system", "result", "--verbose")).stdout).toContain("@@ -1");
  });

  test("lists what was rebuilt where that is asked for", async () => {
    const { packages } = await json("current-system", "result", "--rebuilt");
    expect(packages.rebuilt).toContainEqual(expect.objectContaining({ name: "zlib", from: ["1.3"], to: ["1.3"], direction: "same" }));
    const { stdout } = await gate("current-system", "result", "--rebuilt");
    expect(stdout).toMatch(/Rebuilt at the same version: \d+ packages?\n(?:.*\n)*? +zlib 1\.3\n/);
  });
});

describe("why", () => {
  test.each([
    ["a package", () => "openssl", "to"],
    ["a name with its version", () => "openssl-3.0.15", "to"],
    ["what only the old system has", () => "openssl-3.0.14", "from"],
    ["a store path", () => library(), "to"],
    ["a path below one", () => `${library()}/lib/libssl.so`, "to"],
  ])("%s: the shortest chain", async (_, asked, side) => {
    const { why } = await json("current-system", "result", "--why", asked());
    expect(why).toMatchObject({ side, others: [] });
    expect(why.chain.map((path: string) => path.slice(44))).toEqual([
      "nixos-system-web-26.05",
      "system-path",
      side === "to" ? "tool-1.1" : "tool-1.0",
      side === "to" ? "openssl-3.0.15" : "openssl-3.0.14",
    ]);
  });

  test("in words, and of nothing that is there", async () => {
    symlinkSync(library(), join(scratch, "libssl"));
    const { stdout } = await gate("current-system", "result", "--why", "./libssl");
    expect(stdout).toContain(`Why ${library()} is in the new system\n    ${fresh}\n`);
    expect(stdout).toContain(`→ ${library()}\n`);
    const none = await gate("current-system", "result", "--why", "no\u001b[2Jthing");
    expect(none.code).toBe(0);
    expect(none.stdout).toContain("Neither system has nothing");
    expect(hidden(none.stdout)).toEqual([]);
    expect((await json("current-system", "result", "--why", "nothing"))["why"]).toEqual({
      asked: "nothing",
      side: null,
      chain: [],
      others: [],
    });
  });
});

describe("facts", () => {
  const facts = (name: string, text: string | Uint8Array): string => {
    writeFileSync(join(scratch, name), text);
    return name;
  };

  test("are used; an unknown one is named", async () => {
    const good = await gate(
      "current-system",
      "result",
      "--json",
      "--facts",
      facts("good.json", JSON.stringify({ deployUser: "root", tags: ["builder"], "root\u001b[31mFs\u009b": 1 })),
    );
    expect(good.code).toBe(0);
    expect(good.stderr).toMatch(/^note: unknown facts are ignored: root.*Fs/);
    expect(hidden(good.stderr)).toEqual([]);
    expect(JSON.parse(good.stdout)).toMatchObject({ schema: 1 });
  });

  test.each([
    ["no JSON", () => facts("bad.json", "{ rootFs: ext4 }"), "it is not JSON"],
    ["an empty file", () => facts("empty.json", ""), "it is not JSON"],
    ["bytes", () => facts("bytes.json", new Uint8Array([0xff, 0xfe, 0x1b, 0x5b, 0x32, 0x4a])), "it is not JSON"],
    ["a list", () => facts("list.json", "[]"), "expected object"],
    ["a wrong type", () => facts("type.json", '{"bootFreeBytes":"many"}'), "bootFreeBytes"],
    ["2 MB", () => facts("large.json", `{"deployUser":"${"x".repeat(2_000_000)}"}`), "larger than 1 MiB"],
    ["a directory", () => (mkdirSync(join(scratch, "a-directory")), "a-directory"), "it is not a file"],
    ["a FIFO", () => (execFileSync("mkfifo", [join(scratch, "a-fifo")]), "a-fifo"), "it is not a file"],
    ["nothing", () => "no-such-file", "ENOENT"],
  ])("%s", async (_, make, problem) => {
    const { code, stdout, stderr } = await gate("current-system", "result", "--facts", make());
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("[usage]");
    expect(stderr).toContain(problem);
    expect(stderr).toContain("next:  nixos-deploy-gate diff --help");
    expect(hidden(stderr)).toEqual([]);
  });
});

describe("bad input", () => {
  const missing = `/nix/store/${"0".repeat(32)}-nixos-system-gone-26.05`;
  const link = (name: string, target: string): string => {
    symlinkSync(target, join(scratch, name));
    return name;
  };
  test.each([
    ["a store path that does not exist", () => missing, "toplevel-missing", "is not in the store"],
    ["a path that does not exist", () => "no-such-result", "toplevel-missing", "no-such-result"],
    ["a dangling link", () => link("dangling", missing), "toplevel-invalid", "leads to nothing"],
    ["a loop of links", () => (link("loop", "loop2"), link("loop2", "loop")), "toplevel-invalid", "in a circle"],
    ["no system", () => build("not-a-system", "mkdir $out"), "toplevel-invalid", "nixos-version"],
    ["a file of the store", () => build("a-file", "echo x > $out"), "toplevel-invalid", "not a directory"],
    ["what is outside the store", () => "/etc", "toplevel-invalid", "/nix/store/HASH"],
    ["what is inside a system", () => `${fresh}/etc`, "toplevel-invalid", "/nix/store/HASH"],
    ["nothing", () => "", "toplevel-invalid", "/nix/store/HASH"],
    ["a name with an escape sequence", () => "result\u001b[2J\u009b31m\u202e", "toplevel-missing", "result"],
    ["a very long name", () => "x".repeat(5000), "toplevel-invalid", "too long"],
    ["a path behind a file", () => "good.json/x", "toplevel-invalid", "not a directory"],
  ])("%s", async (_, make, code, problem) => {
    writeFileSync(join(scratch, "good.json"), "{}");
    const typed = make();
    for (const words of [
      [typed, "result"],
      ["result", typed, "--json"],
    ]) {
      const ended = await gate(...words);
      expect([ended.code, ended.stdout]).toEqual([2, ""]);
      expect(ended.stderr).toContain(`[${code}]`);
      expect(ended.stderr).toContain(problem);
      expect(ended.stderr).toContain("next:");
      expect(hidden(ended.stderr)).toEqual([]);
    }
  });

  test.each([
    [["result"], "takes 2 words; this has 1"],
    [["result", "result", "result"], "this has 3"],
    [["result", "result", "--no-such"], "--no-such"],
    [["result", "result", "--why"], "--why"],
    [["result", "result", "--from-store", "nonsense"], "is no store"],
    [["result", "result", "--from-store", "ssh-ng://host"], "readlink -f /run/current-system"],
  ])("%j is no command", async (words, problem) => {
    const { code, stdout, stderr } = await gate(...words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(problem);
  });

  test("what strangers gave names and texts never reaches the terminal as it is", async () => {
    const evil = "\u001b[2J\u001b]0;gone\u0007\u009b31m\u202erev\u200bzero";
    const hostile = toplevel(
      "hostile",
      `name=$(printf '${[...Buffer.from(evil)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}')
       mkdir -p "etc/$name.d" specialisation; printf '%s\\n' "$name" "# $name = 1" > "etc/$name.conf"; echo 0440 > "etc/$name.conf.mode"; ln -s "/nowhere/$name" "etc/link$name"
       ln -s "/nix/store/none$name" "kernel"; ln -s "/nowhere$name" "specialisation/$name"; printf '%s' "quiet $name=1" > kernel-params; printf '%s' "$name" > system
       printf '{"%s":"%s"}' key value > switch-inhibitors
       mkdir -p etc/systemd/system; printf '[Unit]\\nDescription=%s\\n[Service]\\nExecStart=/bin/%s\\n' "$name" "$name" > "etc/systemd/system/evil.service"; printf '[Service]\\nExecStart=/bin/x\\n' > "etc/systemd/system/$name.service"
       printf '#### Activation script snippet %s:\\necho %s\\n' "$name" "$name" > activate; touch "new
line"`,
    );
    for (const words of [
      ["current-system", hostile],
      [hostile, "result"],
      [hostile, "result", "--verbose", "--rebuilt", "--why", "tool"],
      ["current-system", hostile, "--json", "--rebuilt"],
    ]) {
      const { code, stdout, stderr } = await gate(...words);
      expect(code).toBe(0);
      expect(hidden(stdout), words.join(" ")).toEqual([]);
      expect(hidden(stderr), words.join(" ")).toEqual([]);
    }
    // It is all there, for who reads the JSON.
    expect(JSON.stringify(await json("current-system", hostile))).toContain(JSON.stringify(`/etc/${evil}.conf`).slice(1, -1));
  });

  test("an initrd that is packed as we cannot unpack is said to be unknown", async () => {
    const initrd = (name: string, bytes: Uint8Array): string => {
      const octal = [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
      return toplevel("packed", `ln -s ${build(`initrd-${name}`, `mkdir $out; printf '${octal}' > $out/initrd`)}/initrd initrd`);
    };
    const [plain, ...others] = [initrd("none", new Uint8Array(0)), initrd("xz", xz), initrd("lz4", lz4)];
    for (const [at, word] of ["xz", "lz4"].entries()) {
      const { unknown, system, verdict } = await json(plain as string, others[at] as string);
      expect(unknown.join("\n")).toContain(`compressed with ${word}, which is not read here`);
      expect(system.initrd).toMatchObject({ changed: true });
      expect(verdict).not.toBe("clean");
      expect((await gate(plain as string, others[at] as string)).stdout.replace(/\s+/g, " ")).toContain(`compressed with ${word}`);
    }
  });
});

describe("an old system that is elsewhere", () => {
  test("only in a cache: its packages are compared, and the report says what is not", async () => {
    const before = toplevel("moved", `ln -s ${openssl[0]} openssl; printf old > kernel-params`);
    const after = toplevel("moved", `ln -s ${openssl[1]} openssl; printf new > kernel-params`);
    const cache = `file://${join(scratch, "cache")}`;
    execFileSync("nix", ["copy", "--to", cache, before], { stdio: "ignore" });
    execFileSync("nix-store", ["--delete", "--ignore-liveness", before], { stdio: "ignore" });
    expect(await gate(before, after)).toMatchObject({ code: 2, stderr: expect.stringContaining("toplevel-missing") as string });

    const said = await json(before, after, "--from-store", cache, "--why", "openssl-3.0.14");
    expect(said["packages"].changed).toMatchObject([{ name: "openssl", from: ["3.0.14"], to: ["3.0.15"] }]);
    expect(said["why"]).toMatchObject({ side: "from", chain: [before, openssl[0]] });
    expect(said["unknown"]).toEqual([expect.stringContaining(cache)]);
    expect(said["verdict"]).not.toBe("clean");
    const { stdout } = await gate(before, after, "--from-store", cache);
    expect(stdout.replace(/\s+/g, " ")).toContain("only in file://");

    const gone = await gate(before, after, "--from-store", `file://${mkdtempSync(join(scratch, "empty."))}`);
    expect([gone.code, gone.stdout]).toEqual([2, ""]);
    expect(gone.stderr).toContain("toplevel-missing");
    const silent = await gate(before, after, "--from-store", "http://me:hunter2@127.0.0.1:9/cache");
    expect([silent.code, silent.stdout]).toEqual([4, ""]);
    expect(silent.stderr).toContain("path-info-failed");
    expect(silent.stderr).not.toContain("hunter2");
  });
});

test("--help names every option", async () => {
  const { code, stdout } = await gate("--help");
  expect(code).toBe(0);
  for (const option of ["--facts FILE", "--from-store URL", "--why NAME", "--rebuilt", "--json", "--verbose"])
    expect(stdout).toContain(option);
});

test("a reader that goes away is no failure", async () => {
  const status = execFileSync(
    "sh",
    ["-c", `"$1" "$2" diff current-system result --json | head -c 10 >/dev/null; echo done`, "sh", process.execPath, entry],
    { cwd: scratch, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
  );
  expect(status).toBe("done\n");
});
