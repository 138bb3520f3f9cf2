import { describe, expect, test } from "vitest";
import { HostName } from "../../src/discover/host.ts";
import { buildTools, hostTools } from "../../src/diagnose/session/diagnosis-tools.ts";
import type { NixRun, RemoteRun } from "../../src/io/ports.ts";
import type { BuildPorts } from "../../src/tools/build-ports.ts";
import type { HostPorts } from "../../src/tools/host-ports.ts";

/** Every row of the tables: what it runs for what it is asked, and what it refuses. */
const address = {
  host: HostName.parse("web1"),
  hostname: "192.0.2.1",
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: {},
  hostKeys: [],
};
const [from, to] = [`/nix/store/${"0".repeat(32)}-nixos-system-web1-1`, `/nix/store/${"1".repeat(32)}-nixos-system-web1-2`];
const lib = `/nix/store/${"2".repeat(32)}-openssl-3.0.14`;

function hostPorts(records: Record<string, string> = {}, ok = true): { ports: HostPorts; ran: RemoteRun[] } {
  const ran: RemoteRun[] = [];
  const put = Object.entries(records).map(([name, value]) => ({ name, value }));
  return {
    ran,
    ports: {
      hosts: new Map([["web1", { address: address as never, since: 1_795_000_000.7, from, to }]]),
      targets: {
        run: (run) => {
          ran.push(run);
          return Promise.resolve(
            ok ? { ok, exitCode: 0, records: put, stderr: "" } : { ok, trouble: "lost", detail: "secret words", records: put },
          );
        },
      },
      nix: {} as never,
      database: {
        closures: () =>
          Promise.resolve({
            paths: [from, to, lib],
            narSizes: new Float64Array(3),
            offsets: new Uint32Array([0, 0, 1, 1]),
            targets: new Uint32Array([2]),
          }),
      },
    },
  };
}
const ask = async (name: string, given: unknown, { ports }: { ports: HostPorts }) => {
  const row = hostTools.find((one) => one.name === name);
  if (row === undefined) throw new Error(name);
  return await row.ask(ports, given);
};

test("names are what a session's program takes, and schemas are strict draft-07 objects", () => {
  for (const { name, inputSchema, description } of [...hostTools, ...buildTools]) {
    expect(name).toMatch(/^[a-z_]{1,40}$/);
    expect(inputSchema).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#", type: "object", additionalProperties: false });
    expect(description.length).toBeGreaterThan(40);
  }
});

describe("of a host", () => {
  test("the journal is read since the activation, of that unit, so many lines; words are arguments and never part of the program", async () => {
    const host = hostPorts({ journal: "a line\n" });
    expect(await ask("journal", { host: "web1", unit: "nginx.service" }, host)).toEqual({ text: "a line", keep: "tail" });
    expect(host.ran).toMatchObject([{ arguments: ["1795000000", "nginx.service", "100"], connection: "shared", timeoutSeconds: 60 }]);
    expect(host.ran[0]?.program).not.toContain("nginx");
  });

  test("a status is three parts, and a connection that breaks is told without ssh's words", async () => {
    const host = hostPorts({ status: "active", show: "User=x", file: "[Unit]" });
    expect(await ask("unit_status", { host: "web1", unit: "a@b.service" }, host)).toMatchObject({ text: "active\n\nUser=x\n\n[Unit]" });
    expect(await ask("unit_status", { host: "web1", unit: "a.service" }, hostPorts({}, false))).toEqual({
      text: "The host could not be asked: lost.",
      keep: "head",
    });
  });

  test("why_depends tells the shortest chain, in the new system before the old one", async () => {
    const host = hostPorts();
    expect(await ask("why_depends", { host: "web1", what: "openssl" }, host)).toMatchObject({ text: `In the new system:\n${to}\n${lib}` });
    expect(await ask("why_depends", { host: "web1", what: "nowhere" }, host)).toMatchObject({
      refused: expect.stringContaining("neither"),
    });
    expect(host.ran).toEqual([]);
  });

  test.each([
    ["journal", { host: "web2", unit: "nginx.service" }],
    ["unit_status", { host: "web1.evil", unit: "nginx.service" }],
    ["why_depends", { host: "__proto__", what: "openssl" }],
    ["journal", { host: "web1", unit: "nginx" }],
    ["journal", { host: "web1", unit: "-nginx.service" }],
    ["journal", { host: "web1", unit: "a.service; reboot" }],
    ["journal", { host: "web1", unit: "$(reboot).service" }],
    ["journal", { host: "web1", unit: "../../x.service" }],
    ["journal", { host: "web1", unit: "*.service" }],
    ["journal", { host: "web1", unit: "a\n.service" }],
    ["journal", { host: "web1", unit: "a.service", lines: 100_000 }],
    ["journal", { host: "web1", unit: "a.service", since: "yesterday" }],
    ["unit_status", { host: "web1", unit: "a.service", action: "restart" }],
  ])("%s %j is refused and reaches no host", async (name, given) => {
    const host = hostPorts({ journal: "no" });
    expect(await ask(name, given, host)).toHaveProperty("refused");
    expect(host.ran).toEqual([]);
  });
});

describe("of a build", () => {
  const drv = `/nix/store/${"3".repeat(32)}-hello.drv`;
  const other = `/nix/store/${"4".repeat(32)}-other.drv`;
  const ports = (over: Partial<BuildPorts> = {}): { ran: NixRun[]; ports: BuildPorts } => {
    const ran: NixRun[] = [];
    const run = (one: NixRun) => {
      ran.push(one);
      return Promise.resolve({ exitCode: 0, signal: undefined, timedOut: false, stdout: "said", stderr: "" });
    };
    return { ran, ports: { derivations: [drv], toplevelDrv: other, nix: { run }, trust: "unreviewed", ...over } };
  };
  const asked = async (name: string, given: unknown, to_: BuildPorts) => await buildTools.find((one) => one.name === name)?.ask(to_, given);

  test("the log of what failed is read with the trust of what was built; no other is", async () => {
    const given = ports();
    expect(await asked("build_log", { derivation: drv }, given.ports)).toEqual({ text: "said", keep: "tail" });
    expect(given.ran).toMatchObject([{ program: "nix-store", arguments: ["--read-log", drv], trust: "unreviewed" }]);
    for (const derivation of [other, `${drv} ${other}`, "--help", ""])
      expect(await asked("build_log", { derivation }, given.ports)).toHaveProperty("refused");
    expect(given.ran.length).toBe(1);
  });

  test("why_depends takes derivations only, and goes from the system that was to be built", async () => {
    const given = ports();
    expect(await asked("why_depends", { derivation: drv }, given.ports)).toEqual({ text: "said", keep: "head" });
    expect(given.ran[0]?.arguments).toEqual(["why-depends", "--derivation", other, drv]);
    for (const derivation of ["/etc/passwd", "--impure", "nixpkgs#hello", `${drv}/../x`])
      expect(await asked("why_depends", { derivation }, given.ports)).toHaveProperty("refused");
    expect(await asked("why_depends", { derivation: drv }, ports({ toplevelDrv: undefined }).ports)).toHaveProperty("refused");
  });
});
