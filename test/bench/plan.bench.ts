/**
 * What the gate adds to Nix: ten hosts, everything built, Nix's evaluation cache off on both sides. Heavy hosts, each of which takes two seconds to evaluate, less than
 * a small server does, against one plain `nix build` of the same ten; light hosts against the floor: as many bare `nix eval` processes at the same pool size and one `nix path-info`. Figures are medians of whole processes.
 */
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const scratch = mkdtempSync(join(tmpdir(), "gate-bench-"));
const hosts = Array.from({ length: 10 }, (_, index) => `host${index}`);

// Attribute sets by the hundred that are garbage soon after, as an evaluation of modules makes them.
const flake = (label: string, work: number): string => `{
  outputs = _: let
    names = builtins.genList (x: "option-\${toString x}") 400;
    module = n: i: builtins.length (builtins.attrNames (builtins.foldl' (a: b: a // b) { } (map (name: { \${name} = n + i; "\${name}-\${toString i}" = i; }) names)));
  in {
    nixosConfigurations = builtins.listToAttrs (map (n: {
      name = "host\${toString n}";
      value.config.system.build.toplevel = builtins.seq (builtins.foldl' (a: i: a + module n i) 0 (builtins.genList (i: i) ${work})) (derivation {
        name = "nixos-system-host\${toString n}-bench";
        system = "x86_64-linux";
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin";
        args = [ "-euc" ''mkdir -p "$out/etc/systemd/system" "$out/bin"; printf ${label} > "$out/nixos-version"; printf '#!/bin/sh' > "$out/activate"; printf x86_64-linux > "$out/system"'' ];
      });
    }) [ 0 1 2 3 4 5 6 7 8 9 ]);
  };
}
`;

function repository(name: string, work: number, commits: number): string {
  const place = join(scratch, name);
  mkdirSync(place);
  const git = (...words: string[]): void =>
    void execFileSync("git", ["-C", place, "-c", "user.name=b", "-c", "user.email=b@example.org", ...words]);
  git("init", "--quiet", "--initial-branch=main");
  for (let n = 0; n < commits; n++) {
    writeFileSync(join(place, "flake.nix"), flake(`26.05.${n}`, work));
    git("add", "flake.nix");
    git("commit", "--quiet", "--message", `${n}`);
  }
  return place;
}

async function median(measure: () => unknown, rounds = 5): Promise<number> {
  const [only] = await medians([measure], rounds);
  return only;
}

/** In turn, so that a machine that is slower for a while is so for all that is compared. */
async function medians<const Measured extends readonly (() => unknown)[]>(
  measured: Measured,
  rounds: number,
): Promise<{ [Index in keyof Measured]: number }> {
  const times = measured.map((): number[] => []);
  for (let round = 0; round <= rounds; round++)
    for (const [index, measure] of measured.entries()) {
      const start = process.hrtime.bigint();
      await measure();
      // The first round warms the caches of the machine and is not counted.
      if (round > 0) times[index]?.push(Number(process.hrtime.bigint() - start) / 1e9);
    }
  return times.map((each) => each.toSorted((a, b) => a - b)[Math.floor(each.length / 2)] ?? Number.NaN) as {
    [Index in keyof Measured]: number;
  };
}

const quiet = ["--option", "eval-cache", "false", "--option", "warn-dirty", "false"];
const installable = (place: string, host: string): string => `git+file://${place}#nixosConfigurations.${host}.config.system.build.toplevel`;

function plan(place: string, ...words: string[]): void {
  const done = spawnSync(process.execPath, [join(root, "dist/cli.js"), "plan", place, "--json", ...words], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (done.status === null || ![0, 3].includes(done.status)) throw new Error(`the gate ended with ${done.status}: ${done.stderr}`);
}

/** Of one bare evaluation of one host. */
const secondsOf = async (place: string): Promise<number> =>
  await median(() => run("nix", ["eval", ...quiet, "--raw", `${installable(place, "host0")}.outPath`]));

async function floor(place: string, evaluations: number): Promise<void> {
  const queue = Array.from({ length: evaluations }, (_, index) => installable(place, hosts[index % hosts.length] ?? ""));
  const outputs = new Set<string>();
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        const { stdout } = await run("nix", ["eval", ...quiet, "--raw", `${next}.outPath`]);
        outputs.add(stdout.trim());
      }
    }),
  );
  await run("nix", ["path-info", "--json", "--recursive", ...outputs], { maxBuffer: 1 << 28 });
}

