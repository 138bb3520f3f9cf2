import * as z from "zod";
import type { LockedFlake } from "../discover/discover.ts";
import type { HostName } from "../discover/host.ts";
import { failure, type Failure } from "../failure.ts";
import type { CommandResult, Nix, NixLogLine, Result, Trust } from "../io/ports.ts";
import { describeErrors, evaluationWarning, lastError, machineTrouble, nixError, toolWarning, type NixError } from "../nix-message.ts";
import { nixString } from "../nix-string.ts";
import { EvaluatedFacts } from "./evaluated-facts.ts";
import { factsExpression } from "./facts.nix.ts";

/** A host as Nix evaluated it; nothing is built yet. */
export type Evaluation = {
  readonly host: HostName;
  readonly drvPath: string;
  /** Where the toplevel will be. Nothing is there before it is built. */
  readonly outPath: string;
  /** `x86_64-linux` */
  readonly system: string;
  readonly facts: EvaluatedFacts;
  /** What the configuration warns of. Untrusted text, at most 50 of at most 1000 characters. */
  readonly warnings: readonly string[];
};

export type EvaluateOptions = {
  readonly flake: LockedFlake;
  readonly trust: Trust;
  readonly nix: Nix;
  /** For each host. */
  readonly timeoutSeconds: number;
  /** Told of what troubles Nix beside the evaluation, as a sentence; the same more than once. */
  readonly onTrouble: (text: string) => void;
};

const storePath = /^\/[^\s'"]*\/[0-9a-z]{32}-[A-Za-z0-9+._?=-]{1,211}$/;
/** What `answerOf` evaluates to. */
export const Answer = z.union([
  z.strictObject({ problem: z.string().max(300) }),
  z.strictObject({
    drv: z.string().regex(storePath).endsWith(".drv"),
    out: z.string().regex(storePath),
    system: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
    facts: EvaluatedFacts,
  }),
]);

type Toplevel = Exclude<z.infer<typeof Answer>, { problem: string }>;

/** Printed once the toplevel is known, so that a failure after it is known to be one of the facts alone. */
export const marker = "nixos-deploy-gate: toplevel evaluated";

/** The host `name` of the flake at `url` as a set that fits `Answer`, in Nix. `drv` and `out`, since a set with an `outPath` prints as that string alone. */
export const answerOf = (url: string, host: HostName, withFacts: boolean): string => `
let
  flake = builtins.getFlake ${nixString(url)};
  name = ${nixString(host)};
  host = flake.nixosConfigurations.\${name};
  toplevel = host.config.system.build.toplevel;
  text = value: builtins.unsafeDiscardStringContext value;
  answer = { drv = text toplevel.drvPath; out = text toplevel.outPath; system = text toplevel.system; };
in
if !(host ? config.system.build.toplevel) then { problem = "has no config.system.build.toplevel"; }
else if !(builtins.isAttrs toplevel && (toplevel.type or null) == "derivation") then { problem = "has a config.system.build.toplevel that is a \${builtins.typeOf toplevel} and not a derivation"; }
else builtins.deepSeq answer (builtins.trace ${nixString(marker)} (answer // { facts = ${
  withFacts ? `(${factsExpression}) { inherit flake name; inherit (host) config; }` : "{ }"
}; }))`;

/** Evaluates a host in a Nix process of its own: one that throws, loops or runs out of memory takes no other with it, and each keeps its own message. */
export async function evaluateHost(host: HostName, options: EvaluateOptions): Promise<Result<Evaluation>> {
  let first = await ask(host, options, true);
  for (let again = 0; again < 3 && first.errors.some((error) => storeBusy.test(error.text)); again++)
    first = await ask(host, options, true);
  // The system evaluates and something beside it does not: an abort or a type error in an option that no toplevel needs must not fail the host.
  const last =
    first.result.exitCode !== 0 && first.result.exitCode !== undefined && first.toplevel ? await ask(host, options, false) : first;
  return read(host, options, last);
}

/** Processes that open a store at the same moment may find its database locked; Nix waits for that in most places, but not where it opens it. */
export const storeBusy = /^SQLite database '[^']*' is busy/;

type Asked = {
  readonly result: CommandResult;
  readonly errors: readonly NixError[];
  readonly warnings: readonly string[];
  readonly toplevel: boolean;
};

async function ask(host: HostName, { flake, nix, trust, timeoutSeconds, onTrouble }: EvaluateOptions, withFacts: boolean): Promise<Asked> {
  const errors: NixError[] = [];
  const warnings = new Set<string>();
  let toplevel = false;
  const onLog = (line: NixLogLine): void => {
    const error = nixError(line);
    if (error !== undefined && errors.length < 20) errors.push(error);
    const warning = evaluationWarning(line);
    if (warning === marker) toplevel = true;
    else if (warning !== undefined && warnings.size < 50) warnings.add(warning);
    const trouble = toolWarning(line);
    if (trouble !== undefined) onTrouble(trouble);
  };
  const expr = answerOf(flake.url, host, withFacts);
  const result = await nix.run({ arguments: ["eval", "--json", "--expr", expr], trust, timeoutSeconds, maxBytes: 4 * 1024 * 1024, onLog });
  return { result, errors, warnings: [...warnings], toplevel };
}

function read(host: HostName, { flake: { shown }, timeoutSeconds }: EvaluateOptions, asked: Asked): Result<Evaluation> {
  const { result, errors } = asked;
  const failed = (made: Failure): Result<never> => ({ ok: false, failure: made });
  const detail = errors.length > 0 ? describeErrors(errors) : lastError(result.stderr);
  if (result.timedOut) return failed(failure("host-evaluation-timeout", { flake: shown, host, seconds: timeoutSeconds }));
  if (result.signal !== undefined) return failed(failure("host-evaluation-killed", { flake: shown, host, signal: result.signal }, detail));
  const trouble = result.exitCode === 0 ? undefined : machineTrouble(detail);
  if (trouble !== undefined) return failed(failure(trouble === "disk" ? "disk-full" : "store-unusable", {}, detail));
  if (result.exitCode !== 0) return failed(failure("host-evaluation-failed", { flake: shown, host }, detail));
  const answer = Answer.safeParse(parseJson(result.stdout));
  // A set may call itself a derivation and name any path.
  if (!answer.success)
    return failed(
      failure(
        "no-toplevel",
        { flake: shown, host, problem: "has a config.system.build.toplevel whose paths are not a derivation's" },
        z.prettifyError(answer.error),
      ),
    );
  if ("problem" in answer.data) return failed(failure("no-toplevel", { flake: shown, host, problem: answer.data.problem }));
  return { ok: true, value: evaluationOf(host, answer.data, asked.warnings) };
}

/** `warnings` is what was printed meanwhile; what the configuration keeps as its warnings joins it. */
export function evaluationOf(host: HostName, answer: Toplevel, warnings: readonly string[]): Evaluation {
  const { drv, out, system, facts } = answer;
  const all = new Set([...warnings, ...(facts.warnings ?? []).map((text) => text.trim().slice(0, 1000))]);
  return { host, drvPath: drv, outPath: out, system, facts, warnings: [...all].slice(0, 50) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
