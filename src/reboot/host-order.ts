import type { RemoteResult, Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { asciiJson } from "../target/ascii-json.ts";
import { lastRecord } from "../target/last-record.ts";
import type { HelperVerb } from "../target/helper-verb.ts";
import { LedgerEntry } from "../target/ledger.ts";
import { armProgram, beginProgram, cancelProgram, giveUpProgram, rebootProgram, settleProgram, timerScriptText } from "./reboot-program.ts";
import type { RebootEffect, RebootJob } from "./state.ts";

/** What a program of ours on a host answered. `lost`: whether it did what it was told is not known. */
export type Answer =
  | { readonly kind: "yes" | "no"; readonly reason: string }
  | { readonly kind: "lost" | "unreached"; readonly reason: string };

type Of<E extends RebootEffect["effect"]> = Extract<RebootEffect, { effect: E }>;

const seconds = (at: Date | undefined): string => (at === undefined ? "" : String(Math.floor(at.getTime() / 1000)));

/** A timer may be late by what systemd calls accuracy, and the clocks apart by what is tolerated; early it never is. */
const earliestFire = (fireAt: Date): Date => new Date(fireAt.getTime() - 60_000);

/** The programs of reboots, asked of one host. Nothing is thrown for a host that does not answer. */
export class HostOrder {
  readonly #targets: Pick<Targets, "run">;
  readonly #address: Address;

  constructor(targets: Pick<Targets, "run">, address: Address) {
    this.#targets = targets;
    this.#address = address;
  }

  begin({ bootId, entry }: Of<"begin">): Promise<Answer> {
    return this.#ask("reboot-begin", beginProgram, [bootId, asciiJson(LedgerEntry.parse(entry))]);
  }

  giveUp({ bootId, entry }: Of<"give-up">): Promise<Answer> {
    return this.#ask("reboot-give-up", giveUpProgram, [bootId, asciiJson(LedgerEntry.parse(entry))]);
  }

  reboot(job: RebootJob, { bootId, latest }: Of<"reboot">): Promise<Answer> {
    return this.#ask("reboot", rebootProgram, ordered(job, bootId, undefined, latest));
  }

  arm(job: RebootJob, { bootId, fireAt, latest }: Of<"arm">): Promise<Answer> {
    const { notWhileLoggedIn, commandSeconds, inhibit } = job.policy;
    return this.#ask("reboot-arm", armProgram, [
      ...ordered(job, bootId, earliestFire(fireAt), latest),
      notWhileLoggedIn ? "1" : "0",
      seconds(fireAt),
      String(commandSeconds),
      timerScriptText,
      ...inhibit.flatMap((words) => [String(words.length), ...words]),
    ]);
  }

  settle(): Promise<Answer> {
    return this.#ask("reboot-settle", settleProgram, []);
  }

  /** Stops the timers of all attempts but `except`. */
  cancelTimers(except = ""): Promise<Answer> {
    return this.#ask("reboot-cancel", cancelProgram, [except]);
  }

  /** After a reboot the shared connection leads nowhere, which the first that rides on it finds out. */
  async reconnect(): Promise<void> {
    for (let tries = 0; tries < 3; tries++) {
      const result = await this.#run("ping", ":", [], 25);
      if (result.ok) return;
    }
  }

  #run(verb: HelperVerb, program: string, words: readonly string[], timeoutSeconds: number): Promise<RemoteResult> {
    return this.#targets.run({ address: this.#address, program, verb, arguments: words, connection: "shared", timeoutSeconds });
  }

  async #ask(verb: HelperVerb, program: string, words: readonly string[]): Promise<Answer> {
    const result = await this.#run(verb, program, words, 120);
    const said = lastRecord(result.records, "result");
    const reason = lastRecord(result.records, "reason");
    // The word came although the connection did not live to its end: it may have been the reboot that ended it.
    if (said === "yes" || said === "no") return { kind: said, reason: (reason ?? "").slice(0, 60) };
    if (result.ok) return { kind: "lost", reason: result.stderr.trim().slice(-300) };
    const began = result.trouble === "lost" || result.trouble === "timed-out" || result.trouble === "not-understood";
    return { kind: began ? "lost" : "unreached", reason: result.trouble };
  }
}

function ordered(job: RebootJob, bootId: string, earliest: Date | undefined, latest: Date | undefined): string[] {
  const { attempt, policy } = job;
  return [attempt.id, bootId, attempt.to, seconds(earliest), seconds(latest), policy.bootEntry, policy.tryOnce ? "once" : "default"];
}
