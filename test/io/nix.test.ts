import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { nixEnvironment } from "../../src/io/nix-environment.ts";
import { logLine, nixArguments, nixPort, parseNixVersion } from "../../src/io/nix.ts";
import type { NixLogLine } from "../../src/io/ports.ts";
import { nixVersions } from "../nix/versions.ts";

const scratch = mkdtempSync(join(tmpdir(), "nix-port-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A `nix` that is this script: for versions that cannot be had, and to see what reaches it. */
function fake(name: string, script: string): string {
  const directory = join(scratch, name);
  mkdirSync(directory);
  writeFileSync(join(directory, "nix"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, "nix"), 0o755);
  return `${directory}:/usr/bin:/bin`;
}

test.each([
  ["nix (Nix) 2.34.8", { implementation: "nix", version: "2.34.8", major: 2, minor: 34 }],
  ["nix (Nix) 2.8.0pre20220411_f7276bc", { implementation: "nix", version: "2.8.0pre20220411_f7276bc", major: 2, minor: 8 }],
  [
    "nix (Lix, like Nix) 2.94.2\nSystem type: x86_64-linux\nAdditional system types: i686-linux",
    { implementation: "lix", version: "2.94.2", major: 2, minor: 94 },
  ],
  ["nix (Determinate Nix 3.22.2) 2.35.2", { implementation: "determinate", version: "2.35.2", major: 2, minor: 35 }],
  ["nix 1.11", undefined],
  ["bash: nix: command not found", undefined],
])("reads the version %j", (text, expected) => {
  expect(parseNixVersion(text)).toEqual(expected);
});

test("each command is told to the log, with how it ended", async () => {
  const told: unknown[] = [];
  const path = fake("told", 'case "$*" in *--version*) echo "nix (Nix) 2.8.0" ;; *) exit 3 ;; esac');
  const nix = nixPort({ environment: { PATH: path }, scratch, log: { debug: (message, fields) => void told.push([message, fields]) } });
  await nix.run({ arguments: ["eval", "--expr", "1"], trust: "unreviewed", timeoutSeconds: 10 });
  expect(told).toEqual([
    ["nix", { command: ["nix", "eval", "--expr", "1"], trust: "unreviewed", exitCode: 3, seconds: expect.any(Number) }],
  ]);
});

describe("what Nix is told", () => {
  test("holds the walls for flakes, and never the flag that opens the lock file", () => {
    const words = nixArguments({ arguments: ["eval", "--json", "--expr", "1"] });
    expect(words.slice(0, 3)).toEqual(["nix", "--extra-experimental-features", "nix-command flakes"]);
    expect(words).toContain("--no-update-lock-file");
    const options = Object.fromEntries(words.flatMap((word, index) => (word === "--option" ? [[words[index + 1], words[index + 2]]] : [])));
    expect(options).toMatchObject({
      "accept-flake-config": "false",
      "flake-registry": "",
      "pure-eval": "true",
      fallback: "true",
      "connect-timeout": "5",
    });
    expect(words).not.toContain("--impure");
    expect(words).not.toContain("--no-write-lock-file");
    expect(words).not.toContain("--log-format");
  });
  test("has no flakes' flag where a command knows none", () => {
    expect(nixArguments({ arguments: ["store", "ping"] })).not.toContain("--no-update-lock-file");
    const old = nixArguments({ program: "nix-store", arguments: ["--realise", "/nix/store/x.drv"], onLog: () => {} });
    expect(old.slice(0, 3)).toEqual(["nix-store", "--realise", "/nix/store/x.drv"]);
    expect(old).not.toContain("--no-update-lock-file");
    expect(old.join(" ")).toContain("--log-format internal-json");
  });
});

describe("what Nix may see", () => {
  const own = {
    PATH: "/bin",
    HOME: "/root",
    GITHUB_TOKEN: "ghp_secret",
    ANTHROPIC_API_KEY: "sk-secret",
    SSH_AUTH_SOCK: "/tmp/agent",
    https_proxy: "http://proxy:3128",
    NIX_SSL_CERT_FILE: "/etc/ssl/ca.pem",
    NIX_CONFIG:
      "cores = 2\naccess-tokens = github.com=ghp_secret\n extra-access-tokens = a=b\nnetrc-file = /root/.netrc\n!include /root/secrets.conf\npost-build-hook = /root/push\nsandbox = true",
  };
  test("is picked, not inherited", () => {
    expect(Object.keys(nixEnvironment(own, "deploy-branch")).toSorted()).toEqual([
      "GIT_HTTP_LOW_SPEED_LIMIT",
      "GIT_HTTP_LOW_SPEED_TIME",
      "LANG",
      "NIX_CONFIG",
      "NIX_SSHOPTS",
      "NIX_SSL_CERT_FILE",
      "PATH",
      "https_proxy",
    ]);
    expect(nixEnvironment(own, "deploy-branch")["NIX_CONFIG"]).toBe(own.NIX_CONFIG);
  });
  test("ends a connection to a builder that says nothing, after what the operator says of it", () => {
    expect(nixEnvironment(own, "deploy-branch")["NIX_SSHOPTS"]).toMatch(/^-oBatchMode=yes -oConnectTimeout=10 /);
    // ssh takes the first of two.
    expect(nixEnvironment({ NIX_SSHOPTS: "-oConnectTimeout=60" }, "unreviewed")["NIX_SSHOPTS"]).toMatch(
      /^-oConnectTimeout=60 -oBatchMode=yes /,
    );
  });
  test("has no settings with secrets, nor such as sign or upload, beside unreviewed code", () => {
    expect(nixEnvironment(own, "unreviewed")["NIX_CONFIG"]).toBe("cores = 2\nsandbox = true");
  });
});

test("takes a line for an event only where it is one", () => {
  expect(logLine('@nix {"action":"stop","id":1}')).toEqual({ kind: "nix", event: { action: "stop", id: 1 } });
  for (const text of ["@nix [1]", "@nix {", "@nix null", "@nixos", "ssh: connect to host"])
    expect(logLine(text)).toEqual({ kind: "text", text });
});

test("says where there is no Nix, where it is too old and where it is not one", async () => {
  const port = (path: string) => nixPort({ environment: { PATH: path }, scratch });
  await expect(port("/nowhere").version()).rejects.toMatchObject({ failure: { code: "nix-missing" }, exit: 4 });
  await expect(port("/nowhere").run({ arguments: ["eval"], trust: "unreviewed", timeoutSeconds: 5 })).rejects.toMatchObject({
    failure: { code: "nix-missing" },
  });
  await expect(port(fake("old", "echo 'nix (Nix) 2.7.0'")).version()).rejects.toMatchObject({
    failure: { code: "nix-too-old", message: expect.stringContaining("2.7.0") },
  });
  await expect(port(fake("odd", "echo hello")).version()).rejects.toMatchObject({ failure: { code: "nix-unusable", detail: "hello" } });
  await expect(port(fake("lix", "echo 'nix (Lix, like Nix) 2.90.0'")).version()).resolves.toMatchObject({ implementation: "lix" });
});

test("asks for the version once", async () => {
  const count = join(scratch, "count");
  const nix = nixPort({ environment: { PATH: fake("counted", `echo x >> ${count}; echo 'nix (Nix) 2.34.8'`) }, scratch });
  await Promise.all([nix.version(), nix.version()]);
  await nix.version();
  expect(readFileSync(count, "utf8")).toBe("x\n");
});

test("gives Nix an empty home of the run's own, and stdin closed", async () => {
  const nix = nixPort({
    environment: { PATH: fake("home", 'env; ls -A "$HOME" "$XDG_CONFIG_HOME"; read line || echo closed'), HOME: "/nonexistent/operator" },
    scratch: join(scratch, "run"),
  });
  const { stdout } = await nix.run({ arguments: ["eval"], trust: "unreviewed", timeoutSeconds: 5 });
  expect(stdout).toContain(`HOME=${join(scratch, "run")}/`);
  expect(stdout).not.toContain("/nonexistent/operator");
  expect(stdout).toMatch(/closed\n$/);
});

test("has every command wrapped, and tells the wrapper whose code it is", async () => {
  const nix = nixPort({
    environment: { PATH: fake("wrapped", 'echo "$WALL: $1"') },
    scratch,
    wrap: (argv, environment, trust) => ({
      argv: ["/bin/sh", "-c", 'exec "$@"', "sh", ...argv],
      environment: { ...environment, WALL: trust },
    }),
  });
  const run = async (trust: "unreviewed" | "deploy-branch") => (await nix.run({ arguments: ["eval"], trust, timeoutSeconds: 5 })).stdout;
  expect(await run("unreviewed")).toMatch(/^unreviewed:/);
  expect(await run("deploy-branch")).toMatch(/^deploy-branch:/);
});

test("throws for a cancelled run, so that nobody takes it for a failed host", async () => {
  const stop = new AbortController();
  const nix = nixPort({ environment: { PATH: fake("long", "exec sleep 60") }, scratch, signal: stop.signal });
  const running = nix.run({ arguments: ["eval"], trust: "unreviewed", timeoutSeconds: 50 });
  setTimeout(() => stop.abort(), 100);
  await expect(running).rejects.toMatchObject({ failure: { code: "cancelled" } });
});

describe.each(nixVersions())("Nix $version", ({ path }) => {
  const nix = nixPort({ environment: { ...process.env, PATH: path }, scratch });
  const evaluate = (expression: string, onLog?: (line: NixLogLine) => void) =>
    nix.run({
      arguments: ["eval", "--json", "--expr", expression],
      trust: "unreviewed",
      timeoutSeconds: 60,
      ...(onLog === undefined ? {} : { onLog }),
    });

  test("evaluates purely, with every flag understood", async () => {
    const result = await evaluate("1 + 1");
    expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^2\n?$/) });
    expect(result.stderr).not.toMatch(/unrecognised|unknown/);
    expect((await evaluate('builtins.getEnv "PATH"')).stdout.trim()).toBe('""');
    expect((await evaluate("builtins.readFile /etc/hostname")).exitCode).not.toBe(0);
    expect((await evaluate("builtins ? currentTime || builtins ? currentSystem")).stdout.trim()).toBe("false");
  });
  test("knows its version", async () => {
    expect(await nix.version()).toMatchObject({ implementation: "nix", major: 2 });
  });
  test("gives log lines as events", async () => {
    const lines: NixLogLine[] = [];
    await evaluate('builtins.trace "hello" (throw "no")', (line) => lines.push(line));
    const messages = lines.flatMap((line) => (line.kind === "nix" && line.event["action"] === "msg" ? [line.event["msg"]] : []));
    expect(messages).toContain("trace: hello");
    expect(lines.some((line) => line.kind === "nix" && line.event["raw_msg"] === "no")).toBe(true);
  });
  test("runs nix-store too", async () => {
    const result = await nix.run({ program: "nix-store", arguments: ["--version"], trust: "unreviewed", timeoutSeconds: 60 });
    expect(result).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("nix-store (Nix)") });
  });
});
