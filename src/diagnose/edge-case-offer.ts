import { oneLine, type FailureStage } from "./evidence.ts";
import { isUnitName } from "../target/unit-name.ts";
import type { RemedyKind } from "./remedy.ts";

/** An incident that has ended well, or that a person has ended. */
export type Incident = {
  /** `2026-03-01`; told by the caller's clock. */
  readonly day: string;
  readonly hosts: readonly string[];
  readonly stage: FailureStage;
  /** The line that showed it. Untrusted. */
  readonly symptom: string;
  readonly cause: string;
  readonly culprit: string | undefined;
  /** What helped; undefined where a person did it. */
  readonly helped: RemedyKind | undefined;
  readonly units: readonly string[];
};

const strategies: Readonly<Record<RemedyKind, string>> = {
  retry: "try once more",
  "retry-as-boot-and-reboot": "bring it in by a boot, never by a switch",
  "restart-units": "restart the units once after the switch",
  "stop-then-switch": "stop the units before the switch",
  rollback: "go back, then look",
  "wait-until": "wait, then try once more",
  escalate: "call a person",
};

/**
 * An entry for the repository's edge-cases file, offered as text: whoever runs the machines decides whether it is true and commits it. Later runs read that file from
 * the base as knowledge, so nothing of a log goes into it but one line in a code span, which can neither end the span nor begin a heading.
 */
export function edgeCaseOffer(incident: Incident): string {
  const code = (text: string, limit: number): string => `\`${oneLine(text, limit).replaceAll("`", "'")}\``;
  const prose = (text: string): string => oneLine(text, 300).replaceAll(/[<>[\]`*_#|\\]/g, "");
  const units = incident.units.filter(isUnitName).slice(0, 6);
  return [
    `## ${prose(incident.cause).replace(/\.$/, "")}`,
    "",
    `- Seen: ${incident.day}, ${incident.stage}, on ${incident.hosts.slice(0, 6).join(", ")}${incident.hosts.length > 6 ? ` and ${incident.hosts.length - 6} more` : ""}`,
    `- Symptom: ${code(incident.symptom, 200)}`,
    `- Cause: ${prose(incident.cause)}${incident.culprit === undefined ? "" : ` ${code(incident.culprit, 120)}`}`,
    `- Strategy: ${incident.helped === undefined ? "a person settled it; write down how" : strategies[incident.helped]}${units.length === 0 ? "" : ` (${units.map((unit) => code(unit, 120)).join(", ")})`}`,
    "",
  ].join("\n");
}
