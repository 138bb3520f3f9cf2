import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The program as a person or a runner starts it, in a process of its own, with an environment from nothing and a TMPDIR that nobody else uses. */
const source = resolve(import.meta.dirname, "../../src");

/** A test that fails may leave its program at work; it ends with the tests. */
const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

export type GateOptions = {
  readonly directory: string;
  /** What is started: the shell's entry where absent. */
  readonly entry?: "cli.ts" | "main.ts";
  /** Where programs are found; this process' own where absent. */
  readonly path?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What the program is started by, `unshare --mount …` for one: words before its own. */
  readonly before?: readonly string[];
  /** In a terminal of its own; what it shows is then all on `stdout`. */
  readonly terminal?: boolean;
  /** Its stdin stays open for `types`. */
  readonly typed?: boolean;
};

export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What is still in TMPDIR. */
  readonly left: readonly string[];
  /** Command lines of processes that still run although the program has ended. */
  readonly running: readonly string[];
};

export class Gate {
  readonly child: ChildProcess;
  readonly temporary: string;
  readonly #seen = new Map<number, string>();
  readonly #end: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #answered = 0;
  stdout = "";
  stderr = "";

  constructor(given: readonly string[], options: GateOptions) {
    this.temporary = mkdtempSync(join(tmpdir(), "gate-run-"));
    const words = [...(options.before ?? []), process.execPath, join(source, options.entry ?? "cli.ts"), ...given];
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    const [program, ...rest] = (
      options.terminal === true ? ["script", "--quiet", "--return", "--command", `exec ${quoted}`, "/dev/null"] : words
    ) as [string, ...string[]];
    const kept = Object.fromEntries(
      ["NIX_CONFIG", "NIX_REMOTE"].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    );
    this.child = spawn(program, rest, {
      cwd: options.directory,
      env: {
        ...kept,
        PATH: options.path ?? process.env["PATH"],
        HOME: "/nonexistent",
        LANG: "C.UTF-8",
        TMPDIR: this.temporary,
        ...options.environment,
      },
      stdio: [options.typed === true ? "pipe" : "ignore", "pipe", "pipe"],
    });
    this.child.stdout?.on("data", (chunk: Buffer) => (this.stdout += chunk.toString("utf8")));
    this.child.stderr?.on("data", (chunk: Buffer) => (this.stderr += chunk.toString("utf8")));
    children.add(this.child);
    this.child.once("close", () => children.delete(this.child));
    this.#end = new Promise((done, fail) => this.child.once("close", (code, signal) => done({ code, signal })).once("error", fail));
  }

  /** Waits until the program has written something that matches; throws where it ends first. */
  async says(pattern: RegExp): Promise<void> {
    let ended = false;
    void this.#end.then(() => (ended = true));
    while (!pattern.test(`${this.stdout}${this.stderr}`)) {
      if (ended) throw new Error(`The program ended without saying ${pattern}:\n${this.stderr}${this.stdout}`);
      await sleep(20);
    }
  }

  /** Waits for a question and answers it. What was shown before it counts no more. */
  async types(question: RegExp, answer: string): Promise<void> {
    const from = this.#answered;
    await this.says(new RegExp(`^[\\s\\S]{${from},}?${question.source}`, question.flags));
    this.#answered = `${this.stdout}${this.stderr}`.length;
    this.child.stdin?.write(answer);
  }

  /** Waits until a process below the program has such a command line, and remembers all that are there: they have to be gone when the program is. */
  async runs(pattern: RegExp): Promise<void> {
    for (;;) {
      const below = descendants(this.child.pid ?? 0);
      if ([...below.keys()].some((pid) => pattern.test(commandLine(pid)))) {
        for (const [pid, started] of below) this.#seen.set(pid, started);
        return;
      }
      if (this.child.exitCode !== null) throw new Error(`The program ended without running ${pattern}:\n${this.stderr}${this.stdout}`);
      await sleep(20);
    }
  }

  /** To the program itself, which in a terminal is a child of what was started. */
  kill(signal: NodeJS.Signals): void {
    const pids = [this.child.pid ?? 0, ...descendants(this.child.pid ?? 0).keys()];
    const program = pids.find((pid) => commandLine(pid).startsWith(`${process.execPath} `));
    if (program === undefined) throw new Error("The program does not run.");
    process.kill(program, signal);
  }

  async ended(): Promise<Ended> {
    const end = await this.#end;
    // What was killed is gone a moment later than the program that killed it, and a program that lost its terminal ends later than that.
    let running = this.#running();
    for (let i = 0; i < 200 && running.length > 0; i++) {
      await sleep(20);
      running = this.#running();
    }
    const left = readdirSync(this.temporary);
    rmSync(this.temporary, { recursive: true, force: true });
    return { ...end, stdout: this.stdout, stderr: this.stderr, left, running };
  }

  /** Those that were seen below it, and any whose words or environment lead into its TMPDIR: its Nix has its home there. */
  #running(): string[] {
    return pids().flatMap((pid) => {
      const known = this.#seen.get(pid);
      const mine = known === undefined ? mentions(pid, this.temporary) : known === startOf(pid);
      return mine && pid !== this.child.pid ? [commandLine(pid)] : [];
    });
  }
}

/** Runs the program to its end. */
export async function gate(words: readonly string[], options: GateOptions): Promise<Ended> {
  return await new Gate(words, options).ended();
}

/** What the program says of a failure that ends it. */
export type Said = { readonly message: string; readonly code: string; readonly detail: string; readonly next: string };

/** Reads the failure off stderr, as `failureText` writes it; undefined where there is none. */
export function failureOf(stderr: string): Said | undefined {
  const found =
    /^error: (.+) \[([a-z-]+)\]\n(.*?)\nnext: {2}(.+)\n/ms.exec(stderr) ?? /^error: (.+) \[([a-z-]+)\]()\nnext: {2}(.+)\n/m.exec(stderr);
  if (found === null) return undefined;
  const [, message = "", code = "", detail = "", next = ""] = found;
  return { message, code, detail, next };
}

export const sleep = (milliseconds: number): Promise<void> => new Promise((done) => void setTimeout(done, milliseconds));

const pids = (): number[] => readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    // It ended in between.
    return "";
  }
}

const commandLine = (pid: number): string => read(pid, "cmdline").replaceAll("\0", " ").trim();
const mentions = (pid: number, text: string): boolean => read(pid, "cmdline").includes(text) || read(pid, "environ").includes(text);

/** Parent and time of start, behind the name, which may hold anything. A zombie has ended and only waits to be counted. */
function stat(pid: number): { readonly parent: number; readonly started: string } | undefined {
  const fields = read(pid, "stat")
    .replace(/^.*\) /s, "")
    .split(" ");
  return fields.length < 20 || fields[0] === "Z" ? undefined : { parent: Number(fields[1]), started: fields[19] ?? "" };
}

const startOf = (pid: number): string | undefined => stat(pid)?.started;

function descendants(of: number): Map<number, string> {
  const all = new Map(
    pids().flatMap((pid) => {
      const found = stat(pid);
      return found === undefined ? [] : [[pid, found] as const];
    }),
  );
  const below = new Map<number, string>();
  const walk = (parent: number): void => {
    for (const [pid, { parent: above, started }] of all)
      if (above === parent && !below.has(pid)) {
        below.set(pid, started);
        walk(pid);
      }
  };
  walk(of);
  return below;
}
