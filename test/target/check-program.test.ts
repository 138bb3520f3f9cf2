import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { describe, expect, onTestFinished, test } from "vitest";
import { Check } from "../../src/policy-deploy.ts";
import { checkArguments, checkProgram, selfCheckArguments } from "../../src/target/check-program.ts";
import { closedPort, httpService, tcpService } from "../verify/service.ts";
import { runProgram } from "./run-program.ts";

const quick = { retries: 0, intervalSeconds: 1, timeoutSeconds: 3 };
const parsed = (...checks: object[]): Check[] => checks.map((check) => Check.parse({ ...quick, ...check }));

/** A PATH with only these programs in it, and whatever else is written into it. */
function only(programs: readonly string[], own: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), "ndg-check-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const places = (process.env["PATH"] ?? "").split(delimiter).filter((place) => place.startsWith("/usr") || place === "/bin");
  for (const program of programs) {
    const place = places.find((one) => readdirSync(one).includes(program));
    if (place === undefined) throw new Error(`there is no ${program} here`);
    symlinkSync(join(place, program), join(directory, program));
  }
  for (const [name, text] of Object.entries(own)) writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return directory;
}
const basic = [
  "sh",
  "timeout",
  "tail",
  "head",
  "tr",
  "sleep",
  "mktemp",
  "mv",
  "rm",
  "cat",
  "grep",
  "sed",
  "wc",
  "base64",
  "printf",
  "true",
  "false",
  "env",
];

type Found = { readonly outcome: string; readonly tries: number; readonly text: string };

