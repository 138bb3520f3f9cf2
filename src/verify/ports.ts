import type { Miss } from "../apply/outcome.ts";
import type { System } from "../diff/system.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import type { Listening, Observation } from "../target/observation.ts";

/** Linux hands these out by itself (net.ipv4.ip_local_port_range): one that goes is no loss unless the configuration names it. */
const ephemeral = 32_768;

/**
 * Ports that something listened on before and nothing listens on now, where the change does not explain it. A port that the new firewall lets through is promised,
 * whatever else went; any other is explained by a service that went, a port that the firewall closed, or a line with that number that a file or unit lost.
 */
export function portMisses(old: System | undefined, system: System, before: Observation, after: Observation, diff?: SystemDiff): Miss[] {
  // No socket at all is an answer that was not given: sshd listens on every host that is asked over ssh.
  if (after.listening.length === 0) return [];
  const now = reach(after.listening);
  const gone = goneServices(old, system, before);
  const misses: Miss[] = [];
  for (const [key, was] of reach(before.listening)) {
    const left = now.get(key);
    if (left === was || left === "network") continue;
    const [protocol = "", number = ""] = key.split("/");
    const port = Number(number);
    const promised = isOpen(system.firewall.open, protocol, port);
    if (!promised && (port >= ephemeral || gone.length > 0 || explained(diff, protocol, port))) continue;
    const sentence =
      left === undefined
        ? `Something listened on ${key} before the deploy and nothing does now.${promised ? " The firewall still lets it through." : ""}`
        : `${key} was open to the network before the deploy and only listens on this machine now.`;
    misses.push({
      family: "port",
      subject: key,
      expected: was === "network" ? "listens to the network" : "listens on the machine itself",
      found: left === undefined ? "nobody listens" : "listens on the machine itself",
      needs: "person",
      sentence,
    });
  }
  return misses;
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

/** By `tcp/22`, whether it can be reached from elsewhere. Addresses come and go with leases and interfaces. */
function reach(listening: readonly Listening[]): Map<string, "network" | "machine"> {
  const found = new Map<string, "network" | "machine">();
  for (const { protocol, address, port } of listening) {
    const key = `${protocol}/${port}`;
    if (!isLoopback(address)) found.set(key, "network");
    else if (!found.has(key)) found.set(key, "machine");
  }
  return found;
}

/** Services and sockets that were active, that the old system declared and that the new one does not: the socket table does not say whose a port was. */
function goneServices(old: System | undefined, system: System, before: Observation): string[] {
  return before.units
    .filter((unit) => /\.(?:service|socket)$/.test(unit.unit) && unit.activeState === "active" && unit.subState !== "exited")
    .map((unit) => unit.unit)
    .filter((name) => old?.units.has(name) === true && (system.units.get(name)?.masked ?? true));
}

/** `tcp/22`, `udp/8000-8010@eth0`, `any/53 from 10.0.0.0/8`. */
function isOpen(open: ReadonlySet<string>, protocol: string, port: number): boolean {
  return [...open].some((rule) => {
    const match = /^(tcp|udp|any)\/(\d{1,5})(?:-(\d{1,5}))?(?=[@ ]|$)/.exec(rule);
    if (match === null || (match[1] !== "any" && match[1] !== protocol)) return false;
    const first = Number(match[2]);
    return port >= first && port <= (match[3] === undefined ? first : Number(match[3]));
  });
}

function explained(diff: SystemDiff | undefined, protocol: string, port: number): boolean {
  if (diff === undefined) return false;
  if (isOpen(new Set(diff.settings.portsClosed), protocol, port)) return true;
  const number = new RegExp(`^-.*(?<![0-9])${port}(?![0-9])`, "m");
  return [...diff.units, ...diff.files].some((change) => number.test(change.diff));
}
