import type { System } from "../diff/system.ts";
import { unitWords } from "../diff/unit-parse.ts";
import type { StoreFiles } from "../io/ports.ts";
import { type Listening, listeningOf } from "./listening.ts";

/** Two units that cannot both have what they listen on, and how that is known. */
export type Clash = { readonly units: readonly [string, string]; readonly where: string; readonly known: readonly [string, string] };

/** One for each two units and place. Pure but for the files that it reads. */
export function clashesOf(store: StoreFiles, system: System): readonly Clash[] {
  const places = new Map<string, Listening[]>();
  for (const one of listeningOf(store, system)) {
    const key = one.protocol === "path" ? one.address : `${one.protocol} ${one.port}`;
    places.set(key, [...(places.get(key) ?? []), one]);
  }
  const found = new Map<string, Clash>();
  for (const [where, listening] of places)
    for (const [at, a] of listening.entries())
      for (const b of listening.slice(at + 1)) {
        if (a.unit === b.unit || !meet(a, b) || takeTurns(system, a.unit, b.unit)) continue;
        const [first, second] = a.unit < b.unit ? [a, b] : [b, a];
        found.set(`${first.unit} ${second.unit} ${where}`, {
          units: [first.unit, second.unit],
          where,
          known: [first.known, second.known],
        });
      }
  return [...found.values()];
}

/** Clashes of the new system that the old one did not have, as sentences. */
export function newClashes(host: string, before: readonly Clash[], after: readonly Clash[]): readonly string[] {
  const had = new Set(before.map(({ units, where }) => JSON.stringify([units, where])));
  return after
    .filter(({ units, where }) => !had.has(JSON.stringify([units, where])))
    .map(
      ({ units: [a, b], where, known: [knownA, knownB] }) =>
        `On ${host}, ${a} and ${b} both listen on ${where} (${a}: ${knownA}; ${b}: ${knownB}).`,
    );
}

/** Whether the kernel gives the second of them nothing. Of UDP, where a wildcard and an address may live side by side, only the same address is certain. */
function meet(a: Listening, b: Listening): boolean {
  if (a.address === b.address) return true;
  if (a.protocol !== "tcp") return false;
  const takes = (any: string, address: string): boolean =>
    any === "any" || (any === "any4" && /^(?:any4|any|[0-9.]+)$/.test(address)) || (any === "any6" && /^(?:any6|any|.*:.*)$/.test(address));
  return takes(a.address, b.address) || takes(b.address, a.address);
}

/** A socket hands what it has to its own service, and units that end each other never run at once. */
function takeTurns({ units }: System, a: string, b: string): boolean {
  const handsTo = (socket: string, service: string): boolean => {
    const unit = units.get(socket);
    const named = unit === undefined ? [] : unitWords(unit, "Socket", "Service");
    return socket.endsWith(".socket") && (named.length === 0 ? [socket.replace(/\.socket$/, ".service")] : named).includes(service);
  };
  const ends = (one: string, other: string): boolean => {
    const unit = units.get(one);
    return unit !== undefined && unitWords(unit, "Unit", "Conflicts").includes(other);
  };
  return handsTo(a, b) || handsTo(b, a) || ends(a, b) || ends(b, a);
}
