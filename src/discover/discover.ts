import * as z from "zod";
import { gateError, type GateError } from "../failure.ts";
import type { CommandResult, Nix, NixLogLine, Trust } from "../io/ports.ts";
import { bounded, describeErrors, lastError, machineTrouble, nixError, plainText, type NixError } from "../nix-message.ts";
import { nixString } from "../nix-string.ts";
import { HostName, matchesGlob } from "./host.ts";

/** A flake to look at. `url` is what Nix is given, locked where it can be (`git+file:///…?rev=…&dir=…`); `shown` is what people called it. */
export type LockedFlake = { readonly url: string; readonly shown: string };

/** What a flake offers, read without evaluating any host. */
export type FlakeOutputs = {
  /** The flake as it was read: where the url was not locked, the locked one that Nix resolved it to. */
  readonly flake: LockedFlake;
  /** Sorted. Empty where there are none: whether that is an error depends on which side of the change this is. */
  readonly hosts: readonly HostName[];
  /** The policy, not yet parsed; absent where the flake has no such output. */
  readonly deployGate?: { readonly value: unknown };
  /** Names under deploy-rs's `deploy.nodes`. */
  readonly deployNodes: readonly string[];
  /** Names in a colmena hive, its settings left out. */
  readonly hive: readonly string[];
};

export type DiscoverOptions = { readonly trust: Trust; readonly timeoutSeconds: number };

const Listing = z.object({
  hosts: z.array(z.string()),
  problem: z.string().optional(),
  deployGate: z.boolean(),
  deployNodes: z.array(z.string()),
  hive: z.array(z.string()),
});

/**
 * Lists the hosts by name, without forcing any. `getFlake` and not `FLAKE#nixosConfigurations`, because Nix looks for an installable under `packages.<system>`
 * first, where a flake could put something else of that name. A deploy-rs or colmena output that throws counts as none.
 */
const listing = (url: string): string => `
let
  flake = builtins.getFlake ${nixString(url)};
  names = value: let tried = builtins.tryEval (if builtins.isAttrs value then builtins.attrNames value else [ ]); in if tried.success then tried.value else [ ];
  hosts = flake.nixosConfigurations or { };
in {
  hosts = if builtins.isAttrs hosts then builtins.attrNames hosts else [ ];
  problem = if builtins.isAttrs hosts then "" else "nixosConfigurations is a \${builtins.typeOf hosts} instead of an attribute set";
  deployGate = flake ? deployGate;
  deployNodes = names (flake.deploy.nodes or { });
  hive = builtins.filter (name: name != "meta" && name != "defaults" && name != "network") (names (flake.colmenaHive.nodes or flake.colmena or { }));
}`;

/**
 * Reads a flake's outputs: one evaluation for the names and, where there is a `deployGate`, one for it. Throws a GateError where the flake itself cannot be read; a
 * flake without hosts is not an error here.
 */
export async function readFlake(nix: Nix, flake: LockedFlake, options: DiscoverOptions): Promise<FlakeOutputs> {
  const { outputs, checkLock } = await beginReading(nix, flake, options);
  await checkLock();
  return outputs;
}

/**
 * The same before Nix has compared the lock file with flake.nix. `checkLock` does, and rejects with the GateError of a lock that does not fit: whoever goes on before
 * evaluates what `getFlake` has fetched already, and waits for it before any of that is believed.
 */
export async function beginReading(
  nix: Nix,
  flake: LockedFlake,
  options: DiscoverOptions,
): Promise<{ readonly outputs: FlakeOutputs; readonly checkLock: () => Promise<void> }> {
  await nix.version();
  // In this order: `getFlake` refuses an input that is locked nowhere before it is fetched, which `flake metadata` does only afterwards.
  const { value, locked } = await listOutputs(nix, flake, options);
  const checkLock = async (): Promise<void> => await lockFits(nix, locked, options);
  try {
    return { outputs: await readOutputs(nix, locked, value, options), checkLock };
  } catch (error) {
    // A lock that does not fit is said first: the rest may be wrong because of it.
    await checkLock();
    throw error;
  }
}

