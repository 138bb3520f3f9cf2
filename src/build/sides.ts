import type { LockedFlake } from "../discover/discover.ts";
import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { Clock, Log, Nix, Result, StoreFiles, Trust } from "../io/ports.ts";
import { build, type Built } from "./build.ts";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { HostProgress, type SideName } from "./host-progress.ts";

/** One side of a host: what the flake says of it at one revision, as far as that could be built. */
export type Side =
  | { readonly kind: "absent" }
  /** `toplevel` is in the store where builds were asked for, and only known by name where they were not. */
  | { readonly kind: "known"; readonly evaluation: Evaluation; readonly toplevel: string }
  | { readonly kind: "failed"; readonly stage: "evaluate" | "build"; readonly failure: Failure; readonly evaluation?: Evaluation };

export type HostSides = { readonly host: HostName; readonly before: Side; readonly after: Side };

/** A flake at one revision and which of the wanted hosts it has. */
export type Revision = { readonly flake: LockedFlake; readonly trust: Trust; readonly hosts: readonly HostName[] };

export type SidesOptions = {
  readonly nix: Nix;
  readonly files: StoreFiles;
  readonly log: Log;
  readonly clock: Clock;
  /** Evaluations side by side, over both revisions. */
  readonly jobs: number;
  readonly evaluationSeconds: number;
  readonly buildSeconds: number;
  readonly roots: string;
  /** False: evaluated only, for a preview. */
  readonly build: boolean;
};

/**
 * Evaluates every wanted host at both revisions and builds all of it in one go, so that what both sides share is built once and nothing waits for a side. Every
 * wanted host has an entry; what failed of it is in there.
 */
export async function buildSides(
  wanted: readonly HostName[],
  before: Revision | undefined,
  after: Revision,
  options: SidesOptions,
): Promise<HostSides[]> {
  const at = (revision: Revision): HostName[] => wanted.filter((host) => revision.hosts.includes(host));
  const jobs = before === undefined ? options.jobs : Math.max(1, Math.floor(options.jobs / 2));
  const progress = new HostProgress(options.log, { before: before === undefined ? [] : at(before), after: at(after) });
  const evaluated = async (name: SideName, revision: Revision | undefined, share: number): Promise<Map<HostName, Result<Evaluation>>> =>
    revision === undefined
      ? new Map()
      : await evaluate(at(revision), {
          flake: revision.flake,
          trust: revision.trust,
          nix: options.nix,
          log: progress.of(name),
          jobs: share,
          timeoutSeconds: options.evaluationSeconds,
        });
  const [old, head] = await Promise.all([
    evaluated("before", before, jobs),
    evaluated("after", after, before === undefined ? jobs : options.jobs - jobs || 1),
  ]);

  const good = [...old.values(), ...head.values()].flatMap((result) => (result.ok ? [result.value] : []));
  const built = options.build
    ? await build(good, {
        nix: options.nix,
        files: options.files,
        log: options.log,
        clock: options.clock,
        roots: options.roots,
        timeoutSeconds: options.buildSeconds,
        // Both sides are built by one command, so that shared work is done once: it gets the trust of the less trusted one.
        trust: before?.trust === "unreviewed" || after.trust === "unreviewed" ? "unreviewed" : "deploy-branch",
      })
    : undefined;
  const made = (result: Result<Evaluation> | undefined): Result<Built> | undefined =>
    result?.ok === true ? built?.get(result.value.drvPath) : undefined;
  for (const host of wanted) progress.built(host, { before: made(old.get(host)), after: made(head.get(host)) });
  const side = (result: Result<Evaluation> | undefined): Side => (result === undefined ? { kind: "absent" } : sideOf(result, built));
  return wanted.map((host) => ({ host, before: side(old.get(host)), after: side(head.get(host)) }));
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
