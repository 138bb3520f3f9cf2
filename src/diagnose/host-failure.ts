import type { AttemptKind, OutcomeKind } from "../apply/outcome.ts";
import type { HostReport } from "../host-report.ts";
import { edgeCaseOffer } from "./edge-case-offer.ts";
import { makeEvidence, type Evidence } from "./evidence.ts";
import { knownCauses } from "./known-cause.ts";
import type { RemedyKind } from "./remedy.ts";

/** Outcomes that somebody has to look at; the others are what was wanted, or wait for something that is known. */
const notWell: ReadonlySet<OutcomeKind> = new Set([
  "failed",
  "rolled-back",
  "live-but-old-boots",
  "left-unconfirmed",
  "unreachable",
  "reboot-failed",
]);
/** The change is on the host, or will be after the reboot that brings it. */
const cameThrough: ReadonlySet<OutcomeKind> = new Set(["deployed", "staged", "deployed-reboot-pending", "deployed-with-misses"]);

type Standing = { readonly state: "failed"; readonly stage: string } | { readonly state: Exclude<HostReport["state"], "failed"> };

/** Whether a host failed as a machine: one that only failed to be evaluated or built is told by that. */
export function isNotWell(report: { readonly outcome?: { readonly outcome: OutcomeKind } | undefined } & Standing): boolean {
  if (report.state === "failed") return report.stage === "observe";
  return report.outcome !== undefined && notWell.has(report.outcome.outcome);
}

/** Of a host that could not be asked, what is known without it: ssh's words and our own. */
export function connectionEvidence(report: HostReport): Evidence | undefined {
  const why = report.outcome?.failure ?? (report.state === "failed" ? report.failure : undefined);
  const silent = report.state === "failed" || report.outcome?.outcome === "unreachable";
  if (!silent && why === undefined) return undefined;
  return makeEvidence({
    stage: silent ? "connection" : "activation",
    host: report.host,
    failure: why === undefined ? undefined : { code: why.code, message: why.message },
    exit: undefined,
    since: undefined,
    derivation: undefined,
    units: [],
    atBase: "unknown",
    items: [
      { kind: "message", subject: "", origin: "program", text: why?.detail ?? why?.message ?? "", keep: "head" },
      { kind: "connection", subject: "", origin: "program", text: silent ? (report.outcome?.reasons ?? []).join("\n") : "", keep: "head" },
      { kind: "activation-log", subject: "", origin: "program", text: report.outcome?.log ?? "", keep: "tail" },
    ],
  });
}

const helped: Readonly<Record<AttemptKind, RemedyKind | undefined>> = {
  // It came through on the same attempt: units that had failed were restarted before it was confirmed.
  switch: "restart-units",
  boot: "retry-as-boot-and-reboot",
  "restart-units": "restart-units",
  "stop-then-switch": "stop-then-switch",
  rollback: undefined,
  escalate: undefined,
  retry: "retry",
  "wait-until": "wait-until",
};

/** The entry for the edge-cases file of a failure that a strategy resolved; undefined where nothing failed, or nobody knows what. */
export function offerOf({ host, outcome }: HostReport, evidence: Evidence | undefined, day: string): string | undefined {
  const last = outcome?.attempts.at(-1)?.strategy;
  if (outcome === undefined || evidence === undefined || last === undefined || !cameThrough.has(outcome.outcome)) return undefined;
  const [cause] = knownCauses(evidence);
  const symptom = cause?.evidence || evidence.items.find((item) => item.kind === "unit-manager" || item.kind === "activation-log")?.text;
  if (symptom === undefined) return undefined;
  const units = cause?.remedy.kind === "stop-then-switch" ? cause.remedy.units : evidence.units;
  return edgeCaseOffer({
    day,
    hosts: [host],
    stage: evidence.stage,
    symptom: symptom.trim().split("\n").at(-1) ?? "",
    cause: cause?.cause ?? "A unit did not come up with the new system at first",
    culprit: cause?.culprit,
    helped: helped[last],
    units,
  });
}
