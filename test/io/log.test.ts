import { execFile, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { openDebugLog } from "../../src/io/debug-log.ts";
import { actionLog, inert, plainLog, terminalLog } from "../../src/io/log.ts";
import { masks } from "../../src/io/masks.ts";
import type { Progress } from "../../src/io/ports.ts";
import { ProgressView } from "../../src/report/progress-view.ts";
import { hostile } from "../report/hostile.ts";

const escape = String.fromCharCode(27);

class Sink extends EventEmitter {
  text = "";
  columns = 60;
  rows = 20;
  write(text: string): void {
    this.text += text;
  }
}

const drv = `/nix/store/${"a".repeat(32)}-linux-6.12.44.drv`;
const events = (text: string): Progress[] => [
  { kind: "stage", stage: "build", text },
  { kind: "host", host: "web1", step: "evaluating", text },
  { kind: "build", derivation: drv, step: "started" },
  { kind: "build", derivation: drv, step: "log", text },
  { kind: "build", derivation: `/nix/store/${"b".repeat(32)}-${text}-1.drv`, step: "started", text },
  // What the configuration makes has no version; the host's own line tells of it.
  { kind: "build", derivation: `/nix/store/${"c".repeat(32)}-system-path.drv`, step: "started" },
  { kind: "build", derivation: `/nix/store/${"d".repeat(32)}-nixos-system-web1-26.05.drv`, step: "finished" },
  { kind: "build", derivation: `/nix/store/${"e".repeat(32)}-unit-a.service.drv`, step: "failed" },
  { kind: "host", host: "web1", step: "failed", text },
  { kind: "warning", host: "web1", text },
  { kind: "build", derivation: drv, step: "finished" },
];

test("a pipe gets one plain line for each event that matters", () => {
  const sink = new Sink();
  const log = plainLog(sink, { unicode: true });
  for (const event of events("five hosts")) log.progress(event);
  log.close();
  expect(sink.text).toBe(
    "build: five hosts\nlinux-6.12.44 is being built\nfive hosts-1 is being built five hosts\nunit-a.service failed\nweb1 failed: five hosts\nwarning for web1: five hosts\nlinux-6.12.44 is built\n",
  );
});

test("the file has all of it, what a terminal leaves out among it, as JSON lines without secrets", async () => {
  for (const make of [plainLog, terminalLog, actionLog]) {
    const file = join(mkdtempSync(join(tmpdir(), "log-")), "gate.jsonl");
    const debug = await openDebugLog(file);
    const log = make(new Sink() as never, { unicode: true, debug });
    log.mask("hunter22");
    for (const event of events("it says hunter22")) log.progress(event);
    log.close();
    debug.close();
    const lines = readFileSync(file, "utf8").trim().split("\n");
    expect(lines.join()).not.toContain("hunter22");
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject(
      events("it says ***").map((event) => ({ ...event, msg: event.kind, time: expect.any(Number) })),
    );
  }
});

test("a long field is cut where no half of a secret is left over", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "log-")), "debug.jsonl");
  const debug = await openDebugLog(file);
  const log = plainLog(new Sink(), { unicode: true, debug });
  log.mask("hunter22hunter22");
  log.debug("nix", { command: ["nix", `${"x".repeat(392)}hunter22hunter22`], detail: `${"x".repeat(16_376)}hunter22hunter22` });
  debug.close();
  expect(readFileSync(file, "utf8")).toContain('"command":["nix","xxx');
  expect(readFileSync(file, "utf8")).not.toContain("hunter22");
});

