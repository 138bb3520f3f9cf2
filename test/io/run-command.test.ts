import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { runCommand, type Command } from "../../src/io/run-command.ts";

const directory = mkdtempSync(join(tmpdir(), "run-command-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const sh = (script: string, more: Partial<Command> = {}): Command => ({
  program: "/bin/sh",
  arguments: ["-c", script],
  environment: { PATH: "/usr/bin:/bin" },
  timeoutSeconds: 30,
  ...more,
});

/** True while the process runs; a zombie that nobody reaps counts as gone. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && runs(pid); i++) await sleep(50);
  return !runs(pid);
}

async function pidIn(file: string): Promise<number> {
  for (let i = 0; i < 200; i++) {
    if (existsSync(file) && readFileSync(file, "utf8").endsWith("\n")) return Number(readFileSync(file, "utf8"));
    await sleep(20);
  }
  throw new Error(`${file} was never written`);
}

test("gives exit code, output and the signal that ended it", async () => {
  expect(await runCommand(sh("echo out; echo err >&2; exit 7"))).toMatchObject({
    exitCode: 7,
    signal: undefined,
    stdout: "out\n",
    stderr: "err\n",
    timedOut: false,
  });
  expect(await runCommand(sh("kill -9 $$"))).toMatchObject({ exitCode: undefined, signal: "SIGKILL", timedOut: false, cancelled: false });
});

test("passes arguments as they are and nothing of its own environment", async () => {
  process.env["GATE_TEST_SECRET"] = "hunter2";
  const words = ["$(id)", "a b", "", "'\"`;&|*"];
  const result = await runCommand({ ...sh(""), arguments: ["-c", 'env; for w in "$@"; do printf "<%s>" "$w"; done', "sh", ...words] });
  delete process.env["GATE_TEST_SECRET"];
  expect(result.stdout).toContain(words.map((word) => `<${word}>`).join(""));
  expect(result.stdout).not.toContain("hunter2");
  expect(result.stdout).not.toMatch(/^(HOME|USER)=/m);
});

test("closes stdin, or gives what it is given", async () => {
  expect((await runCommand(sh("read line || echo closed"))).stdout).toBe("closed\n");
  expect((await runCommand(sh("cat", { input: "héllo\n" }))).stdout).toBe("héllo\n");
  // A child that reads nothing of a large input is not an error.
  expect(await runCommand(sh("exit 3", { input: "x".repeat(1_000_000) }))).toMatchObject({ exitCode: 3 });
});

test("tells a missing program apart from one that failed", async () => {
  expect(await runCommand({ ...sh(""), program: "no-such-program" })).toMatchObject({ missing: true, exitCode: undefined });
  expect(await runCommand(sh("exit 127"))).toMatchObject({ missing: false, exitCode: 127 });
});

test("keeps head and tail of what is too long", async () => {
  const result = await runCommand(
    sh("echo first; i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; echo last", {
      maxStdoutBytes: 1000,
      maxStderrBytes: 10,
    }),
  );
  expect(result.truncated).toBe(true);
  expect(result.stdout.length).toBeLessThan(1100);
  expect(result.stdout).toMatch(/^first\n/);
  expect(result.stdout).toMatch(/\n\[… 219011 bytes left out …\]\n/);
  expect(result.stdout).toMatch(/last\n$/);
  expect((await runCommand(sh("printf 0123456789", { maxStdoutBytes: 10 }))).stdout).toBe("0123456789");
});

test("gives stderr line by line, with long lines cut and the last one without an end", async () => {
  const lines: string[] = [];
  await runCommand(
    sh("printf 'a\\r\\n\\n' >&2; head -c 200000 /dev/zero | tr '\\0' x >&2; printf '\\nhé' >&2; sleep 0.1; printf 'llo' >&2", {
      onStderrLine: (line) => lines.push(line),
    }),
  );
  expect(lines.map((line) => (line.length > 10 ? line.length : line))).toEqual(["a", "", 65536, "héllo"]);
});

test("hands stdout on instead of keeping it", async () => {
  let bytes = 0;
  const result = await runCommand(sh("head -c 3000000 /dev/zero", { onStdout: (chunk) => (bytes += chunk.length) }));
  expect([bytes, result.stdout]).toEqual([3000000, ""]);
});

test("ends a command at its limit, children and all", async () => {
  const file = join(directory, "limit");
  const result = await runCommand(sh(`sleep 300 & echo $! > ${file}; wait`, { timeoutSeconds: 0.5 }));
  expect(result).toMatchObject({ timedOut: true, cancelled: false });
  expect(await gone(await pidIn(file))).toBe(true);
});

test("kills what does not heed SIGTERM, and what hid in a session of its own", async () => {
  const file = join(directory, "stubborn");
  const result = await runCommand(
    sh(`trap '' TERM; setsid sh -c 'echo $$ > ${file}; sleep 300' & while :; do sleep 1; done`, { timeoutSeconds: 0.7, graceSeconds: 0.3 }),
  );
  expect(result).toMatchObject({ timedOut: true, signal: "SIGKILL" });
  expect(await gone(await pidIn(file))).toBe(true);
});

test("ends a command when it is cancelled, and starts none afterwards", async () => {
  const file = join(directory, "cancel");
  const stop = new AbortController();
  const running = runCommand(sh(`echo $$ > ${file}; exec sleep 300`, { signal: stop.signal }));
  const pid = await pidIn(file);
  stop.abort();
  expect(await running).toMatchObject({ cancelled: true, timedOut: false, signal: "SIGTERM" });
  expect(await gone(pid)).toBe(true);
  const never = join(directory, "never");
  expect(await runCommand(sh(`touch ${never}`, { signal: stop.signal }))).toMatchObject({ cancelled: true, exitCode: undefined });
  expect(existsSync(never)).toBe(false);
});

test("does not wait for a process in the background that holds its output open, and ends it", async () => {
  const file = join(directory, "background");
  const result = await runCommand(sh(`sleep 300 & echo $! > ${file}; echo done`));
  expect(result).toMatchObject({ exitCode: 0, timedOut: false, stdout: "done\n" });
  expect(await gone(await pidIn(file))).toBe(true);
});

test("leaves nothing behind when the process that ran it exits", async () => {
  const file = join(directory, "orphan");
  const module = join(import.meta.dirname, "../../src/io/run-command.ts");
  const script = `
    import { runCommand } from ${JSON.stringify(module)};
    import { existsSync } from "node:fs";
    void runCommand(${JSON.stringify(sh(`echo $$ > ${file}; exec sleep 300`))});
    setInterval(() => existsSync(${JSON.stringify(file)}) && process.exit(0), 20);`;
  execFileSync(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" });
  expect(await gone(await pidIn(file))).toBe(true);
});
