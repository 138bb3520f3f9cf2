import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diffFleet, type FleetDiff } from "../../src/diff/diff.ts";
import type { PackagesDiff } from "../../src/diff/system-diff.ts";
import { nixPort } from "../../src/io/nix.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { type Built, buildCases, readCases } from "../corpus/build.ts";

/**
 * `nix store diff-closures` lists the versions that went and came, and sizes from 8 KiB on. It differs from ours on purpose in one point: it takes the last word of every name
 * for an output, so that `system-path` is a package "system" and `etc-hostname` and `etc` are one; ours does so only behind a version. Names without a version are therefore
 * left out on both sides, and the versions of all others must be the same. What it hides, a rebuild at the same version, is ours alone.
 */
type Versions = Readonly<Record<string, { readonly gone: readonly string[]; readonly came: readonly string[] }>>;

function diffClosures(before: string, after: string): Versions {
  // oxlint-disable-next-line no-control-regex -- it colours sizes even where nobody looks
  const text = execFileSync("nix", ["store", "diff-closures", before, after], { encoding: "utf8" }).replace(/\u001b\[[0-9;]*m/g, "");
  const found: Record<string, { gone: string[]; came: string[] }> = {};
  for (const line of text.split("\n")) {
    const match = /^(.+?): (.*) → (.*?)(?:, [+-]?[0-9.]+ \S+)?$/.exec(line);
    if (match === null) continue;
    const versions = (words: string): string[] =>
      words
        .split(", ")
        .filter((word) => word !== "∅" && word !== "ε")
        .sort();
    const [gone, came] = [versions(match[2] as string), versions(match[3] as string)];
    if (gone.length + came.length > 0) found[match[1] as string] = { gone, came };
  }
  return found;
}

function ours(packages: PackagesDiff): Versions {
  const found: Record<string, { gone: string[]; came: string[] }> = {};
  const all = [
    ...packages.added.map(({ name, versions }) => ({ name, from: [] as readonly string[], to: versions })),
    ...packages.removed.map(({ name, versions }) => ({ name, from: versions, to: [] as readonly string[] })),
    ...packages.changed,
  ];
  for (const { name, from, to } of all) {
    const gone = from.filter((version) => version !== "" && !to.includes(version)).toSorted();
    const came = to.filter((version) => version !== "" && !from.includes(version)).toSorted();
    if (gone.length + came.length > 0) found[name] = { gone, came };
  }
  return found;
}

/** The same text for the same versions. */
const sorted = (versions: Versions): string =>
  JSON.stringify(
    Object.keys(versions)
      .sort()
      .map((name) => [name, versions[name]]),
  );

const scratch = mkdtempSync(join(tmpdir(), "gate-diff-closures."));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let built: readonly Built[];
let fleet: FleetDiff;
beforeAll(async () => {
  built = buildCases(readCases(), join(scratch, "roots"));
  const pairs = built.map(({ answer, before, after }) => ({ host: answer.id, from: before, to: after }));
  fleet = await diffFleet(pairs, { nix: nixPort({ environment: process.env, scratch }), store: storeFiles() });
}, 600_000);

describe("every pair of the corpus", () => {
  test("has the package versions that nix store diff-closures tells", () => {
    const wrong: unknown[] = [];
    let compared = 0;
    for (const { answer, before, after } of built) {
      const result = fleet.hosts.get(answer.id);
      if (result?.ok !== true) throw new Error(`${answer.id}: ${JSON.stringify(result)}`);
      const [nix, gate] = [diffClosures(before, after), ours(result.value.diff.packages)];
      compared += Object.keys(nix).length;
      if (sorted(nix) !== sorted(gate)) wrong.push({ id: answer.id, nix, gate });
    }
    expect(wrong).toEqual([]);
    expect(built.length).toBeGreaterThanOrEqual(90);
    expect(compared).toBeGreaterThan(50);
  }, 300_000);

  test("can be read to the last file", () => {
    const unknown = [...fleet.hosts].flatMap(([id, result]) =>
      result.ok ? result.value.diff.unknown.map((said) => `${id}: ${said}`) : [id],
    );
    expect(unknown).toEqual([]);
  });
});
