import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

const here = import.meta.dirname;

/** The answer of a case. Only scoring reads it; nothing of it reaches the rules. */
const Answer = z.object({
  id: z.string(),
  label: z.enum(["clean", "reboot", "risky"]),
  hazard: z.string(),
  reason: z.string(),
  /** Only reasoning about what programs do can see it. */
  llm_only: z.boolean().default(false),
  tricky: z.boolean().default(false),
  /** Cases with (nearly) the same change and other facts. */
  pair: z.string().nullish(),
  /** The hazard is not in the closure at all. */
  outside: z.boolean().default(false),
});
export type Answer = z.infer<typeof Answer>;

/** A labelled change: what is known of its host, and the answer. */
export type Case = { readonly answer: Answer; readonly facts: Readonly<Record<string, unknown>> };
export type Built = Case & { readonly before: string; readonly after: string };

export function readCases(directory: string = join(here, "cases")): Case[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => {
      const json = JSON.parse(readFileSync(join(directory, name), "utf8")) as Readonly<
        Record<string, Readonly<Record<string, unknown>> | undefined>
      >;
      return { answer: Answer.parse(json), facts: { ...json["host"], ...json["facts"] } };
    });
}

const Pair = z.object({ id: z.string(), before: z.string(), after: z.string() });

/**
 * Builds both sides of every case with the Nix in PATH. In two steps, because a process with an evaluated fleet in memory forks slowly, and in batches, because the
 * memory is not given back in between. `scratch` keeps the roots, so that nothing is collected while it is compared.
 */
export function buildCases(cases: readonly Case[], scratch: string, directory: string = join(here, "cases"), batch = 45): Built[] {
  mkdirSync(scratch, { recursive: true });
  const options = ["--option", "substituters", "", "--option", "sandbox", "false"];
  const built: Built[] = [];
  for (let at = 0; at < cases.length; at += batch) {
    const part = cases.slice(at, at + batch);
    const ids = `[ ${part.map((entry) => JSON.stringify(entry.answer.id)).join(" ")} ]`;
    const run = (program: string, parts: readonly string[]): string =>
      execFileSync(program, [...parts, ...options], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 << 20 }).trim();
    const derivation = run("nix-instantiate", [
      join(here, "all.nix"),
      "--arg",
      "ids",
      ids,
      "--arg",
      "dir",
      directory,
      "--add-root",
      join(scratch, `derivation-${at}`),
      "--indirect",
    ]);
    const output = run("nix-store", ["--realise", derivation, "--max-jobs", "4", "--add-root", join(scratch, `pairs-${at}`), "--indirect"]);
    const pairs = new Map(
      readFileSync(join(output, "pairs.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => Pair.parse(JSON.parse(line)))
        .map((pair) => [pair.id, pair]),
    );
    for (const entry of part) {
      const pair = pairs.get(entry.answer.id);
      if (pair === undefined) throw new Error(`The batch built no pair for ${entry.answer.id}.`);
      built.push({ ...entry, before: pair.before, after: pair.after });
    }
  }
  return built;
}