describe("secrets", () => {
  const key = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\nsecond/line+of=it\n-----END KEY-----";

  test.each(["hunter22", key, 'quote"and\\slash', "ünïcode ✓ secret"])("%j is hidden in every form and every log", async (secret) => {
    const file = join(mkdtempSync(join(tmpdir(), "log-")), "debug.jsonl");
    const debug = await openDebugLog(file);
    const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), Buffer.from(secret).toString("base64")];
    const sinks = [new Sink(), new Sink(), new Sink()] as const;
    const logs = [
      plainLog(sinks[0], { unicode: true, debug }),
      actionLog(sinks[1], { detail: "full", debug }),
      terminalLog(sinks[2], { unicode: true, debug }),
    ];
    for (const log of logs) log.mask(secret);
    const announced = sinks[1].text;
    sinks[1].text = "";
    for (const log of logs)
      for (const form of forms) {
        for (const event of events(form)) log.progress(event);
        log.print(`report with ${form}\n`);
        log.debug(`debug ${form}`, { form, nested: { form } });
        expect(log.masked(form)).not.toContain(secret);
      }
    for (const log of logs) log.close();
    debug.close();
    const written = [...sinks.map((sink) => sink.text), readFileSync(file, "utf8")];
    for (const text of written) {
      for (const form of [...forms, ...secret.split("\n").filter((line) => !line.startsWith("---"))]) expect(text).not.toContain(form);
      expect(text).toContain("***");
    }
    expect(announced).toMatch(/^(::add-mask::.*\n)+$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("a secret that would be cut at the edge is hidden whole", () => {
    for (const filler of [0, 20, 30, 35, 40, 45, 390, 990]) {
      const sinks = [new Sink(), new Sink(), new Sink()] as const;
      const logs = [
        plainLog(sinks[0], { unicode: true }),
        actionLog(sinks[1], { detail: "full" }),
        terminalLog(sinks[2], { unicode: true }),
      ];
      for (const log of logs) log.mask("SECRETSECRETSECRET\nSECONDLINE");
      sinks[1].text = "";
      for (const log of logs)
        for (const event of events(`${"x".repeat(filler)} SECRETSECRETSECRET\nSECONDLINE ${"y".repeat(3_000)}`)) log.progress(event);
      for (const log of logs) log.close();
      for (const sink of sinks) expect(sink.text).not.toMatch(/SEC/);
    }
  });

  test("a value too short to be a secret does not black out the log", () => {
    const hidden = masks();
    hidden.add("a");
    hidden.add("");
    expect(hidden.apply("a banana")).toBe("a banana");
  });

  test("the debug log is one JSON object a line, also for huge fields", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "log-")), "debug.jsonl");
    const debug = await openDebugLog(file);
    plainLog(new Sink(), { unicode: true, debug }).debug("two\nlines", { big: "x".repeat(1_000_000) });
    debug.close();
    const [line = "", rest] = readFileSync(file, "utf8").split("\n");
    expect(JSON.parse(line)).toMatchObject({ level: "debug", msg: "two\nlines" });
    expect(line.length).toBeLessThan(20_000);
    expect(rest).toBe("");
  });
});

describe("the log of an Action", () => {
  /** Lines that GitHub's runner would take for a command: it trims first, and finds the older form anywhere. */
  const commands = (text: string): string[] =>
    text.split(/\r\n|\r|\n/).filter((line) => line.trim().startsWith("::") || line.includes("##["));

  test("groups by stage, warnings and failures as annotations", () => {
    const sink = new Sink();
    const log = actionLog(sink, { detail: "full" });
    log.progress({ kind: "stage", stage: "discover", text: "." });
    log.progress({ kind: "stage", stage: "build", text: "2 hosts" });
    log.progress({ kind: "warning", text: "100% sure" });
    log.progress({ kind: "host", host: "web1", step: "failed", text: "no" });
    log.progress({ kind: "build", derivation: drv, step: "log", text: "cc main.c" });
    log.close();
    expect(sink.text).toBe(
      "::group::discover: .\n::endgroup::\n::group::build: 2 hosts\n::warning title=nixos-deploy-gate::warning: 100%25 sure\n::error title=nixos-deploy-gate::web1 failed: no\nlinux-6.12.44> cc main.c\n::endgroup::\n",
    );
  });

  test.each([
    ...hostile,
    "::set-output name=x::y",
    "  ::stop-commands::x",
    "\u00a0::error::x",
    "a ##[add-path]/evil",
    "\n::error::x\r::error::y",
  ])("%j gives no order to the runner", (bad) => {
    const sink = new Sink();
    const log = actionLog(sink, { detail: "full" });
    for (const event of events(bad)) log.progress(event);
    log.print(bad);
    log.close();
    for (const line of commands(sink.text))
      expect(line).toMatch(/^::(group|warning title=nixos-deploy-gate|error title=nixos-deploy-gate)::|^::endgroup::$/);
    expect(sink.text.match(/^::/gm)).toHaveLength(4);
    expect(sink.text).not.toMatch(/[^\P{Cc}\n]/u);
  });

  test("until it is known who reads, no text and no version is written", () => {
    const sink = new Sink();
    const log = actionLog(sink);
    for (const event of events("PLANTED")) log.progress(event);
    expect(sink.text).not.toMatch(/6\.12\.44/);
    expect(sink.text.match(/PLANTED/g)).toEqual(["PLANTED"]);
    log.show("full");
    for (const event of events("PLANTED")) log.progress(event);
    expect(sink.text).toContain("linux-6.12.44> PLANTED");
  });

  test("a line that is none of ours is never a command", () => {
    for (const bad of ["::a", "\t ::a", "x ##[b", "\u2003::a"]) expect(commands(inert(bad))).toEqual([]);
    expect(inert("plain :: text")).toBe("plain :: text");
  });
});

