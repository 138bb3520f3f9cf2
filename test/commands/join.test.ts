import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commandLine } from "../../src/commands/command-line.ts";
import { planJson } from "../../src/report/plan.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { LoopbackForge } from "../forge/loopback-forge.ts";
import { runAction } from "../forge/run-action.ts";
import { sampleHosts, sampleRun } from "../report/sample.ts";

/** `gate join` as a person types it, and as the last job of a matrix runs it. */
const directory = mkdtempSync(join(tmpdir(), "gate-join-"));
const fleet = sampleHosts.map(({ host }) => host).toSorted();
const head = "1".repeat(40);
const base = "2".repeat(40);
const write = (file: string, from: number, to: number, repository = "fleet/machines"): void => {
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(join(directory, file), planJson(toPlan({ ...sampleRun, repository, fleet, hosts: sampleHosts.slice(from, to) })));
};
beforeAll(() => {
  write("plans/plan-web/plan.json", 0, 4);
  write("plans/plan-db/plan.json", 4, sampleHosts.length);
  write("foreign/plan.json", 0, sampleHosts.length, "else/where");
  // An artifact may hold anything; only plan.json is read, and no link is followed.
  writeFileSync(join(directory, "plans/plan-web/report.md"), "text");
  symlinkSync("../plan-db", join(directory, "plans/again"));
  mkdirSync(join(directory, "empty"));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function type(...words: string[]): Promise<{ code: number; out: string; error: string }> {
  let [out, error] = ["", ""];
  const code = await commandLine(
    ["join", ...words],
    {
      directory,
      programRoot: join(import.meta.dirname, "../.."),
      environment: {},
      out: (text) => void (out += text),
      error: (text) => void (error += text),
      terminal: { live: false, color: false, unicode: true, width: 100 },
      signal: new AbortController().signal,
    },
    "0.1.0",
  );
  return { code, out, error };
}

test("joins a directory or files, and exits as one run for all hosts would", async () => {
  const { code, out } = await type("plans", "--json");
  const plan = JSON.parse(out) as { hosts: { host: string }[] };
  expect(plan.hosts.map(({ host }) => host).toSorted()).toEqual(fleet);
  expect(code).toBe(1);
  const named = await type("plans/plan-db/plan.json", "plans/plan-web/plan.json", "--json");
  expect(JSON.parse(named.out)).toEqual(plan);
  expect((await type("plans")).out).toContain("gateway");
  expect((await type("plans", "--markdown")).out).toContain("### Deploy gate:");
});

test.each([
  [["plans/plan-web/plan.json"], "none of them looked at"],
  [["plans", "plans/plan-web/plan.json", "foreign"], "has another repository than"],
  [["empty"], "there is no plan.json in empty"],
])("refuses %j", async (words, sentence) => {
  const { code, out, error } = await type(...words);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(error).toContain(sentence);
});

test("the same file twice is one", async () => {
  expect((await type("plans", "plans/plan-web/plan.json", "--json")).code).toBe(1);
});

test("a file that is no plan is named", async () => {
  const { code, error } = await type("plans/plan-web/report.md");
  expect(code).toBe(2);
  expect(error).toContain("plans/plan-web/report.md is no plan.json that can be read: it is not JSON.");
  expect(error).toContain("nixos-deploy-gate join --help");
});

test("the last job of a matrix writes the one comment and the one status; those before it write nothing", { timeout: 60_000 }, async () => {
  await using forge = await new LoopbackForge("forgejo-15").start();
  forge.pulls.set(7, { head });
  const event = { name: "pull_request", number: 7, head, base, isPrivate: true } as const;
  const joined = await runAction({ forge, event, cwd: directory, main: "src/main.ts", inputs: { command: "join", plans: "plans" } });
  expect(joined.log).not.toContain("::error");
  expect(joined.exitCode).toBe(1);
  expect(forge.comments.get(7)?.length).toBe(1);
  expect(forge.statuses.map(({ state, context }) => ({ state, context }))).toEqual([{ state: "failure", context: "deploy-gate" }]);
  expect((JSON.parse(joined.outputs["hosts"] ?? "") as unknown[]).length).toBe(fleet.length);

  const quiet = await runAction({ forge, event, main: "test/forge/sample-main.ts", inputs: { post: "false" }, env: { SAMPLE: "held" } });
  expect(quiet.outputs["decision"]).toBe("held");
  expect(quiet.files["plan"]).toContain('"schema": 1');
  expect(quiet.log).not.toContain("There is no token");
  expect([forge.comments.get(7)?.length, forge.statuses.length]).toEqual([1, 1]);
});

test.each([
  ["plans of another repository", { plans: "foreign" }, "they are of else/where, and this is fleet/machines"],
  ["no plans", {}, "needs the files or the directory"],
])("refuses %s, with a status that says so", { timeout: 60_000 }, async (_, inputs, sentence) => {
  await using forge = await new LoopbackForge("github").start();
  forge.pulls.set(7, { head });
  const event = { name: "pull_request", number: 7, head, base } as const;
  const result = await runAction({ forge, event, cwd: directory, main: "src/main.ts", inputs: { command: "join", ...inputs } });
  expect(result.exitCode).toBe(2);
  expect(result.log).toContain(sentence);
  expect(forge.statuses.map(({ state }) => state)).toEqual(["failure"]);
});

test("a push is joined with plans of that push alone", { timeout: 60_000 }, async () => {
  await using forge = await new LoopbackForge("github").start();
  const result = await runAction({
    forge,
    event: { name: "push", before: base, after: head },
    cwd: directory,
    main: "src/main.ts",
    inputs: { command: "join", plans: "plans" },
  });
  expect(result.log).toContain("they were made on pull_request, and this is push");
});
