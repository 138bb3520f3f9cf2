import { visible } from "../../classify/session/fence.ts";
import type { Evidence } from "../evidence.ts";
import type { KnownCause } from "../known-cause.ts";

const origins = { tool: "the tool's own words", flake: "words of the configuration", program: "printed by a program" } as const;

/** The evidence as one text for a question. It is bounded and redacted already; characters that hide are shown. */
export function evidenceDocument(evidence: Evidence, known: readonly KnownCause[]): string {
  const { stage, host, failure, exit, derivation, units, atBase, items, omitted } = evidence;
  const facts = [
    `stage: ${stage}`,
    ...(host === undefined ? [] : [`host: ${host}`]),
    ...(failure === undefined ? [] : [`failure: ${failure.code}: ${failure.message}`]),
    ...(exit === undefined ? [] : [`exit code of the operation: ${exit}`]),
    ...(derivation === undefined ? [] : [`derivation: ${derivation}`]),
    `without the change: ${atBase === "unknown" ? "not tried" : atBase === "fails" ? "fails as well" : "works"}`,
    ...(units.length === 0 ? [] : [`units: ${units.join(" ")}`]),
    ...known.map(
      (cause) =>
        `known cause (${cause.confidence}): ${cause.id}: ${cause.cause}${cause.culprit === undefined ? "" : ` (${cause.culprit})`}`,
    ),
    ...(omitted.length === 0 ? [] : [`left out for want of room: ${omitted.join(", ")}`]),
  ];
  const parts = items.map(
    (item) =>
      `## ${item.kind}${item.subject === "" ? "" : ` of ${item.subject}`} (${origins[item.origin]}${item.leftOut === 0 ? "" : `, ${item.leftOut} bytes left out`})\n${item.text}`,
  );
  return visible([`## Facts\n${facts.join("\n")}`, ...parts].join("\n\n"));
}
