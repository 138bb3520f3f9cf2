import type { System } from "../../diff/system.ts";
import type { PackageChange } from "../../diff/system-diff.ts";
import type { RuleContext, Rule, Sighting } from "../rule.ts";
import { ask } from "../rule.ts";
import { statefulPrograms, type Stateful } from "../stateful.ts";
import { atLeast, numbers, step } from "../version-step.ts";
import { value, values } from "../unit-view.ts";
import { clusterRole } from "../cluster-role.ts";

/** Versions of a package that the texts of units name: what the service really runs, where several versions are in the closure. */
function namedVersions(system: System | undefined, units: RegExp, name: string): string[] {
  const pattern = new RegExp(String.raw`/[0-9a-z]{32}-${name.replaceAll(/[.+^$()|[\]\\]/g, String.raw`\$&`)}-(\d[\w.+-]*)`, "g");
  const found = new Set<string>();
  for (const unit of system?.units.values() ?? [])
    if (units.test(unit.name)) for (const match of unit.text.matchAll(pattern)) if (match[1] !== undefined) found.add(match[1]);
  return [...found];
}

const runs = (context: RuleContext, units: RegExp): boolean =>
  [context.before, context.after].some((system) =>
    [...(system?.units.values() ?? [])].some((unit) => units.test(unit.name) && !unit.masked),
  );

const newest = (versions: readonly string[]): string | undefined => versions.toSorted((a, b) => compare(numbers(a), numbers(b))).at(-1);
function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++)
    if ((a[index] ?? -1) !== (b[index] ?? -1)) return (a[index] ?? -1) - (b[index] ?? -1);
  return 0;
}

type Pair = { readonly from: string; readonly to: string };
/** The version that ran and the one that would, or nothing where the service keeps its version whatever else is in the closure. */
function pair(context: RuleContext, change: PackageChange, program: Stateful): Pair | undefined {
  const [was, is] = [namedVersions(context.before, program.units, change.name), namedVersions(context.after, program.units, change.name)];
  const from = newest(was.length > 0 ? was : change.from);
  const to = newest(is.length > 0 ? is : change.to);
  return from === undefined || to === undefined || from === to ? undefined : { from, to };
}

const programsOf = (context: RuleContext): { change: PackageChange; program: Stateful; versions: Pair }[] =>
  context.diff.packages.changed.flatMap((change) =>
    statefulPrograms
      .filter((program) => program.packages.test(change.name) && runs(context, program.units))
      .flatMap((program) => {
        const versions = pair(context, change, program);
        return versions === undefined ? [] : [{ change, program, versions }];
      }),
  );

const byName = (sightings: readonly Sighting[]): Sighting[] => [...new Map(sightings.map((seen) => [seen.subject, seen])).values()];

export const statefulUpgrade: Rule = {
  id: "stateful-upgrade",
  family: "state",
  verdict: "risky",
  reversible: false,
  title: "A program with data of its own makes a large step",
  hazard: "The new version migrates its data at start, or refuses it; afterwards the old version cannot read it.",
  check: "Take a backup, read the upgrade notes of every version in between, and upgrade majors one at a time.",
  see: (context) =>
    byName(
      programsOf(context).flatMap(({ change, program, versions }): Sighting[] => {
        const by = step(versions.from, versions.to);
        if (by.down || !atLeast(by.level, program.step)) return [];
        const shown = {
          subject: change.name,
          from: versions.from,
          to: versions.to,
          evidence: [`${change.name}: ${versions.from} → ${versions.to}${by.skipped > 0 ? `, ${by.skipped} major versions skipped` : ""}`],
        };
        // An agent of a cluster holds none of its data: it restarts and joins again.
        const role = clusterRole(context, change.name);
        if (role === undefined) return [shown];
        const asked = ask(context, {
          fact: "tags",
          when: `this host is a ${change.name} server`,
          answer: role === "unknown" ? undefined : role === "server",
          plain: "clean",
          careful: "risky",
        });
        return asked.verdict === "clean" && asked.settledBy === undefined
          ? []
          : [{ ...shown, evidence: [...shown.evidence, ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy }];
      }),
    ),
};

/** Whether some unit that uses this package keeps state, listed above or not. */
function keepsState(context: RuleContext, name: string): boolean {
  return [...(context.after.units.values() ?? [])].some(
    (unit) =>
      unit.name.endsWith(".service") &&
      (values(unit, "Service", "StateDirectory").length > 0 ||
        value(unit, "Service", "WorkingDirectory")?.startsWith("/var/lib") === true) &&
      unit.text.includes(`-${name}-`),
  );
}

export const statefulDowngrade: Rule = {
  id: "stateful-downgrade",
  family: "state",
  verdict: "risky",
  title: "A program with data of its own goes back to an older version",
  hazard: "The newer version has migrated its data; the older one refuses to start on it, or damages it.",
  check: "Did the newer version ever run on this host? Then restore its data together with the program.",
  see: (context) =>
    byName([
      ...programsOf(context).flatMap(({ change, versions }): Sighting[] =>
        step(versions.from, versions.to).down
          ? [
              {
                subject: change.name,
                from: versions.from,
                to: versions.to,
                evidence: [`${change.name}: ${versions.from} → ${versions.to}`],
              },
            ]
          : [],
      ),
      ...context.diff.packages.changed
        .filter((change) => change.direction === "down" && change.selectedBy.includes("unit") && keepsState(context, change.name))
        .map((change): Sighting => ({
          subject: change.name,
          from: change.from.join(", "),
          to: change.to.join(", "),
          evidence: [`${change.name}: ${change.from.join(", ")} → ${change.to.join(", ")}`],
        })),
    ]),
};

export const statePackageRules: readonly Rule[] = [statefulUpgrade, statefulDowngrade];
