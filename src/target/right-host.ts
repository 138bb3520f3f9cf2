import { failure, type Failure } from "../failure.ts";
import type { Address } from "./address.ts";
import type { BriefObservation } from "./observation.ts";

/**
 * Why the machine behind an address is not the one that is meant, or no NixOS that runs; undefined where it is. Asked before anything is changed: an address that
 * was given to another machine, a name in DNS that moved and a clone with the keys of its original all answer ssh well.
 *
 * The failures are `wrong-host` and `not-nixos`.
 */
export function rightHost(address: Address, observation: BriefObservation): Failure | undefined {
  const { host, hostname, identity } = address;
  const found = observation.identity;
  const key = `hosts.${JSON.stringify(host)}.target`;
  if (found.name !== identity.name) {
    const line = `${key}.name = ${JSON.stringify(found.name)};`;
    return failure("wrong-host", { host, hostname, what: "host name", expected: identity.name, found: found.name, line });
  }
  if (identity.machineId !== undefined && found.machineId !== identity.machineId) {
    const id = found.machineId ?? "unknown";
    const line = `${key}.machineId = ${found.machineId === undefined ? "ITS-MACHINE-ID" : JSON.stringify(found.machineId)};`;
    return failure("wrong-host", { host, hostname, what: "machine id", expected: identity.machineId, found: id, line });
  }
  const lacks = !observation.isNixos ? "/etc/NIXOS" : observation.current === undefined ? "/run/current-system" : undefined;
  return lacks === undefined ? undefined : failure("not-nixos", { host, hostname, lacks });
}
