import type { HostSides } from "../build/sides.ts";
import type { Outcome } from "../apply/outcome.ts";
import type { HostReport } from "../host-report.ts";
import type { Diagnosed } from "./diagnose.ts";
import { escalation, type Escalation, type HostNow } from "./escalation.ts";
import type { Evidence } from "./evidence.ts";

/** What a person is told of one failure and the hosts that it hit. */
export function escalationOf(
  reports: readonly HostReport[],
  evidence: Evidence,
  { known, session }: Diagnosed,
  sides: readonly HostSides[],
): Escalation {
  const [first] = reports;
  const why = first?.outcome?.failure ?? (first?.state === "failed" ? first.failure : undefined);
  const outcome = first?.outcome;
  const said = session?.kind === "answered" ? session.diagnosis : undefined;
  return escalation({
    stage: evidence.stage,
    code: why?.code ?? outcome?.outcome ?? "failed",
    happened: first?.state === "failed" ? first.failure.message : (outcome?.reasons[0] ?? why?.message ?? "It failed."),
    hosts: reports.map((report) => hostNow(report, evidence, sides)),
    known,
    session: said === undefined ? undefined : { cause: said.cause, culprit: said.culprit, confidence: said.confidence, patch: said.patch },
    calls: session?.calls ?? [],
    tried: (outcome?.attempts ?? []).map(({ strategy, ended }) => ({ remedy: strategy, ended })),
    stopped: [
      ...(outcome?.reasons.slice(1) ?? []),
      ...(session?.kind === "none" ? [`A Claude session gave no diagnosis (${session.reason}).`] : []),
    ],
    evidence: evidence.items,
    next: why?.next,
  });
}

/** Nothing was switched: it was to boot its profile, and what it runs instead it ran before. */
function rebootedNow(host: string, { outcome, now }: Outcome, { units }: Evidence): HostNow {
  const to = now?.profile;
  return { host, outcome, now, to, from: now?.current === to ? undefined : now?.current, failedUnits: now === undefined ? [] : units };
}

function hostNow(report: HostReport, evidence: Evidence, sides: readonly HostSides[]): HostNow {
  const before = sides.find((one) => one.host === report.host)?.before;
  const { outcome } = report;
  if (outcome?.outcome === "reboot-failed") return rebootedNow(report.host, outcome, evidence);
  const to = report.state === "changed" || report.state === "added" ? report.to : undefined;
  const runsNew = outcome?.now?.current !== undefined && outcome.now.current === to;
  return {
    host: report.host,
    outcome: outcome?.outcome ?? "failed",
    now: outcome?.now,
    to,
    from: before?.kind === "running" ? before.toplevel : undefined,
    booting: before?.kind === "running" ? before.profile : undefined,
    // Of a host that runs its former system again, they failed on the one that is gone.
    failedUnits: runsNew ? evidence.units : [],
    ...(report.state === "failed" ? { untouched: true } : {}),
  };
}