describe("a terminal", () => {
  /** The screen after all that was written, as a terminal without scrolling would show it. */
  const screen = (written: string): string[] => {
    const lines: string[] = [""];
    let row = 0;
    for (const [, up, clear, control, text] of written.matchAll(
      new RegExp(String.raw`${escape}\[(\d+)A|${escape}\[([JK])|(${escape}\[\?25[lh]|\r|\n)|([^${escape}\r\n]+)`, "g"),
    )) {
      if (up !== undefined) row = Math.max(0, row - Number(up));
      else if (clear === "J") lines.splice(row, Infinity, "");
      else if (control === "\n") lines[(row += 1)] ??= "";
      else if (text !== undefined) lines[row] = text;
    }
    return lines;
  };

  test("warnings and failures stay, the live region goes, and the cursor comes back", () => {
    const sink = new Sink();
    const log = terminalLog(sink, { unicode: true });
    log.progress({ kind: "stage", stage: "build", text: "2 hosts" });
    log.progress({ kind: "host", host: "web1", step: "building", text: "linux" });
    log.progress({ kind: "warning", text: "slow cache" });
    expect(screen(sink.text)).toEqual(["warning: slow cache", "build: 2 hosts (0 s)", "  web1  building  linux", ""]);
    log.progress({ kind: "host", host: "web1", step: "failed", text: "exit code 1" });
    expect(screen(sink.text).slice(0, 2)).toEqual(["warning: slow cache", "web1 failed: exit code 1"]);
    log.close();
    log.close();
    expect(screen(sink.text)).toEqual(["warning: slow cache", "web1 failed: exit code 1", ""]);
    expect(sink.text.endsWith("\u001b[?25h")).toBe(true);
    expect(sink.listenerCount("resize")).toBe(0);
    log.progress({ kind: "warning", text: "late" });
    expect(sink.text.endsWith("warning: late\n")).toBe(true);
  });

  test.each([8, 20, 40, 200])("no line fills a terminal of %i columns, however many hosts and however hostile", (columns) => {
    const sink = new Sink();
    sink.columns = columns;
    const log = terminalLog(sink, { unicode: true });
    for (const bad of hostile) for (const event of events(bad)) log.progress(event);
    for (let i = 0; i < 100; i += 1) log.progress({ kind: "host", host: `host${i}`, step: "building", text: "漢字".repeat(50) });
    sink.text = "";
    sink.emit("resize");
    log.close();
    const lines = sink.text
      .split("\n")
      .slice(0, -1)
      .map((line) => stripVTControlCharacters(line).replace("\r", ""));
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.length).toBeLessThanOrEqual(18);
    for (const line of lines) expect(Array.from(line).length).toBeLessThan(columns);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s gives the cursor back and still ends the process", async (signal) => {
    const script = `import { terminalLog } from ${JSON.stringify(resolve("src/io/log.ts"))};
      terminalLog(process.stderr, { unicode: true }).progress({ kind: "warning", text: "ready" });
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], { stdio: ["ignore", "ignore", "pipe"] });
    let written = "";
    const ended = new Promise<NodeJS.Signals | null>((done) => child.on("close", (_, how) => done(how)));
    child.stderr.on("data", (chunk: Buffer) => {
      written += chunk.toString();
      if (written.includes("ready")) child.kill(signal);
    });
    expect(await ended).toBe(signal);
    expect(written.endsWith("\u001b[?25h")).toBe(true);
  });

  test("a process that ends without closing the log gives the cursor back too", async () => {
    const script = `import { terminalLog } from ${JSON.stringify(resolve("src/io/log.ts"))};
      terminalLog(process.stderr, { unicode: true }).progress({ kind: "stage", stage: "build", text: "x" });`;
    const written = await new Promise<string>((done) =>
      execFile(process.execPath, ["--input-type=module-typescript", "-e", script], (_, __, stderr) => done(stderr)),
    );
    expect(written.endsWith("\u001b[?25h")).toBe(true);
  });
});

test("the live view shows what has something to say before what waits, one name once", () => {
  const view = new ProgressView();
  const at = (hash: string, name: string): string => `/nix/store/${hash.repeat(32)}-${name}.drv`;
  view.apply({ kind: "stage", stage: "build", text: "building 2 hosts" }, 0);
  for (const [hash, name] of [
    ["a", "nixos-system-web1-26.05"],
    ["b", "nixos-system-web1-26.05"],
    ["c", "nginx-1.28.1"],
  ] as const)
    view.apply({ kind: "build", derivation: at(hash, name), step: "started" }, 0);
  view.apply({ kind: "build", derivation: at("c", "nginx-1.28.1"), step: "log", text: "compiling" }, 0);
  expect(view.lines({ width: 80, height: 20, unicode: true }, 7)).toEqual([
    "build: building 2 hosts (7 s)",
    "    nginx-1.28.1 (7 s): compiling",
    "    nixos-system-web1-26.05 (7 s)",
  ]);
  view.apply({ kind: "build", derivation: at("c", "nginx-1.28.1"), step: "failed" }, 0);
  expect(view.lines({ width: 80, height: 20, unicode: true }, 8)).toEqual([
    "build: building 2 hosts (8 s)",
    "    nixos-system-web1-26.05 (8 s)",
  ]);
});

test("a terminal that does not know its size is taken for one of 80 columns", () => {
  const sink = new Sink();
  sink.columns = 0;
  sink.rows = 0;
  const log = terminalLog(sink, { unicode: true });
  log.progress({ kind: "stage", stage: "build", text: "two hosts" });
  log.print("a line\n");
  log.close();
  expect(sink.text).toContain("build: two hosts (0 s)");
});
