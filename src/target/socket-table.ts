import type { Listening } from "./observation.ts";

/** States of `/proc/net/tcp` and `udp` (include/net/tcp_states.h): a TCP socket that listens, a UDP socket that is bound to no peer. */
const listens = { tcp: "0A", udp: "07" } as const;

/** Listening sockets of one table of `/proc/net`, each address and port once. Lines of another shape are left out. */
export function readSocketTable(text: string, protocol: "tcp" | "udp"): Listening[] {
  const found = new Map<string, Listening>();
  for (const line of text.split("\n")) {
    const match = /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) 0+:0000 ([0-9A-F]{2})\b/.exec(line);
    if (match === null || match[3] !== listens[protocol]) continue;
    const address = readAddress(match[1] ?? "");
    const port = Number.parseInt(match[2] ?? "", 16);
    found.set(`${address} ${port}`, { protocol, address, port });
  }
  return [...found.values()];
}

/** The kernel prints each 32-bit word in the host's byte order, which is little endian on all that NixOS runs on. */
function readAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).reverse());
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff) return bytes.slice(12).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16));
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}
