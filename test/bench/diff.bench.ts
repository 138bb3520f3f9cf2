/**
 * How long a fleet's diff takes, as ratios to what Nix itself needs in the same run: one `nix path-info --json --recursive` over the union of all toplevels, and
 * `nix store diff-closures` host by host, which compares package versions only.
 *
 *   sh .ci/with-store node test/bench/diff.bench.ts [--max-hosts 1000] [--rounds 3]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { diffFleet, type Pair } from "../../src/diff/diff.ts";
import { nixPort } from "../../src/io/nix.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { buildFleet } from "./fleet.ts";

const { values } = parseArgs({
  options: { "max-hosts": { type: "string", default: "1000" }, rounds: { type: "string", default: "3" }, child: { type: "string" } },
});
const rounds = Number(values.rounds);
/** Host by host at a thousand hosts is over a minute for a number that grows in a straight line. */
const mostForDiffClosures = 100;

const environment = { ...process.env, NIX_CONFIG: process.env["NIX_CONFIG"] ?? "experimental-features = nix-command flakes" };

async function ours(pairs: readonly Pair[]): Promise<{ seconds: number; megabytes: number; paths: number; changed: number }> {
  const scratch = mkdtempSync(join(tmpdir(), "diff-bench."));
  const started = performance.now();
  const { hosts, graph } = await diffFleet(pairs, { nix: nixPort({ environment, scratch }), store: storeFiles() });
  const seconds = (performance.now() - started) / 1000;
  rmSync(scratch, { recursive: true, force: true });
  let changed = 0;
  for (const [host, result] of hosts) {
    if (!result.ok) throw new Error(`${host}: ${result.failure.message}`);
    changed += result.value.diff.units.length;
  }
  return { seconds, megabytes: Math.round(process.resourceUsage().maxRSS / 1024), paths: graph.size, changed };
}

function timed(program: string, argv: readonly string[]): number {
  const started = performance.now();
  const { status } = spawnSync(program, argv, { env: environment, stdio: ["ignore", "ignore", "ignore"] });
  if (status !== 0) throw new Error(`${program} ${argv.slice(0, 4).join(" ")} … ended with ${status}`);
  return (performance.now() - started) / 1000;
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;

if (values.child !== undefined) {
  // A process of its own for each measurement: nothing is warm but the machine's disk cache, and the memory is that of this fleet alone.
  console.log(JSON.stringify(await ours(buildFleet({ hosts: Number(values.child) }))));
} else {
  const rows: string[][] = [
    ["hosts", "paths in union", "path-info -r", "diff with facts", "ratio", "diff-closures × hosts", "faster by", "memory"],
  ];
  for (const hosts of [1, 10, 100, 1000].filter((count) => count <= Number(values["max-hosts"]))) {
    const pairs = buildFleet({ hosts });
    const toplevels = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))];
    const measured: Awaited<ReturnType<typeof ours>>[] = [];
    const single: number[] = [];
    const closures: number[] = [];
    for (let round = 0; round < (hosts > 100 ? 1 : rounds); round += 1) {
      single.push(timed("nix", ["path-info", "--json", "--recursive", ...toplevels]));
      const said = execFileSync(process.execPath, [import.meta.filename, "--child", String(hosts)], {
        encoding: "utf8",
        maxBuffer: 64 << 20,
      });
      measured.push(JSON.parse(said) as Awaited<ReturnType<typeof ours>>);
      if (hosts <= mostForDiffClosures)
        closures.push(pairs.reduce((sum, { from, to }) => sum + timed("nix", ["store", "diff-closures", from, to]), 0));
    }
    const [one, all] = [median(single), median(measured.map(({ seconds }) => seconds))];
    const each = closures.length === 0 ? undefined : median(closures);
    rows.push([
      String(hosts),
      String(measured[0]?.paths),
      `${one.toFixed(2)} s`,
      `${all.toFixed(2)} s`,
      (all / one).toFixed(2),
      each === undefined ? "-" : `${each.toFixed(2)} s`,
      each === undefined ? "-" : `${(each / all).toFixed(1)} ×`,
      `${Math.max(...measured.map(({ megabytes }) => megabytes))} MB`,
    ]);
  }
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  for (const row of rows) console.log(row.map((cell, column) => cell.padStart(widths[column] as number)).join("  "));
}
