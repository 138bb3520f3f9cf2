import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gateError } from "../failure.ts";
import { nixEnvironment } from "./nix-environment.ts";
import type { CommandResult, Log, Nix, NixLogLine, NixRun, NixVersion, Trust } from "./ports.ts";
import { runCommand } from "./run-command.ts";

/** Puts a command where it cannot read the gate's process or files. `argv` begins with the program. */
export type Wrap = (
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  trust: Trust,
) => { readonly argv: readonly string[]; readonly environment: Readonly<Record<string, string>> };

export type NixPortOptions = {
  /** The environment of this process; what Nix may see of it is picked here. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A directory of this run alone: Nix's home and caches are made in it, so that neither a person's settings nor their credentials are in reach. */
  readonly scratch: string;
  /** Ends every command; a command that was ended so throws the failure `cancelled`. */
  readonly signal?: AbortSignal;
  readonly wrap?: Wrap;
  /** Where it has been asked for already. */
  readonly version?: Promise<NixVersion>;
  /** Between SIGTERM and SIGKILL, in seconds. */
  readonly graceSeconds?: number;
  /** Told of each command, how it ended and how long it took. */
  readonly log?: Pick<Log, "debug">;
};

/**
 * Settings that hold for every command. Each is either a wall (a flake may not bring its own settings, nor reach the registry or the impure world) or keeps a dead
 * cache from stalling the run: Nix's own defaults wait up to 25 minutes for a server that accepts and then says nothing.
 */
const settings: readonly (readonly [string, string])[] = [
  ["accept-flake-config", "false"],
  ["flake-registry", ""],
  ["pure-eval", "true"],
  ["warn-dirty", "false"],
  ["connect-timeout", "5"],
  ["stalled-download-timeout", "30"],
  ["download-attempts", "3"],
  ["fallback", "true"],
];

/** Commands that know flakes' own flags. `--no-write-lock-file` must never join them: with it Nix stops to check that the lock file is complete. */
const flakeCommands = new Set(["build", "derivation", "eval", "flake", "log", "path-info", "show-derivation", "why-depends"]);

/** Oldest version that understands what is asked of it here. */
const oldest = { major: 2, minor: 8 } as const;

/** The Nix of this machine, found in PATH. */
export function nixPort(options: NixPortOptions): Nix {
  let asked = options.version;

  const home = (): Record<string, string> => {
    const directories = {
      HOME: join(options.scratch, "nix-home"),
      XDG_CACHE_HOME: join(options.scratch, "nix-home", "cache"),
      XDG_CONFIG_HOME: join(options.scratch, "nix-home", "config"),
      XDG_DATA_HOME: join(options.scratch, "nix-home", "data"),
      XDG_STATE_HOME: join(options.scratch, "nix-home", "state"),
    };
    for (const directory of Object.values(directories)) mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directories;
  };
  let directories: Record<string, string> | undefined;

  const start = async (
    argv: readonly string[],
    run: Omit<NixRun, "arguments" | "program">,
  ): Promise<CommandResult & { missing: boolean }> => {
    directories ??= home();
    const environment = { ...nixEnvironment(options.environment, run.trust), ...directories, ...run.environment };
    const { argv: wrapped, environment: wrappedEnvironment } =
      options.wrap !== undefined ? options.wrap(argv, environment, run.trust) : { argv, environment };
    const [program = "nix", ...rest] = wrapped;
    const { onLog } = run;
    const signal =
      options.signal === undefined || run.signal === undefined
        ? (options.signal ?? run.signal)
        : AbortSignal.any([options.signal, run.signal]);
    const result = await runCommand({
      program,
      arguments: rest,
      environment: wrappedEnvironment,
      timeoutSeconds: run.timeoutSeconds,
      maxStdoutBytes: run.maxBytes ?? 64 * 1024 * 1024,
      ...(onLog === undefined ? {} : { onStderrLine: (line) => onLog(logLine(line)) }),
      ...(run.onOutput === undefined ? {} : { onStdout: run.onOutput }),
      ...(run.input === undefined ? {} : { input: run.input }),
      ...(signal === undefined ? {} : { signal }),
      ...(options.graceSeconds === undefined ? {} : { graceSeconds: options.graceSeconds }),
    });
    if (result.cancelled) throw gateError("cancelled", {});
    return result;
  };

  const version = async (): Promise<NixVersion> => {
    // Without our flags: a Nix that is too old for them must still be able to say so. It evaluates nothing, so it needs no jail.
    const result = await start(["nix", "--version"], { trust: "deploy-branch", timeoutSeconds: 30 });
    if (result.missing) throw gateError("nix-missing", {}, result.stderr);
    const found = parseNixVersion(result.stdout);
    if (found === undefined)
      throw gateError(
        "nix-unusable",
        { problem: "it does not say which version it is" },
        `${result.stdout}\n${result.stderr}`.trim().slice(0, 2000),
      );
    if (found.major < oldest.major || (found.major === oldest.major && found.minor < oldest.minor))
      throw gateError("nix-too-old", { version: found.version });
    return found;
  };

  return {
    version: () => (asked ??= version()),
    run: async (run) => {
      const begun = performance.now();
      const result = await start(nixArguments(run), run);
      options.log?.debug("nix", {
        // Without the flags that are always there.
        command: [run.program ?? "nix", ...run.arguments],
        trust: run.trust,
        exitCode: result.exitCode,
        ...(result.signal === undefined ? {} : { signal: result.signal }),
        ...(result.timedOut ? { timedOut: true } : {}),
        seconds: Math.round(performance.now() - begun) / 1000,
      });
      if (result.missing) throw gateError("nix-missing", {}, result.stderr);
      return result;
    },
  };
}

/** The whole argument list of a command, its program first. */
export function nixArguments(run: Pick<NixRun, "program" | "arguments" | "onLog">): readonly string[] {
  const options = settings.flatMap(([name, value]) => ["--option", name, value]);
  const log = run.onLog === undefined ? [] : ["--log-format", "internal-json"];
  if (run.program === "nix-store") return ["nix-store", ...run.arguments, ...log, ...options];
  const flakes = flakeCommands.has(run.arguments[0] ?? "") ? ["--no-update-lock-file"] : [];
  return ["nix", "--extra-experimental-features", "nix-command flakes", ...log, ...options, ...run.arguments, ...flakes];
}

/**
 * The version from the first line of `nix --version`: `nix (Nix) 2.34.8`, `nix (Lix, like Nix) 2.94.2`, `nix (Determinate Nix 3.22.2) 2.35.2`. Undefined where it
 * is none of these.
 */
export function parseNixVersion(output: string): NixVersion | undefined {
  const match = /^nix \((.+?)\) ((\d+)\.(\d+).*)$/.exec(output.split("\n")[0]?.trim() ?? "");
  if (match === null) return undefined;
  const [, name = "", version = "", major = "", minor = ""] = match;
  const implementation = name.includes("Lix") ? "lix" : name.includes("Determinate") ? "determinate" : "nix";
  return { implementation, version, major: Number(major), minor: Number(minor) };
}

/** A line of stderr. A builder's own output can never pass for Nix's: it reaches us inside an event, as a string. A line that only looks like an event is text. */
export function logLine(line: string): NixLogLine {
  if (line.startsWith("@nix ")) {
    try {
      const event: unknown = JSON.parse(line.slice(5));
      if (typeof event === "object" && event !== null && !Array.isArray(event))
        return { kind: "nix", event: event as Readonly<Record<string, unknown>> };
    } catch {
      // Cut at the line limit, or written by something else: shown as it is.
    }
  }
  return { kind: "text", text: line };
}
