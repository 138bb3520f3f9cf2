import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Pair } from "../../src/diff/diff.ts";

export type FleetShape = { readonly hosts: number; readonly paths?: number; readonly own?: number; readonly moved?: number };

/** Builds a fleet with fleet.nix in the store at hand and gives its pairs of toplevels. */
export function buildFleet(shape: FleetShape): readonly Pair[] {
  const file = fileURLToPath(new URL("fleet.nix", import.meta.url));
  const settings = Object.entries(shape).flatMap(([name, value]) => ["--argstr", name, String(value)]);
  const options = ["--option", "substituters", "", "--option", "sandbox", "false", "--max-jobs", "2", "--no-out-link"];
  const out = execFileSync("nix-build", [file, ...settings, ...options], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 64 << 20,
  }).trim();
  return readFileSync(out, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Pair);
}
