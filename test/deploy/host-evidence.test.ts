import { expect, test } from "vitest";
import { needNewKernel } from "../../src/deploy/host-evidence.ts";
import type { EvidenceItem } from "../../src/diagnose/evidence.ts";

const said = (subject: string, text: string, kind: EvidenceItem["kind"] = "unit-journal"): EvidenceItem => ({
  kind,
  subject,
  origin: "program",
  text,
  leftOut: 0,
});
const modules = new Set(["wireguard", "nf_tables"]);

test.each([
  "modprobe: FATAL: Module wireguard not found in directory /lib/modules/6.12.40",
  "Failed to find module 'nf-tables'",
  "mount: /srv: unknown filesystem type 'wireguard'.",
])("%s", (text) => {
  expect(needNewKernel(["a.service", "b.service"], { items: [said("a.service", text), said("b.service", "exit 1")] }, modules)).toEqual([
    "a.service",
  ]);
});

test("a module that no kernel has, words of another unit, and words that are no journal prove nothing", () => {
  const line = (module: string): string => `modprobe: FATAL: Module ${module} not found in directory /lib/modules/6.12.40`;
  expect(needNewKernel(["a.service"], { items: [said("a.service", line("zfs"))] }, modules)).toEqual([]);
  expect(needNewKernel(["a.service"], { items: [said("b.service", line("wireguard"))] }, modules)).toEqual([]);
  expect(needNewKernel(["a.service"], { items: [said("a.service", line("wireguard"), "unit-file")] }, modules)).toEqual([]);
  expect(needNewKernel(["a.service"], { items: [said("a.service", line("wireguard"))] }, new Set())).toEqual([]);
});
