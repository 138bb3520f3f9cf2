import type { HostFacts } from "./host-facts.ts";

/** How the deploy reaches the host, read from what the operator wrote. undefined: not said. */
const overlayWords =
  /tailscale|headscale|wire ?guard|\bwg[\w-]*\b|nebula|zerotier|netbird|innernet|yggdrasil|tinc|openvpn|ipsec|strongswan|\bvpn\b|overlay|\btun\d|\btailnet\b/i;
/** 100.64.0.0/10 is what tailscale gives out, fd7a:115c:a1e0::/48 its IPv6 range. */
const overlayAddress = /^(100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|fd7a:115c:a1e0:)/i;

export function overOverlay(facts: HostFacts): boolean | undefined {
  if (facts.deployAddress !== undefined && overlayAddress.test(facts.deployAddress)) return true;
  if (facts.deployVia === undefined) return undefined;
  return overlayWords.test(facts.deployVia);
}

/** TCP ports that the deploy comes in by: what the operator named, else 22. */
export function deployPorts(facts: HostFacts): readonly number[] {
  const named = [...`${facts.deployVia ?? ""}`.matchAll(/\bport (\d{1,5})\b|:(\d{1,5})\b/g)].map((match) => Number(match[1] ?? match[2]));
  const inAddress = /^(?:[^:]+|\[[^\]]+\]):(\d{1,5})$/.exec(facts.deployAddress ?? "")?.[1];
  const ports = [...named, ...(inAddress === undefined ? [] : [Number(inAddress)])].filter((port) => port > 0 && port < 65_536);
  return ports.length > 0 ? ports : [22];
}

/** Whether the deploy logs in as somebody else than root. */
export const deploysAsUser = (facts: HostFacts): boolean | undefined =>
  facts.deployUser === undefined ? undefined : facts.deployUser !== "root";
