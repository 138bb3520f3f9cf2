import { parseUnitInto, type UnitSections } from "../diff/unit-parse.ts";
import type { StoreFiles } from "../io/ports.ts";

/** Addresses that sockets of a system listen on, each with the units that do. */
export type SocketPlan = ReadonlyMap<string, readonly string[]>;

const mostUnits = 5_000;
const listens = ["ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO"] as const;

/** What the socket units of a toplevel listen on, drop-ins included. Masked units and templates listen on nothing by themselves. */
export function socketsOf(store: StoreFiles, toplevel: string): SocketPlan {
  const directory = `${toplevel}/etc/systemd/system`;
  const found = new Map<string, string[]>();
  for (const unit of store.list(directory).slice(0, mostUnits)) {
    if (!unit.endsWith(".socket") || unit.endsWith("@.socket")) continue;
    const sections: UnitSections = new Map();
    for (const file of [`${directory}/${unit}`, ...store.list(`${directory}/${unit}.d`).map((name) => `${directory}/${unit}.d/${name}`)]) {
      const text = store.read(file, 64 * 1024);
      if (text !== undefined && !text.binary) parseUnitInto(sections, text.text);
    }
    for (const key of listens) {
      const values = sections.get("Socket")?.get(key) ?? [];
      // An empty assignment takes back what stood before it.
      for (const value of values.slice(values.lastIndexOf("") + 1)) {
        const kind = key === "ListenDatagram" ? "udp" : key === "ListenFIFO" ? "fifo" : "tcp";
        const address = `${kind} ${value.replace(/^(?:0\.0\.0\.0|\[::\]|\*):(?=[0-9]+$)/, "")}`;
        found.set(address, [...(found.get(address) ?? []), unit]);
      }
    }
  }
  return found;
}

/** Addresses that two units of the new system listen on and of the old one did not, as sentences. */
export function newClashes(host: string, before: SocketPlan | undefined, after: SocketPlan): readonly string[] {
  return [...after].flatMap(([address, units]) => {
    const distinct = [...new Set(units)];
    const had = new Set(before?.get(address) ?? []);
    return distinct.length > 1 && distinct.some((unit) => !had.has(unit))
      ? [`On ${host}, ${distinct.join(" and ")} both listen on ${address}.`]
      : [];
  });
}
