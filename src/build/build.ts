import type { HostName } from "../discover/host.ts";
import { failure, type Failure } from "../failure.ts";
import type { Clock, CommandResult, Log, Nix, Result, StoreFiles, Trust } from "../io/ports.ts";
import { lastError } from "../nix-message.ts";
import { believed } from "./believed.ts";
import type { BuildError } from "./build-error.ts";
import { BuildProgress } from "./build-progress.ts";
import type { GcRoots, NewRoots } from "./gc-root.ts";
import { BuildLog } from "./nix-log.ts";

/** One toplevel to build. `host` is whose it is, for messages; head and base of a host that did not change are one derivation and built once. */
export type BuildRequest = { readonly host: HostName; readonly drvPath: string; readonly outPath: string };

/** A NixOS system that is in the store. */
export type Built = { readonly toplevel: string };

export type BuildOptions = {
  readonly nix: Nix;
  /** Of what is built together, the least. */
  readonly trust: Trust;
  readonly files: StoreFiles;
  readonly log: Log;
  /** For all builds together. */
  readonly timeoutSeconds: number;
  readonly clock: Clock;
  /** Protect what is built from a garbage collection. */
  readonly roots: GcRoots;
};

/** Failing derivations that are traced to the hosts they stop; beyond it a host only learns that something of it was not built. */
const tracedFailures = 50;

/**
 * Builds every toplevel in one go, going on where one fails, and reads success from the store: no command line of Nix says on every version which of several
 * installables were built. The map has every drvPath that was asked for.
 *
 * It is the old `nix-store --realise`, because from 2.15 on `nix build X.drv` builds nothing and exits with 0, and 2.8 does not know `X.drv^*`. And it may take
 * more than one call: up to 2.33 a derivation for a platform that nobody here can build ends the whole command, `--keep-going` or not. What such a failure does
 * not explain is then built without the hosts that it does.
 */
export async function build(requests: readonly BuildRequest[], options: BuildOptions): Promise<Map<string, Result<Built>>> {
  const wanted = new Map<string, BuildRequest>();
  for (const request of requests) if (!wanted.has(request.drvPath)) wanted.set(request.drvPath, request);

  const log = new BuildLog();
  const deadline = options.clock.now().getTime() + options.timeoutSeconds * 1000;
  const valid = new Set<string>();
  const failed = new Map<string, Failure>();
  let open = [...wanted.values()];
  while (open.length > 0) {
    const said: BuildError[] = [];
    const remaining = Math.max((deadline - options.clock.now().getTime()) / 1000, 1);
    const interrupted = new Set<string>();
    const rooting = options.roots.create();
    const result = await realise(open, { ...options, timeoutSeconds: remaining }, rooting, log, said, (what) => {
      // What ends once the limit has passed is what was at work; a little less, since timers and clocks are not one.
      if (options.clock.now().getTime() >= deadline - 50) interrupted.add(what);
    });
    const outputs = open.map((request) => request.outPath);
    if (allBuilt(outputs, result, rooting)) {
      options.roots.note(outputs);
      for (const path of outputs) valid.add(path);
    } else for (const path of await validOutputs(outputs, options)) valid.add(path);
    const unbuilt = open.filter((request) => !valid.has(request.outPath));
    const errors = unbuilt.length === 0 ? [] : await believed(said, log.begun(), options);
    const causes = await causesByToplevel(unbuilt, errors, options);
    const explained = unbuilt.filter((request) => (causes.get(request.drvPath) ?? []).length > 0);
    for (const request of explained) failed.set(request.drvPath, explain(request, causes.get(request.drvPath) ?? [], log));
    const rest = unbuilt.filter((request) => !failed.has(request.drvPath));
    // Each call has to explain at least one host, or the next would only say the same.
    const again = rest.length > 0 && explained.length > 0 && !result.timedOut;
    if (!again)
      for (const request of rest)
        failed.set(request.drvPath, unexplained(request, errors, result, [...interrupted, ...log.running()], log, options));
    else options.log.debug("building again without what stopped the build", { left: rest.length, stopped: explained.length });
    open = again ? rest : [];
  }

  const found = new Map<string, Result<Built>>();
  for (const [drvPath, request] of wanted) {
    const why = failed.get(drvPath) ?? lacksOfSystem(request, options.files);
    found.set(drvPath, why === undefined ? { ok: true, value: { toplevel: request.outPath } } : { ok: false, failure: why });
  }
  return found;
}

async function realise(
  wanted: readonly BuildRequest[],
  { nix, trust, log: progress, timeoutSeconds }: BuildOptions,
  rooting: NewRoots,
  log: BuildLog,
  errors: BuildError[],
  /** Told of each build and each download that ends, well or not. */
  ended: (what: string) => void,
): Promise<CommandResult> {
  const told = new BuildProgress(progress, new Map(wanted.map((request) => [request.drvPath, request.host])));
  const result = await nix.run({
    program: "nix-store",
    arguments: ["--realise", "--keep-going", ...rooting.words, ...wanted.map((request) => request.drvPath)],
    trust,
    timeoutSeconds,
    onLog: (line) => {
      const event = log.add(line);
      if (event === undefined) return;
      if (event.kind === "failed" && errors.length < 1000) errors.push(event.error);
      if (event.kind === "finished") ended(event.derivation);
      if (event.kind === "fetched") ended(event.url);
      told.take(event);
    },
  });
  told.end();
  return result;
}

