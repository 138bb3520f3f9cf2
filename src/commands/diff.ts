import { readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import * as z from "zod";
import { classify } from "../classify/classify.ts";
import type { Judgement } from "../classify/finding.ts";
import { HostFacts } from "../classify/host-facts.ts";
import type { Questionable } from "../classify/session/opinions.ts";
import { diffSystem } from "../diff/diff.ts";
import { diffJson } from "../diff/diff-json.ts";
import { GateError, gateError } from "../failure.ts";
import { scratchDirectory } from "../io/machine.ts";
import { nixPort } from "../io/nix.ts";
import { storeFiles } from "../io/store-files.ts";
import { diffReport } from "../report/diff-report.ts";
import type { Command, Options, Shell } from "./shell.ts";

/** `gate diff`: two toplevels in the store of this machine. No flake and no forge. */
export const diffCommand: Command = {
  name: "diff",
  summary: "compare two NixOS systems in the store and judge the change",
  usage: "diff OLD NEW [--facts FILE] [--session] [--json]",
  words: [2, 2],
  options: {
    facts: { type: "string", value: "FILE", help: "what is true of the host and not in its closure, as JSON" },
    json: { type: "boolean", help: "everything, as JSON" },
    session: { type: "boolean", help: "ask a Claude session for a second opinion (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)" },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    verbose: { type: "boolean", short: "v", help: "every list whole, with the diffs of units and files" },
  },
  examples: ["nixos-deploy-gate diff /run/current-system ./result", "nixos-deploy-gate diff /run/booted-system /run/current-system --json"],
  run: async ([old = "", next = ""], options, shell) => {
    const facts = readFacts(options, shell);
    for (const note of facts.notes) shell.error(`${note}\n`);
    const scratch = scratchDirectory(shell.environment);
    try {
      const store = storeFiles();
      const nix = nixPort({ environment: shell.environment, scratch: scratch.path, signal: shell.signal });
      const [from, to] = [toplevel(old, shell), toplevel(next, shell)];
      const compared = await diffSystem(from, to, { nix, store });
      if (!compared.ok) throw new GateError(compared.failure, 2);
      const { diff, from: before, to: after } = compared.value;
      const rules = classify({ before, after, diff, facts: facts.facts, phase: "pull-request" }, {});
      const { judgement, notes, session } =
        options["session"] === true && from !== to
          ? await opinion({ host: "host", facts: facts.facts, diff, judgement: rules.judgement }, rules.notes, options, shell, scratch.path)
          : { ...rules, session: null };
      const verdict = from === to ? "unchanged" : judgement.verdict;
      if (options["json"] === true)
        shell.out(`${JSON.stringify({ schema: 1, verdict, ...json(judgement), ...diffJson(diff), notes, session })}\n`);
      else {
        for (const note of notes) shell.error(`note: ${note}\n`);
        shell.out(diffReport(diff, judgement, { ...shell.terminal, verbose: options["verbose"] === true }, session ?? undefined));
      }
      return 0;
    } finally {
      scratch.remove();
    }
  },
};

/** Loaded only where somebody asks for it. */
async function opinion(question: Questionable, notes: readonly string[], options: Options, shell: Shell, scratch: string) {
  const { diffOpinion } = await import("./diff-session.ts");
  const model = options["model"];
  const said = await diffOpinion(question, typeof model === "string" ? model : undefined, shell, scratch);
  return { ...said, notes: [...notes, ...said.notes] };
}

const json = ({ verdict: _verdict, ...rest }: Judgement): Omit<Judgement, "verdict"> => rest;

/** What was typed, as the store path that it leads to. What is no link is left for the comparison to judge. */
function toplevel(typed: string, shell: Shell): string {
  const path = isAbsolute(typed) ? typed : join(shell.directory, typed);
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

const maxFactsBytes = 1 << 20;

function readFacts(options: Options, shell: Shell): { facts: HostFacts; notes: readonly string[] } {
  const file = options["facts"];
  if (typeof file !== "string") return { facts: {}, notes: [] };
  const path = isAbsolute(file) ? file : join(shell.directory, file);
  const unusable = (problem: string, cause?: unknown): GateError =>
    gateError("usage", { problem: `The facts in ${file} are not usable: ${problem}.`, command: "diff" }, undefined, cause);
  let value: unknown;
  try {
    if (!statSync(path).isFile()) throw unusable("it is not a file");
    if (statSync(path).size > maxFactsBytes) throw unusable("it is larger than 1 MiB");
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof GateError) throw error;
    throw unusable(error instanceof Error ? error.message : String(error), error);
  }
  const parsed = z.looseObject(HostFacts.shape).safeParse(value);
  if (!parsed.success) throw unusable(z.prettifyError(parsed.error).replace(/\s+/g, " "));
  const unknown = Object.keys(parsed.data).filter((key) => !Object.hasOwn(HostFacts.shape, key));
  return {
    facts: HostFacts.parse(value),
    notes: unknown.length === 0 ? [] : [`note: unknown facts are ignored: ${unknown.map((key) => JSON.stringify(key)).join(", ")}`],
  };
}
