import type { HostStatus } from "../deploy/host-status.ts";
import { hoursText, pendingText } from "../reboot/window-text.ts";
import { indentedLine } from "./terminal-escape.ts";

type TextOptions = { readonly unicode: boolean };

/** A block of lines for each host: worst first is not its aim, names are; what is well takes two lines. */
export function statusText(hosts: readonly HostStatus[], { unicode }: TextOptions): string {
  const lines = hosts.flatMap((host) => [
    "",
    ...(host.reachable ? reachable(host) : [`${host.host}  unreachable`, `  ${host.failure.message}`, `  next: ${host.failure.next}`]),
  ]);
  const pending = hosts.filter((host) => host.reachable && host.reboot.needed).length;
  const held = hosts.filter((host) => host.reachable && host.held !== undefined).length;
  const silent = hosts.filter((host) => !host.reachable).length;
  const head = [
    `${hosts.length} ${hosts.length === 1 ? "host" : "hosts"}`,
    ...(held > 0 ? [`${held} held`] : []),
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
    ...(host.held === undefined ? [] : [`  ${heldText(host.held)}`]),
    ...(reboot.needed
      ? [`  reboot: ${[reboot.when, ...age(reboot)].join(" ")}`, ...reboot.reasons.slice(0, 5).map((reason) => `    ${reason}`)]
      : []),
    ...(last === undefined || last.outcome === "deployed" || last.outcome === "staged"
      ? []
      : [`  last attempt: ${last.outcome} (${last.reason}), ${utc(last.at)}`]),
  ];
}

/** "held since 2026-11-20 14:02 UTC (3 days) for kernel-major, sshd-changed, which came with 0123456789ab; rejected by ada 2026-11-21 09:00 UTC" */
function heldText({ since, hours, rules, revision, rejected }: NonNullable<Extract<HostStatus, { reachable: true }>["held"]>): string {
  const by = rules.length === 0 ? "" : ` for ${rules.slice(0, 6).join(", ")}${rules.length > 6 ? ` and ${rules.length - 6} more` : ""}`;
  const came = revision === undefined ? "" : `${by === "" ? " with" : ", which came with"} revision ${revision.slice(0, 12)}`;
  const no = rejected === undefined ? "" : `; rejected by ${rejected.by} ${utc(rejected.at)}`;
  return `held since ${utc(since)} (${hoursText(hours)})${by}${came}${no}`;
}

const utc = (at: Date): string => `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;

const age = ({ pendingHours, missedWindows }: Extract<HostStatus, { reachable: true }>["reboot"]): string[] =>
  pendingHours === undefined ? [] : [pendingText({ hours: pendingHours, missed: missedWindows })];

function duration(seconds: number): string {
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

export const statusJson = (hosts: readonly HostStatus[]): string => `${JSON.stringify({ schema: 1, hosts }, undefined, 2)}\n`;
