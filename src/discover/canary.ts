import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { failure, type Failure } from "../failure.ts";
import type { Bait, CommandResult, Nix, Trust } from "../io/ports.ts";
import { lastError } from "../nix-message.ts";
import { nixString } from "../nix-string.ts";

/** Whether code in the hands of Nix can read what this process holds. `ways` are sentences: what came out and how, or why nothing could be shown. */
export type Isolation = { readonly kind: "isolated" } | { readonly kind: "exposed"; readonly ways: readonly [string, ...string[]] };

/**
 * Reads planted secrets as a pull request's flake would, through the very port that is going to evaluate it: the evaluator reads a process' environment and a file,
 * and an import from derivation has a builder look at every process and at the file. A secret that comes out is one way; so is an attack that could not be tried,
 * since it shows nothing. Costs two short evaluations, side by side.
 *
 * `builtins.fetchurl` with the right hash stands for every way of the evaluator to open a local path (`path:` and `file:` inputs, fetchTree, fetchGit): all are the
 * same process opening a name, and this one needs no lock file and works alike on every version since 2.8. A real attacker does not know the hash, and has the other
 * ways.
 */
export async function releaseCanary(nix: Nix, bait: Bait, timeoutSeconds: number): Promise<Isolation> {
  const run = (expression: string): Promise<CommandResult> =>
    nix.run({
      // What was built from a random name is in no cache; asking one would cost a round trip.
      arguments: ["eval", "--raw", "--option", "substitute", "false", "--expr", expression],
      trust: "unreviewed",
      timeoutSeconds,
      maxBytes: 64 * 1024,
    });
  const tries = [
    {
      expression: probe(bait, `/proc/${bait.process.pid}/environ`, bait.process.text, "with-builder"),
      what: "the environment of the gate's process",
      builds: true,
    },
    { expression: probe(bait, bait.file.path, bait.file.text, "evaluator-only"), what: "files of the gate", builds: false },
  ] as const;
  const results = await Promise.all(
    tries.map(async ({ expression, what, builds }) => readProbe(await run(expression), bait, what, builds)),
  );
  const ways: string[] = [];
  for (const [index, { expression, what, builds }] of tries.entries()) {
    const result = results[index] ?? [];
    // In a store that is just being made two at once can stand in each other's way; alone it has to work.
    ways.push(...(result.some((way) => way.startsWith(unproven)) ? readProbe(await run(expression), bait, what, builds) : result));
  }
  const [way, ...rest] = [...new Set(ways)];
  return way === undefined ? { kind: "isolated" } : { kind: "exposed", ways: [way, ...rest] };
}

/** Says what it got before it reaches for the secret, because nothing can be caught once a fetch has failed. */
function probe(bait: Bait, path: string, text: string, builder: "with-builder" | "evaluator-only"): string {
  const fetch = (from: string, content: string): string =>
    `builtins.fetchurl { url = ${nixString(pathToFileURL(from).href)}; sha256 = "${createHash("sha256").update(content).digest("hex")}"; name = "canary"; }`;
  const traced = builder === "with-builder" ? `builtins.trace ("canary-builder=" + builtins.readFile builder) secret` : "secret";
  return `
let
  secret = builtins.seq (${fetch(path, text)}) "read";
  builder = derivation {
    name = "canary-${createHash("sha256").update(bait.control.text).digest("hex").slice(0, 16)}";
    system = ${nixString(bait.system)};
    builder = "/bin/sh";
    preferLocalBuild = true;
    allowSubstitutes = false;
    args = [ "-c" ${nixString(script(bait))} ];
  };
in builtins.trace ("canary-control=" + builtins.readFile (${fetch(bait.control.path, bait.control.text)})) (${traced})`;
}

/** Only what every shell has built in, since a sandbox holds nothing else. It reports that it found the bait, never what it read: real secrets lie beside it. */
function script(bait: Bait): string {
  return `
found=ran
for each in /proc/[0-9]*/environ ${quoted(bait.file.path)}; do
  line=
  { IFS= read -r line <"$each"; } 2>/dev/null
  case $line in
  *${halves(bait.process.secret)}*) found=$found,process ;;
  *${halves(bait.file.text)}*) found=$found,file ;;
  esac
done
printf %s. "$found" >"$out"`;
}

/** For a shell the same word; but Nix quotes our expression when it fails, and the secret itself must stand nowhere in it. */
function halves(secret: string): string {
  return `${secret.slice(0, 16)}''${secret.slice(16)}`;
}

/** Ours, from a random directory name; quoted all the same. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

const unproven = "it could not be shown";

function readProbe(result: CommandResult, bait: Bait, what: string, withBuilder: boolean): string[] {
  const said = `${result.stdout}\n${result.stderr}`;
  const ways: string[] = [];
  if (said.includes(bait.process.secret) || said.includes(bait.file.text) || result.exitCode === 0) ways.push(`evaluation reads ${what}`);
  const builder = /canary-builder=ran([a-z,]*)\./.exec(said)?.[1];
  if (builder?.includes("process") === true) ways.push("a builder reads the environment of the gate's process");
  if (builder?.includes("file") === true) ways.push("a builder reads files of the gate");
  if (ways.length > 0) return ways;
  const reached = said.includes(`canary-control=${bait.control.text}`);
  // A fetch that failed for want of the file, and not a Nix that failed for another reason.
  const refused = /(?:Couldn't|Could not) (?:read|open) a file:\/\/ file|No such file or directory|Permission denied/i.test(said);
  if (reached && refused && (!withBuilder || builder !== undefined)) return [];
  const why = result.timedOut ? "it did not end in time" : lastError(result.stderr).split("\n")[0]?.trim() || "it said nothing";
  return [`${unproven} that evaluation cannot read ${what} (${why.slice(0, 200)})`];
}

export type Evaluation = {
  readonly trust: Trust;
  readonly isolation: Isolation;
  /** Anything that a stranger must not have: keys, credentials of a session or of a cache. */
  readonly holdsSecrets: boolean;
  readonly holdsWriteToken: boolean;
  /** `evaluation.isolation` of the policy in force. */
  readonly policyIsolation: "required" | "unreviewed code may read the secrets of this runner";
};

export type MayEvaluate = { readonly ok: true; readonly because: string } | { readonly ok: false; readonly failure: Failure };

/** Whether code may be evaluated here, and why (invariant 4). */
export function mayEvaluate(evaluation: Evaluation): MayEvaluate {
  const { trust, isolation, holdsSecrets, holdsWriteToken, policyIsolation } = evaluation;
  if (trust === "deploy-branch") return { ok: true, because: "it is on the deploy branch" };
  if (isolation.kind === "isolated") return { ok: true, because: "it cannot read the gate's process or files" };
  if (!holdsSecrets && !holdsWriteToken) return { ok: true, because: "this run holds neither secrets nor a token that may write" };
  if (policyIsolation !== "required") return { ok: true, because: `the policy says: ${policyIsolation}` };
  return { ok: false, failure: failure("evaluation-exposed", { how: isolation.ways.join("; ") }) };
}
