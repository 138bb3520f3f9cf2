import { followProgram } from "../../src/apply/follow-program.ts";
import { startProgram } from "../../src/apply/start-program.ts";
import { evidenceProgram } from "../../src/diagnose/evidence-program.ts";
import type { CopyResult, RemoteRecord, RemoteResult, RemoteRun, Targets } from "../../src/io/ports.ts";
import { observeProgram } from "../../src/target/observe-program.ts";

export const [before, after] = [`/nix/store/${"0".repeat(32)}-nixos-system-web1-1`, `/nix/store/${"1".repeat(32)}-nixos-system-web1-2`];

/** How one activation ends: the supervisor's own words, what it printed, and what runs and boots then. */
export type Ending = {
  readonly phase: string;
  readonly log?: string;
  readonly runs?: string;
  readonly boots?: string;
  /** Another activation is under way instead. */
  readonly busy?: true;
};

/** What was done to it, in order. Nothing else can be done to a machine than what stands here. */
export type Done =
  | { readonly did: "activate"; readonly operation: string; readonly activate: string; readonly stopFirst: readonly string[] }
  | { readonly did: "restart"; readonly units: readonly string[] }
  | { readonly did: "copy" }
  /** A program that is none of ours that read. */
  | { readonly did: "other"; readonly program: string };

/** A machine that ends activations as it is told and writes down everything that is done to it. Reading leaves no trace. */
export class StandInMachine {
  readonly done: Done[] = [];
  looks = 0;
  runs = before;
  boots = before;
  failed: readonly string[] = [];
  /** Failed now, as a look at it shows. */
  down: readonly string[] = [];
  /** Of those, what no start brings up. */
  broken: readonly string[] = [];
  silent = false;
  lockHeld = false;
  copies: Partial<CopyResult>[] = [];
  readonly #endings: Ending[];
  #last: Ending = { phase: "ended refused unknown 1" };
  onLook: () => void = () => {};

  constructor(...endings: readonly Ending[]) {
    this.#endings = [...endings];
  }

  readonly targets = {
    run: (run: RemoteRun): Promise<RemoteResult> => Promise.resolve(this.#run(run)),
    copyTo: (): Promise<CopyResult> => {
      this.done.push({ did: "copy" });
      return Promise.resolve({ exitCode: 0, signal: undefined, timedOut: false, stdout: "", stderr: "", ...this.copies.shift() });
    },
    roundTrips: () => 0,
  } as unknown as Targets;

  #run({ program, arguments: words, onRecord }: RemoteRun): RemoteResult {
    const put = (records: Record<string, string>): RemoteResult => {
      const made: RemoteRecord[] = Object.entries(records).map(([name, value]) => ({ name, value }));
      for (const record of made) onRecord?.(record);
      return { ok: true, exitCode: 0, records: made, stderr: "" };
    };
    if (program === observeProgram) {
      this.looks += 1;
      this.onLook();
    }
    if (this.silent)
      return { ok: false, trouble: "unreachable", detail: "ssh: connect to host 192.0.2.1 port 22: No route to host", records: [] };
    if (program === observeProgram) return put(this.#observation());
    if (program === evidenceProgram)
      return put({ current: this.runs, profile: this.boots, booted: before, failed: this.failed.join("\n"), ...this.#units() });
    if (program === startProgram) return put(this.#start(words));
    if (program === followProgram) return put({ phase: this.#last.phase, log: this.#last.log ?? "" });
    if (program.includes("systemctl --no-ask-password restart")) {
      this.done.push({ did: "restart", units: words.slice(1) });
      this.down = this.down.filter((unit) => this.broken.includes(unit) || !words.includes(unit));
      return put({});
    }
    // What keeps a copy from a garbage collection.
    if (program.includes("gcroots/nixos-deploy-gate")) return put({ kept: "yes" });
    // What a switch would do, and a timer that is taken away: neither changes what runs.
    if (program.includes("dry-activate") || program.includes("nixos-deploy-gate-reboot")) return put({ said: "", "said.exit": "0" });
    this.done.push({ did: "other", program });
    return put({});
  }

  #start(words: readonly string[]): Record<string, string> {
    const files = new Map<string, string>();
    for (let n = 3; n + 1 < words.length; n += 2) files.set(words[n] ?? "", words[n + 1] ?? "");
    const ending = this.#endings.shift() ?? { phase: "ended refused unknown 1" };
    if (ending.busy) return { start: "busy", by: "switch-by-somebody" };
    this.done.push({
      did: "activate",
      operation: files.get("operation") ?? "",
      activate: files.get("activate") ?? "",
      stopFirst: (files.get("stop-first") ?? "").split("\n").filter((unit) => unit !== ""),
    });
    this.#last = ending;
    this.runs = ending.runs ?? this.runs;
    this.boots = ending.boots ?? this.boots;
    return { start: "started" };
  }

  #units(): Record<string, string> {
    return Object.fromEntries(
      this.failed.flatMap((unit, n) => [
        [`unit.${n}`, unit],
        [`unit.${n}.journal`, `something odd happened in ${unit}`],
      ]),
    );
  }

  #observation(): Record<string, string> {
    return {
      hostname: "web1\n",
      "machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4\n",
      "boot-id": "baff9136-f5ac-4acb-9b11-684014e6cf12\n",
      clock: "1795000000\n",
      nixos: "yes",
      current: this.runs,
      profile: this.boots,
      booted: before,
      "switch-lock": this.lockHeld ? "held" : "free",
      "system-state": "running\n",
      failed: this.down.join("\n"),
      "space-store": "4096 9000000 8000000 9000000 8000000\n",
      "space-boot": "4096 900000 800000 900000 800000\n",
      "space-state": "4096 9000000 8000000 9000000 8000000\n",
      units: "",
      done: "yes",
    };
  }
}
