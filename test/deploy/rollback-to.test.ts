import { expect, test } from "vitest";
import { rollbackTo } from "../../src/deploy/rollback-host.ts";
import { HostName } from "../../src/discover/host.ts";
import { observation } from "../verify/world.ts";

const host = HostName.parse("web1");
const path = (n: number): string => `/nix/store/${String(n).padStart(32, "0")}-nixos-system-web1-26.05`;
const generation = (number: number, of = number) => ({ number, toplevel: path(of), at: undefined });

test("goes to the newest other system before that which boots", () => {
  const seen = observation({
    generation: 44,
    profile: path(44),
    current: path(44),
    generations: [generation(41), generation(42), generation(43, 44), generation(44), generation(45)],
  });
  // 43 is the same system under another number, 45 was taken back before.
  expect(rollbackTo(seen, undefined, host)).toEqual(generation(42));
  expect(rollbackTo(seen, 41, host)).toEqual(generation(41));
});

test("says what there is where the one that was asked for is not", () => {
  const seen = observation({ generation: 2, profile: path(2), current: path(2), generations: [generation(2), generation(1)] });
  expect(rollbackTo(seen, 7, host)).toMatchObject({ code: "no-generation", message: "web1 has no generation 7; it has 2, 1." });
  expect(rollbackTo(seen, 2, host)).toMatchObject({ code: "rollback-nothing" });
  const alone = observation({ generation: 1, profile: path(1), current: path(1), generations: [generation(1)] });
  expect(rollbackTo(alone, undefined, host)).toMatchObject({ code: "no-generation" });
});

test("a host that only boots it goes back to what it boots where that is asked for", () => {
  const seen = observation({ generation: 2, profile: path(2), current: path(3), generations: [generation(2), generation(1)] });
  expect(rollbackTo(seen, 2, host)).toEqual(generation(2));
});
