import type { HostName } from "../../discover/host.ts";
import type { KnownLedger } from "../../decide/rejection.ts";
import { entriesOf } from "../../decide/rejection.ts";
import type { GroupStanding } from "../../deploy/prepare-host.ts";
import { lookAt } from "../../deploy/look-at.ts";
import { evidenceProgram } from "../../diagnose/evidence-program.ts";
import { isUntouchable } from "../../diagnose/recovery.ts";
import { asciiJson } from "../../target/ascii-json.ts";
import { lastRecord } from "../../target/last-record.ts";
import { LedgerEntry } from "../../target/ledger.ts";
import type { Observation } from "../../target/observation.ts";
import { isActivator } from "../../target/running-units.ts";
import { isUnitName } from "../../target/unit-name.ts";
import { excerpt } from "../../tools/excerpt.ts";
import type { ActionCase, Ended } from "./action-case.ts";
import { checksNow, groupNow, type ActionWorld } from "./action-world.ts";
import { againstGroup, worseThan } from "./against-host.ts";
import { refusalOf } from "./alone-program.ts";
import { restartUnitProgram } from "./restart-unit-program.ts";

export type RestartCase = {
  readonly host: HostName;
  readonly unit: string;
  readonly observation: Observation;
  readonly ledger: KnownLedger;
  readonly group: GroupStanding;
};

/** After one restart by a goal that did not last, a second one an hour later is as much as a machine may try before a person looks. */
const onceInSeconds = 3_600;
/** Started so often by systemd itself, the last time so lately, it is no service that runs. */
const [flappingRestarts, flappingSeconds] = [3, 600];

/** Kinds of units that a restart cannot take anything from: a mount is somebody's files, and what a target or a slice holds is many. */
const restartable = /\.(?:service|socket|timer|path)$/;
/** Their failure is a clean-up that did not end: to start one again may delete generations, images, volumes. */
const deletes = /^(?:nix-gc|nh-clean|docker-prune|podman-prune)\.service$/;
/** What a unit brings up: a timer that is started makes up at once for what it missed. `Unit=` may say another; units of that kind do not. */
const startedBy = (unit: string): string => unit.replace(/\.(?:timer|socket|path)$/, ".service");

type Failing = { readonly how: "failed" | "flapping" } | { readonly how: undefined; readonly sentence: string };

/** In what way a unit is down, or why it is not one that a restart is for. Pure. */
function failingHow(unit: string, observation: Pick<Observation, "units" | "failedUnits" | "at">): Failing {
  const found = observation.units.find((one) => one.unit === unit);
  const healthy = (sentence: string): Failing => ({ how: undefined, sentence });
  if (found === undefined)
    return healthy(`${unit} has not failed: it is stopped, or there is no unit of that name. What is stopped is not started.`);
  if (found.loadState !== "loaded")
    return healthy(
      `${unit} is ${found.loadState === "" ? "in a state that cannot be told" : found.loadState}, so that there is nothing to restart.`,
    );
  if (found.needDaemonReload)
    return healthy(`The file of ${unit} was changed and systemd has not read it yet; what a restart would start is not known.`);
  if (found.activeState === "failed") return { how: "failed" };
  if (found.subState.startsWith("auto-restart")) return { how: "flapping" };
  const since = found.activeSince === undefined ? Infinity : (observation.at.getTime() - found.activeSince.getTime()) / 1000;
  if (found.activeState === "active" && found.restarts >= flappingRestarts && since < flappingSeconds) return { how: "flapping" };
  return healthy(
    found.activeState === "active"
      ? `${unit} runs and does not fail; what is well is not restarted.`
      : `${unit} is ${found.activeState} right now; what comes of that is not known yet.`,
  );
}

/** Why a unit may not be restarted now, as sentences; empty where it may. Pure. */
function againstRestart({ host, unit, observation, ledger, group }: RestartCase): readonly string[] {
  if (!isUnitName(unit) || !restartable.test(unit))
    return [`"${unit.slice(0, 100)}" is no service, socket, timer or path unit; nothing else is restarted.`];
  if (isUntouchable(unit)) return [`${unit} is one that nothing restarts by itself: the host, or the way to it, stands on it.`];
  if (isActivator(startedBy(unit)))
    return [`${unit} switches the host to another system; that is a deploy, and goes through the pipeline.`];
  if (deletes.test(startedBy(unit))) return [`${unit} may delete what somebody wants to keep; it is not started by a goal.`];
  const failing = failingHow(unit, observation);
  const reasons = failing.how === undefined ? [failing.sentence] : [];
  const now = observation.at.getTime() / 1000;
  const lately = entriesOf(ledger).findLast(
    (entry) => entry.event === "action" && entry.kind === "restart-unit" && entry.unit === unit && entry.at > now - onceInSeconds,
  );
  if (lately !== undefined)
    reasons.push(
      `A goal restarted ${unit} ${Math.max(0, Math.round((now - lately.at) / 60))} min ago; within the hour it is a person's turn.`,
    );
  return [...reasons, ...againstGroup(host, group)];
}

