import type { EvaluatedFacts } from "../build/evaluated-facts.ts";
import type { HostFacts } from "./host-facts.ts";

/**
 * Host facts from what is at hand without asking a host: what both evaluations say, and on top of it what the operator wrote into the policy, which wins. A fact
 * that only the new side says is not taken for one of the machine: it is what the change wants, not what is there.
 */
export function gatherFacts(
  before: EvaluatedFacts | undefined,
  after: EvaluatedFacts | undefined,
  policy: HostFacts | undefined,
): HostFacts {
  const stateVersion =
    before?.stateVersion === undefined || after?.stateVersion === undefined
      ? {}
      : { stateVersion: { before: before.stateVersion, after: after.stateVersion } };
  const root = before?.fileSystems?.["/"];
  const separate = Object.keys(before?.fileSystems ?? {}).filter(
    (point) => point !== "/" && before?.fileSystems?.[point]?.neededForBoot === false,
  );
  return {
    ...stateVersion,
    ...(root?.fsType === undefined ? {} : { rootFs: root.fsType }),
    ...(root?.device === undefined ? {} : { rootDevice: root.device }),
    ...(before?.deployRs?.user === undefined ? {} : { deployUser: before.deployRs.user }),
    ...(before?.hive?.user === undefined ? {} : { deployUser: before.hive.user }),
    ...(before?.hive?.tags === undefined ? {} : { tags: before.hive.tags }),
    ...(separate.length === 0 ? {} : { separateMounts: separate }),
    ...policy,
  };
}
