/**
 * Every way in which the gate can refuse or fail, on one page.
 *
 * A failure is data: a stable code for machines, a sentence for the person who is woken by it, and the next command to type. A failure that ends the run is
 * thrown as a `GateError`; a failure of one host is that host's value and never ends the run (invariant 7).
 */

/** Exit codes of the program; when several apply the order is 4 > 2 > 1 > 3 > 0. */
export type ExitCode = 0 | 1 | 2 | 3 | 4;

export type Failure = {
  readonly code: FailureCode;
  /** One sentence, no jargon beyond Nix's own. */
  readonly message: string;
  /** The next command to type, or the next thing to do where no command helps. */
  readonly next: string;
  /** What the tool underneath said, cut to what matters. Untrusted text: escape before showing. */
  readonly detail?: string;
};

type Entry = { readonly exit: ExitCode; readonly message: string; readonly next: string };

const table = {
  // ---- usage and configuration (exit 2) -------------------------------------------------------------------------
  usage: (c: { problem: string; command?: string }): Entry => ({
    exit: 2,
    message: c.problem,
    next: `nixos-deploy-gate ${c.command === undefined ? "" : `${c.command} `}--help`,
  }),
  "input-invalid": (c: { input: string; problem: string }): Entry => ({
    exit: 2,
    message: `The input "${c.input}" is not usable: ${c.problem}.`,
    next: `Correct "${c.input}" in the workflow and run it again.`,
  }),
  "not-a-flake": (c: { flake: string }): Entry => ({
    exit: 2,
    message: `There is no flake at ${c.flake}.`,
    next: `ls flake.nix   # then: nixos-deploy-gate plan path/to/the/flake`,
  }),
  "no-hosts": (c: { flake: string }): Entry => ({
    exit: 2,
    message: `The flake ${c.flake} has no nixosConfigurations, so there is nothing to guard.`,
    next: `nix flake show ${c.flake}`,
  }),
  "no-host-matches": (c: { pattern: string; known: readonly string[] }): Entry => ({
    exit: 2,
    message: `No host matches ${c.pattern}; the flake has ${c.known.slice(0, 12).join(", ")}${c.known.length > 12 ? ` and ${c.known.length - 12} more` : ""}.`,
    next: `nixos-deploy-gate plan --hosts '${c.known[0] ?? "NAME"}'`,
  }),
  "host-name-invalid": (c: { name: string }): Entry => ({
    exit: 2,
    message: `The host name ${c.name} cannot be used: a name is 1 to 63 letters, digits, "-", "_" or ".", and starts with a letter or a digit.`,
    next: `Rename it under nixosConfigurations in flake.nix.`,
  }),
  "policy-invalid": (c: { key: string; problem: string }): Entry => ({
    exit: 2,
    message: `The policy is not usable: ${c.key}: ${c.problem}.`,
    next: `nix eval --json .#deployGate   # compare with docs/policy.md`,
  }),
} satisfies Record<string, (context: never) => Entry>;

export type FailureCode = keyof typeof table;
type Context<C extends FailureCode> = Parameters<(typeof table)[C]>[0];

function entry<C extends FailureCode>(code: C, context: Context<C>): Entry {
  const make = table[code] as (context: Context<C>) => Entry;
  return make(context);
}

/** Builds the failure of that code. `detail` is what the tool underneath said. */
export function failure<C extends FailureCode>(code: C, context: Context<C>, detail?: string): Failure {
  const { message, next } = entry(code, context);
  return detail === undefined ? { code, message, next } : { code, message, next, detail };
}

/** A failure that ends the run. */
export class GateError extends Error {
  readonly failure: Failure;
  readonly exit: ExitCode;
  constructor(made: Failure, exit: ExitCode, options?: ErrorOptions) {
    super(made.message, options);
    this.name = "GateError";
    this.failure = made;
    this.exit = exit;
  }
}

/** The failure of that code, ready to throw. `cause` keeps the original for the debug log. */
export function gateError<C extends FailureCode>(code: C, context: Context<C>, detail?: string, cause?: unknown): GateError {
  return new GateError(failure(code, context, detail), entry(code, context).exit, cause === undefined ? undefined : { cause });
}

/** The codes of the table, for the runbook and its test. */
export function failureCodes(): FailureCode[] {
  return Object.keys(table) as FailureCode[];
}