/** What a unit is, by `systemctl show`. */
export type UnitStanding = ReadonlyMap<string, string>;
const unitStanding = (shown: string): UnitStanding =>
  new Map(
    shown.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at <= 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );

/** Whether the unit stands after the soak, as the sentence that says so. `begun` is right after its start. Pure. */
function standsAfter(unit: string, begun: UnitStanding, now: UnitStanding): { readonly stands: boolean; readonly sentence: string } {
  const [state, sub, result] = ["ActiveState", "SubState", "Result"].map((name) => now.get(name) ?? "");
  const told = `${state === "" ? "in a state that cannot be told" : state}${sub === "" ? "" : ` (${sub})`}${result === "" || result === "success" ? "" : `, result ${result}`}`;
  const restarts = (standing: UnitStanding): number => Number(standing.get("NRestarts") ?? "0");
  if (begun.get("Type") === "oneshot" && state === "inactive" && result === "success")
    return { stands: true, sentence: `${unit} ran once more and ended well.` };
  if (state !== "active") return { stands: false, sentence: `${unit} was started again and is ${told}.` };
  // A start by hand sets the count back, so that anything more is systemd starting it over and over.
  if (!(restarts(now) <= restarts(begun)))
    return { stands: false, sentence: `${unit} is active, but systemd had to start it again ${restarts(now)} times since.` };
  return { stands: true, sentence: `${unit} was started again and is active (${sub}).` };
}

const [limitSeconds, leastSoakSeconds] = [90, 10];

/** Restarts one unit that failed, and looks after a soak whether it stands. */
export async function restartUnit(
  { action, host, address, observation, ledger }: ActionCase,
  world: ActionWorld,
  begin: () => string | undefined,
): Promise<Ended> {
  const { unit } = action;
  const { deploy, goal } = world;
  const { targets, apply, pause } = deploy;
  const against = againstRestart({ host, unit, observation, ledger, group: await groupNow(host, world) });
  const failing = failingHow(unit, observation);
  if (against.length > 0 || failing.how === undefined) return { end: "refused", reasons: against };
  const checks = await checksNow(host, address, world);
  const not = begin();
  if (not !== undefined) return { end: "refused", reasons: [not] };

  const at = Math.floor(observation.at.getTime() / 1000);
  const entry = asciiJson(LedgerEntry.parse({ v: 1, event: "action", at, kind: "restart-unit", unit, goal }));
  const seen = observation.ledger?.findLast((line) => line.trim() !== "") ?? "";
  const done = await targets.run({
    address,
    program: restartUnitProgram,
    verb: "act-restart",
    arguments: [observation.bootId, failing.how, String(limitSeconds), seen, entry, unit],
    connection: "shared",
    timeoutSeconds: limitSeconds + 240,
  });
  const ended = lastRecord(done.records, "end");
  if (ended === "refused") return { end: "refused", reasons: [refusalOf(lastRecord(done.records, "reason") ?? "", host)] };
  if (!done.ok)
    return {
      end: "failed",
      reasons: [`Whether ${unit} was restarted is not known: ${host} could not be spoken to any more (${done.trouble}).`],
    };
  if (ended !== "done")
    return { end: "failed", reasons: [`Whether ${unit} was restarted is not known: ${host} did not say.`, ...saying(done.stderr)] };

  await pause(Math.max(leastSoakSeconds, apply.soakSeconds));
  const asked = await targets.run({
    address,
    program: evidenceProgram,
    verb: "evidence",
    arguments: [String(at), unit],
    connection: "shared",
    timeoutSeconds: 120,
  });
  const after = await lookAt({ address }, deploy);
  if (!asked.ok || after.kind === "silent")
    return { end: "failed", reasons: [`${unit} was restarted, and then ${host} did not answer any more.`] };
  // It is the first that is asked about; another answer in its place says nothing of it.
  const show = lastRecord(asked.records, "unit.0") === unit ? (lastRecord(asked.records, "unit.0.show") ?? "") : "";
  const { stands, sentence } = standsAfter(unit, unitStanding(lastRecord(done.records, "show") ?? ""), unitStanding(show));
  if (!stands) {
    const words = [
      lastRecord(done.records, "said"),
      lastRecord(asked.records, "unit.0.manager"),
      lastRecord(asked.records, "unit.0.journal"),
    ];
    return { end: "no-effect", reasons: [sentence, ...words.flatMap((text) => saying(text ?? ""))] };
  }
  const now = { observation: after.observation, checks: await checksNow(host, address, world) };
  const worse = worseThan({ observation, checks }, now);
  const red = now.checks
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ name, sentence: why }) => `The check "${name}" is not green: ${why}`);
  if (worse.length > 0 || red.length > 0) return { end: "no-effect", reasons: [sentence, ...new Set([...worse, ...red])] };
  return { end: "done", reasons: [sentence, ...(now.checks.length === 0 ? [] : [`All checks of ${host} are green.`])] };
}

/** The end of what a host says, as one sentence of its own; untrusted, bounded, without secrets. */
function saying(text: string): string[] {
  const { text: said } = excerpt(text.trim(), { bytes: 600, keep: "tail" });
  return said === "" ? [] : [`It says: ${said.split("\n").slice(-4).join(" / ")}`];
}
