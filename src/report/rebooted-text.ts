import type { Rebooted } from "../reboot/reboot-outcome.ts";
import { standings } from "./order.ts";
import { looks } from "./standing-look.ts";
import { indentedLine } from "./terminal-escape.ts";

/** A block for each host that was rebooted or waits, worst first; the others are counted. */
export function rebootedText(hosts: readonly Rebooted[], { unicode }: { readonly unicode: boolean }): string {
  const quiet = hosts.filter(({ outcome }) => outcome.outcome === "unchanged").length;
  const told = hosts.filter(({ outcome }) => outcome.outcome !== "unchanged").toSorted((a, b) => rank(a) - rank(b));
  const counts = standings.flatMap((standing) => {
    const n = told.filter(({ outcome }) => outcome.outcome === standing).length;
    return n === 0 ? [] : [`${n} ${looks[standing].word}`];
  });
  const head = [...counts, ...(quiet > 0 ? [`${quiet} run${quiet === 1 ? "s" : ""} what ${quiet === 1 ? "it boots" : "they boot"}`] : [])];
  const lines = [head.length === 0 ? "no hosts" : head.join(", "), ...told.flatMap((host) => ["", ...block(host)])];
  return `${lines.map((line) => indentedLine(line, unicode)).join("\n")}\n`;
}

const rank = ({ outcome }: Rebooted): number => standings.findIndex((standing) => standing === outcome.outcome);

function block({ host, outcome }: Rebooted): string[] {
  const { outcome: kind, reasons, failure } = outcome;
  return [
    `${host}: ${kind === "not-managed" ? "not managed" : looks[kind].word}`,
    ...reasons.map((reason) => `  ${reason}`),
    ...(failure === undefined ? [] : [`  next: ${failure.next}`]),
  ];
}

/** Times are ISO 8601 in UTC, hours count since the new system became the boot default. */
export const rebootedJson = (hosts: readonly Rebooted[]): string => `${JSON.stringify({ schema: 1, hosts }, undefined, 2)}\n`;
