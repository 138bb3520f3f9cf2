import { expect, test } from "vitest";
import { parsePhase } from "../../src/apply/phase.ts";

const path = "/nix/store/00000000000000000000000000000000-nixos-system-web-26.05";

test("phases as the supervisor writes them", () => {
  expect(parsePhase("starting\n")).toEqual({ phase: "starting" });
  expect(parsePhase(`waiting 4 ${path}\n`)).toEqual({ phase: "waiting", exit: 4, current: path });
  expect(parsePhase("waiting -\n")).toEqual({ phase: "waiting", exit: undefined, current: undefined });
  expect(parsePhase("ended rolled-back not-confirmed 0\n")).toEqual({
    phase: "ended",
    outcome: "rolled-back",
    reason: "not-confirmed",
    exit: 0,
  });
});

test("what a host makes up is no phase", () => {
  for (const text of ["", "ended", "ended wonderful x 0", "constructor", "waitin", "ended\u0000deployed"])
    expect(parsePhase(text)).toBeUndefined();
  expect(parsePhase("ended deployed <script> x")).toEqual({ phase: "ended", outcome: "deployed", reason: "unknown", exit: undefined });
  expect(parsePhase("waiting 99999999999 /etc/passwd")).toEqual({ phase: "waiting", exit: undefined, current: undefined });
});
