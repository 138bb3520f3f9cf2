/**
 * How long a preview takes, as a ratio to the one `nix derivation show --recursive` that it cannot do without.
 *
 *   sh .ci/with-store node test/bench/preview.bench.ts [--rounds 5]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { previewFleet, type PreviewPair } from "../../src/diff/preview/preview-fleet.ts";
import { nixPort } from "../../src/io/nix.ts";
import { storeFiles } from "../../src/io/store-files.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, child: { type: "string" }, change: { type: "string", default: "nixpkgs" } },
});
const environment = { ...process.env, NIX_CONFIG: process.env["NIX_CONFIG"] ?? "experimental-features = nix-command flakes" };
const fixture = fileURLToPath(new URL("../fixtures/derivations/large.nix", import.meta.url));

function pairsOf(hosts: number, change: string): readonly PreviewPair[] {
  const argv = [
    "--eval",
    "--strict",
    "--json",
    "--read-write-mode",
    fixture,
    "--argstr",
    "hosts",
    String(hosts),
    "--argstr",
    "change",
    change,
  ];
  return JSON.parse(execFileSync("nix-instantiate", argv, { encoding: "utf8", maxBuffer: 1 << 26 })) as readonly PreviewPair[];
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

if (values.child !== undefined) {
  const pairs = pairsOf(Number(values.child), values.change);
  const scratch = mkdtempSync(join(tmpdir(), "preview-bench."));
  const options = { nix: nixPort({ environment, scratch }), trust: "deploy-branch", timeoutSeconds: 600, store: storeFiles() } as const;
  const started = performance.now();
  const found = await previewFleet(pairs, options);
  const seconds = (performance.now() - started) / 1000;
  rmSync(scratch, { recursive: true, force: true });
  let changed = 0;
  for (const [host, preview] of found) {
    if ("code" in preview) throw new Error(`${host}: ${preview.message}`);
    changed += (preview.diff?.units.length ?? 0) + (preview.diff?.files.length ?? 0);
  }
  console.log(JSON.stringify({ seconds, changed, megabytes: Math.round(process.resourceUsage().maxRSS / 1024) }));
} else {
  const rows: string[][] = [
    ["hosts", "derivations", "JSON", "derivation show -r", "preview", "ratio", "memory", "units and files changed"],
  ];
  for (const [change, hosts] of [
    ["one service", 1],
    ["nixpkgs", 1],
    ["nixpkgs", 10],
    ["nixpkgs", 100],
  ] as const) {
    const pairs = pairsOf(hosts, change);
    const paths = pairs.flatMap(({ before, after }) => (before === undefined ? [after] : [before, after]));
    const shows: number[] = [];
    const previews: { seconds: number; changed: number; megabytes: number }[] = [];
    let [size, derivations] = [0, 0];
    for (let round = 0; round < (hosts === 1 ? Number(values.rounds) : 1); round += 1) {
      // The calls that a preview needs: before Nix 2.15 it has to be told that the command has another name.
      const began = performance.now();
      let show = spawnSync("nix", ["derivation", "show", "--recursive", ...paths], {
        env: environment,
        encoding: "utf8",
        maxBuffer: 1 << 29,
      });
      if (show.status !== 0)
        show = spawnSync("nix", ["show-derivation", "--recursive", ...paths], { env: environment, encoding: "utf8", maxBuffer: 1 << 29 });
      shows.push((performance.now() - began) / 1000);
      size = show.stdout.length;
      derivations = (show.stdout.match(/"outputs": ?\{\s*"out": ?\{/g) ?? []).length;
      const said = execFileSync(process.execPath, [import.meta.filename, "--child", String(hosts), "--change", change], {
        encoding: "utf8",
      });
      previews.push(JSON.parse(said) as (typeof previews)[number]);
    }
    const [floor, ours, last] = [median(shows), median(previews.map(({ seconds }) => seconds)), previews.at(-1)];
    rows.push([
      change,
      String(hosts),
      String(derivations),
      `${(size / 1e6).toFixed(1)} MB`,
      `${floor.toFixed(2)} s`,
      `${ours.toFixed(2)} s`,
      (ours / floor).toFixed(2),
      `${last?.megabytes} MB`,
      String(last?.changed),
    ]);
  }
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join("  ")
        .trimEnd(),
    );
}
