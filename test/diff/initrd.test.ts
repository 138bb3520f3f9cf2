import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { readArchive } from "../../src/diff/initrd-archive.ts";
import { diffInitrd, readInitrd } from "../../src/diff/initrd.ts";
import type { Initrd } from "../../src/diff/system.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

/** An archive as cpio itself writes it. A text is a file, `-> target` a link. */
function cpio(entries: Readonly<Record<string, string>>): Buffer {
  const root = mkdtempSync(join(tmpdir(), "gate-cpio."));
  for (const [path, text] of Object.entries(entries)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (text.startsWith("-> ")) symlinkSync(text.slice(3), join(root, path));
    else writeFileSync(join(root, path), text);
  }
  const names = execFileSync("find", [".", "-mindepth", "1"], { cwd: root });
  const archive = execFileSync("cpio", ["-o", "-H", "newc", "--quiet"], { cwd: root, input: names, maxBuffer: 1 << 28 });
  rmSync(root, { recursive: true });
  return archive;
}

const skippable = (size: number): Buffer => {
  const header = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  header.writeUInt32LE(size, 4);
  return Buffer.concat([header, Buffer.alloc(size, 0x41)]);
};
const microcode = cpio({ "kernel/x86/microcode/AuthenticAMD.bin": "ucode" });
const main = cpio({ init: "-> /nix/store/x/lib/systemd/systemd", "etc/a": "one", "lib/modules/6.12/virtio-net.ko.xz": "ELF" });
const more = cpio({ "etc/b": "two" });
const paths = (bytes: Uint8Array): string[] =>
  readArchive(bytes)
    .files.filter(({ kind }) => kind !== "directory")
    .map(({ path }) => path)
    .sort();
const everything = ["etc/a", "init", "kernel/x86/microcode/AuthenticAMD.bin", "lib/modules/6.12/virtio-net.ko.xz"];

describe("an archive", () => {
  test.each([
    ["plain", main, everything.filter((path) => !path.includes("microcode"))],
    ["microcode and gzip", Buffer.concat([microcode, zlib.gzipSync(main)]), everything],
    ["microcode and zstd", Buffer.concat([microcode, zlib.zstdCompressSync(main)]), everything],
    [
      "zeros in between",
      Buffer.concat([microcode, Buffer.alloc(513), zlib.zstdCompressSync(main), Buffer.alloc(3), zlib.gzipSync(more), Buffer.alloc(9)]),
      [...everything, "etc/b"].sort(),
    ],
    [
      "skippable frames before and behind",
      Buffer.concat([skippable(5), zlib.zstdCompressSync(main), skippable(70_000), zlib.zstdCompressSync(more)]),
      ["etc/a", "etc/b", "init", "lib/modules/6.12/virtio-net.ko.xz"],
    ],
    [
      "two archives in one frame",
      zlib.gzipSync(Buffer.concat([main, more])),
      ["etc/a", "etc/b", "init", "lib/modules/6.12/virtio-net.ko.xz"],
    ],
    [
      "zstd with a checksum",
      zlib.zstdCompressSync(main, { params: { [zlib.constants.ZSTD_c_checksumFlag]: 1 } }),
      everything.filter((path) => !path.includes("microcode")),
    ],
    ["gzip with a name", execFileSync("gzip", ["-c", "--name"], { input: main }), everything.filter((path) => !path.includes("microcode"))],
  ])("%s", (_, bytes, expected) => {
    expect(readArchive(bytes).problem).toBeUndefined();
    expect(paths(bytes)).toEqual(expected);
  });

  test.each([
    ["nothing", Buffer.alloc(0), /no files/],
    ["noise", Buffer.from("this is no archive at all"), /neither an archive nor/],
    ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2, 3]), /xz/],
    ["lz4", Buffer.concat([microcode, Buffer.from([0x02, 0x21, 0x4c, 0x18, 0])]), /lz4/],
    ["a cut archive", main.subarray(0, 300), /ends in the middle/],
    ["a cut zstd frame", zlib.zstdCompressSync(main).subarray(0, 60), /ends in the middle|cannot be unpacked/],
    ["a cut gzip", zlib.gzipSync(main).subarray(0, 60), /cannot be unpacked/],
    [
      "a header without numbers",
      Buffer.from(main.toString("latin1").replace(/^070701.{16}/, "070701zzzzzzzzzzzzzzzz"), "latin1"),
      /no number/,
    ],
    [
      "a size beyond the end",
      Buffer.from(`070701${"0".repeat(8 * 6)}FFFFFFFF${"0".repeat(8 * 4)}00000002${"0".repeat(8)}a\0\0\0`, "latin1"),
      /middle/,
    ],
  ])("%s is said to be none", (_, bytes, expected) => expect(readArchive(bytes).problem).toMatch(expected));

  test("a bomb stops at the limit", () => {
    const bomb = zlib.gzipSync(Buffer.alloc(600 << 20), { level: 1 });
    expect(readArchive(bomb).problem).toMatch(/cannot be unpacked/);
  });
});