type Row = readonly [what: string, ours: number, other: number, limit: string, good: boolean];
const rows: Row[] = [];
try {
  const lightOne = repository("light-one", 0, 1);
  const lightTwo = repository("light-two", 0, 2);
  const light = await secondsOf(lightOne);
  const tried = (await secondsOf(repository("tried", 100, 1))) - light;
  const work = Math.ceil((100 * 2) / tried);
  const heavyOne = repository("heavy-one", work, 1);
  const heavyTwo = repository("heavy-two", work, 2);
  const heavy = await secondsOf(heavyOne);
  if (heavy < 1) throw new Error(`a heavy host takes ${heavy.toFixed(2)} s here, which is not heavy`);
  for (const place of [heavyOne, heavyTwo, lightOne, lightTwo]) plan(place);

  const plain = await median(() => run("nix", ["build", ...quiet, "--no-link", ...hosts.map((host) => installable(heavyTwo, host))]), 3);
  const heavyHead = await median(() => plan(heavyOne), 3);
  const heavyBoth = await median(() => plan(heavyTwo), 3);
  rows.push(["heavy hosts, head only / plain nix build", heavyHead, plain, "<= 0.8", heavyHead <= 0.8 * plain]);
  rows.push(["heavy hosts, head and base / plain nix build", heavyBoth, plain, "<= 1.3", heavyBoth <= 1.3 * plain]);

  const [floorOne, lightHead] = await medians([() => floor(lightOne, 10), () => plan(lightOne)], 11);
  rows.push(["light hosts, head only / floor", lightHead, floorOne, "<= 1.5 and 0.3 s", lightHead <= 1.5 * floorOne + 0.3]);
  const [floorTwo, lightBoth] = await medians([() => floor(lightTwo, 20), () => plan(lightTwo)], 11);
  rows.push(["light hosts, head and base / floor", lightBoth, floorTwo, "<= 1.5 and 0.3 s", lightBoth <= 1.5 * floorTwo + 0.3]);

  // A nix that writes down how much processor time the gate has used when it is started for the first time.
  const fake = join(scratch, "bin");
  mkdirSync(fake);
  const note = join(scratch, "cpu");
  writeFileSync(join(fake, "nix"), `#!/bin/sh\n[ -e ${note} ] || cut -d' ' -f14,15 /proc/$PPID/stat > ${note}\nexit 1\n`);
  chmodSync(join(fake, "nix"), 0o755);
  const ticks: number[] = [];
  for (let round = 0; round < 5; round++) {
    rmSync(note, { force: true });
    spawnSync(process.execPath, [join(root, "dist/cli.js"), "plan", lightTwo], {
      env: { ...process.env, PATH: `${fake}:${process.env["PATH"]}` },
    });
    ticks.push(
      readFileSync(note, "utf8")
        .trim()
        .split(" ")
        .reduce((sum, word) => sum + Number(word), 0),
    );
  }
  const cpu = (ticks.toSorted((a, b) => a - b)[Math.floor(ticks.length / 2)] ?? Number.NaN) / 100;
  rows.push(["processor time before the first Nix process, s", cpu, 1, "<= 0.2", cpu <= 0.2]);

  const each = `${heavy.toFixed(2)} s to evaluate a heavy host, ${light.toFixed(2)} s a light one`;
  console.log(`plan, ${hosts.length} hosts, ${availableParallelism()} cores, medians; ${each}`);
  for (const [what, ours, other, limit, good] of rows)
    console.log(
      `${good ? "ok  " : "SLOW"} ${what.padEnd(48)} ${ours.toFixed(2).padStart(6)} / ${other.toFixed(2).padStart(6)} = ${(ours / other).toFixed(2)}  (${limit})`,
    );
  process.exitCode = rows.every(([, , , , good]) => good) ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