async function readOutputs(nix: Nix, flake: LockedFlake, value: unknown, options: DiscoverOptions): Promise<FlakeOutputs> {
  const parsed = Listing.safeParse(value);
  if (!parsed.success) throw gateError("flake-evaluation-failed", { flake: flake.shown }, z.prettifyError(parsed.error));
  if (parsed.data.problem) throw gateError("flake-evaluation-failed", { flake: flake.shown }, parsed.data.problem);
  const outputs = {
    flake,
    hosts: parsed.data.hosts.map(hostName).toSorted(),
    deployNodes: parsed.data.deployNodes,
    hive: parsed.data.hive,
  };
  return parsed.data.deployGate ? { ...outputs, deployGate: { value: await readDeployGate(nix, flake, options) } } : outputs;
}

/** The flake's outputs, with at least one host. Throws a GateError where there is none. */
export async function discover(nix: Nix, flake: LockedFlake, options: DiscoverOptions): Promise<FlakeOutputs> {
  return withHosts(await readFlake(nix, flake, options), flake);
}

/** Throws the GateError `no-hosts`. */
export function withHosts(outputs: FlakeOutputs, flake: LockedFlake): FlakeOutputs {
  if (outputs.hosts.length === 0) throw gateError("no-hosts", { flake: flake.shown });
  return outputs;
}

/** The hosts that any of the globs names, in their order; all of them where there is no glob. Throws a GateError for a glob that names none: it is a misspelt host. */
export function selectHosts(hosts: readonly HostName[], globs: readonly string[]): readonly HostName[] {
  if (globs.length === 0) return hosts;
  for (const pattern of globs)
    if (!hosts.some((host) => matchesGlob(host, pattern))) throw gateError("no-host-matches", { pattern, known: hosts });
  return hosts.filter((host) => globs.some((pattern) => matchesGlob(host, pattern)));
}

type Evaluated =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly result: CommandResult; readonly errors: readonly NixError[] };

async function evaluate(nix: Nix, expression: string, options: DiscoverOptions): Promise<Evaluated> {
  const errors: NixError[] = [];
  const onLog = (line: NixLogLine): void => {
    const error = errors.length < 20 ? nixError(line) : undefined;
    if (error !== undefined) errors.push(error);
  };
  const result = await nix.run({ ...options, arguments: ["eval", "--json", "--expr", expression], maxBytes: 4 * 1024 * 1024, onLog });
  if (result.exitCode !== 0) return { ok: false, result, errors };
  try {
    return { ok: true, value: JSON.parse(result.stdout) };
  } catch {
    // Longer than any list of hosts or policy is, so that it was cut.
    return { ok: false, result, errors: [{ text: "the answer is not JSON or longer than 4 MiB", options: [] }] };
  }
}

async function listOutputs(nix: Nix, flake: LockedFlake, options: DiscoverOptions): Promise<{ value: unknown; locked: LockedFlake }> {
  const first = await evaluate(nix, listing(flake.url), options);
  if (first.ok) return { value: first.value, locked: flake };
  if (!first.errors.some((error) => /cannot call 'getFlake' on (?:an )?(?:unlocked|mutable)/.test(error.text)))
    throw flakeFailure(flake, first.result, first.errors, options);
  const locked = { ...flake, url: await lockedUrl(nix, flake, options) };
  const second = await evaluate(nix, listing(locked.url), options);
  if (second.ok) return { value: second.value, locked };
  throw flakeFailure(flake, second.result, second.errors, options);
}