/** An exit code of 0 comes with the links to what was built, one a line. */
function allBuilt(outputs: readonly string[], result: CommandResult, rooting: NewRoots): boolean {
  const printed = new Set(result.stdout.split("\n").map((line) => line.trim()));
  return result.exitCode === 0 && rooting.links(outputs.length).every((line) => printed.has(line));
}

/** Outputs that are valid in the store. A path that exists need not be: a failed build without sandbox leaves one behind. */
async function validOutputs(all: readonly string[], { nix, trust }: BuildOptions): Promise<Set<string>> {
  const outputs = [...new Set(all)];
  const check = await nix.run({
    program: "nix-store",
    arguments: ["--check-validity", "--print-invalid", ...outputs],
    trust,
    timeoutSeconds: 120,
  });
  if (check.exitCode !== 0) return new Set();
  const invalid = new Set(check.stdout.split("\n").map((line) => line.trim()));
  return new Set(outputs.filter((path) => !invalid.has(path)));
}

/** Which failures stand behind which toplevel: a failing derivation stops everything that refers to it, which Nix knows from its graph. */
async function causesByToplevel(
  unbuilt: readonly BuildRequest[],
  errors: readonly BuildError[],
  { nix, trust }: BuildOptions,
): Promise<Map<string, readonly BuildError[]>> {
  const causes = new Map<string, BuildError[]>(unbuilt.map((request) => [request.drvPath, []]));
  const seen = new Set<string>();
  for (const error of unbuilt.length === 0 ? [] : errors) {
    const { derivation } = error;
    if (derivation === undefined || error.kind === "dependency" || seen.has(derivation) || seen.size >= tracedFailures) continue;
    seen.add(derivation);
    const above = await nix.run({
      program: "nix-store",
      arguments: ["--query", "--referrers-closure", derivation],
      trust,
      timeoutSeconds: 120,
    });
    const drvs = new Set([derivation, ...above.stdout.split("\n").map((line) => line.trim())]);
    for (const [drvPath, found] of causes) if (drvs.has(drvPath)) found.push(error);
  }
  return causes;
}

function explain(request: BuildRequest, causes: readonly BuildError[], log: BuildLog): Failure {
  const [cause, ...others] = causes;
  const derivation = cause?.derivation ?? request.drvPath;
  const reason = cause?.reason ?? "Nix did not say why";
  const lines = log.lines(derivation);
  const detail = [reason, ...lines, ...others.map((other) => `also: ${other.derivation ?? ""}: ${other.reason}`)].join("\n");
  switch (cause?.kind) {
    case "hash":
      return failure("build-hash-mismatch", { derivation }, detail);
    case "platform":
      // The builder of that platform may be the one that is down.
      if (log.lost().length > 0)
        return failure("build-nowhere", { derivation, ...nowhere(log), platform: cause.platform ?? "another platform" }, detail);
      return failure("build-platform", { derivation, platform: cause.platform ?? "another platform" }, detail);
    case "nowhere":
      return failure("build-nowhere", { derivation, ...nowhere(log) }, detail);
    case "disk":
      return failure("disk-full", {}, detail);
    case "store":
      return failure("store-unusable", {}, detail);
    case "builder":
    case "dependency":
    case "timeout":
    case "other":
    case undefined:
      // The builder's own words, which only choose between two failures of this host.
      if (lines.slice(-5).some((line) => line.includes("No space left on device"))) return failure("disk-full", {}, detail);
      return failure("build-failed", { derivation, reason }, detail);
  }
}

/** Nothing that failed stands below this toplevel: time ran out, or the machine cannot write its store, which names no derivation and stops every host alike. */
function unexplained(
  request: BuildRequest,
  errors: readonly BuildError[],
  result: CommandResult,
  interrupted: readonly string[],
  log: BuildLog,
  { timeoutSeconds }: BuildOptions,
): Failure {
  if (result.timedOut) return failure("build-timeout", { seconds: timeoutSeconds, running: interrupted });
  const machine = errors.find((error) => error.derivation === undefined && (error.kind === "disk" || error.kind === "store"));
  if (machine !== undefined) return failure(machine.kind === "disk" ? "disk-full" : "store-unusable", {}, machine.reason);
  const none = errors.find((error) => error.kind === "nowhere");
  if (none !== undefined) return failure("build-nowhere", { derivation: request.drvPath, ...nowhere(log) }, none.reason);
  return failure("build-not-done", { derivation: request.drvPath }, errors[0]?.reason ?? lastError(result.stderr));
}

const nowhere = (log: BuildLog) => ({ lost: log.lost(), untrusted: log.untrusted() });

/** nixos-rebuild refuses a path without `nixos-version` too: it is what tells a system from anything else that a flake may call toplevel. */
function lacksOfSystem({ host, outPath }: BuildRequest, files: StoreFiles): Failure | undefined {
  const lacks = (what: string): Failure => failure("not-a-nixos-system", { host, toplevel: outPath, lacks: what });
  if (files.entry(`${outPath}/nixos-version`) === undefined) return lacks("nixos-version");
  if (files.entry(`${outPath}/etc`) === undefined && files.entry(`${outPath}/activate`) === undefined) return lacks("etc and no activate");
  return undefined;
}