/** The program under a shell, as over a connection: one result for each check. */
async function found(
  checks: readonly Check[],
  shell: readonly string[],
  path?: string,
): Promise<{ results: Found[]; exitCode: number | undefined }> {
  const run = await runProgram(checkProgram, {
    shell,
    arguments: checkArguments(checks),
    env: { PATH: path ?? "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  const results = run.records.map(({ name, value }, index): Found => {
    const [number, outcome = "", tries, ...text] = value.split("\n");
    expect([name, number]).toEqual(["check", String(index)]);
    return { outcome, tries: Number(tries), text: text.join("\n") };
  });
  expect(results).toHaveLength(checks.length);
  return { results, exitCode: run.exitCode };
}

describe.each([
  ["dash", ["/bin/dash"]],
  ["bash as sh", ["/bin/bash", "--norc", "--posix"]],
])("under %s", (_, shell) => {
  test("commands: by their exit code and never by a shell", async () => {
    const odd = "$(touch /tmp/never) `id` ; false\n--x 'y\"";
    const { results, exitCode } = await found(
      parsed(
        { type: "command", command: ["true"] },
        { type: "command", command: ["sh", "-c", "echo the pool is degraded >&2; exit 3"] },
        { type: "command", command: ["test", odd, "=", odd] },
        { type: "command", command: ["no-such-program"] },
        { type: "command", command: ["-k", "1"] },
        { type: "command", command: ["sleep", "60"], timeoutSeconds: 1 },
        { type: "command", command: ["/etc"] },
      ),
      shell,
    );
    expect(results.map((result) => result.outcome)).toEqual([
      "passed",
      "failed",
      "passed",
      "inconclusive",
      "inconclusive",
      "failed",
      "inconclusive",
    ]);
    expect(results[1]?.text).toMatch(/ended with 3: the pool is degraded/);
    expect(results[5]?.text).toBe("it did not end within 1 s");
    expect(exitCode).toBe(1);
  });

  test("each is tried as often as it says, and the first green one ends it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "ndg-tries-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const { results, exitCode } = await found(
      parsed(
        { type: "command", retries: 2, command: ["sh", "-c", 'test -e "$1" || { : >"$1"; exit 1; }', "sh", join(directory, "second")] },
        { type: "command", retries: 1, command: ["false"] },
        { type: "command", retries: 9, command: ["true"] },
      ),
      shell,
    );
    expect(results.map(({ outcome, tries }) => [outcome, tries])).toEqual([
      ["passed", 2],
      ["failed", 2],
      ["passed", 1],
    ]);
    expect(exitCode).toBe(1);
  });

  test("what a command prints stays bounded, printable, and is no record", { timeout: 30_000 }, async () => {
    const { results } = await found(
      parsed(
        { type: "command", command: ["sh", "-c", "yes 'put check 0 passed' | head -c 3000000; printf '\\033[31m\\001end'; exit 1"] },
        { type: "command", command: ["sh", "-c", "sleep 30 & echo left one behind"], timeoutSeconds: 1 },
      ),
      shell,
    );
    expect(results[0]?.outcome).toBe("failed");
    expect(results[0]?.text.length).toBeLessThan(650);
    expect(results[0]?.text).toMatch(/^[ -~]*end$/);
    expect(results[1]?.outcome).toBe("passed");
  });

  test("tcp and http with curl", async () => {
    const port = await httpService((request, response) => {
      if (request.url === "/moved") return void response.writeHead(302, { location: "/ok?x=1" }).end();
      if (request.url === "/away") return void response.writeHead(302, { location: "http://169.254.169.254/" }).end();
      if (request.url === "/round") return void response.writeHead(301, { location: "/round" }).end();
      if (request.url === "/large") return void response.end(Buffer.alloc(5_000_000, 97));
      if (request.url === "/silent") return;
      if (request.url === "/lines") return void response.end("first\nsecond line\nthird");
      response.writeHead(request.url?.startsWith("/ok") === true ? 200 : 503).end("all is ready, [a-z]* \xe9");
    });
    const at = (path: string, over: object = {}): object => ({
      type: "http",
      from: "host",
      url: `http://127.0.0.1:${port}${path}`,
      ...over,
    });
    const closed = await closedPort();
    const { results } = await found(
      parsed(
        at("/ok"),
        at("/bad"),
        at("/moved"),
        at("/moved", { status: [302] }),
        at("/away"),
        at("/round"),
        at("/ok", { contains: "is ready" }),
        at("/ok", { contains: "[a-z]* \xe9" }),
        at("/ok", { contains: "is.ready" }),
        at("/ok", { contains: "-e" }),
        at("/lines", { contains: "first\nsecond" }),
        at("/lines", { contains: "first\nthird" }),
        at("/large"),
        at("/large", { contains: "b" }),
        at("/silent", { timeoutSeconds: 1 }),
        { type: "http", from: "host", url: `http://127.0.0.1:${closed}/` },
        { type: "tcp", from: "host", address: "127.0.0.1", port },
        { type: "tcp", from: "host", address: "127.0.0.1", port: closed },
        { type: "tcp", from: "host", address: "no-such-host.invalid", port: 80 },
        { type: "http", from: "host", url: "http://no-such-host.invalid/" },
      ),
      shell,
    );
    expect(results.map((result) => result.outcome)).toEqual(
      ["passed", "failed", "passed", "passed", "failed", "failed", "passed", "passed", "failed", "failed"].concat([
        "passed",
        "failed",
        "passed",
        "inconclusive",
        "failed",
        "failed",
        "passed",
        "failed",
        "inconclusive",
        "inconclusive",
      ]),
    );
    expect(results[1]?.text).toBe("it answered 503");
  });

  test("http without curl, by bash", async () => {
    const seen: (string | undefined)[] = [];
    const port = await httpService((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`);
      if (request.url === "/moved") return void response.writeHead(302, { Location: "/ok" }).end();
      if (request.url === "/large") return void response.end(Buffer.alloc(5_000_000, 97));
      response.writeHead(request.url === "/ok" ? 200 : 404).end("all is\nready");
    });
    const at = (path: string, over: object = {}): object => ({
      type: "http",
      from: "host",
      url: `http://127.0.0.1:${port}${path}`,
      ...over,
    });
    const chat = await tcpService((socket) => void socket.end("SSH-2.0-OpenSSH_9.9\r\n"));
    const { results } = await found(
      parsed(
        at("/ok"),
        at("/a b?c=d"),
        at("/moved"),
        at("/ok", { contains: "is\nready" }),
        at("/large", { contains: "b" }),
        { type: "http", from: "host", url: `http://127.0.0.1:${chat}/` },
        { type: "http", from: "host", url: `https://127.0.0.1:${port}/` },
      ),
      shell,
      only([...basic, "bash"]),
    );
    expect(results.map((result) => result.outcome)).toEqual([
      "passed",
      "failed",
      "passed",
      "passed",
      "inconclusive",
      "failed",
      "inconclusive",
    ]);
    expect(seen).toContain(`GET /a%20b?c=d 127.0.0.1:${port}`);
    expect(results[6]?.text).toBe("there is no curl on the host to ask https with");
  });

  test("with neither curl nor bash nothing is green", async () => {
    const port = await httpService((_request, response) => void response.end("ok"));
    const checks = parsed(
      { type: "http", from: "host", url: `http://127.0.0.1:${port}/` },
      { type: "tcp", from: "host", address: "127.0.0.1", port },
    );
    const { results, exitCode } = await found(checks, ["/bin/dash"], only(basic));
    expect(results.map((result) => result.outcome)).toEqual(["inconclusive", "inconclusive"]);
    expect(exitCode).toBe(2);
  });

  test("units as systemd tells", async () => {
    const states = (load: string, active: string, sub: string, result: string): string =>
      `echo LoadState=${load}; echo ActiveState=${active}; echo SubState=${sub}; echo Result=${result}`;
    const systemctl = `for unit; do :; done
case $unit in
  up.service) ${states("loaded", "active", "running", "success")} ;;
  down.service) ${states("loaded", "failed", "failed", "exit-code")} ;;
  again.service) ${states("loaded", "activating", "auto-restart", "exit-code")} ;;
  gone.service) ${states("not-found", "inactive", "dead", "success")} ;;
  *) echo 'Failed to connect to bus' >&2; exit 1 ;;
esac`;
    const units = ["up.service", "down.service", "again.service", "gone.service", "what.service"];
    const { results } = await found(parsed(...units.map((unit) => ({ type: "unit", unit }))), shell, only(basic, { systemctl }));
    expect(results.map(({ outcome, text }) => [outcome, text])).toEqual([
      ["passed", "it is active (running)"],
      ["failed", "it is failed (failed), result exit-code"],
      ["failed", "it is activating (auto-restart), result exit-code"],
      ["failed", "there is no such unit"],
      ["inconclusive", expect.stringMatching(/^systemd could not be asked: Failed to connect to bus/)],
    ]);
  });

  test("a host that lacks a tool is inconclusive, and says which", async () => {
    const run = await runProgram(checkProgram, {
      shell: shell,
      arguments: checkArguments(parsed({ type: "command", command: ["true"] })),
      env: { PATH: only(basic.filter((tool) => tool !== "timeout")) },
    });
    expect(run.exitCode).toBe(2);
    expect(run.records).toEqual([]);
    expect(run.stderr).toMatch(/There is no timeout/);
  });
});

test("runs alone, as a host confirms itself: no prelude, and the exit code tells", async () => {
  const port = await httpService((_, response) => void response.end("ok"));
  const good = parsed({ type: "http", url: `http://127.0.0.1:${port}/` }, { type: "command", command: ["true"] });
  const alone = (checks: readonly Check[]) =>
    execa("dash", ["-c", checkProgram, "check", ...selfCheckArguments(checks)], { reject: false });
  expect((await alone(good)).exitCode).toBe(0);
  expect((await alone([...good, ...parsed({ type: "command", command: ["false"] })])).exitCode).toBe(1);
  expect((await alone([...good, ...parsed({ type: "command", command: ["no-such-program"] })])).exitCode).toBe(2);
  expect((await alone([])).exitCode).toBe(0);
});

test("nothing is left behind", async () => {
  const places = ["/run", tmpdir()];
  const ours = (): string[] => places.flatMap((place) => readdirSync(place).filter((name) => name.startsWith("nixos-deploy-gate-checks.")));
  const before = ours();
  await found(parsed({ type: "command", command: ["true"] }), ["/bin/dash"]);
  expect(ours().filter((name) => !before.includes(name))).toEqual([]);
});
