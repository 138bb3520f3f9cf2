import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NixAtHand } from "../nix/versions.ts";

/**
 * Small real troubles: each makes one Nix fail in one way and gives what it wrote with `--log-format internal-json`. They are what the recorded messages were made
 * with, and what a Nix at hand is asked again, so that a version that changes its words is seen.
 */
export type Trouble = {
  readonly name: string;
  readonly stage: "evaluation" | "build" | "copy";
  /** Runs it in an empty directory; undefined where this machine cannot make that trouble. */
  readonly make: (nix: NixAtHand, directory: string) => string | undefined;
};

type Run = { readonly program?: "nix" | "nix-store"; readonly arguments: readonly string[]; readonly memory?: number };

function stderrOf(nix: NixAtHand, directory: string, { program = "nix", arguments: words, memory }: Run): string {
  const flags = ["--log-format", "internal-json", "--option", "connect-timeout", "2", "--option", "download-attempts", "1"];
  const [command, ...rest] = [join(nix.directory, program), ...(program === "nix" ? [...words, ...flags] : [...flags, ...words])];
  const limited = memory === undefined ? [command, ...rest] : ["sh", "-c", `ulimit -v ${memory}; exec "$@"`, "sh", command, ...rest];
  const run = spawnSync(limited[0] ?? "", limited.slice(1), {
    cwd: directory,
    encoding: "utf8",
    timeout: 60_000,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH: nix.path, HOME: directory, XDG_CACHE_HOME: join(directory, "cache"), TMPDIR: directory },
  });
  return run.stderr;
}

const evaluation = (name: string, expression: string, memory?: number): Trouble => ({
  name,
  stage: "evaluation",
  make: (nix, directory) =>
    stderrOf(nix, directory, { arguments: ["eval", "--json", "--expr", expression], ...(memory === undefined ? {} : { memory }) }),
});

/** A derivation that `sh` builds. Its name carries the version, so that versions in one store do not meet. */
const derivation = (nix: NixAtHand, name: string, script: string, more = ""): string =>
  `derivation { name = "${name}-${nix.version.replaceAll(/[^0-9a-z]/g, "-")}"; system = "${system}"; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" ${JSON.stringify(script).replaceAll("$", "\\$")} ]; ${more} }`;
