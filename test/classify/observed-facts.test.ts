import { expect, test } from "vitest";
import { gatherFacts } from "../../src/classify/gather-facts.ts";
import { observedFacts } from "../../src/classify/observed-facts.ts";
import { HostName } from "../../src/discover/host.ts";
import type { Address } from "../../src/target/address.ts";
import { mount, observation } from "../verify/world.ts";

const address: Address = {
  host: HostName.parse("web1"),
  hostname: "10.0.0.7",
  port: 22,
  user: "deploy",
  sudo: true,
  jump: [],
  identity: { name: "web1", machineId: undefined },
  hostKeys: [],
};

test("tells what the host showed", () => {
  const seen = observation({
    mounts: [mount("/", "/dev/nvme0n1p2", "btrfs"), mount("/run", "tmpfs", "tmpfs"), mount("/srv/media", "nas:/media", "nfs4")],
    swaps: ["/dev/nvme0n1p3"],
    space: {
      store: { sizeBytes: 100, freeBytes: 60, freeInodes: undefined },
      boot: { sizeBytes: 10, freeBytes: 4, freeInodes: undefined, mountPoint: "/boot" },
      state: undefined,
    },
  });
  expect(observedFacts(address, seen)).toEqual({
    deployUser: "deploy",
    deployAddress: "10.0.0.7",
    deployBecomesRootBy: "sudo",
    rootFs: "btrfs",
    rootDevice: "/dev/nvme0n1p2",
    bootSizeBytes: 10,
    bootFreeBytes: 4,
    storeFreeBytes: 60,
    mountedNfs: ["/srv/media"],
    mountedCifs: [],
    hostUsesSwap: true,
  });
});

test("what it does not tell stays unknown", () => {
  const facts = observedFacts(
    { ...address, user: "root", sudo: false },
    observation({ mounts: [], swaps: [], space: { store: undefined, boot: undefined, state: undefined } }),
  );
  expect(facts).toEqual({ deployUser: "root", deployAddress: "10.0.0.7", hostUsesSwap: false });
});

test("the operator's word outweighs it, and it outweighs what an evaluation says", () => {
  const facts = observedFacts(address, observation({ mounts: [mount("/", "/dev/vda1", "btrfs")] }));
  expect(gatherFacts({ fileSystems: { "/": { fsType: "ext4" } } }, undefined, { ...facts, bootFreeBytes: 7 })).toMatchObject({
    rootFs: "btrfs",
    bootFreeBytes: 7,
  });
});
