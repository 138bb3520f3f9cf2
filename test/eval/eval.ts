/**
 * Scores the rules on the corpus: builds every pair with real Nix, compares it, judges it with its facts. `npm run eval -- --help` says what it takes.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { classify } from "../../src/classify/classify.ts";
import { HostFacts } from "../../src/classify/host-facts.ts";
import type { Judgement } from "../../src/classify/finding.ts";
import type { Phase } from "../../src/classify/rule.ts";
import { askEverything, type Asked } from "./ask.ts";
import type { Questionable } from "../../src/classify/session/opinions.ts";
import { diffFleet } from "../../src/diff/diff.ts";
import { nixPort } from "../../src/io/nix.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { buildCases, readCases, type Built } from "../corpus/build.ts";
import { below, better, floorOf, score, visible, type Floor, type Outcome, type Rate, type Score } from "./score.ts";

const usage = `Usage: npm run eval -- [--cases DIR] [--case ID ...] [--json] [--check | --raise] [--explain]
                          [--session [--model NAME] [--budget USD]]

  --cases DIR   another corpus of the same form
  --case ID     only these cases
  --json        the whole result as JSON
  --check       end with 1 where a figure is worse than test/eval/floor.json
  --raise       write the result to test/eval/floor.json where nothing is worse
  --explain     the findings of every case that is judged wrongly
  --session     rules and a Claude session as well (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN); answers are kept, so that a second run costs nothing
  --model NAME  of the session (sonnet)
  --budget USD  for all questions of this run (5)
`;

const { values: options } = parseArgs({
  options: {
    cases: { type: "string" },
    case: { type: "string", multiple: true },
    json: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    raise: { type: "boolean", default: false },
    explain: { type: "boolean", default: false },
    session: { type: "boolean", default: false },
    model: { type: "string" },
    budget: { type: "string", default: "5" },
    help: { type: "boolean", default: false },
  },
});

type Judged = Outcome & { readonly mode: string; readonly lines: readonly string[] };

/** Merges a session's word into judgements of the rules. */
type Ask = (questions: readonly Questionable[]) => Promise<ReadonlyMap<string, Judgement>>;

async function judged(built: readonly Built[], scratch: string, phase: Phase, ask?: Ask): Promise<Judged[]> {
  const ports = { nix: nixPort({ environment: process.env, scratch }), store: storeFiles() };
  const fleet = await diffFleet(
    built.map((entry) => ({ host: entry.answer.id, from: entry.before, to: entry.after })),
    ports,
  );
  const byRules = new Map<string, Questionable>();
  for (const entry of built) {
    if (entry.before === entry.after) continue;
    const compared = fleet.hosts.get(entry.answer.id);
    if (compared?.ok !== true) throw new Error(`${entry.answer.id} could not be compared: ${compared?.failure.message ?? "no result"}`);
    const { from: before, to: after, diff } = compared.value;
    const facts = HostFacts.parse(entry.facts);
    const { judgement } = classify({ before, after, diff, facts, phase }, {});
    byRules.set(entry.answer.id, { host: entry.answer.id, facts, diff, judgement });
  }
  const merged = await ask?.([...byRules.values()]);
  return built.map((entry): Judged => {
    if (entry.before === entry.after) return { answer: entry.answer, verdict: "clean", rules: ["unchanged"], mode: "switch", lines: [] };
    const judgement = merged?.get(entry.answer.id) ?? byRules.get(entry.answer.id)?.judgement;
    if (judgement === undefined) throw new Error(`${entry.answer.id} was not judged`);
    const loud = judgement.findings.filter((finding) => finding.verdict === judgement.verdict);
    return {
      answer: entry.answer,
      verdict: judgement.verdict,
      mode: judgement.mode,
      rules: [...new Set(loud.map((finding) => finding.rule))],
      lines: judgement.findings.map(
        (finding) =>
          `${finding.verdict.padEnd(6)} ${finding.rule}: ${finding.subject}${finding.evidence.map((line) => `\n           ${line}`).join("")}`,
      ),
    };
  });
}

const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
const shown = (rate: Rate): string =>
  `${rate.count} of ${rate.of} (${percent(rate.rate)}, 95 % interval ${percent(rate.low)} to ${percent(rate.high)})`;

