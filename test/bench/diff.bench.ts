/**
 * How long a fleet's diff takes, as ratios to what Nix itself needs in the same run: one `nix path-info --json --recursive` over the union of all toplevels, and
 * `nix store diff-closures` host by host, which compares package versions only. The sides take turns, so that what else the machine does falls on both; the times are medians.
 * Ours is measured bundled, as it is shipped, in a new process from the first call to the last result, twice: with Nix's database, and with Nix asked for the closures as where that cannot be read.
 *
 *   sh .ci/with-store node test/bench/diff.bench.ts [--max-hosts 1000] [--rounds 5]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { diffFleet, type Pair } from "../../src/diff/diff.ts";
import { nixPort } from "../../src/io/nix.ts";
import { storeDatabase } from "../../src/io/store-database.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { buildFleet } from "./fleet.ts";

const { values } = parseArgs({
  options: {
    "max-hosts": { type: "string", default: "100" },
    rounds: { type: "string", default: "5" },
    pairs: { type: "string" },
    ask: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds);
/** Host by host at a thousand hosts is over a minute for a number that grows in a straight line. */
const mostForDiffClosures = 100;

const environment = { ...process.env, NIX_CONFIG: process.env["NIX_CONFIG"] ?? "experimental-features = nix-command flakes" };

/** Wall clock and the processor's time, in seconds. */
type Cost = { readonly wall: number; readonly cpu: number };
type Ours = Cost & { readonly megabytes: number; readonly paths: number };

async function ours(pairs: readonly Pair[], ask: boolean): Promise<Ours> {
  const scratch = mkdtempSync(join(tmpdir(), "diff-bench."));
  const refuse = (reason: string): never => {
    throw new Error(reason);
  };
  const database = ask ? undefined : storeDatabase({ environment, onUnusable: refuse });
  const [started, before] = [performance.now(), process.cpuUsage()];
  const { hosts, graph } = await diffFleet(pairs, { nix: nixPort({ environment, scratch }), store: storeFiles(), database });
  const wall = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  rmSync(scratch, { recursive: true, force: true });
  for (const [host, result] of hosts) if (!result.ok) throw new Error(`${host}: ${result.failure.message}`);
  return { wall, cpu: (user + system) / 1e6, megabytes: Math.round(process.resourceUsage().maxRSS / 1024), paths: graph.size };
}

/** Node would have to take the types out of each file first, in each thread. */
function bundle(directory: string): string {
  const root = join(import.meta.dirname, "../..");
  const inputs = [import.meta.filename, join(root, "src/io/store-database-worker.ts")];
  const argv = [...inputs, "--dir", directory, "--platform", "node", "--format", "esm", "--minify"];
  execFileSync(join(root, "node_modules/.bin/rolldown"), argv, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  return join(directory, "diff.bench.js");
}

function child(program: string, pairs: string, ask: boolean): Ours {
  // A process of its own for each measurement: nothing is warm but the machine's disk cache, and the memory is that of this fleet alone.
  const argv = [program, "--pairs", pairs, ...(ask ? ["--ask"] : [])];
  return JSON.parse(execFileSync(process.execPath, argv, { encoding: "utf8", env: environment })) as Ours;
}

/** A shell knows what its children cost: `times` prints its own and theirs, as `0m0.93s 0m0.18s`. */
function timed(argv: readonly string[]): Cost {
  const started = performance.now();
  const { status, stdout } = spawnSync("sh", ["-c", '"$@" >/dev/null 2>&1 || exit; times', "sh", ...argv], {
    env: environment,
    encoding: "utf8",
  });
  const wall = (performance.now() - started) / 1000;
  if (status !== 0) throw new Error(`${argv.slice(0, 5).join(" ")} … ended with ${status}`);
  const seconds = [...(stdout.trim().split("\n").at(-1) ?? "").matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, rest]) => Number(minutes) * 60 + Number(rest),
  );
  return { wall, cpu: seconds.reduce((sum, each) => sum + each, 0) };
}

const middle = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] as number;
const median = (costs: readonly Cost[]): Cost => ({
  wall: middle(costs.map(({ wall }) => wall)),
  cpu: middle(costs.map(({ cpu }) => cpu)),
});
const shown = ({ wall, cpu }: Cost): string => `${wall.toFixed(2)} s (${cpu.toFixed(2)})`;

function measure(hosts: number, program: string, scratch: string): string[] {
  const pairs = buildFleet({ hosts });
  const file = join(scratch, `${hosts}.json`);
  writeFileSync(file, JSON.stringify(pairs));
  const toplevels = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))];
  const [single, read, asked]: [Cost[], Ours[], Ours[]] = [[], [], []];
  for (let round = 0; round < (hosts > 100 ? 1 : rounds); round += 1) {
    single.push(timed(["nix", "path-info", "--json", "--recursive", ...toplevels]));
    read.push(child(program, file, false));
    asked.push(child(program, file, true));
  }
  const closures = (): number => pairs.reduce((sum, { from, to }) => sum + timed(["nix", "store", "diff-closures", from, to]).wall, 0);
  const each = hosts > mostForDiffClosures ? undefined : middle(Array.from({ length: hosts < 100 ? 3 : 1 }, closures));
  const [one, all, fallback] = [median(single), median(read), median(asked)];
  return [
    String(hosts),
    String(read[0]?.paths),
    shown(one),
    shown(all),
    (all.wall / one.wall).toFixed(2),
    shown(fallback),
    (fallback.wall / one.wall).toFixed(2),
    each === undefined ? "-" : `${each.toFixed(2)} s`,
    each === undefined ? "-" : `${(each / all.wall).toFixed(1)} ×`,
    `${Math.max(...[...read, ...asked].map(({ megabytes }) => megabytes))} MB`,
  ];
}

if (values.pairs !== undefined) {
  console.log(JSON.stringify(await ours(JSON.parse(readFileSync(values.pairs, "utf8")) as readonly Pair[], values.ask)));
} else {
  const scratch = mkdtempSync(join(tmpdir(), "diff-bench."));
  const program = bundle(join(scratch, "bundle"));
  const rows = [
    [
      "hosts",
      "paths in union",
      "path-info -r",
      "diff with facts",
      "ratio",
      "Nix asked",
      "ratio",
      "diff-closures × hosts",
      "faster by",
      "memory",
    ],
    ...[1, 10, 100, 1000].filter((count) => count <= Number(values["max-hosts"])).map((hosts) => measure(hosts, program, scratch)),
  ];
  rmSync(scratch, { recursive: true, force: true });
  const widths = (rows[0] as string[]).map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  for (const row of rows) console.log(row.map((cell, column) => cell.padStart(widths[column] as number)).join("  "));
  console.log("In parentheses: seconds of processor time. Limits at 100 hosts: ratio 1.5, faster by 4 ×; at 1000 hosts: 1 GiB.");
}
