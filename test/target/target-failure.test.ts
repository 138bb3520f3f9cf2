import { expect, test } from "vitest";
import { HostName } from "../../src/discover/host.ts";
import type { TargetTrouble } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";
import { targetFailure } from "../../src/target/target-failure.ts";

const address: Address = {
  host: HostName.parse("web"),
  hostname: "web.example.org",
  port: 2222,
  user: "deploy",
  sudo: true,
  jump: ["ops@bastion.example.org:22022", "inner"],
  identity: { name: "web", machineId: undefined },
  hostKeys: [],
};
const troubles = [
  ...(["unreachable", "host-key-unknown", "host-key-changed", "access-refused", "sudo-refused", "jump-failed"] as const),
  ...(["not-understood", "lost", "timed-out", "no-ssh"] as const),
] satisfies readonly TargetTrouble[];

test("every trouble has a sentence and a command to type", () => {
  const told = (at: Address) =>
    troubles.map((trouble) => {
      const { message, next } = targetFailure(at, trouble, "");
      return `${trouble}: ${message}\n    ${next}`;
    });
  expect(told(address).join("\n")).toMatchSnapshot();
  expect(told({ ...address, port: 22, jump: [], user: "root", sudo: false }).join("\n")).toMatchSnapshot();
});

test("what ssh said stays beside the sentence", () => {
  expect(targetFailure(address, "lost", "client_loop: send disconnect: Broken pipe")).toMatchObject({
    code: "target-lost",
    detail: "client_loop: send disconnect: Broken pipe",
  });
  expect(targetFailure(address, "lost", "")).not.toHaveProperty("detail");
});
