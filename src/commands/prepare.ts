import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { controlDirectory, plantBait } from "../io/bait.ts";
import { systemClock } from "../io/clock.ts";
import { gitPort } from "../io/git.ts";
import { type JailOpened, openJail } from "../io/jail.ts";
import { machine, scratchDirectory } from "../io/machine.ts";
import { nixPort } from "../io/nix.ts";
import type { Bait, Git, Log } from "../io/ports.ts";
import { storeDatabase } from "../io/store-database.ts";
import { storeFiles } from "../io/store-files.ts";
import { goalFilesOf, type Knowledge, knowledgeOf } from "../discover/knowledge.ts";
import { openSources } from "../discover/open-sources.ts";
import type { SourceEvent, SourceRequest, Sources } from "../discover/source.ts";
import { proveIsolation } from "../discover/guard.ts";
import { GcRoots } from "../build/gc-root.ts";
import type { GatePorts } from "../gate-request.ts";

export type Preparation = {
  readonly flake: string;
  readonly directory: string;
  readonly event: SourceEvent;
  readonly forgeToken?: SourceRequest["forgeToken"];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly log: Log;
};

/** A run that may begin: sources are laid out and every port is a real one. Nothing of the flake has been evaluated. */
export type Prepared = {
  readonly sources: Sources;
  readonly ports: GatePorts;
  /** Messages of the commits that the change brings, oldest first, bounded. Untrusted text. */
  readonly commitMessage: () => Promise<string | undefined>;
  /** Reads the operator's knowledge at the base revision. */
  readonly knowledge: (paths: readonly string[]) => Promise<Knowledge>;
  /** Reads the operator's own goals in a directory at the base revision. */
  readonly goalFiles: (directory: string) => Promise<Knowledge>;
  readonly scratch: string;
  /** Our own repository is `repo` in the scratch directory. */
  readonly git: Git;
};

/**
 * Lays out a run, hands it over, and takes everything down again, however it ended: the jail with all that runs in it, the gc roots, the scratch directory.
 */
export async function withPrepared<T>(preparation: Preparation, use: (prepared: Prepared) => Promise<T>): Promise<T> {
  const { environment, signal, log } = preparation;
  const scratch = scratchDirectory(environment);
  let opening: Promise<JailOpened> | undefined;
  let bait: Bait | undefined;
  try {
    // Asked first and awaited last: a machine without Nix is told so at once, and Nix starts while git lays out the sources.
    const version = nixPort({ environment, scratch: scratch.path, signal }).version();
    version.catch(() => {});
    const git = gitPort({ environment, scratch: scratch.path, signal });
    const [roots, repository] = [join(scratch.path, "roots"), join(scratch.path, "repo")];
    for (const directory of [roots, repository]) mkdirSync(directory, { mode: 0o700 });
    const { event } = preparation;
    const readable = Promise.withResolvers<readonly string[]>();
    readable.promise.catch(() => {});
    const open = (): Promise<JailOpened> => {
      const made = openJail({
        environment,
        scratch: scratch.path,
        readable: readable.promise.then((paths) => [...paths, controlDirectory(scratch.path)]),
        // Links made in there lead here, and must be found by a garbage collection out here.
        writable: [roots],
        version,
      });
      made.catch(() => {});
      return made;
    };
    const reading = openSources(
      {
        flake: preparation.flake,
        directory: preparation.directory,
        scratch: scratch.path,
        event,
        forgeToken: preparation.forgeToken,
        onReadable: readable.resolve,
      },
      git,
    );
    // Who was told already is not told again.
    reading.then((found) => readable.resolve(found.readable), readable.reject);
    // Its walls go up while git lays out what it will show.
    if (event.kind === "pull-request" || event.trust !== "deploy-branch") {
      opening = open();
      bait = plantBait(scratch.path);
    }
    const sources = await reading;
    if (sources.head.trust === "unreviewed") opening ??= open();
    const opened = await opening;
    const jail = opened?.kind === "open" ? opened.jail : undefined;
    const noJail = opened?.kind === "unavailable" ? opened.reason : undefined;
    await version;
    const nix = nixPort({ environment, scratch: scratch.path, signal, version, log, ...(jail === undefined ? {} : { wrap: jail.wrap }) });
    // It flies while the rest of the program is loaded; nothing of a flake is looked at before it is back.
    const isolation = proveIsolation(sources, { nix, plantBait: () => (bait ??= plantBait(scratch.path)) });
    isolation.catch(() => {});
    return await use({
      sources,
      ports: {
        nix,
        store: storeFiles(),
        database: storeDatabase({ environment, onUnusable: (reason) => log.debug("Nix is asked for closures", { reason }) }),
        clock: systemClock,
        log,
        isolation,
        noJail,
        machine: machine(),
        patience: {
          // Only few runs have to wait for anything.
          probe: { http: async (ask) => await (await import("../io/probe.ts")).probe.http(ask) },
          pause: async (seconds) => await sleep(seconds * 1000, undefined, { signal }).catch(() => {}),
          signal,
        },
        roots: new GcRoots(roots),
      },
      commitMessage: async () => await messagesBetween(git, repository, sources),
      knowledge: (paths) => knowledgeOf({ git, directory: repository }, sources, paths),
      goalFiles: (directory) => goalFilesOf({ git, directory: repository }, sources, directory),
      scratch: scratch.path,
      git,
    });
  } finally {
    // Node does not wait for the jail's holder by itself: it would end here, with its exit code 13 and the plan unsaid, where the holder takes a moment to.
    const awake = setInterval(() => {}, 1000);
    bait?.remove();
    try {
      const opened = await opening?.catch(() => undefined);
      const closed = opened?.kind === "open" ? opened.jail.close() : undefined;
      try {
        // While the kernel takes the jail down.
        scratch.remove();
      } catch {
        // Something in there still wrote: it is gone in a moment, and so is what it wrote.
      }
      await closed;
    } finally {
      clearInterval(awake);
      scratch.remove();
    }
  }
}

const longestMessage = 16 * 1024;

async function messagesBetween(git: Git, repository: string, sources: Sources): Promise<string | undefined> {
  const { head, base } = sources;
  if (head.rev === undefined) return undefined;
  const range = base?.rev === undefined ? ["--max-count=1", head.rev] : [`${base.rev}..${head.rev}`];
  const result = await git.run({
    directory: repository,
    arguments: ["log", "--reverse", "--no-merges", "--format=%B", "--max-count=200", ...range, "--"],
  });
  const text = result.exitCode === 0 ? result.stdout.trim() : "";
  return text === "" ? undefined : text.slice(0, longestMessage);
}
