import type { Firewall } from "../../diff/system.ts";
import { signed } from "../changed-lines.ts";
import { textsOf } from "../changed-texts.ts";
import { deployPorts, overOverlay } from "../deploy-path.ts";
import { ask, type Rule, type RuleContext, type Sighting } from "../rule.ts";
import { gone, usable } from "../unit-view.ts";

type Opening = { readonly protocol: string; readonly low: number; readonly high: number; readonly on: string | undefined };

/** `tcp/22`, `tcp/8000-8010`, `tcp/22@enp1s0` */
function opening(text: string): Opening | undefined {
  const match = /^(tcp|udp)\/(\d+)(?:-(\d+))?(?:@(.+))?$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { protocol: match[1], low: Number(match[2]), high: Number(match[3] ?? match[2]), on: match[4] };
}
const covers = (entry: string, protocol: string, port: number): boolean => {
  const open = opening(entry);
  return open !== undefined && open.protocol === protocol && open.low <= port && port <= open.high;
};
const openings = (firewall: Firewall, protocol: string, port: number): readonly string[] =>
  [...firewall.open].filter((entry) => covers(entry, protocol, port));
const everywhere = (entries: readonly string[]): boolean => entries.some((entry) => !entry.includes("@"));

/** A port was reachable before and is not, or only on some interfaces, afterwards. */
function narrowed(context: RuleContext, protocol: string, port: number): { from: readonly string[]; to: readonly string[] } | undefined {
  const { before, after } = context;
  if (before === undefined || after.firewall.backend === "none") return undefined;
  const from = before.firewall.backend === "none" ? [`${protocol}/${port}`] : openings(before.firewall, protocol, port);
  const to = openings(after.firewall, protocol, port);
  if (from.length === 0 || (everywhere(to) && to.length > 0)) return undefined;
  const lost = everywhere(from) || from.some((entry) => !to.includes(entry));
  return lost ? { from, to } : undefined;
}