function print(title: string, result: Score, outcomes: readonly Judged[]): void {
  const { confusion } = result;
  console.log(`\n${title}: ${result.cases} cases\n`);
  console.log("  true \\ said    clean  reboot   risky");
  for (const label of ["clean", "reboot", "risky"] as const)
    console.log(
      `  ${label.padEnd(12)}${[confusion[label].clean, confusion[label].reboot, confusion[label].risky].map((cell) => `${cell}`.padStart(8)).join("")}`,
    );
  console.log(`\n  false clean    ${shown(result.falseClean)}`);
  console.log(`  missed risk    ${shown(result.missedRisk)}`);
  console.log(`  clean held     ${shown(result.overHold)}`);
  console.log(`  clean raised   ${shown(result.raised)}`);
  console.log(`  reboot held    ${shown(result.riskyReboots)}`);
  console.log(`  exact          ${shown(result.exact)}`);
  console.log(`  pairs right    ${shown(result.pairs)}\n`);
  console.log(`  ${"hazard".padEnd(26)}cases  exact  too low  too high`);
  for (const row of result.hazards)
    console.log(
      `  ${row.hazard.padEnd(26)}${[row.cases, row.exact, row.tooLow, row.tooHigh].map((cell, index) => `${cell}`.padStart([5, 7, 9, 10][index] ?? 0)).join("")}`,
    );
  if (result.wrong.length > 0) console.log("\n  Judged wrongly:");
  for (const wrong of result.wrong) {
    const note = visible(wrong.answer) ? "" : wrong.answer.outside ? " [outside the closure]" : " [only reasoning can see it]";
    console.log(
      `  ${wrong.answer.id}  ${wrong.answer.label} judged ${wrong.verdict}${note}  ${wrong.rules.join(", ")}\n           ${wrong.answer.reason}`,
    );
    if (options.explain)
      for (const line of outcomes.find((outcome) => outcome.answer.id === wrong.answer.id)?.lines ?? []) console.log(`         ${line}`);
  }
}

async function main(): Promise<number> {
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const directory = options.cases === undefined ? undefined : resolve(options.cases);
  const cases = readCases(directory).filter((entry) => options.case === undefined || options.case.includes(entry.answer.id));
  if (cases.length === 0) {
    console.error(`There is no case to score.\n\n${usage}`);
    return 2;
  }
  const scratch = mkdtempSync(join(tmpdir(), "gate-eval."));
  try {
    const started = Date.now();
    const built = buildCases(cases, join(scratch, "roots"), directory);
    const ready = Date.now();
    const plain = await judged(built, join(scratch, "nix"), "pull-request");
    const careful = await judged(built, join(scratch, "nix"), "push");
    const asked: { record?: Asked } = {};
    const ask: Ask = async (questions) => {
      asked.record = await askEverything(questions, { model: options.model, budgetUsd: Number(options.budget), scratch });
      return asked.record.judgements;
    };
    const both = options.session ? await judged(built, join(scratch, "nix"), "pull-request", ask) : undefined;
    const results = { "pull-request": score(plain), push: score(careful) };
    if (options.json)
      console.log(
        JSON.stringify(
          {
            schema: 1,
            rules: results,
            ...(both === undefined ? {} : { session: { ...score(both), ...asked.record?.summary } }),
            cases: plain.map(({ answer, verdict, mode, rules }) => ({ id: answer.id, label: answer.label, verdict, mode, rules })),
          },
          null,
          2,
        ),
      );
    else {
      print("Rules alone, pull request", results["pull-request"], plain);
      print("Rules alone, push (unknown facts take the careful value)", results.push, careful);
      if (both !== undefined) {
        print("Rules and session, pull request", score(both), both);
        console.log(`\n  ${JSON.stringify(asked.record?.summary)}`);
      }
      console.log(
        `\nBuilt in ${((ready - started) / 1000).toFixed(1)} s, compared and judged twice in ${((Date.now() - ready) / 1000).toFixed(1)} s.`,
      );
    }
    return options.cases === undefined && options.case === undefined
      ? keepFloor({ "pull-request": floorOf(results["pull-request"]), push: floorOf(results.push) })
      : 0;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Floors = Readonly<Record<Phase, Floor>>;
const floorFile = join(import.meta.dirname, "floor.json");

function keepFloor(now: Floors): number {
  const phases = ["pull-request", "push"] as const;
  const floor = existsSync(floorFile) ? (JSON.parse(readFileSync(floorFile, "utf8")) as Floors) : undefined;
  const worse = floor === undefined ? [] : phases.flatMap((phase) => below(now[phase], floor[phase]).map((line) => `${phase}: ${line}`));
  for (const line of worse) console.error(`Below the floor: ${line}`);
  if (options.raise && worse.length === 0 && (floor === undefined || phases.some((phase) => better(now[phase], floor[phase]))))
    writeFileSync(floorFile, `${JSON.stringify(now, null, 2)}\n`);
  return options.check && worse.length > 0 ? 1 : 0;
}

process.exitCode = await main();
