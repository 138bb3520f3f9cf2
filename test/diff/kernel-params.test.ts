import { expect, test } from "vitest";
import { diffKernelParams } from "../../src/diff/kernel-params.ts";

const diff = (from: string, to: string): ReturnType<typeof diffKernelParams> => diffKernelParams(from.split(" "), to.split(" "));

test.each([
  ["loglevel=4 quiet", "loglevel=7 quiet", { added: [], removed: [], changedKeys: [{ key: "loglevel", from: "4", to: "7" }] }],
  ["quiet", "quiet splash", { added: ["splash"], removed: [], changedKeys: [] }],
  ["quiet splash", "quiet", { added: [], removed: ["splash"], changedKeys: [] }],
  ["console=tty0 console=ttyS0", "console=tty0 console=ttyS1", { added: ["console=ttyS1"], removed: ["console=ttyS0"], changedKeys: [] }],
  ["a=1 b=2", "b=2 a=1", { added: [], removed: [], changedKeys: [] }],
  ["mitigations=off", "mitigations", { added: [], removed: [], changedKeys: [{ key: "mitigations", from: "off", to: "" }] }],
  ["x=1=2", "x=1=3", { added: [], removed: [], changedKeys: [{ key: "x", from: "1=2", to: "1=3" }] }],
  ["rd-x=1", "rd_x=2", { added: [], removed: [], changedKeys: [{ key: "rd_x", from: "1", to: "2" }] }],
])("%s to %s", (from, to, expected) => expect(diff(from, to)).toEqual(expected));
