import type { Judgement } from "../classify/finding.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import { HostName } from "../discover/host.ts";
import type { HostReport } from "../host-report.ts";
import type { Line } from "../report/line.ts";
import type { Plan } from "../report/plan.ts";
import type { GivenSession } from "../report/plan-session.ts";
import { toPlan } from "../report/to-plan.ts";
import packageJson from "../../package.json" with { type: "json" };

/** Two systems as a plan of one host that is only looked at, for what shows plans. The host has the name that the new system has. */
export function diffPlan(
  diff: SystemDiff,
  judgement: Judgement,
  given: { readonly notes: readonly string[]; readonly session: GivenSession | undefined; readonly now: Date },
): { readonly plan: Plan; readonly compared: Line } {
  const name = HostName.safeParse(/-nixos-system-(.+?)-\d\d\.\d\d/.exec(diff.to)?.[1]);
  const host = name.success ? name.data : HostName.parse("system");
  const common = {
    host,
    warnings: [],
    decision: { action: "nothing", reasons: ["Two systems were compared; nothing is deployed."] },
  } as const;
  const report: HostReport =
    diff.from === diff.to
      ? { ...common, state: "unchanged", toplevel: diff.to }
      : { ...common, state: "changed", from: diff.from, to: diff.to, diff, judgement };
  const { session } = given;
  const plan = toPlan({
    tool: { version: packageJson.version },
    flake: "",
    event: "shell",
    revision: {},
    startedAt: given.now,
    finishedAt: given.now,
    policy: { source: "deployGate" },
    session:
      session === undefined
        ? { ran: false, note: "no session was asked for" }
        : { ...session, ...(session.changes === undefined ? {} : { changes: session.changes.map((one) => ({ ...one, hosts: [host] })) }) },
    detail: "full",
    notes: given.notes,
    hosts: [report],
  });
  return { plan, compared: { spans: [{ code: diff.from }, " compared with ", { code: diff.to }, "."] } };
}
