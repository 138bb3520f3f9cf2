import type { HostStatus } from "../deploy/host-status.ts";
import { pendingText } from "../reboot/window-text.ts";
import { indentedLine } from "./terminal-escape.ts";

type TextOptions = { readonly unicode: boolean };

/** A block of lines for each host: worst first is not its aim, names are; what is well takes two lines. */
export function statusText(hosts: readonly HostStatus[], { unicode }: TextOptions): string {
  const lines = hosts.flatMap((host) => [
    "",
    ...(host.reachable ? reachable(host) : [`${host.host}  unreachable`, `  ${host.failure.message}`, `  next: ${host.failure.next}`]),
  ]);
  const pending = hosts.filter((host) => host.reachable && host.reboot.needed).length;
  const silent = hosts.filter((host) => !host.reachable).length;
  const head = [
    `${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}`,
    ...(pending > 0 ? [`${pending} to be rebooted`] : []),
    ...(silent > 0 ? [`${silent} unreachable`] : []),
  ];
  return `${[head.join(", "), ...lines].map((line) => indentedLine(line, unicode)).join("\n")}\n`;
}

function reachable(host: Extract<HostStatus, { reachable: true }>): string[] {
  const { current, profile, booted, generation, reboot, revision, behindBy, failedUnits, last } = host;
  const behind =
    behindBy === undefined ? "" : behindBy === 0 ? ", up to date" : `, behind by ${behindBy} ${behindBy === 1 ? "commit" : "commits"}`;
  const of =
    revision === undefined
      ? host.ledger === "unreadable"
        ? "its ledger cannot be read"
        : "no gate has deployed it"
      : `revision ${revision.slice(0, 12)}${behind}`;
  return [
    `${host.host}  ${host.systemState}, up ${duration(host.uptimeSeconds)}, kernel ${host.kernel}, ${of}`,
    `  runs   ${current ?? "unknown"}${host.specialisation === undefined ? "" : ` (specialisation ${host.specialisation})`}`,
    ...(profile === current ? [] : [`  boots  ${profile ?? "unknown"}`]),
    ...(booted === profile ? [] : [`  booted ${booted ?? "unknown"}`]),
    ...(generation === undefined ? [] : [`  generation ${generation}`]),
    ...(failedUnits.length === 0
      ? []
      : [`  failed: ${failedUnits.slice(0, 8).join(", ")}${failedUnits.length > 8 ? ` and ${failedUnits.length - 8} more` : ""}`]),
    ...host.activations.map((unit) => `  at work: ${unit}`),
    ...(reboot.needed
      ? [`  reboot: ${[reboot.when, ...age(reboot)].join(" ")}`, ...reboot.reasons.slice(0, 5).map((reason) => `    ${reason}`)]
      : []),
    ...(last === undefined || last.outcome === "deployed" || last.outcome === "staged"
      ? []
      : [`  last attempt: ${last.outcome} (${last.reason}), ${last.at.toISOString().slice(0, 16).replace("T", " ")} UTC`]),
  ];
}

const age = ({ pendingHours, missedWindows }: Extract<HostStatus, { reachable: true }>["reboot"]): string[] =>
  pendingHours === undefined ? [] : [pendingText({ hours: pendingHours, missed: missedWindows })];

function duration(seconds: number): string {
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

export const statusJson = (hosts: readonly HostStatus[]): string => `${JSON.stringify({ schema: 1, hosts }, undefined, 2)}\n`;
