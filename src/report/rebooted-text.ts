import type { Rebooted } from "../reboot/reboot-outcome.ts";
import type { PlanDiagnosis } from "./plan-diagnosis.ts";
import { standings } from "./order.ts";
import { looks } from "./standing-look.ts";
import { indentedLine } from "./terminal-escape.ts";

/** Why hosts did not come back as planned, where that is known. */
export type Why = ReadonlyMap<string, PlanDiagnosis>;

/** A block for each host that was rebooted or waits, worst first; the others are counted. */
export function rebootedText(hosts: readonly Rebooted[], why: Why, { unicode }: { readonly unicode: boolean }): string {
  const quiet = hosts.filter(({ outcome }) => outcome.outcome === "unchanged").length;
  const told = hosts.filter(({ outcome }) => outcome.outcome !== "unchanged").toSorted((a, b) => rank(a) - rank(b));
  const counts = standings.flatMap((standing) => {
    const n = told.filter(({ outcome }) => outcome.outcome === standing).length;
    return n === 0 ? [] : [`${n} ${looks[standing].word}`];
  });
  const head = [...counts, ...(quiet > 0 ? [`${quiet} run${quiet === 1 ? "s" : ""} what ${quiet === 1 ? "it boots" : "they boot"}`] : [])];
  const lines = [head.length === 0 ? "no hosts" : head.join(", "), ...told.flatMap((host) => ["", ...block(host, why)])];
  return `${lines.map((line) => indentedLine(line, unicode)).join("\n")}\n`;
}

const rank = ({ outcome }: Rebooted): number => standings.findIndex((standing) => standing === outcome.outcome);

function block({ host, outcome }: Rebooted, why: Why): string[] {
  const cause = why.get(host);
  const { outcome: kind, reasons, failure, next = failure?.next } = outcome;
  return [
    `${host}: ${kind === "not-managed" ? "not managed" : looks[kind].word}`,
    ...reasons.map((reason) => `  ${reason}`),
    ...(cause === undefined ? [] : [`  cause (${cause.confidence}): ${cause.cause}`]),
    ...(next === undefined ? [] : [`  next: ${next}`]),
  ];
}

/** Times are ISO 8601 in UTC, hours count since the new system became the boot default. */
export function rebootedJson(hosts: readonly Rebooted[], why: Why): string {
  const told = hosts.map((one) => ({ ...one, ...(why.has(one.host) ? { diagnosis: why.get(one.host) } : {}) }));
  return `${JSON.stringify({ schema: 1, hosts: told }, undefined, 2)}\n`;
}
