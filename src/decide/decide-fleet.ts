import type { Assessment } from "../classify/preview.ts";
import type { Opinion } from "../classify/second-opinion.ts";
import type { Compared } from "../diff/compare-fleet.ts";
import type { HostName } from "../discover/host.ts";
import type { HostReport } from "../host-report.ts";
import type { Policy } from "../policy.ts";
import type { ApprovalJudgement } from "./approval.ts";
import { decide } from "./decide.ts";
import type { Rejection } from "./rejection.ts";

/** What is known of a host's change, and how it was judged. */
export type Assessed = { readonly judgement: Assessment; readonly session: Opinion["session"] };

/** What people said of single hosts, judged. */
export type Said = {
  readonly approvals?: ReadonlyMap<HostName, ApprovalJudgement>;
  readonly rejections?: ReadonlyMap<HostName, Rejection>;
  /** Hosts that the pushed policy hands to the gate and the one in force does not yet. */
  readonly newlyManaged?: ReadonlySet<HostName>;
};

/** Decides every host's fate and puts together what the run knows of it. Every host that was looked at is in the answer, once. */
export function decideFleet(
  fleet: readonly Compared[],
  judged: ReadonlyMap<HostName, Assessed>,
  policy: Policy,
  said: Said = {},
): HostReport[] {
  return fleet.map((host): HostReport => {
    const { sides, standing } = host;
    const known = sides.after.kind === "absent" ? sides.before : sides.after;
    const evaluation = known.kind === "absent" ? undefined : known.evaluation;
    const common = {
      host: sides.host,
      ...(evaluation === undefined ? {} : { platform: evaluation.system }),
      warnings: evaluation?.warnings ?? [],
    };
    const opinion = judged.get(sides.host);
    const circumstances = {
      managed: Object.hasOwn(policy.hosts, sides.host) && policy.hosts[sides.host]?.deploy === true,
      newlyManaged: said.newlyManaged?.has(sides.host) === true,
      session: opinion?.session ?? "not-asked",
      sessionRequired: policy.session === "required",
      approval: said.approvals?.get(sides.host),
      rejection: said.rejections?.get(sides.host),
    } as const;
    if (standing.state !== "changed" && standing.state !== "added")
      return { ...common, ...standing, decision: decide({ ...circumstances, ...standing }) };

    if (opinion === undefined) throw new Error(`${sides.host} was not judged`);
    const { judgement } = opinion;
    const decision = decide({ ...circumstances, state: standing.state, judgement });
    if (standing.state === "added") return { ...common, ...standing, judgement, decision };
    if (!("comparison" in host)) throw new Error(`${sides.host} was not compared`);
    return { ...common, ...standing, diff: host.comparison.diff, judgement, decision };
  });
}
