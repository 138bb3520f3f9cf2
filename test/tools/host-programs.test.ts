import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { hostClusterStatus } from "../../src/tools/host-cluster-status.ts";
import { hostDiskUsage } from "../../src/tools/host-disk-usage.ts";
import type { HostPorts } from "../../src/tools/host-ports.ts";
import { runProgram } from "../target/run-program.ts";

/** What runs on a host for these tools, run here by a real shell. */
const scratch = mkdtempSync(join(tmpdir(), "gate-tools-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ports = (shell: readonly string[] = ["/bin/sh"]): HostPorts => ({
  hosts: new Map([["web1", { address: {} as never, since: undefined, from: undefined, to: undefined }]]),
  targets: {
    run: async ({ program, arguments: words }) => {
      const { records, exitCode, stderr } = await runProgram(program, { shell, arguments: words ?? [] });
      expect(stderr).toBe("");
      return { ok: true, exitCode: exitCode ?? 0, records, stderr };
    },
  },
  nix: {} as never,
  database: undefined,
});
const textOf = async (asked: Promise<unknown>): Promise<string> => {
  const answer = (await asked) as { text?: string; refused?: string };
  if (answer.text === undefined) throw new Error(answer.refused);
  return answer.text;
};

describe.each([[["/bin/sh"]], [["bash", "--norc", "--posix"]]])("%j", (shell) => {
  test("a directory with odd names: children by size, the biggest files, and no line that a name forged", async () => {
    const directory = join(scratch, `it's "odd" $(x) ${shell[0]?.length}`);
    mkdirSync(join(directory, "small dir"), { recursive: true });
    mkdirSync(join(directory, "-n"), { recursive: true });
    writeFileSync(join(directory, "-n", "big one"), Buffer.alloc(9 << 20, 1));
    writeFileSync(join(directory, "small dir", "a"), Buffer.alloc(64 << 10, 1));
    writeFileSync(join(directory, "two\n9999999\tforged"), Buffer.alloc(8 << 20, 1));
    mkdirSync(join(directory, "dir\n8888888\tforged"));
    const text = await textOf(hostDiskUsage.ask(ports(shell), { host: "web1", directory: `${directory}/` }));
    expect(text).toContain("Mounted on");
    const lines = text.split("\n");
    expect(lines.findIndex((line) => line.endsWith("/./-n"))).toBeLessThan(lines.findIndex((line) => line.endsWith("/./small dir")));
    expect(text).toMatch(/^92\d\d\t\d{4}-\d{2}-\d{2} \d{2}:\d{2}\t.*big one$/m);
    expect(lines.filter((line) => /^[98]{7}/.test(line))).toEqual([]);
    expect(text).toContain("two?9999999\tforged");
  });
  test("a directory that is not there, and a file, are told", async () => {
    writeFileSync(join(scratch, "file"), "x");
    for (const directory of [join(scratch, "nowhere"), join(scratch, "file")])
      expect(await textOf(hostDiskUsage.ask(ports(shell), { host: "web1", directory }))).toContain("There is no such directory.");
  });
  test("topics answer with what is there, and with that something is not", async () => {
    expect(await textOf(hostClusterStatus.ask(ports(shell), { host: "web1", topic: "mounts" }))).toContain("TARGET");
    expect(await textOf(hostClusterStatus.ask(ports(shell), { host: "web1", topic: "consul" }))).toContain("consul is not there");
  });
});

test.each([
  "var",
  "",
  "/var/../root",
  "/var/./x",
  "/proc",
  "/proc/1/environ",
  "/sys/x",
  "//dev",
  "-x",
  "/a\nb",
  "/a\u202eb",
  `/${"x".repeat(1_000)}`,
])("%j is no directory to look at", async (directory) => {
  expect(await hostDiskUsage.ask(ports(), { host: "web1", directory })).toHaveProperty("refused");
});
test.each(["/devices", "/process", "/srv"])("%s is one", async (directory) => {
  expect(await hostDiskUsage.ask(ports(), { host: "web1", directory })).toHaveProperty("text");
});
