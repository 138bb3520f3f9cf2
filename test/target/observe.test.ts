import { describe, expect, test } from "vitest";
import { HostName } from "../../src/discover/host.ts";
import type { RemoteResult, RemoteRun, Targets } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";
import { observe } from "../../src/target/observe.ts";
import { rightHost } from "../../src/target/right-host.ts";
import { observation } from "../verify/world.ts";

const address: Address = {
  host: HostName.parse("web"),
  hostname: "web.example.org",
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "web", machineId: "3d1219c7c4c5404aaa1f6d2a48adfda4" },
  hostKeys: [],
};

function targets(result: RemoteResult): { readonly port: Targets; readonly runs: RemoteRun[] } {
  const runs: RemoteRun[] = [];
  const never = (): never => {
    throw new Error("not asked for");
  };
  const run = (asked: RemoteRun): Promise<RemoteResult> => {
    runs.push(asked);
    return Promise.resolve(result);
  };
  return { runs, port: { run, copyTo: never, copyFrom: never, roundTrips: never, close: never } };
}

describe("observe", () => {
  test("asks once, for the keys that can be kernel settings", async () => {
    const { port, runs } = targets({ ok: true, exitCode: 0, records: [{ name: "hostname", value: "web" }], stderr: "sh: out of memory" });
    const seen = await observe(port, address, { sysctl: ["net.ipv4.ip_forward", "../../etc/shadow"], connection: "new" });
    expect(runs.map((run) => [run.connection, run.arguments])).toEqual([["new", ["full", "net/ipv4/ip_forward"]]]);
    expect(seen).toMatchObject({
      ok: false,
      failure: { code: "observation-unreadable", message: expect.stringContaining("did not come to its end"), detail: "sh: out of memory" },
    });
  });
  test("a host that cannot be reached is a failure as a value", async () => {
    const { port } = targets({ ok: false, trouble: "unreachable", detail: "No route to host", records: [] });
    expect(await observe(port, address)).toMatchObject({ ok: false, failure: { detail: "No route to host" } });
  });
});

describe("rightHost", () => {
  const current = `/nix/store/${"a".repeat(32)}-nixos-system-web-26.05`;
  const machineId = "3d1219c7c4c5404aaa1f6d2a48adfda4";
  test("the machine that is meant", () => {
    expect(rightHost(address, observation({ current }))).toBe(undefined);
    const unpinned = { ...address, identity: { name: "web", machineId: undefined } };
    expect(rightHost(unpinned, observation({ current, identity: { name: "web", machineId: undefined } }))).toBe(undefined);
  });
  test("another name, with the line that would settle it", () => {
    expect(rightHost(address, observation({ current, identity: { name: "db", machineId } }))).toMatchObject({
      code: "wrong-host",
      message: "The machine at web.example.org is not web: its host name is db and not web; nothing was done to it.",
      next: expect.stringContaining('hosts."web".target.name = "db";'),
    });
  });
  test("a clone with another machine id, or with none", () => {
    const clone = rightHost(address, observation({ current, identity: { name: "web", machineId: "f".repeat(32) } }));
    expect(clone?.message).toContain(`its machine id is ${"f".repeat(32)} and not ${machineId}`);
    expect(clone?.next).toContain(`hosts."web".target.machineId = "${"f".repeat(32)}";`);
    expect(rightHost(address, observation({ current, identity: { name: "web", machineId: undefined } }))?.code).toBe("wrong-host");
  });
  test("no NixOS", () => {
    expect(rightHost(address, observation({ current, isNixos: false }))).toMatchObject({
      code: "not-nixos",
      message: expect.stringContaining("no /etc/NIXOS"),
    });
    expect(rightHost(address, observation())).toMatchObject({
      code: "not-nixos",
      message: expect.stringContaining("no /run/current-system"),
    });
  });
});
