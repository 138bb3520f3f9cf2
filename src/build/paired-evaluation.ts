import * as z from "zod";
import type { HostName } from "../discover/host.ts";
import type { NixLogLine, Result } from "../io/ports.ts";
import { evaluationWarning, nixError, toolWarning } from "../nix-message.ts";
import { Answer, answerOf, evaluateHost, type EvaluateOptions, type Evaluation, evaluationOf, marker, storeBusy } from "./evaluate.ts";

export type BothSides = { readonly before: Result<Evaluation>; readonly after: Result<Evaluation> };

/** Printed when the old side is done with, so that what is printed next is known to be of the new one. */
const turn = "nixos-deploy-gate: the other revision";
const Tried = z.union([
  z.strictObject({ success: z.literal(true), value: Answer }),
  z.strictObject({ success: z.literal(false), value: z.literal(false) }),
]);
const Both = z.strictObject({ before: Tried, after: Tried });

/**
 * The old side is forced to plain strings before the new one is looked at, and nothing refers to it then, so that its memory is used again. `tryEval` keeps what throws
 * with its own side; it says nothing of the message.
 */
const expression = (before: string, after: string, host: HostName): string => `
let
  tried = answer: let all = builtins.tryEval (builtins.deepSeq answer answer); in builtins.seq all.success all;
  old = tried (${answerOf(before, host, true)});
in
builtins.seq old (builtins.trace "${turn}" { before = old; after = tried (${answerOf(after, host, true)}); })`;

/**
 * Evaluates hosts at two revisions. A host takes one Nix process for both: what they share, most of all the files of nixpkgs, is read and parsed once, which saves a
 * tenth and more. That process has the lesser trust of the two; and what it cannot say of a side, a process of that side alone is asked, which has its message.
 */
export class PairedEvaluation {
  readonly #before: EvaluateOptions;
  readonly #after: EvaluateOptions;
  /** Of processes that brought no answer at all: with every further one the fault more likely stands in what all hosts share. */
  #lost = 0;

  constructor(before: EvaluateOptions, after: EvaluateOptions) {
    this.#before = before;
    this.#after = after;
  }

  async evaluate(host: HostName): Promise<BothSides> {
    const answer = this.#lost < mostLost ? await this.#ask(host) : undefined;
    return {
      before: answer?.before ?? (await evaluateHost(host, this.#before)),
      after: answer?.after ?? (await evaluateHost(host, this.#after)),
    };
  }

  /** The sides that evaluated well; undefined where the process did not come to its end. */
  async #ask(host: HostName): Promise<{ readonly [Side in keyof BothSides]?: Result<Evaluation> } | undefined> {
    const [before, after] = [this.#before, this.#after];
    const warnings = { before: new Set<string>(), after: new Set<string>() };
    let side: keyof BothSides = "before";
    let busy = false;
    const onLog = (line: NixLogLine): void => {
      const warning = evaluationWarning(line);
      if (warning === turn) side = "after";
      else if (warning !== undefined && warning !== marker && warnings[side].size < 50) warnings[side].add(warning);
      busy ||= storeBusy.test(nixError(line)?.text ?? "");
      const trouble = toolWarning(line);
      if (trouble !== undefined) after.onTrouble(trouble);
    };
    const result = await after.nix.run({
      arguments: ["eval", "--json", "--expr", expression(before.flake.url, after.flake.url, host)],
      trust: before.trust === "unreviewed" ? "unreviewed" : after.trust,
      timeoutSeconds: after.timeoutSeconds,
      maxBytes: 8 * 1024 * 1024,
      onLog,
    });
    const both = result.exitCode === 0 ? Both.safeParse(parsed(result.stdout)).data : undefined;
    if (both === undefined) {
      if (!busy) this.#lost += 1;
      return undefined;
    }
    const good = (name: keyof BothSides): Result<Evaluation> | undefined => {
      const { value } = both[name];
      return value === false || "problem" in value ? undefined : { ok: true, value: evaluationOf(host, value, [...warnings[name]]) };
    };
    const [old, new_] = [good("before"), good("after")];
    return { ...(old === undefined ? {} : { before: old }), ...(new_ === undefined ? {} : { after: new_ }) };
  }
}

const mostLost = 3;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
