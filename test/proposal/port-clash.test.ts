import { afterAll, describe, expect, test } from "vitest";
import { type Clash, clashesOf, newClashes } from "../../src/proposal/port-clash.ts";
import { ThrowawayStore } from "../diff/throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove());

type Parts = Parameters<ThrowawayStore["system"]>[0];
const clashes = (units: NonNullable<Parts["units"]>, etc: NonNullable<Parts["etc"]> = {}): readonly Clash[] => {
  const wants = Object.fromEntries(
    Object.keys(units)
      .filter((name) => !name.includes("/"))
      .map((name) => [`${name.endsWith(".socket") ? "sockets" : "multi-user"}.target.wants/${name}`, { link: `../${name}` }]),
  );
  return clashesOf(store.files, store.system({ units: { ...wants, ...units }, etc }));
};
const told = (...given: Parameters<typeof clashes>): readonly string[] => newClashes("web1", [], clashes(...given));
const socket = (text: string): string => `[Socket]\n${text}\n`;
const service = (exec: string, more = ""): string => `[Unit]\n${more}\n[Service]\nExecStart=${exec}\n`;
const nginx = (listen: string): string =>
  service(`/nix/store/x-nginx/bin/nginx -c '${store.file("nginx.conf", `http {\n  # listen 9999;\n  server {\n    ${listen}\n  }\n}\n`)}'`);
const container = (words: string): string =>
  service(
    store.file(
      "unit-script-podman-app-start",
      `#!/bin/sh\nset -e\nexec podman run \\\n  --name=app \\\n  ${words} \\\n  docker.io/app:1\n`,
    ),
  );
const sshd = service("/nix/store/x-openssh/bin/sshd -D -f /etc/ssh/sshd_config");

describe("two units on one port", () => {
  test("are told with what says so, once they are new", () => {
    const both = { "a.socket": socket("ListenStream=8080"), "b.socket": socket("ListenStream=0.0.0.0:8080") };
    expect(told(both)).toEqual([
      "On web1, a.socket and b.socket both listen on tcp 8080 (a.socket: its Listen… lines say so; b.socket: its Listen… lines say so).",
    ]);
    expect(newClashes("web1", clashes(both), clashes(both))).toEqual([]);
    expect(newClashes("web1", clashes(both), clashes({ ...both, "c.socket": socket("ListenStream=8080") }))).toHaveLength(2);
  });

  test.each<[string, ...Parameters<typeof clashes>]>([
    ["a socket and nginx", { "a.socket": socket("ListenStream=443"), "nginx.service": nginx("listen 0.0.0.0:443 ssl;") }],
    ["nginx without a port", { "a.socket": socket("ListenStream=127.0.0.1:80"), "nginx.service": nginx("listen *;") }],
    [
      "IPv6 of nginx and a socket that takes both",
      { "a.socket": socket("ListenStream=443"), "nginx.service": nginx("listen [::0]:443 ssl;") },
    ],
    ["HTTP/3 and a datagram", { "a.socket": socket("ListenDatagram=0.0.0.0:443"), "nginx.service": nginx("listen 443 quic reuseport;") }],
    ["sshd and nginx", { "sshd.service": sshd, "nginx.service": nginx("listen 2222;") }, { "ssh/sshd_config": "Port 22\nPort 2222\n" }],
    ["sshd that says nothing", { "sshd.service": sshd, "a.socket": socket("ListenStream=22") }, { "ssh/sshd_config": "UsePAM yes\n" }],
    [
      "sshd at an address with a port",
      { "sshd.service": sshd, "a.socket": socket("ListenStream=2222") },
      { "ssh/sshd_config": "ListenAddress 10.0.0.1:2222\n" },
    ],
    [
      "sshd at an IPv6 address",
      { "sshd.service": sshd, "a.socket": socket("ListenStream=[fd00::1]:22") },
      { "ssh/sshd_config": "ListenAddress fd00::1\n" },
    ],
    ["two containers", { "podman-a.service": container("-p 8080:80"), "podman-b.service": container("-p '127.0.0.1:8080:8080/tcp'") }],
    [
      "a container and sshd",
      { "podman-a.service": container("--publish=22:22"), "sshd.service": sshd },
      { "ssh/sshd_config": "Port 22\n" },
    ],
    [
      "a container that systemd starts outright",
      { "a.service": service("/usr/bin/docker run --rm -p 53:53/udp dns"), "b.socket": socket("ListenDatagram=53") },
    ],
    ["one path", { "a.socket": socket("ListenFIFO=/run/x"), "b.socket": socket("ListenStream=/run/x") }],
    [
      "a drop-in",
      { "a.socket": socket("ListenStream=1"), "a.socket.d/x.conf": socket("ListenStream=2"), "b.socket": socket("ListenStream=2") },
    ],
  ])("%s", (_what, units, etc) => expect(told(units, etc)).toHaveLength(1));

  test.each<[string, ...Parameters<typeof clashes>]>([
    ["another protocol", { "a.socket": socket("ListenStream=53"), "b.socket": socket("ListenDatagram=53") }],
    ["two addresses", { "a.socket": socket("ListenStream=127.0.0.1:80"), "b.socket": socket("ListenStream=10.0.0.1:80") }],
    ["a wildcard and an address of UDP", { "a.socket": socket("ListenDatagram=53"), "b.socket": socket("ListenDatagram=127.0.0.53:53") }],
    [
      "an assignment that was taken back",
      { "a.socket": socket("ListenStream=1\nListenStream=\nListenStream=2"), "b.socket": socket("ListenStream=1") },
    ],
    ["a template", { "a@.socket": socket("ListenStream=1"), "b.socket": socket("ListenStream=1") }],
    [
      "sockets that share on purpose",
      { "a.socket": socket("ListenStream=1\nReusePort=yes"), "b.socket": socket("ListenStream=1\nReusePort=yes") },
    ],
    [
      "IPv4 of nginx and IPv6 of a socket",
      { "a.socket": socket("ListenStream=[::]:80\nBindIPv6Only=ipv6-only"), "nginx.service": nginx("listen 80;") },
    ],
    ["servers of one nginx", { "nginx.service": nginx("listen 80;\n server_name a; } server { listen 80;") }],
    ["what nginx only remarks", { "a.socket": socket("ListenStream=9999"), "nginx.service": nginx("listen 80;") }],
    [
      "a name and a variable",
      { "a.socket": socket("ListenStream=80"), "nginx.service": nginx("listen localhost:80; listen unix:/run/x:80;") },
    ],
    [
      "a socket and the service that it starts",
      { "sshd.socket": socket("ListenStream=22"), "sshd.service": sshd },
      { "ssh/sshd_config": "Port 22\n" },
    ],
    [
      "units that end each other",
      { "a.service": service("podman run -p 1:1 x", "Conflicts=b.service"), "b.service": service("podman run -p 1:1 x") },
    ],
    ["the host's own network", { "a.service": service("podman run --network=host -p 1:1 x"), "b.socket": socket("ListenStream=1") }],
    ["a random port", { "a.service": service("podman run -p 80 x"), "b.socket": socket("ListenStream=80") }],
    ["another program's -p", { "a.service": service("/bin/server -p 80:80"), "b.socket": socket("ListenStream=80") }],
    ["a oneshot", { "a.service": `${service("podman run -p 1:1 x")}Type=oneshot\n`, "b.socket": socket("ListenStream=1") }],
    ["no port", { "a.socket": socket("ListenStream=0"), "b.socket": socket("ListenStream=0") }],
    [
      "sshd that includes what nobody reads",
      { "sshd.service": sshd, "a.socket": socket("ListenStream=22") },
      { "ssh/sshd_config": "Include /etc/x\n" },
    ],
  ])("%s is none", (_what, units, etc) => expect(told(units, etc)).toEqual([]));

  test("a unit that nothing starts listens on nothing", () => {
    const units = { "a.socket": socket("ListenStream=1"), "b.socket": socket("ListenStream=1") };
    expect(clashesOf(store.files, store.system({ units }))).toEqual([]);
  });

  test("a configuration that is none is read to its end", () => {
    for (const text of ["", "listen", "listen ;", "listen [;", `${"listen 1;".repeat(9_000)}`, "listen 99999999999;"])
      expect(told({ "nginx.service": nginx(text), "sshd.service": sshd }, { "ssh/sshd_config": "Port x\nListenAddress [\n" })).toEqual([]);
  });
});
