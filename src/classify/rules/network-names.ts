import { changedLines, signed, withoutComment } from "../changed-lines.ts";
import { changedTexts, textsOf } from "../changed-texts.ts";
import { overOverlay } from "../deploy-path.ts";
import { ask, type Rule, type Sighting } from "../rule.ts";
import { evidenceOf, gone, interrupts, usable } from "../unit-view.ts";

const resolvers =
  /^(systemd-resolved|dnsmasq|unbound|kresd@.+|kresd|bind|named|dnscrypt-proxy2?|stubby|coredns|blocky|adguardhome|pdns-recursor|knot-resolver|resolvconf)\.service$/;

export const resolverSwap: Rule = {
  id: "resolver-swap",
  family: "network",
  verdict: "risky",
  title: "Another program resolves names, or from another place",
  hazard: "While name resolution is broken mail, certificates, cluster joins and Nix itself fail on this host.",
  check: "What does /etc/resolv.conf point at afterwards, and does that program run?",
  see: (context): Sighting[] => {
    const { before, after, diff } = context;
    const sightings: Sighting[] = [];
    const [had, has] = [usable(before, "systemd-resolved.service"), usable(after, "systemd-resolved.service")];
    if (before !== undefined && had !== has)
      sightings.push({ subject: "systemd-resolved.service", from: had ? "runs" : "absent", to: has ? "runs" : "absent" });
    for (const file of diff.files)
      if (file.path === "/etc/resolv.conf" && !file.hashOnly)
        sightings.push({
          subject: file.path,
          evidence: file.diff === "" ? [`${file.path}: ${file.change}`] : signed(changedLines(file.diff)),
        });
    // A resolver that goes matters where this host asked itself; one that comes does where the host is told to ask it, which resolv.conf shows.
    for (const change of gone(context, resolvers))
      if (change.name !== "systemd-resolved.service" && change.name !== "resolvconf.service")
        sightings.push({ subject: change.name, evidence: [evidenceOf(change)] });
    return sightings;
  },
};

const server =
  /^\s*(DNS|FallbackDNS|Domains|DNSSEC|DNSOverTLS|nameserver|name_servers|networking\.nameservers|resolv_conf|server|UseDNS)\s*[= ]/i;

export const nameServers: Rule = {
  id: "name-servers",
  family: "network",
  verdict: "risky",
  title: "The name servers of the host change",
  hazard: "With a name server that does not answer from here nothing that needs a name works after the switch.",
  check: "Does every server answer from this host: `dig @SERVER cache.nixos.org`?",
  see: ({ diff }) =>
    textsOf(
      diff,
      /resolved\.conf|resolvconf\.conf|resolvconf\.service|dhcpcd\.conf|systemd\/network\/.*\.network$|NetworkManager\.conf|network-setup|nsswitch\.conf/,
    ).flatMap((text): Sighting[] => {
      const names = /nsswitch\.conf/.test(text.source);
      const lines = signed(text.lines, (line) => (names ? /^\s*hosts:/.test(line) : server.test(withoutComment(line))));
      return lines.length === 0 || text.change === "added" || (text.change === "removed" && !names)
        ? []
        : [{ subject: text.source, evidence: lines }];
    }),
};

const overlayUnit =
  /^(tailscaled?|tailscaled-.+|headscale|wireguard-.+|wg-quick-.+|nebula@.+|zerotierone|netbird.*|tinc\..+|openvpn-.+|strongswan(-swanctl)?|innernet-.+|yggdrasil)\.service$/;
/** One-shots that only log in or announce: a node that is logged in does not need them. */
const aside = /(autoconnect|-key|-set|cert|subnet)\b.*\.service$/;

export const overlayRestart: Rule = {
  id: "overlay-restart",
  family: "network",
  verdict: "risky",
  title: "The overlay network that the deploy uses is interrupted or changed",
  hazard: "The connection of the deploy breaks in the middle of the switch, and comes back only if the new settings work.",
  check: "Can the host be reached without the overlay?",
  see: (context): Sighting[] => {
    const { diff, facts } = context;
    const units = diff.units.filter(
      (change) => overlayUnit.test(change.name) && !aside.test(change.name) && (interrupts(change) || change.change === "removed"),
    );
    const texts = changedTexts(diff).filter(
      (text) =>
        text.kind === "file" &&
        /(wireguard|wg-quick|tailscale|nebula|zerotier|netbird|openvpn|strongswan|swanctl|ipsec)/i.test(text.source) &&
        !/\.(age|yaml|sops|gpg)$/i.test(text.source),
    );
    const netdevs = diff.files.filter(
      (file) => !file.hashOnly && file.path.endsWith(".netdev") && /Kind=wireguard|WireGuardPeer/.test(file.diff),
    );
    const subjects = [...units.map((change) => change.name), ...texts.map((text) => text.source), ...netdevs.map((file) => file.path)];
    if (subjects.length === 0) return [];
    // The operator may name the interface that the deploy uses; then the others do not matter.
    const named = /\b(wg[\w-]*\d|tun\d+|tailscale\d*|nebula[\w.-]*)\b/i.exec(facts.deployVia ?? "")?.[1];
    const sameKind = (subject: string): boolean =>
      named === undefined || subject.includes(named) || !/(wireguard-|wg-quick-|\bwg)[\w-]*\d/.test(subject);
    const relevant = subjects.filter((subject) => overOverlay(facts) !== true || sameKind(subject));
    if (relevant.length === 0) return [];
    const asked = ask(context, {
      fact: "deployVia",
      when: "the deploy goes over this overlay",
      answer: overOverlay(facts),
      plain: "clean",
      careful: "risky",
    });
    if (asked.verdict === "clean" && asked.settledBy === undefined) return [];
    return [
      {
        subject: relevant.join(", "),
        evidence: [...units.map(evidenceOf), ...texts.flatMap((text) => signed(text.lines)), ...asked.note],
        verdict: asked.verdict,
        settledBy: asked.settledBy,
      },
    ];
  },
};

export const forwardingOff: Rule = {
  id: "forwarding-off",
  family: "network",
  verdict: "risky",
  title: "The host stops forwarding packets, or loses an IP version",
  hazard:
    "Containers, virtual machines and networks behind this host lose their way out; a deploy over the other IP version loses the host.",
  check: "Who is routed through this host, and over which IP version does the deploy come?",
  see: ({ diff, facts }) =>
    diff.settings.sysctl.flatMap((change): Sighting[] => {
      const shown = {
        subject: change.key,
        from: change.from,
        to: change.to,
        evidence: [`${change.key}: ${change.from ?? "unset"} → ${change.to ?? "unset"}`],
      };
      const forwards = /^net\.ipv[46]\.(ip_forward|conf\.(all|default|[\w-]+)\.forwarding)$/.test(change.key);
      if (forwards && change.from === "1" && change.to !== "1") return [shown];
      const off = /^net\.ipv6\.conf\.(all|default|[\w-]+)\.disable_ipv6$/.test(change.key);
      return off &&
        change.to === "1" &&
        change.from !== "1" &&
        (facts.deployAddress === undefined || facts.deployAddress.split(":").length > 2)
        ? [shown]
        : [];
    }),
};

export const nameRules: readonly Rule[] = [resolverSwap, nameServers, overlayRestart, forwardingOff];
