import type { RunningUnit, UnitState } from "./observation.ts";

const maxUnits = 10_000;
const maxRuns = 50;

/** What `systemctl show` says of many units, with where their main processes' binaries are and which store paths their command lines name. */
export function readRunningUnits(shown: string, executables: string, commandLines: string): RunningUnit[] {
  const executable = new Map<number, string>();
  for (const line of executables.split("\n")) {
    const match = /^(\d+)\/exe\t(.+)$/.exec(line);
    if (match !== null) executable.set(Number(match[1]), match[2] ?? "");
  }
  const runs = new Map<number, Set<string>>();
  for (const line of commandLines.split("\n")) {
    const match = /^(\d+)\/cmdline:(\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=/-]+)$/.exec(line);
    if (match === null) continue;
    const pid = Number(match[1]);
    const known = runs.get(pid) ?? new Set<string>();
    if (known.size < maxRuns) known.add(match[2] ?? "");
    runs.set(pid, known);
  }
  const units: RunningUnit[] = [];
  for (const block of shown.split(/\n\n+/)) {
    const unit = readUnit(block, executable, runs);
    if (unit !== undefined) units.push(unit);
    if (units.length >= maxUnits) break;
  }
  return units;
}

function readUnit(
  block: string,
  executable: ReadonlyMap<number, string>,
  runs: ReadonlyMap<number, ReadonlySet<string>>,
): RunningUnit | undefined {
  const values = new Map<string, string>();
  for (const line of block.split("\n")) {
    const equals = line.indexOf("=");
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1));
  }
  const unit = values.get("Id");
  const activeState = values.get("ActiveState");
  // A block that was cut at the bound has no state: half a unit is none.
  if (unit === undefined || activeState === undefined || unit === "" || unit.length > 300) return undefined;
  const mainPid = whole(values.get("MainPID"));
  return {
    unit,
    loadState: values.get("LoadState") ?? "",
    activeState,
    subState: values.get("SubState") ?? "",
    result: values.get("Result") ?? "",
    needDaemonReload: values.get("NeedDaemonReload") === "yes",
    fragmentPath: values.get("FragmentPath") ?? "",
    mainPid,
    executable: mainPid === 0 ? undefined : executable.get(mainPid),
    runs: mainPid === 0 ? [] : [...(runs.get(mainPid) ?? [])],
    restarts: whole(values.get("NRestarts")),
    execMainStatus: whole(values.get("ExecMainStatus")),
    activeSince: readTimestamp(values.get("ActiveEnterTimestamp") ?? ""),
  };
}

const whole = (text: string | undefined): number => (text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : 0);

/** `@1690000000` where systemctl knows `--timestamp=unix`, else `Sun 2026-11-22 22:53:39 UTC`. Undefined: never, or in another time zone. */
function readTimestamp(text: string): Date | undefined {
  const unix = /^@(\d{1,11})$/.exec(text);
  if (unix !== null) return new Date(Number(unix[1]) * 1000);
  const written = /^[A-Z][a-z]{2} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(text);
  if (written === null) return undefined;
  const at = new Date(`${written[1]}T${written[2]}Z`);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

const runningStates: ReadonlySet<string> = new Set(["activating", "deactivating", "reloading", "refreshing"]);
/**
 * Units under which deploy tools run switch-to-configuration: nixos-rebuild, nixos-cli, clan, the upgrade timer of NixOS, and our own. Of ours those of the NixOS module
 * that run for long and switch nothing are none: the listener, what tells it of a failed unit, and a gate that a timer runs and that reaches hosts as any other does.
 */
const activators =
  /^(?:nixos-deploy-gate-(?!listener\.|timer-|failed@).*|nixos-rebuild-switch-to-configuration.*|nixos-cli-.*|clan-(?:switch|boot|test|dry-activate)-.*|comin-.*|cachix-deploy-.*|nixos-upgrade)\.service$/;

/** Whether a unit is one under which a deploy tool switches the host: to start it is a deploy. */
export const isActivator = (unit: string): boolean => activators.test(unit);

/** The units of deploy tools that are at work. One that has ended and only remains is none. */
export function runningActivations(units: readonly UnitState[]): string[] {
  return units
    .filter((unit) => isActivator(unit.unit))
    .filter((unit) => runningStates.has(unit.activeState) || (unit.activeState === "active" && unit.subState !== "exited"))
    .map((unit) => unit.unit);
}
