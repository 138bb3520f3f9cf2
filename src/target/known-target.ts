import type { EvaluatedFacts } from "../build/evaluated-facts.ts";
import type { KnownTarget } from "./resolve-address.ts";

/** What an evaluated host says elsewhere of how it is reached. */
export function knownTarget({ deployRs, hive, hostName }: EvaluatedFacts): KnownTarget {
  return {
    ...(deployRs?.address === undefined
      ? {}
      : { deployNode: { hostname: deployRs.address, ...(deployRs.user === undefined ? {} : { sshUser: deployRs.user }) } }),
    ...(hive === undefined
      ? {}
      : { hive: { targetHost: hive.address ?? null, targetUser: hive.user ?? null, targetPort: hive.port ?? null } }),
    ...(hostName === undefined ? {} : { systemHostName: hostName }),
  };
}
