import type { Nix, Trust } from "../io/ports.ts";
import type { BuildError } from "./build-error.ts";

/** Logs that are read to find out who could have said what; a store has hundreds of builders at once only on machines with as many processors. */
const mostLogs = 64;

type Store = { readonly nix: Pick<Nix, "run">; readonly trust: Trust };

/**
 * The errors that Nix itself has said. A builder may print `@nix {"action":"msg","level":0,"msg":"error: …"}`, and every version of Nix relays that as an error like its
 * own (LocalDerivationGoal::handleChildOutput), so that a build could choose the words, the code and the culprit of another one's failure. Two things tell them apart:
 *
 * - Of its own errors Nix writes `raw_msg` as well, which a builder's message never gets. Where a daemon is in between none has it, and then:
 * - a builder's message comes while it is at work, and its log, which Nix stores as it was printed, has that line. An error that came while no such builder was at work is
 *   Nix's own. Of another one no word is believed: it counts only for a derivation that was begun in this run and has no valid output, which the store knows, and says no
 *   more than that its builder failed.
 */
export async function believed(errors: readonly BuildError[], begun: ReadonlySet<string>, store: Store): Promise<BuildError[]> {
  const liars = new Map<string, boolean>();
  const mayLie = async (derivation: string): Promise<boolean> => {
    const known = liars.get(derivation);
    if (known !== undefined) return known;
    const lies = liars.size >= mostLogs || (await logSpeaksForNix(derivation, store));
    liars.set(derivation, lies);
    return lies;
  };
  const own: BuildError[] = [];
  const doubted: BuildError[] = [];
  for (const error of errors) {
    let doubtful = false;
    for (const builder of error.during ?? []) doubtful ||= await mayLie(builder);
    if (!doubtful) own.push(error);
    else if (error.derivation !== undefined && begun.has(error.derivation)) doubted.push(error);
  }
  const named = new Set(own.map((error) => error.derivation));
  for (const { derivation } of doubted) {
    if (derivation === undefined || named.has(derivation)) continue;
    named.add(derivation);
    if (!(await isBuilt(derivation, store))) own.push({ kind: "builder", derivation, reason: unsaid });
  }
  return own;
}

const unsaid = "its builder failed; what was said of it is not shown, since a builder wrote messages in Nix's name";

/** A line that Nix would take for a message of its own. */
export const speaksForNix = (log: string): boolean => /^@nix [^\n]{0,200}"action"\s*:\s*"msg"/m.test(log) || /^@nix [^\n]*"msg"/m.test(log);

/** Without a log nobody can show that it did not. */
async function logSpeaksForNix(derivation: string, { nix, trust }: Store): Promise<boolean> {
  const read = await nix.run({
    program: "nix-store",
    arguments: ["--read-log", derivation],
    trust,
    timeoutSeconds: 60,
    // A log is cut in its middle where it is longer, and then nobody can tell.
    maxBytes: longestLog,
  });
  return read.exitCode !== 0 || read.stdout.length >= longestLog - 1024 || speaksForNix(read.stdout);
}

const longestLog = 8 * 1024 * 1024;

/** Whether every output of a derivation is valid in the store: what a builder says of another derivation, the store knows better. */
export async function isBuilt(derivation: string, { nix, trust }: Store): Promise<boolean> {
  const query = (words: readonly string[]) =>
    nix.run({ program: "nix-store", arguments: words, trust, timeoutSeconds: 60, maxBytes: 64 * 1024 });
  const outputs = (await query(["--query", "--outputs", derivation])).stdout.split("\n").filter((line) => /^\/nix\/store\/\S+$/.test(line));
  return outputs.length > 0 && (await query(["--check-validity", ...outputs.slice(0, 50)])).exitCode === 0;
}
