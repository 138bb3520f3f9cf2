import { expect, test } from "vitest";
import { dryActivate } from "../../src/apply/dry-activate.ts";
import { parseDryActivation } from "../../src/apply/dry-activation.ts";
import { HostName } from "../../src/discover/host.ts";
import type { RemoteResult, RemoteRun, Targets } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";

const text = `would stop swap device: /dev/disk/by-label/swap
would stop the following units: grafana.service, old@tty1.service
would NOT stop the following changed units: display-manager.service
would activate the configuration...
would add secret: smtp-password
removing group ‘x’
would restart systemd
would reload the following units: dbus-broker.service
would restart the following units: systemd-journald.service, home-x\\x2dy.mount
would start the following units: grafana.service
`;

test("the text of a dry activation", () => {
  expect(parseDryActivation(text)).toEqual({
    stop: ["grafana.service", "old@tty1.service"],
    skip: ["display-manager.service"],
    reload: ["dbus-broker.service"],
    restart: ["home-x\\x2dy.mount", "systemd-journald.service"],
    start: ["grafana.service"],
    stopSwap: ["/dev/disk/by-label/swap"],
    reexecuteSystemd: true,
    complete: true,
    other: ["would add secret: smtp-password"],
  });
});

test("what is no list of units is kept as it is, and nothing is made of nothing", () => {
  const odd = parseDryActivation(
    "would start the following units: a.service, $(reboot)\nwould frobnicate the following units: x\nwould start the following units:",
  );
  expect(odd.start).toEqual(["a.service"]);
  expect(odd.other).toHaveLength(3);
  expect(odd.complete).toBe(false);
  expect(parseDryActivation("")).toMatchObject({ complete: false, other: [], stop: [] });
  expect(parseDryActivation("would constructor: a\nwould __proto__: b").other).toHaveLength(2);
  expect(parseDryActivation("would x\n".repeat(10_000)).other.length).toBeLessThan(60);
});

const address: Address = {
  host: HostName.parse("web"),
  hostname: "web.example.org",
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "web", machineId: undefined },
  hostKeys: [],
};
const toplevel = "/nix/store/00000000000000000000000000000000-nixos-system-web-26.05";

/** A host that answers each run in turn. */
function answering(...answers: readonly RemoteResult[]): { targets: Targets; runs: RemoteRun[] } {
  const runs: RemoteRun[] = [];
  const run = (one: RemoteRun): Promise<RemoteResult> => {
    runs.push(one);
    const answer = answers[runs.length - 1];
    if (answer === undefined) throw new Error("asked once too often");
    return Promise.resolve(answer);
  };
  return { targets: { run } as unknown as Targets, runs };
}
const said = (value: string, exit: number): RemoteResult => ({
  ok: true,
  exitCode: 0,
  stderr: "",
  records: [
    { name: "said", value },
    { name: "said.exit", value: String(exit) },
  ],
});

test("an inhibitor hides the list, so it is asked again without checks, and is not forgotten", async () => {
  const { targets, runs } = answering(said("There are changes to critical components of the system:\n", 1), said(text, 0));
  const found = await dryActivate(targets, address, toplevel);
  expect(found).toMatchObject({ ok: true, refusal: { kind: "inhibited" }, activation: { stop: ["grafana.service", "old@tty1.service"] } });
  expect(runs.map((run) => run.arguments)).toEqual([
    [toplevel, "120", "checks"],
    [toplevel, "120", "no-checks"],
  ]);
});

test("a list that did not come is a failure, never an empty list", async () => {
  expect(await dryActivate(answering(said("would stop the following units: a", 0)).targets, address, toplevel)).toMatchObject({
    ok: false,
  });
  expect(await dryActivate(answering(said("", 124)).targets, address, toplevel)).toMatchObject({
    ok: false,
    failure: { code: "dry-activate-failed" },
  });
  expect(await dryActivate(answering(said("Could not acquire lock\n", 11)).targets, address, toplevel)).toMatchObject({ ok: false });
  const lost: RemoteResult = { ok: false, trouble: "lost", detail: "", records: [] };
  expect(await dryActivate(answering(lost).targets, address, toplevel)).toMatchObject({ ok: false, failure: { code: "target-lost" } });
});
