import type { HostName } from "../discover/host.ts";
import type { Failure } from "../failure.ts";
import type { HostReport, HostState } from "../host-report.ts";
import { failedDerivation } from "./collect-build-evidence.ts";

/** Hosts that one and the same thing kept from being evaluated or built. */
export type FailedBuild = {
  readonly stage: "evaluation" | "build";
  readonly first: HostName;
  readonly hosts: readonly HostName[];
  readonly failure: Failure;
  /** The base fails in the same way, for all of them. */
  readonly atBase: boolean;
};

/** What is needed of a host; those that did not fail are passed over. */
type Failable = Pick<HostReport, "host"> & (HostState | Extract<HostState, { state: "failed" }>);

/** Groups failures by what failed: the derivation, else Nix's own words, which name no host where a module that all share is at fault. Pure; in the order of the reports. */
export function failedAlike(reports: readonly Failable[]): readonly FailedBuild[] {
  const groups = new Map<string, FailedBuild>();
  for (const report of reports) {
    if (report.state !== "failed" || (report.stage !== "evaluate" && report.stage !== "build")) continue;
    const { host, failure, atBase } = report;
    const stage = report.stage === "build" ? "build" : "evaluation";
    const key = JSON.stringify([stage, failure.code, failedDerivation({ stage, failure }) ?? failure.detail ?? failure.message]);
    const group = groups.get(key) ?? { stage, first: host, hosts: [], failure, atBase };
    groups.set(key, { ...group, hosts: [...group.hosts, host], atBase: group.atBase && atBase });
  }
  return [...groups.values()];
}
