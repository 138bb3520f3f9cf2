import type { StoreFiles } from "../../io/ports.ts";
import type { UnitChange } from "../system-diff.ts";
import type { System, Unit } from "../system.ts";

/** Keys of which a service needs one, or it is no service of its own. */
const starts = ["ExecStart", "ExecStop", "SuccessAction"];

/**
 * Units that packages bring are known after the build only; what NixOS adds to them as drop-ins is known before. Such a unit has nothing to start as far as can be
 * seen, which must not look like a broken one: it is handed on without a file of its own and without anything that wants it.
 */
export function withoutPartialUnits(system: System, store: StoreFiles, packagesUnknown: boolean): System {
  const mend = (units: ReadonlyMap<string, Unit>, directory: string): ReadonlyMap<string, Unit> => {
    const partial = [...units.values()].filter((unit) =>
      isPartial(unit, `${system.toplevel}/etc/systemd/${directory}`, store, packagesUnknown),
    );
    if (partial.length === 0) return units;
    return new Map([...units, ...partial.map((unit) => [unit.name, { ...unit, path: undefined, wantedBy: [] }] as const)]);
  };
  return {
    ...system,
    // Reading an initrd is put off until somebody asks for it.
    get initrd() {
      return system.initrd;
    },
    units: mend(system.units, "system"),
    userUnits: mend(system.userUnits, "user"),
  };
}

function isPartial(unit: Unit, directory: string, store: StoreFiles, packagesUnknown: boolean): boolean {
  if (unit.masked) return false;
  if (unit.path === undefined) return true;
  const place = store.resolve(`${directory}/${unit.name}`);
  if (place !== undefined && store.entry(place)?.kind === "other") return true;
  const service = unit.sections.get("Service");
  return packagesUnknown && unit.name.endsWith(".service") && !starts.some((key) => service?.has(key) === true);
}

/** Splits changes into those that are told and the names of units of which only their package changed, as far as can be seen. */
export function splitPartial(
  changes: readonly UnitChange[],
  from: ReadonlyMap<string, Unit>,
  to: ReadonlyMap<string, Unit>,
): { readonly told: readonly UnitChange[]; readonly untold: readonly string[] } {
  const isUntold = (change: UnitChange): boolean =>
    change.hashOnly && change.change === "changed" && [from, to].some((units) => isWithoutFile(units.get(change.name)));
  return { told: changes.filter((change) => !isUntold(change)), untold: changes.filter(isUntold).map(({ name }) => name) };
}

const isWithoutFile = (unit: Unit | undefined): boolean => unit !== undefined && unit.path === undefined && !unit.masked;
