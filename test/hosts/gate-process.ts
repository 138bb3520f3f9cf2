import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Plan, type PlanHost } from "../../src/report/plan.ts";
import { until } from "./command.ts";
import type { Fleet } from "./fleet.ts";

let runs = 0;

/** One run of the gate's command line, which can be watched and killed while it goes on. */
export class GateProcess {
  readonly #child: ChildProcess;
  readonly #debug: string;
  readonly #ended: Promise<number>;
  #stdout = "";
  #stderr = "";

  constructor(fleet: Fleet, ...words: readonly string[]) {
    this.#debug = join(fleet.repository, "ssh", `run-${runs++}.log`);
    const [program = "", ...rest] = fleet.command("deploy", "--json", "--log-file", this.#debug, ...words);
    this.#child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe"], env: fleet.environment });
    this.#child.stdout?.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 143)));
    });
  }

  /** Everything that it said of its progress. */
  get progress(): string {
    return this.#stderr;
  }

  kill(signal: "SIGKILL" | "SIGINT" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(signal);
  }

  /** Waits until it says something on stderr. */
  async says(pattern: RegExp, seconds = 120): Promise<void> {
    const ended = this.exitCode();
    let over = false;
    void ended.then(() => (over = true));
    await until(
      () => `the gate does not say ${pattern}: ${this.#stderr}`,
      seconds,
      () => {
        if (pattern.test(this.#stderr)) return true;
        if (over) throw new Error(`the gate ended without saying ${pattern}: ${this.#stderr}`);
        return undefined;
      },
    );
  }

  exitCode(): Promise<number> {
    return this.#ended;
  }

  /** The plan that it printed at its end. Throws with its own words where there is none. */
  async plan(): Promise<Plan> {
    const exitCode = await this.#ended;
    if (!this.#stdout.startsWith("{")) throw new Error(`gate deploy ended with ${exitCode}: ${this.#stderr}`);
    return Plan.parse(JSON.parse(this.#stdout));
  }

  async host(name: string): Promise<PlanHost> {
    const found = (await this.plan()).hosts.find((host) => host.host === name);
    if (found === undefined) throw new Error(`The plan has no host ${name}`);
    return found;
  }

  /** How often it spoke to a host; undefined where it did not get to the end of that host. */
  roundTrips(host: string): number | undefined {
    if (!existsSync(this.#debug)) return undefined;
    const lines = readFileSync(this.#debug, "utf8").split("\n").filter(Boolean);
    const events = lines.map((line) => JSON.parse(line) as { msg?: string; host?: string; roundTrips?: number });
    return events.findLast((event) => event.msg === "host ended" && event.host === host)?.roundTrips;
  }
}
