/**
 * Accepted ports as far as rules say them plainly: `tcp/22`, `udp/8000-8010`, `tcp/22@enp1s0` on one interface, `tcp/22 from 10.0.0.0/8`
 * for one source. `all@tailscale0` is an interface from which everything is accepted. A rule with other conditions is left to the text
 * diff.
 */

const maxRuleLength = 4500;

/** From a script of iptables calls, as NixOS's firewall-start is. */
export function iptablesPorts(script: string): string[] {
  const ports: string[] = [];
  for (const line of script.split("\n")) {
    const rule = /^\s*(?:\S*\/)?(?:ip|ip6|ip46)tables\b.*?\s-[AI]\s+(\S+)(.*)$/.exec(line.length > maxRuleLength ? "" : line);
    if (rule === null || !/^(?:nixos-fw|INPUT)$/.test(rule[1] ?? "")) continue;
    const words = (rule[2] ?? "").split(/\s+/);
    const value = (...names: string[]): string | undefined =>
      names.map((name) => words[words.indexOf(name) + 1]).find((_, index) => words.includes(names[index] ?? ""));
    const jump = value("-j", "--jump");
    if (jump !== "nixos-fw-accept" && jump !== "ACCEPT") continue;
    // Replies to what the host itself asked are no open port.
    if (words.includes("--ctstate") || words.includes("!")) continue;
    const device = value("-i", "--in-interface");
    const source = value("-s", "--source");
    const dports = value("--dport", "--dports", "--destination-port");
    const protocol = value("-p", "--protocol");
    if (dports === undefined) {
      if (device !== undefined && device !== "lo" && protocol === undefined) ports.push(described("all", device, source));
      continue;
    }
    for (const port of dports.split(",")) ports.push(described(`${protocol ?? "any"}/${port.replace(":", "-")}`, device, source));
  }
  return ports;
}

/** From an nftables ruleset: rules that end in `accept` and name destination ports. */
export function nftablesPorts(ruleset: string): string[] {
  const sets = namedSets(ruleset);
  const ports: string[] = [];
  const joined = ruleset.replace(/\b(?:dport|saddr|iifname)[ \t]+\{[^{}]{0,4000}\}/g, (set) => set.replace(/\s+/g, " "));
  for (const raw of joined.split(/[\n;]/)) {
    // A rule that nobody could read is left to the text diff, before any pattern is tried on it.
    if (raw.length > maxRuleLength) continue;
    const line = raw
      .replace(/#.*$/, "")
      .replace(/comment\s+"[^"]*"/g, "")
      .trim();
    if (!/\baccept\s*$/.test(line) || /\bct\s+state\b|\bct\s+status\b/.test(line)) continue;
    const devices = elements(/\biifname\s+(\{[^}]*\}|"[^"]+"|\S+)/.exec(line)?.[1], sets);
    const sources = elements(/\bip6?\s+saddr\s+(\{[^}]*\}|\S+)/.exec(line)?.[1], sets);
    const found = destinationPorts(line, sets);
    if (found === undefined) {
      // An interface and nothing else.
      if (devices.length > 0 && /^iifname\s+(?:\{[^}]*\}|"[^"]+"|\S+)\s+(?:counter\s+)?accept$/.test(line)) {
        ports.push(...devices.filter((device) => device !== "lo").map((device) => described("all", device, undefined)));
      }
      continue;
    }
    for (const device of devices.length === 0 ? [undefined] : devices) {
      for (const source of sources.length === 0 ? [undefined] : sources)
        ports.push(...found.map((port) => described(port, device, source)));
    }
  }
  return ports;
}

function destinationPorts(line: string, sets: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const match = /\b(tcp|udp|sctp|dccp|th)\s+dport\s+(\{[^}]*\}|\S+)/.exec(line);
  if (match === null) return undefined;
  const protocols =
    match[1] === "th" ? elements(/\b(?:meta\s+l4proto|protocol)\s+(\{[^}]*\}|\S+)/.exec(line)?.[1], sets) : [match[1] ?? ""];
  return elements(match[2], sets).flatMap((port) =>
    (protocols.length === 0 ? ["any"] : protocols).map((protocol) => `${protocol}/${port}`),
  );
}

function elements(written: string | undefined, sets: ReadonlyMap<string, readonly string[]>): string[] {
  // `!= 22` names what is not meant.
  if (written === undefined || written.startsWith("!")) return [];
  if (written.startsWith("@")) return [...(sets.get(written.slice(1)) ?? [written])];
  return written
    .replace(/^\{|\}$/g, "")
    .split(",")
    .map(
      (element) =>
        element
          .trim()
          .replace(/^"|"$/g, "")
          .split(/\s*:\s/)[0]
          ?.trim() ?? "",
    )
    .filter((element) => element !== "");
}

/** `set allowed { type inet_service; elements = { 22, 80 } }` and `define ports = { 22, 80 }`. */
function namedSets(ruleset: string): ReadonlyMap<string, readonly string[]> {
  const sets = new Map<string, readonly string[]>();
  for (const match of ruleset.matchAll(/\bset\s+([\w-]{1,128})\s*\{([^{}]{0,500}?)elements\s{0,8}=\s{0,8}\{([^{}]{0,4000})\}/g)) {
    sets.set(match[1] ?? "", elements(`{${match[3] ?? ""}}`, new Map()));
  }
  return sets;
}

function described(port: string, device: string | undefined, source: string | undefined): string {
  return `${port}${device === undefined ? "" : `@${device}`}${source === undefined ? "" : ` from ${source}`}`;
}