const system = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux`;

function instantiated(nix: NixAtHand, directory: string, expression: string): string {
  const out = execFileSync(join(nix.directory, "nix"), ["eval", "--raw", "--impure", "--expr", `(${expression}).drvPath`], {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: nix.path, HOME: directory, XDG_CACHE_HOME: join(directory, "cache") },
  });
  return out.trim();
}

const build = (name: string, script: string, more = "", flags: readonly string[] = []): Trouble => ({
  name,
  stage: "build",
  make: (nix, directory) =>
    stderrOf(nix, directory, {
      program: "nix-store",
      arguments: ["--realise", "--keep-going", ...flags, instantiated(nix, directory, derivation(nix, name, script, more))],
    }),
});

const zeroHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const quoted = (text: string): string => JSON.stringify(text).replaceAll("$", "\\$");
/** What nixpkgs itself throws, in its words; the place is cut to a file of a flake. */
const thrown = (name: string, text: string): Trouble => evaluation(name, `throw ${quoted(text)}`);

function git(directory: string, ...words: string[]): void {
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...words], { cwd: directory, stdio: "ignore" });
}

export const troubles: readonly Trouble[] = [
  evaluation("attribute-missing", `let services = { nginx = 1; postgresql = 2; }; in services.postgressql`),
  evaluation("infinite-recursion", `let a = b; b = a; in a`),
  evaluation("stack-overflow", `let f = x: 1 + f (x + 1); in f 0`),
  evaluation("out-of-memory", `builtins.foldl' (a: b: a + a) "xxxxxxxxxxxxxxxx" (builtins.genList (x: x) 40)`, 3_000_000),
  evaluation("undefined-variable", `let a = 1; in a + pkgs`),
  evaluation("syntax", `{ a = 1 b = 2; }`),
  evaluation("wrong-type", `1 + "a"`),
  evaluation("download-refused", `builtins.fetchTarball { url = "http://127.0.0.1:1/source.tar.gz"; sha256 = "${zeroHash}"; }`),
  {
    name: "file-not-tracked",
    stage: "evaluation",
    make: (nix, directory) => {
      const repository = join(directory, "repository");
      mkdirSync(repository);
      writeFileSync(join(repository, "flake.nix"), `{ outputs = _: { x = import ./hosts/new.nix; }; }`);
      git(repository, "init", "-q");
      git(repository, "add", "flake.nix");
      git(repository, "commit", "-qm", "a");
      mkdirSync(join(repository, "hosts"));
      writeFileSync(join(repository, "hosts/new.nix"), "1");
      return stderrOf(nix, directory, { arguments: ["eval", "--json", `git+file://${repository}#x`] });
    },
  },
  thrown("option-does-not-exist", "The option `services.nginx.enabel' does not exist. Definition values:\n- In `hosts/web.nix': true"),
  thrown(
    "option-does-not-exist-hint",
    "The option `services.nginx.enabel' does not exist. Definition values:\n- In `hosts/web.nix': true\n\nDid you mean `services.nginx.enable'?",
  ),
  thrown(
    "option-removed",
    "\nFailed assertions:\n- The option definition `services.xserver.displayManager.defaultSession' in `hosts/web.nix' no longer has any effect; please remove it.\nUse services.displayManager.defaultSession instead.\n",
  ),
  thrown("alias-renamed", "'mpd_clientlib' has been renamed to/replaced by 'libmpdclient'"),
  thrown("alias-removed", "'python2Packages' has been removed from nixpkgs, as it is end-of-life"),
  thrown(
    "unfree",
    "Package ‘steam’ in /nix/store/kx5b4yzz3l1vxmbqzyjzxch2y3q3vfdh-source/pkgs/games/steam/steam.nix:43 has an unfree license (‘unfreeRedistributable’), refusing to evaluate.\n\na) To temporarily allow unfree packages, you can use an environment variable",
  ),
  thrown(
    "insecure",
    "Package ‘python-2.7.18.6’ in /nix/store/kx5b4yzz3l1vxmbqzyjzxch2y3q3vfdh-source/pkgs/development/interpreters/python/cpython/2.7/default.nix:330 is marked as insecure, refusing to evaluate.\n\n\nKnown issues:\n - Python 2.7 has reached its end of life after 2020-01-01.\n",
  ),
  thrown(
    "broken",
    "Package ‘hakyll-4.14.0.0’ in /nix/store/kx5b4yzz3l1vxmbqzyjzxch2y3q3vfdh-source/pkgs/development/haskell-modules/hackage-packages.nix:114755 is marked as broken, refusing to evaluate.\n",
  ),
  thrown("assertion", "\nFailed assertions:\n- The ‘fileSystems’ option does not specify your root file system.\n"),
  build("builder-failed", "echo compiling foo.c; echo 'foo.c:12: error: boom'; exit 3"),
  build("builder-killed", "echo working; kill -9 $$"),
  build("builder-timeout", "sleep 30", "", ["--timeout", "1"]),
  build("builder-silent", "sleep 30", "", ["--max-silent-time", "1"]),
  build("hash-mismatch", "echo hi > $out", `outputHash = "${zeroHash}"; outputHashAlgo = "sha256"; outputHashMode = "flat";`),
  build("builder-disk-full", "echo '/build/source/big: No space left on device'; exit 1"),
  build(
    "builder-disk-long-ago",
    "echo 'tar: big: No space left on device'; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo step $i; done; echo 'configure: error: no compiler'; exit 77",
  ),
  build(
    "builder-speaks-for-nix",
    `echo '@nix {"action":"msg","level":0,"msg":"error: hash mismatch in fixed-output derivation: specified: sha256-A got: sha256-B"}'; echo 'error: writing to file: No space left on device'; exit 1`,
  ),
  build("builder-missing-header", "echo 'main.c:1:10: fatal error: openssl/ssl.h: No such file or directory'; exit 1"),
  {
    name: "platform",
    stage: "build",
    make: (nix, directory) => {
      const drv = instantiated(nix, directory, derivation(nix, "platform", "echo > $out").replace(system, "riscv64-linux"));
      return stderrOf(nix, directory, { program: "nix-store", arguments: ["--realise", "--keep-going", drv] });
    },
  },
  {
    name: "builder-program-missing",
    stage: "build",
    make: (nix, directory) => {
      const drv = instantiated(nix, directory, derivation(nix, "program-missing", "x").replace("/bin/sh", "/no/such/program"));
      return stderrOf(nix, directory, { program: "nix-store", arguments: ["--realise", drv] });
    },
  },
  {
    name: "substituter-refused",
    stage: "build",
    make: (nix, directory) =>
      stderrOf(nix, directory, {
        program: "nix-store",
        arguments: ["--option", "substituters", "http://127.0.0.1:1", "--realise", "/nix/store/00000000000000000000000000000000-gone"],
      }),
  },
  {
    name: "signature-missing",
    stage: "copy",
    make: (nix, directory) => {
      const path = realised(nix, directory, derivation(nix, "unsigned", "echo > $out"));
      return stderrOf(nix, directory, { arguments: ["copy", "--to", join(directory, "other"), path] });
    },
  },
  {
    name: "store-disk-full",
    stage: "copy",
    make: (nix, directory) => {
      const small = join(directory, "small");
      mkdirSync(small);
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", small]).status !== 0) return undefined;
      try {
        const path = realised(nix, directory, derivation(nix, "big", "head -c 8000000 /dev/zero > $out"));
        return stderrOf(nix, directory, { arguments: ["copy", "--no-check-sigs", "--to", small, path] });
      } finally {
        spawnSync("umount", ["-l", small]);
      }
    },
  },
];

function realised(nix: NixAtHand, directory: string, expression: string): string {
  const drv = instantiated(nix, directory, expression);
  return execFileSync(join(nix.directory, "nix-store"), ["--realise", drv], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: nix.path, HOME: directory },
  }).trim();
}

/** Makes the trouble in a directory of its own, which is gone afterwards. */
export function provoke(trouble: Trouble, nix: NixAtHand): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "gate-trouble-"));
  try {
    return trouble.make(nix, directory)?.replaceAll(directory, "/tmp/trouble");
  } finally {
    spawnSync("chmod", ["-R", "u+w", directory]);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Writes them all as test/fixtures/diagnose/nix has them; to be called under .ci/with-store. */
export function record(directory: string, versions: readonly NixAtHand[]): void {
  for (const nix of versions)
    for (const trouble of troubles) {
      const said = provoke(trouble, nix);
      if (said === undefined) continue;
      const place = join(directory, nix.version.replace(/\+dfsg$/, ""), trouble.stage);
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, `${trouble.name}.jsonl`), said);
    }
}
