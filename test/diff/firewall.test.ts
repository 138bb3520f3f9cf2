import { afterAll, expect, test } from "vitest";
import { iptablesPorts, nftablesPorts } from "../../src/diff/firewall-ports.ts";
import { diffSettings } from "../../src/diff/settings.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove());

test.each([
  ["ip46tables -A nixos-fw -p tcp --dport 22 -j nixos-fw-accept", ["tcp/22"]],
  ["ip46tables -A nixos-fw -p tcp --dport 22 -j nixos-fw-accept -i enp1s0", ["tcp/22@enp1s0"]],
  ["ip46tables -A nixos-fw -p udp --dport 8000:8010 -j nixos-fw-accept", ["udp/8000-8010"]],
  [
    "iptables -w -A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 80,443 -j ACCEPT",
    ["tcp/80 from 10.0.0.0/8", "tcp/443 from 10.0.0.0/8"],
  ],
  ["/nix/store/x/bin/iptables -I nixos-fw 1 -p tcp --dport 25 -j ACCEPT", ["tcp/25"]],
  ["ip46tables -A nixos-fw -i tailscale0 -j nixos-fw-accept", ["all@tailscale0"]],
  ["ip46tables -A nixos-fw -i lo -j nixos-fw-accept", []],
  ["ip46tables -A nixos-fw -m conntrack --ctstate ESTABLISHED,RELATED -j nixos-fw-accept", []],
  ["ip46tables -A nixos-fw -p tcp --dport 22 -j nixos-fw-refuse", []],
  ["iptables -t nat -A nixos-nat-pre -p tcp --dport 80 -j DNAT", []],
  ["# ip46tables -A nixos-fw -p tcp --dport 22 -j nixos-fw-accept", []],
  ["ip46tables -D nixos-fw -p tcp --dport 22 -j nixos-fw-accept", []],
])("iptables: %s", (rule, ports) => {
  expect(iptablesPorts(rule)).toEqual(ports);
});

test.each([
  ["tcp dport 22 accept", ["tcp/22"]],
  ["tcp dport { 22, 80-90 } accept", ["tcp/22", "tcp/80-90"]],
  ['iifname "vlan4000" tcp dport 5432 accept', ["tcp/5432@vlan4000"]],
  ['iifname { "a", "b" } udp dport 53 counter accept', ["udp/53@a", "udp/53@b"]],
  ["ip saddr 10.0.0.0/8 tcp dport ssh accept", ["tcp/ssh from 10.0.0.0/8"]],
  ["meta l4proto { tcp, udp } th dport 53 accept", ["tcp/53", "udp/53"]],
  ["set web { type inet_service; elements = { 80, 443 } }\ntcp dport @web accept", ["tcp/80", "tcp/443"]],
  ['tcp dport 22 accept comment "ssh"', ["tcp/22"]],
  ['iifname { "lo", "tailscale0" } accept comment "trusted"', ["all@tailscale0"]],
  ["ct state established,related accept", []],
  ["tcp dport {\n  22,\n  80\n} accept", ["tcp/22", "tcp/80"]],
  ["tcp dport != 22 accept", []],
  ["tcp dport 22 drop", []],
  ["# tcp dport 22 accept", []],
  ["icmp type echo-request accept", []],
])("nftables: %s", (rule, ports) => {
  expect(nftablesPorts(rule)).toEqual(ports);
});

const iptables = (port: number) => ({
  units: {
    "firewall.service": `[Service]\nExecStart=@${store.tree("firewall-start", { "bin/firewall-start": `ip46tables -A nixos-fw -p tcp --dport ${port} -j nixos-fw-accept\n` })}/bin/firewall-start firewall-start\n`,
  },
});
const nftables = (port: number) => {
  const rules = store.file("nftables-rules", `table inet nixos-fw {\n  chain input-allow {\n    tcp dport ${port} accept\n  }\n}\n`);
  return { units: { "nftables.service": `[Service]\nExecStart=${store.file("nftables-start", `nft -f ${rules}\n`)}\n` } };
};

test("the script or ruleset behind the unit is read, and where there is none nothing is filtered", () => {
  expect(store.system(iptables(22)).firewall).toMatchObject({ backend: "iptables", open: new Set(["tcp/22"]) });
  expect(store.system(nftables(22)).firewall).toMatchObject({ backend: "nftables", open: new Set(["tcp/22"]) });
  expect(store.system({}).firewall.backend).toBe("none");
  expect(store.system({ units: { "firewall.service": `[Service]\nExecStart=${store.path("gone")}\n` } }).firewall.backend).toBe("unknown");
  expect(store.system({ units: { "firewall.service": { link: "/dev/null" } } }).firewall.backend).toBe("none");
});

test.each([
  ["another port", iptables(22), iptables(2222), ["tcp/2222"], ["tcp/22"]],
  ["another backend, same port", iptables(22), nftables(22), [], []],
  ["no firewall any more", iptables(22), {}, ["all"], []],
  ["a firewall from now on", {}, nftables(22), [], ["all"]],
  ["rules that cannot be read", iptables(22), { units: { "firewall.service": `[Service]\nExecStart=${store.path("gone")}\n` } }, [], []],
])("%s", (_name, before, after, portsOpened, portsClosed) => {
  expect(diffSettings(store.files, store.system(before), store.system(after))).toMatchObject({ portsOpened, portsClosed });
});

test.each(['comment "', "set a { elements={", "tcp dport { ", "iptables -A nixos-fw "])(
  "two million characters of %j end",
  { timeout: 60_000 },
  (piece) => {
    const text = piece.repeat(2_000_000 / piece.length);
    expect([...iptablesPorts(text), ...nftablesPorts(text)]).toEqual([]);
  },
);
