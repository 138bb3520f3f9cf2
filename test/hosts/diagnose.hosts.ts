import { afterAll, beforeAll, expect, test } from "vitest";
import { collectHostEvidence, type HostFailure } from "../../src/diagnose/collect-host-evidence.ts";
import { knownCauses, type KnownCause } from "../../src/diagnose/known-cause.ts";
import { recover, type Recovery, type Situation } from "../../src/diagnose/recovery.ts";
import { HostName } from "../../src/discover/host.ts";
import type { Targets } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";
import { labTargets } from "./supervised-host.ts";
import { buildToplevel, type ToplevelSpec } from "./toplevels.ts";

/** Whole failures on a real host, from what systemd and switch-to-configuration leave behind to what would be done about it. */
let lab: Lab;
let alpha: LabHost;
let targets: Targets;
let close: () => Promise<void>;
const base: ToplevelSpec = {
  host: "alpha",
  inhibitors: { dbus: "dbus" },
  // Without RequiresMountsFor, so that systemd does not know that it is in the way.
  services: { holder: { script: "cd /srv/data; exec sleep infinity", unit: { After: "srv-data.mount", Wants: "srv-data.mount" } } },
  fstab: ["tmpfs /srv/data tmpfs size=4M 0 0"],
};

beforeAll(async () => {
  lab = await startLab({ hosts: [base] });
  alpha = lab.host("alpha");
  ({ targets, close } = await labTargets(lab));
});
afterAll(async () => {
  await close();
  await lab.stop();
});

const address = (): Address => ({
  host: HostName.parse("alpha"),
  hostname: alpha.address,
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "alpha", machineId: alpha.machineId },
  hostKeys: [alpha.hostKey],
});

type Seen = { readonly causes: readonly KnownCause[]; readonly next: Recovery };

/** Switches to another system and asks what went wrong and what would be done. */
async function failing(
  spec: ToplevelSpec,
  over: { situation?: Partial<Situation>; failure?: Partial<HostFailure> } = {},
): Promise<Seen & { exit: number }> {
  const to = await buildToplevel(spec);
  await alpha.copy([to]);
  const since = Number((await alpha.sh("date +%s")).trim());
  const ended = await alpha.activate(to, "test");
  const { evidence, now } = await collectHostEvidence(targets, address(), {
    stage: "activation",
    failure: undefined,
    exit: ended.exitCode,
    since,
    units: [],
    log: `${ended.stdout}${ended.stderr}`,
    atBase: "unknown",
    ...over.failure,
  });
  expect(now?.current).toMatch(/^\/nix\/store\//);
  const causes = knownCauses(evidence);
  const next = recover(
    causes.map(({ remedy, confidence }) => ({ remedy, confidence, by: "table" })),
    {
      stage: "activation",
      mode: "switch",
      attended: false,
      reversible: true,
      reachable: true,
      left: "something",
      returnKnown: true,
      mayReboot: true,
      groupAllows: true,
      units: evidence.units,
      tried: [],
      secondsSpent: 0,
      usdSpent: 0,
      ...over.situation,
    },
  );
  return { causes, next, exit: ended.exitCode };
}

test("an inhibitor ends in a boot and a reboot", async () => {
  const { causes, next, exit } = await failing({ ...base, inhibitors: { dbus: "broker" } }, { situation: { left: "nothing" } });
  expect(exit).toBe(1);
  expect(causes[0]).toMatchObject({ id: "switch-inhibitor", confidence: "certain" });
  expect(next).toMatchObject({ kind: "try", strategy: "boot", remedy: { kind: "retry-as-boot-and-reboot" } });
});

test("a program that is not there ends in the former system", async () => {
  const { causes, next, exit } = await failing({
    ...base,
    units: { "gone.service": "[Service]\nExecStart=/nix/store/00000000000000000000000000000000-gone/bin/gone\n" },
    wants: ["multi-user.target.wants/gone.service"],
  });
  expect(exit).toBe(4);
  expect(causes[0]).toMatchObject({ id: "unit-program-missing", confidence: "certain", remedy: { kind: "rollback" } });
  expect(next).toMatchObject({ kind: "try", strategy: "rollback" });
});

test("a service that fails in its own way is no known cause, and goes back", async () => {
  const { causes, next } = await failing({
    ...base,
    services: { ...base.services, odd: { script: "echo 'unknown directive foo'; exit 78" } },
  });
  expect(causes.filter((cause) => cause.confidence === "certain")).toEqual([]);
  expect(next).toMatchObject({ kind: "try", strategy: "rollback" });
});

test("a busy mount ends in stopping who holds it", async () => {
  // Back to where the mount is, and then to a system without it.
  await alpha.activate(await buildToplevel(base), "test");
  await alpha.sh('systemctl restart srv-data.mount holder.service && sleep 1 && [ "$(findmnt -n -o FSTYPE /srv/data)" = tmpfs ]');
  const { causes, next } = await failing({ ...base, fstab: [] }, { failure: { units: ["srv-data.mount"] } });
  expect(causes.find((cause) => cause.id === "mount-busy")).toMatchObject({
    culprit: "/srv/data",
    remedy: { kind: "stop-then-switch", units: ["holder.service"] },
  });
  expect(next).toMatchObject({ kind: "try", strategy: "stop-then-switch", remedy: { units: ["holder.service"] } });
});

test("a full disk ends with a person, nothing being left of the attempt", async () => {
  await alpha.activate(await buildToplevel(base), "test");
  await alpha.fillDisk("boot", 0);
  try {
    const { causes, next } = await failing(base, { situation: { left: "nothing" } });
    expect(causes.find((cause) => cause.id === "host-disk-full")).toMatchObject({ culprit: "/boot", confidence: "certain" });
    expect(next.kind).toBe("escalate");
  } finally {
    await alpha.freeDisk("boot");
  }
});
