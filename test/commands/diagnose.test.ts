import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { flake, Repository } from "../scenario/flake.ts";
import { gate, type Ended } from "../scenario/gate.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** `gate diagnose` on plans of runs in which nothing was contacted. Hosts are asked in test/hosts. */
let scratch: string;
let repository: Repository;
let plan: string;
const run = (...words: readonly string[]): Promise<Ended> => gate(["diagnose", ...words], { directory: repository.directory });
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "gate-diagnose-"));
  repository = new Repository(join(scratch, "repo"));
  const host = (name: string, more: string): string =>
    `nixosConfigurations.${name} = system { name = "${name}-${randomUUID()}"; more = "${more}"; };`;
  repository.write({ "flake.nix": flake(`${host("a", "echo std::bad_alloc; exit 1")} ${host("b", "")}`) });
  repository.commit();
  plan = join(scratch, "plan.json");
  const made = await gate(["plan", "--json"], { directory: repository.directory });
  writeFileSync(plan, made.stdout);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("a failed build is explained again from its log", async () => {
  const text = await run(plan);
  expect([text.code, text.stdout], text.stderr).toEqual([0, expect.stringMatching(/^a\n/)]);
  expect(text.stdout).toContain("Likely: The build ran out of memory");
  expect(text.stdout).toMatch(/^ {6}nix log \/nix\/store\/\S+\.drv$/m);
  const whole = await run(plan, "--verbose");
  expect(whole.stdout).toMatch(/End of the build log.*\n.*\| std::bad_alloc/);
  const json = JSON.parse((await run(plan, ".", "--host", "a", "--json")).stdout);
  expect(json).toMatchObject({ schema: 1, failures: [{ hosts: ["a"], diagnosis: { by: "known-cause", remedy: { kind: "retry" } } }] });
});

test.each([
  ["a file that is not there", () => [join(scratch, "none.json")], /cannot be read \(ENOENT\)/],
  ["a directory", () => [scratch], /no regular file/],
  ["a file that is not JSON", () => [join(repository.directory, "flake.nix")], /it is not JSON/],
  ["JSON that is no plan", () => [join(scratch, "odd.json")], /no plan\.json that can be read/],
  ["a host that the plan does not have", () => [plan, "--host", "c"], /has no host "c"; it has a, b/],
  ["a host that did not fail", () => [plan, "--host", "b"], /b did not fail in that run; failed: a/],
  ["nothing", () => [], /takes 1 to 2 words/],
] as const)("%s is a clear failure", async (_, words, said) => {
  writeFileSync(join(scratch, "odd.json"), '{"schema":2}');
  const end = await run(...words());
  expect([end.code, end.stdout]).toEqual([2, ""]);
  expect(end.stderr).toMatch(said);
});