/** The url that Nix resolves a flakeref to: a branch to its commit, a directory to its content. */
async function lockedUrl(nix: Nix, flake: LockedFlake, options: DiscoverOptions): Promise<string> {
  const result = await metadata(nix, flake, options);
  // Named lockedUrl from 2.20 on, url before.
  const parsed = z.object({ lockedUrl: z.string().optional(), url: z.string() }).safeParse(result);
  if (!parsed.success) throw gateError("flake-unfetchable", { flake: flake.shown }, z.prettifyError(parsed.error));
  return parsed.data.lockedUrl ?? parsed.data.url;
}

/**
 * Asks Nix whether the lock file fits the inputs. `getFlake` refuses an input that is neither in the lock file nor locked in flake.nix before it fetches anything,
 * but would take one that flake.nix itself pins and the lock file, which was vetted, does not name.
 */
async function lockFits(nix: Nix, flake: LockedFlake, options: DiscoverOptions): Promise<void> {
  await metadata(nix, flake, options);
}

async function metadata(nix: Nix, flake: LockedFlake, options: DiscoverOptions): Promise<unknown> {
  const errors: NixError[] = [];
  const result = await nix.run({
    ...options,
    arguments: ["flake", "metadata", "--json", flake.url],
    onLog: (line) => {
      const error = errors.length < 20 ? nixError(line) : undefined;
      if (error !== undefined) errors.push(error);
    },
  });
  if (result.exitCode !== 0) throw flakeFailure(flake, result, errors, options);
  try {
    return JSON.parse(result.stdout);
  } catch (error) {
    throw gateError("flake-unfetchable", { flake: flake.shown }, bounded(plainText(result.stdout), 1000), error);
  }
}

async function readDeployGate(nix: Nix, flake: LockedFlake, options: DiscoverOptions): Promise<unknown> {
  const read = await evaluate(nix, `(builtins.getFlake ${nixString(flake.url)}).deployGate`, options);
  if (read.ok) return read.value;
  const problem = read.result.timedOut
    ? `it did not evaluate within ${options.timeoutSeconds} seconds`
    : "it does not evaluate to plain data";
  throw gateError("policy-invalid", { flake: flake.shown, key: "deployGate", problem }, detailOf(read.result, read.errors));
}

function hostName(name: string): HostName {
  const parsed = HostName.safeParse(name);
  if (!parsed.success) throw gateError("host-name-invalid", { name: JSON.stringify(name.length > 64 ? `${name.slice(0, 63)}…` : name) });
  return parsed.data;
}

function detailOf(result: CommandResult, errors: readonly NixError[]): string {
  return errors.length > 0 ? describeErrors(errors) : lastError(result.stderr);
}

/** Which failure of the whole flake it was, told by what Nix wrote: its exit code is 1 for all of them. */
function flakeFailure(flake: LockedFlake, result: CommandResult, errors: readonly NixError[], options: DiscoverOptions): GateError {
  const detail = detailOf(result, errors);
  const shown = { flake: flake.shown };
  if (result.timedOut) return gateError("flake-evaluation-timeout", { ...shown, seconds: options.timeoutSeconds }, detail);
  const trouble = machineTrouble(detail);
  if (trouble !== undefined) return gateError(trouble === "disk" ? "disk-full" : "store-unusable", {}, detail);
  if (/requires lock file changes|cannot write modified lock file|in pure mode|cannot call 'getFlake' on|cannot update/.test(detail))
    return gateError("flake-not-locked", shown, detail);
  if (
    /flake\.nix'?"?(?: does not exist|: No such file)|getting status of '(?!\/nix\/store\/)|does not contain a '?[^']*flake\.nix|is not a flake|does not exist|is not a directory|not in the flake registries|cannot find flake|is not a valid URL/.test(
      detail,
    )
  )
    return gateError("not-a-flake", shown, detail);
  if (
    /unable to download|Could not resolve host|program 'git' failed|Failed to fetch|repository .* not found|NAR hash mismatch|host key verification|resolving Git reference '[^']*': revspec/i.test(
      detail,
    )
  )
    return gateError("flake-unfetchable", shown, detail);
  return gateError("flake-evaluation-failed", shown, detail);
}
