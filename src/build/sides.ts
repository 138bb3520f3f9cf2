import type { LockedFlake } from "../discover/discover.ts";
import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Log, Nix, Result, Trust } from "../io/ports.ts";
import { build, type BuildOptions, type Built } from "./build.ts";
import { evaluateHost, type EvaluateOptions, type Evaluation } from "./evaluate.ts";
import { PairedEvaluation } from "./paired-evaluation.ts";
import { HostProgress, type SideName } from "./host-progress.ts";
import { inPool } from "./pool.ts";

/** One side of a host: what the flake says of it at one revision, as far as that could be built. */
export type Side =
  | { readonly kind: "absent" }
  /** `toplevel` is in the store where builds were asked for, and only known by name where they were not. */
  | {
      readonly kind: "known";
      readonly evaluation: Evaluation;
      readonly toplevel: string;
      /** The specialisation of it that the host will run, which is then what is compared; the toplevel itself where absent. */
      readonly activates?: string;
    }
  /** What the machine itself said that it runs; `evaluation` is what the flake said of it before. */
  | { readonly kind: "running"; readonly toplevel: string; readonly profile: string; readonly evaluation?: Evaluation }
  | {
      readonly kind: "failed";
      readonly stage: "evaluate" | "build" | "observe";
      readonly failure: Failure;
      readonly evaluation?: Evaluation;
    };

export type HostSides = { readonly host: HostName; readonly before: Side; readonly after: Side };

/** A flake at one revision and which of the wanted hosts it has. */
export type Revision = { readonly flake: LockedFlake; readonly trust: Trust; readonly hosts: readonly HostName[] };

/** Every wanted host as both revisions evaluate it; a host that a revision does not have is in that map not. */
export type EvaluatedFleet = {
  readonly hosts: readonly HostName[];
  readonly before: ReadonlyMap<HostName, Result<Evaluation>>;
  readonly after: ReadonlyMap<HostName, Result<Evaluation>>;
  /** Of what is built together, the least. */
  readonly trust: Trust;
  readonly progress: HostProgress;
};

export type EvaluateSidesOptions = {
  readonly nix: Nix;
  readonly log: Log;
  /** Hosts that are evaluated side by side, see `poolSize`. */
  readonly jobs: number;
  /** For each host. */
  readonly timeoutSeconds: number;
  /** Of the evaluation that this one repeats for some hosts. */
  readonly progress?: HostProgress;
};

/** Evaluates every wanted host at both revisions, several hosts side by side. */
export async function evaluateSides(
  wanted: readonly HostName[],
  before: Revision | undefined,
  after: Revision,
  options: EvaluateSidesOptions,
): Promise<EvaluatedFleet> {
  const at = (revision: Revision): HostName[] => wanted.filter((host) => revision.hosts.includes(host));
  const progress = options.progress ?? new HostProgress(options.log, { before: before === undefined ? [] : at(before), after: at(after) });
  const onTrouble = toldOnce(options.log);
  const asked = ({ flake, trust }: Revision): EvaluateOptions => {
    const { nix, timeoutSeconds } = options;
    return { flake, trust, nix, timeoutSeconds, onTrouble };
  };
  const has = (revision: Revision | undefined, host: HostName): revision is Revision => revision?.hosts.includes(host) === true;
  const pairs = before === undefined ? undefined : new PairedEvaluation(asked(before), asked(after));
  const found: Record<SideName, Map<HostName, Result<Evaluation>>> = { before: new Map(), after: new Map() };
  await inPool(wanted, options.jobs, async (host) => {
    const names = (["before", "after"] as const).filter((name) => has({ before, after }[name], host));
    for (const name of names) progress.of(name).progress({ kind: "host", host, step: "evaluating" });
    const alone = async (revision: Revision): Promise<Result<Evaluation>> => await evaluateHost(host, asked(revision));
    const evaluated: { readonly [Name in SideName]?: Result<Evaluation> } =
      pairs !== undefined && names.length === 2
        ? await pairs.evaluate(host)
        : { ...(has(before, host) && { before: await alone(before) }), ...(has(after, host) && { after: await alone(after) }) };
    for (const name of names) {
      const result = evaluated[name];
      if (result === undefined) continue;
      found[name].set(host, result);
      const failed = result.ok ? {} : { text: result.failure.message };
      progress.of(name).progress({ kind: "host", host, step: result.ok ? "evaluated" : "failed", ...failed });
    }
  });
  // In the order that was asked for, whatever came first.
  const inOrder = (side: ReadonlyMap<HostName, Result<Evaluation>>): Map<HostName, Result<Evaluation>> =>
    new Map(wanted.flatMap((host) => (side.has(host) ? [[host, side.get(host)!] as const] : [])));
  const trust = before?.trust === "unreviewed" || after.trust === "unreviewed" ? "unreviewed" : "deploy-branch";
  return { hosts: wanted, before: inOrder(found.before), after: inOrder(found.after), trust, progress };
}

/** Tells each trouble as a warning the first time, of at most 20. */
function toldOnce(log: Log): (text: string) => void {
  const told = new Set<string>();
  return (text) => {
    if (told.has(text) || told.size >= 20) return;
    told.add(text);
    log.progress({ kind: "warning", text });
  };
}

/** The same without the old side of some hosts, which are compared with what they run: nothing of it is built. */
export function withoutBefore(fleet: EvaluatedFleet, hosts: ReadonlySet<HostName>): EvaluatedFleet {
  return { ...fleet, before: new Map([...fleet.before].filter(([host]) => !hosts.has(host))) };
}

/** Both sides of every host before anything is built: a toplevel is only known by name. */
export function unbuiltSides(fleet: EvaluatedFleet): HostSides[] {
  return sidesOf(fleet, undefined);
}

export type BuildSidesOptions = Omit<BuildOptions, "trust">;

/**
 * Builds both sides of every host in one go, so that what they share is built once and nothing waits for a side. Every wanted host has an entry; what failed of it is
 * in there.
 */
export async function buildSides(fleet: EvaluatedFleet, options: BuildSidesOptions): Promise<HostSides[]> {
  const good = [...fleet.before.values(), ...fleet.after.values()].flatMap((result) => (result.ok ? [result.value] : []));
  const built = await build(good, { ...options, trust: fleet.trust });
  const made = (result: Result<Evaluation> | undefined): Result<Built> | undefined =>
    result?.ok === true ? built.get(result.value.drvPath) : undefined;
  for (const host of fleet.hosts) fleet.progress.built(host, { before: made(fleet.before.get(host)), after: made(fleet.after.get(host)) });
  return sidesOf(fleet, built);
}

function sidesOf(fleet: EvaluatedFleet, built: ReadonlyMap<string, Result<Built>> | undefined): HostSides[] {
  const side = (result: Result<Evaluation> | undefined): Side => (result === undefined ? { kind: "absent" } : sideOf(result, built));
  return fleet.hosts.map((host) => ({ host, before: side(fleet.before.get(host)), after: side(fleet.after.get(host)) }));
}

function sideOf(result: Result<Evaluation>, built: ReadonlyMap<string, Result<Built>> | undefined): Side {
  if (!result.ok) return { kind: "failed", stage: "evaluate", failure: result.failure };
  const evaluation = result.value;
  if (built === undefined) return { kind: "known", evaluation, toplevel: evaluation.outPath };
  const made = built.get(evaluation.drvPath);
  if (made === undefined) throw new Error(`no build result for ${evaluation.drvPath}`);
  return made.ok
    ? { kind: "known", evaluation, toplevel: made.value.toplevel }
    : { kind: "failed", stage: "build", failure: made.failure, evaluation };
}
