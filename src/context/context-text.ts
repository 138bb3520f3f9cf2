import { statusText } from "../report/status-text.ts";
import { byteLength } from "../tools/excerpt.ts";
import type { FleetContext, HostSnapshot } from "./fleet-context.ts";
import type { HostContext } from "./host-context.ts";

const gibibyte = 2 ** 30;
const size = (bytes: number): string => (bytes >= gibibyte ? `${(bytes / gibibyte).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`);

/**
 * The snapshot as a text of at most `bytes`: what is wrong by host, then what is behind it for as many hosts as there is room for, worst first. Its lines are data of
 * machines and of programs on them.
 */
export function contextText(
  { at, hosts }: FleetContext,
  { bytes, unicode }: { readonly bytes: number; readonly unicode: boolean },
): string {
  const well = hosts.filter(({ troubles }) => troubles.length === 0);
  const head = [
    `${hosts.length} ${hosts.length === 1 ? "host" : "hosts"} at ${at.toISOString().slice(0, 19)}Z, ${hosts.length - well.length} with something to look at`,
    ...hosts.flatMap(({ host, troubles }) =>
      troubles.length === 0
        ? []
        : ["", host, ...troubles.slice(0, 12).map(({ sentence }) => `  - ${sentence}`), ...more(troubles.length - 12)],
    ),
    ...(well.length === 0 ? [] : ["", `nothing to say of ${well.map(({ host }) => host).join(", ")}`]),
  ].join("\n");
  let [text, leftOut] = [head, 0];
  for (const snapshot of hosts) {
    const part = `\n\n${detail(snapshot, unicode)}`;
    if (leftOut === 0 && byteLength(text) + byteLength(part) <= bytes) text += part;
    else leftOut++;
  }
  return `${cut(text, bytes)}${leftOut === 0 ? "" : `\n\n(details of ${leftOut} ${leftOut === 1 ? "host" : "hosts"} left out for length)`}\n`;
}

const more = (count: number): string[] => (count > 0 ? [`  - and ${count} more`] : []);

function cut(text: string, bytes: number): string {
  if (byteLength(text) <= bytes) return text;
  const kept = text.slice(0, bytes);
  return kept.slice(0, Math.max(kept.lastIndexOf("\n"), 0));
}

function detail({ host, status, context }: HostSnapshot, unicode: boolean): string {
  const own = statusText([status], { unicode }).split("\n").slice(2).join("\n").trimEnd();
  return [`== ${host}`, own, ...(context === undefined ? [] : health(context))].join("\n");
}

function health({ memory, load, fileSystems, errors, certificates, timers, said }: HostContext): string[] {
  return [
    ...(memory === undefined
      ? []
      : [
          `  memory ${size(memory.availableBytes)} of ${size(memory.totalBytes)} available, swap ${size(memory.swapFreeBytes)} of ${size(memory.swapTotalBytes)} free`,
        ]),
    ...(load === undefined ? [] : [`  load ${load.join(" ")}`]),
    ...fileSystems.map(({ target, type, sizeBytes, freeBytes }) => `  ${target} (${type}): ${size(freeBytes)} of ${size(sizeBytes)} free`),
    ...timers.map(({ timer, why, at }) => `  ${timer}: ${why}${at === undefined ? "" : ` ${at.toISOString()}`}`),
    ...certificates.map(
      ({ subject, until, path }) =>
        `  certificate ${subject || path}: ${until === undefined ? "unreadable" : `until ${until.toISOString().slice(0, 10)}`}`,
    ),
    ...(errors.bySpeaker.length === 0
      ? []
      : [`  errors of the last hour: ${errors.bySpeaker.map(([speaker, count]) => `${speaker} ${count}`).join(", ")}`]),
    ...indented(errors.last),
    ...said.flatMap(({ name, text, exit }) => [
      `  ${name}${exit === 0 || exit === undefined ? "" : ` (exit code ${exit})`}:`,
      ...indented(text),
    ]),
  ];
}

const indented = (text: string): string[] => (text === "" ? [] : text.split("\n").map((line) => `    ${line}`));

/** For programs; maps become objects. */
export const contextJson = (context: FleetContext): string =>
  `${JSON.stringify({ schema: 1, ...context }, (_key, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value), 2)}\n`;
