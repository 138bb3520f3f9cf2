import { file, unitChange, units } from "../literals.ts";
import { known, type Examples } from "./example.ts";

const networkFile = (name: string, lines: readonly string[], text: string) => ({
  files: [file(`/etc/systemd/network/${name}`, lines)],
  after: { etc: new Map([[`systemd/network/${name}`, { path: `systemd/network/${name}`, target: undefined, mode: "symlink", text }]]) },
});
const uplink = networkFile(
  "10-uplink.network",
  ["-Gateway=203.0.113.1", "+Gateway=203.0.113.2"],
  "[Match]\nName=en*\n[Network]\nGateway=203.0.113.2\n",
);
const firewall = (...open: readonly string[]) => ({ backend: "iptables" as const, open: new Set(open), text: "" });
const rules = (...lines: readonly string[]) => ({ files: [file("firewall.service → firewall-start", lines)] });
const accept22 = "ip46tables -A nixos-fw -p tcp --dport 22 -j nixos-fw-accept";
const tailscale = { units: [unitChange("tailscaled.service", "restart")] };
const nfs = { mounts: [{ mountPoint: "/data", device: "nas:/data", fsType: "nfs4", options: [] }] };

export const networkExamples: Examples = {
  "uplink-network-file": {
    fires: [uplink, networkFile("20-lan.network", ["+Gateway=203.0.113.2"], "[Match]\nMACAddress=52:54:00:12:34:56\n")],
    misses: [
      networkFile("30-vlan.network", ["+Address=10.0.40.2/24"], "[Match]\nName=vlan40\n"),
      networkFile("10-uplink.network", ["+# a comment"], "[Match]\nName=en*\n"),
    ],
    unknown: { ...uplink, facts: { deployUser: "root" }, fact: "uplinkInterface", plain: "clean", careful: "risky" },
  },
  "network-manager-swap": {
    fires: [{ after: { units: units("sshd.service", "systemd-networkd.service") } }],
    misses: [{ after: { units: units("sshd.service", "dhcpcd.service", "systemd-networkd.service") } }],
  },
  "network-unit-stopped": {
    fires: [
      { units: [unitChange("network-addresses-enp1s0.service", "stop-start")] },
      { units: [unitChange("systemd-networkd.service", "stop")] },
    ],
    misses: [
      { units: [unitChange("dhcpcd.service", "restart")] },
      { units: [unitChange("network-addresses-enp7s0.service", "stop-start")] },
    ],
  },
  "network-mounts-hang": {
    fires: [{ units: [unitChange("dhcpcd.service", "restart")], facts: { ...known, mountedNfs: ["/home (nfs4)"] } }],
    misses: [
      { units: [unitChange("dhcpcd.service", "restart")] },
      { units: [unitChange("nginx.service", "restart")], facts: { ...known, mountedNfs: ["/home"] } },
    ],
    unknown: {
      units: [unitChange("dhcpcd.service", "restart")],
      after: nfs,
      facts: known,
      fact: "mountedNfs",
      plain: "clean",
      careful: "risky",
    },
  },
  "wait-online-new": {
    fires: [
      {
        units: [unitChange("systemd-networkd-wait-online.service", "start", { change: "added" })],
        after: { units: units("sshd.service", "systemd-networkd-wait-online.service") },
      },
    ],
    misses: [
      {
        units: [unitChange("systemd-networkd.service", "start", { change: "added" })],
        after: { units: units("sshd.service", "systemd-networkd.service") },
      },
    ],
  },
  "interface-names": {
    fires: [
      { system: { kernelParams: { changed: true, added: ["net.ifnames=0"] } } },
      { files: [file("udev.service → udev-rules/10-local.rules", ['+SUBSYSTEM=="net", ATTR{address}=="52:54:00:12:34:56", NAME="wan"'])] },
    ],
    misses: [{ system: { kernelParams: { changed: true, added: ["quiet"] } } }],
  },
  "uplink-unit-gone": {
    fires: [{ units: [unitChange("wpa_supplicant.service", "stop", { change: "removed" })] }],
    misses: [{ units: [unitChange("autofs.service", "stop", { change: "removed" })] }],
  },
  "deploy-port-closed": {
    fires: [{ after: { firewall: firewall() } }, { after: { firewall: firewall("tcp/22@wg0") } }],
    misses: [
      { after: { firewall: firewall("tcp/22", "tcp/443") } },
      { after: { firewall: firewall("tcp/22@wg0") }, facts: { ...known, deployVia: "wireguard wg0" } },
      { after: { firewall: firewall("tcp/20-30") } },
      { before: { firewall: firewall("tcp/22", "tcp/80") } },
    ],
    unknown: {
      after: { firewall: firewall("tcp/22@wg0") },
      facts: { deployUser: "root" },
      fact: "deployVia",
      plain: "clean",
      careful: "risky",
    },
  },
  "deploy-port-rule": {
    fires: [
      rules(`-${accept22}`, "+iptables -A nixos-fw -p tcp -s 198.51.100.0/24 --dport 22 -j nixos-fw-accept"),
      rules("+iptables -I INPUT -p tcp --dport 22 -j DROP"),
    ],
    misses: [
      rules("+ip46tables -A nixos-fw -p tcp --dport 443 -j nixos-fw-accept"),
      rules("+iptables -I INPUT -p tcp --dport 2222 -j DROP"),
    ],
  },
  "trusted-interface-lost": {
    fires: [{ ...rules("-ip46tables -A nixos-fw -i tailscale0 -j nixos-fw-accept"), facts: { ...known, deployVia: "tailscale" } }],
    misses: [
      rules("-ip46tables -A nixos-fw -i br0 -j nixos-fw-accept"),
      rules("-ip46tables -A nixos-fw -i eth1 -p tcp --dport 80 -j nixos-fw-accept"),
    ],
    unknown: {
      ...rules("-ip46tables -A nixos-fw -i tailscale0 -j nixos-fw-accept"),
      facts: {},
      fact: "deployVia",
      plain: "clean",
      careful: "risky",
    },
  },
  "firewall-backend": {
    fires: [
      { after: { firewall: { backend: "nftables", open: new Set(["tcp/22"]), text: "" } } },
      { units: [unitChange("firewall.service", "stop", { change: "removed" })] },
    ],
    misses: [{ units: [unitChange("firewall.service", "reload")] }],
  },
  "overlay-port-closed": {
    fires: [{ settings: { portsClosed: ["udp/51820"] }, facts: { ...known, deployVia: "wireguard wg0" } }],
    misses: [
      { settings: { portsClosed: ["udp/51820"] } },
      { settings: { portsClosed: ["udp/53"] }, facts: { ...known, deployVia: "wireguard" } },
    ],
    unknown: { settings: { portsClosed: ["udp/51820"] }, facts: {}, fact: "deployVia", plain: "clean", careful: "risky" },
  },
  "resolver-swap": {
    fires: [
      { after: { units: units("sshd.service", "dhcpcd.service", "systemd-resolved.service") } },
      { files: [file("/etc/resolv.conf", ["+nameserver 127.0.0.1"])] },
      { units: [unitChange("unbound.service", "stop", { change: "removed" })] },
    ],
    misses: [
      { units: [unitChange("unbound.service", "restart")] },
      { units: [unitChange("dnsmasq.service", "start", { change: "added" })] },
    ],
  },
  "name-servers": {
    fires: [
      { files: [file("/etc/systemd/resolved.conf", ["-DNS=9.9.9.9", "+DNS=10.0.0.53"])] },
      { files: [file("/etc/resolvconf.conf", ["-name_servers='9.9.9.9'", "+name_servers='10.0.0.53'"])] },
    ],
    misses: [
      { files: [file("/etc/systemd/resolved.conf", ["+# DNS=1.1.1.1", "+Cache=yes"])] },
      { files: [file("/etc/hosts", ["+10.0.0.7 nas"])] },
    ],
  },
  "overlay-restart": {
    fires: [
      { ...tailscale, facts: { ...known, deployVia: "tailscale" } },
      { ...tailscale, facts: { ...known, deployAddress: "100.101.5.6", deployVia: "ssh" } },
    ],
    misses: [
      tailscale,
      { units: [unitChange("wireguard-wg1.service", "stop-start")], facts: { ...known, deployVia: "wireguard wg0" } },
      { units: [unitChange("tailscaled-autoconnect.service", "restart")], facts: { ...known, deployVia: "tailscale" } },
    ],
    unknown: { ...tailscale, facts: {}, fact: "deployVia", plain: "clean", careful: "risky" },
  },
  "forwarding-off": {
    fires: [
      { settings: { sysctl: [{ key: "net.ipv4.conf.all.forwarding", from: "1", to: "0" }] } },
      { settings: { sysctl: [{ key: "net.ipv6.conf.all.disable_ipv6", from: "0", to: "1" }] }, facts: { deployAddress: "2001:db8::5" } },
    ],
    misses: [
      { settings: { sysctl: [{ key: "net.ipv4.conf.all.forwarding", from: "0", to: "1" }] } },
      { settings: { sysctl: [{ key: "vm.swappiness", from: "60", to: "10" }] } },
    ],
  },
};
