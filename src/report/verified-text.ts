import { isWell, type Verified } from "../deploy/verify-running.ts";
import { indentedLine } from "./terminal-escape.ts";

/** A line for each host that is well, a block for each that is not. */
export function verifiedText(hosts: readonly Verified[], { unicode }: { readonly unicode: boolean }): string {
  const well = hosts.filter(isWell).length;
  const lines = [
    well === hosts.length ? `${hosts.length} verified` : `${well} of ${hosts.length} verified`,
    ...hosts.flatMap((host) => ["", ...block(host)]),
  ];
  return `${lines.map((line) => indentedLine(line, unicode)).join("\n")}\n`;
}

function block(verified: Verified): string[] {
  if (verified.kind === "failed") return [`${verified.host}  failed`, `  ${verified.failure.message}`, `  next: ${verified.failure.next}`];
  const { host, toplevel, misses, checks } = verified;
  const passed = checks.filter((check) => check.outcome === "passed").length;
  return [
    `${host}  ${isWell(verified) ? "is what the flake says" : "is not what the flake says"}${checks.length === 0 ? "" : `, ${passed} of ${checks.length} checks pass`}`,
    `  ${toplevel}`,
    ...misses.map((miss) => `  ${miss.sentence}${miss.needs === "nothing" ? " (cannot be told)" : ` (needs ${miss.needs})`}`),
    ...checks.filter((check) => check.outcome !== "passed").map((check) => `  check "${check.name}": ${check.outcome}: ${check.sentence}`),
    ...(misses.some((miss) => miss.family === "toplevel" && miss.needs !== "nothing")
      ? [`  next: nixos-deploy-gate deploy --dry-run --hosts ${host}   # what would bring it there, or holds it`]
      : []),
  ];
}

export const verifiedJson = (hosts: readonly Verified[]): string =>
  `${JSON.stringify({ schema: 1, hosts: hosts.map((host) => ({ ...host, well: isWell(host) })) }, undefined, 2)}\n`;