describe("what an initrd holds", () => {
  const store = new ThrowawayStore();
  const initrd = (entries: Readonly<Record<string, string>>): Initrd => {
    const path = store.tree("initrd-linux-6.12.58", { initrd: new Uint8Array(zlib.gzipSync(cpio(entries))) });
    return { path, contents: readInitrd(store.files, `${path}/initrd`).contents };
  };
  const name = (hash: string, rest: string): string => `nix/store/${hash.repeat(32)}-${rest}`;

  test("kind, texts and modules", () => {
    const scripted = initrd({
      init: "-> /nix/store/x-stage-1-init.sh",
      "etc/hostid": "1234",
      "lib/modules/6/nvme-core.ko.zst": "ELF",
    }).contents;
    expect(scripted?.kind).toBe("scripted");
    expect(scripted?.texts.get("etc/hostid")).toBe("1234");
    expect([...(scripted?.modules ?? [])]).toEqual(["nvme_core"]);
    expect(initrd({ init: "-> /nix/store/x-systemd-258/lib/systemd/systemd" }).contents?.kind).toBe("systemd");
    expect(initrd({ other: "x" }).contents?.kind).toBe("unknown");
  });

  test("a difference is named by place, without hash and version", () => {
    const from = initrd({
      [name("a", "systemd-258.1/lib/systemd/systemd")]: "ELF\0one",
      [name("a", "extra-utils/bin/sshd")]: "ELF\0",
      "etc/conf": "old",
      "m/virtio_net.ko": "x",
      same: `/nix/store/${"a".repeat(32)}-x`,
    });
    const to = initrd({
      [name("b", "systemd-258.2/lib/systemd/systemd")]: "ELF\0two",
      "etc/conf": "new",
      "etc/fresh": "x",
      "m/ahci.ko": "x",
      same: `/nix/store/${"b".repeat(32)}-x`,
    });
    expect(diffInitrd(from, to)).toEqual({
      modulesAdded: ["ahci"],
      modulesRemoved: ["virtio_net"],
      filesChanged: ["etc/conf", "etc/fresh", "nix/store/extra-utils/bin/sshd"],
    });
    expect(diffInitrd(from, from)).toEqual({ modulesAdded: [], modulesRemoved: [], filesChanged: [] });
  });

  test("one that cannot be read is unknown, with a sentence, not empty", () => {
    const path = store.tree("initrd-x", {
      initrd: new Uint8Array(Buffer.concat([microcode, Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])])),
    });
    const reading = readInitrd(store.files, `${path}/initrd`);
    expect(reading.contents).toBeUndefined();
    expect(reading.problem).toContain("xz");
    expect(readInitrd(store.files, `${path}/nothing`).problem).toContain("cannot be read");
  });
});