export const deployPortClosed: Rule = {
  id: "deploy-port-closed",
  family: "network",
  verdict: "risky",
  title: "The firewall closes the port that the deploy comes in by",
  hazard: "The running connection survives as established, the next one is refused.",
  check: "Which rule lets the deploy in after the switch?",
  see: (context) =>
    deployPorts(context.facts).flatMap((port): Sighting[] => {
      const change = narrowed(context, "tcp", port);
      if (change === undefined) return [];
      const rest = change.to;
      const evidence = [
        ...change.from.filter((entry) => !rest.includes(entry)).map((entry) => `- ${entry}`),
        ...rest.map((entry) => `= ${entry}`),
      ];
      const shown = { subject: `tcp/${port}`, from: change.from.join(", "), to: rest.join(", ") || "closed", evidence };
      if (rest.length === 0) return [shown];
      // Still open on some interface: enough where the deploy comes in by that one.
      const uplink = context.facts.uplinkInterface;
      const overlay = overOverlay(context.facts);
      const through = rest.some((entry) => {
        const on = opening(entry)?.on ?? "";
        return overlay === true
          ? (context.facts.deployVia ?? "").includes(on) || /^(tailscale|wg|nebula|zt|tun|utun)/.test(on)
          : on === uplink;
      });
      const answer = overlay === undefined ? undefined : !through;
      const asked = ask(context, {
        fact: "deployVia",
        when: `the deploy does not come in on ${rest.map((entry) => opening(entry)?.on ?? entry).join(", ")}`,
        answer,
        plain: "clean",
        careful: "risky",
      });
      return asked.verdict === "clean" && asked.settledBy === undefined
        ? []
        : [{ ...shown, evidence: [...evidence, ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy }];
    }),
};

const firewallText = /firewall|nftables|nft[-_ ]?rules|ruleset|iptables|ufw|ferm|shorewall/i;
const namesPort = (line: string, port: number): boolean =>
  new RegExp(String.raw`\b(dport|dports|port|ports)\b[^;|&]*(?<![\d.])${port}(?![\d.])|\bssh\b`).test(line) && !/sport/.test(line);
const accepts = (line: string): boolean => /\baccept\b|nixos-fw-accept|-j ACCEPT/i.test(line);
const refuses = (line: string): boolean => /\b(drop|reject)\b|nixos-fw-(log-)?refuse|-j (DROP|REJECT)/i.test(line);
const sourced = (line: string): boolean =>
  /\bsaddr\b|(^|\s)-s\s|--source\b|-m set --match-set|limit rate|-m (recent|hashlimit|limit)|@\w/.test(line);

export const deployPortRule: Rule = {
  id: "deploy-port-rule",
  family: "network",
  verdict: "risky",
  title: "A firewall rule on the deploy's port changes",
  hazard: "A rule that drops, limits or only lets some addresses in on this port can keep the next deploy out.",
  check: "Does the address that the deploy comes from still match an accepting rule?",
  see: (context) =>
    textsOf(context.diff, firewallText).flatMap((text) =>
      deployPorts(context.facts).flatMap((port): Sighting[] => {
        const removed = text.lines.removed.filter((line) => accepts(line) && namesPort(line, port));
        const added = text.lines.added.filter((line) => accepts(line) && namesPort(line, port));
        const dropped = text.lines.added.filter((line) => refuses(line) && !accepts(line) && namesPort(line, port));
        // The reader of the ruleset sees ports that open and close; what it may not see are conditions on the sender.
        const narrowedBySource = removed.some((line) => !sourced(line)) && added.length > 0 && added.every(sourced);
        const sourcesGone =
          removed.length > 0 &&
          removed.every(sourced) &&
          !removed.every((line) => added.includes(line)) &&
          !added.some((line) => !sourced(line));
        if (dropped.length === 0 && !narrowedBySource && !sourcesGone) return [];
        return [{ subject: `tcp/${port} in ${text.source}`, evidence: signed(text.lines, (line) => namesPort(line, port)) }];
      }),
    ),
};

export const trustedInterface: Rule = {
  id: "trusted-interface-lost",
  family: "network",
  verdict: "risky",
  title: "The firewall no longer trusts an interface",
  hazard: "Everything that came in over it without a rule of its own is refused, a deploy over the overlay for instance.",
  check: "Which services were reached over this interface?",
  see: (context) =>
    textsOf(context.diff, firewallText).flatMap((text): Sighting[] => {
      const whole = (line: string): string | undefined =>
        accepts(line) && !/dport|icmp|sport|ctstate|ct state/.test(line)
          ? (/-i\s+(\S+)/.exec(line)?.[1] ?? /iifname\s+"?([\w.-]+)"?/.exec(line)?.[1])
          : undefined;
      const set = (line: string): string[] =>
        accepts(line)
          ? (/iifname\s+\{([^}]*)\}/.exec(line)?.[1] ?? "")
              .split(",")
              .map((name) => name.replace(/["\s]/g, ""))
              .filter(Boolean)
          : [];
      const names = (lines: readonly string[]): Set<string> =>
        new Set(
          lines.flatMap((line) => [...(whole(line) === undefined ? [] : [whole(line) ?? ""]), ...(/dport/.test(line) ? [] : set(line))]),
        );
      const lost = [...names(text.lines.removed)].filter((name) => !names(text.lines.added).has(name) && name !== "lo");
      if (lost.length === 0) return [];
      const via = context.facts.deployVia;
      const answer =
        via === undefined
          ? undefined
          : lost.some((name) => via.includes(name)) ||
            (overOverlay(context.facts) === true && lost.some((name) => /^(tailscale|wg|nebula|zt|tun|utun|nb-|wt)/.test(name))) ||
            lost.includes(context.facts.uplinkInterface ?? "");
      const asked = ask(context, {
        fact: "deployVia",
        when: `the deploy comes in over ${lost.join(", ")}`,
        answer,
        plain: "clean",
        careful: "risky",
      });
      if (asked.verdict === "clean" && asked.settledBy === undefined) return [];
      return [
        {
          subject: lost.join(", "),
          evidence: [...signed(text.lines, (line) => lost.some((name) => line.includes(name))), ...asked.note],
          verdict: asked.verdict,
          settledBy: asked.settledBy,
        },
      ];
    }),
};

export const firewallBackend: Rule = {
  id: "firewall-backend",
  family: "network",
  verdict: "risky",
  title: "The firewall changes its backend, appears or goes",
  hazard:
    "One ruleset is torn down and another is loaded: rules of both may hold for a moment, own commands of the old one are lost, and without any the host is open.",
  check: "Does the new ruleset accept the deploy's port, and do docker, libvirt and VPN rules still work?",
  see: (context): Sighting[] => {
    const { before, after, diff } = context;
    const [from, to] = [before?.firewall.backend, after.firewall.backend];
    const units = diff.units.filter(
      (change) => /^(firewall|nftables|iptables|ip6tables|ufw)\.service$/.test(change.name) && change.change !== "changed",
    );
    const swapped =
      units.some((change) => change.change === "added" && usable(after, change.name)) &&
      gone(context, /^(firewall|nftables)\.service$/).length > 0;
    const differs = from !== undefined && from !== to && from !== "unknown" && to !== "unknown";
    if (!differs && !swapped && gone(context, /^(firewall|nftables)\.service$/).length === 0) return [];
    return [{ subject: "firewall", from, to, evidence: units.map((change) => `${change.name}: ${change.change}, ${change.effect}`) }];
  },
};

export const overlayPortClosed: Rule = {
  id: "overlay-port-closed",
  family: "network",
  verdict: "risky",
  title: "The firewall closes a port of the overlay",
  hazard: "The tunnel that the deploy comes in by can no longer be set up from outside.",
  check: "Does the overlay still connect without this port?",
  see: (context) =>
    context.diff.settings.portsClosed
      .filter((entry) => [51_820, 41_641, 4242, 9993, 1194, 500, 4500].some((port) => covers(entry, "udp", port)))
      .flatMap((entry): Sighting[] => {
        const asked = ask(context, {
          fact: "deployVia",
          when: `the deploy goes over the overlay that uses ${entry}`,
          answer: overOverlay(context.facts),
          plain: "clean",
          careful: "risky",
        });
        return asked.verdict === "clean" && asked.settledBy === undefined
          ? []
          : [{ subject: entry, evidence: [`- ${entry}`, ...asked.note], verdict: asked.verdict, settledBy: asked.settledBy }];
      }),
};

export const firewallRules: readonly Rule[] = [deployPortClosed, deployPortRule, trustedInterface, firewallBackend, overlayPortClosed];
