import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Plan } from "../../src/report/plan.ts";
import { flake, Repository } from "./flake.ts";
import { gate } from "./gate.ts";

let scratch: string;
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "gate-exit-"))));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const name = randomUUID();
const one = (host: string, more: string): string => `nixosConfigurations.${host} = system { name = "${host}-${name}"; ${more} };`;
const policy = "deployGate.hosts = { a.deploy = true; b.deploy = true; };";
const before = `${one("a", `unit = "[Service]\\nExecStart=/bin/sleep 1";`)} ${policy}`;
const clean = one("a", `unit = "[Service]\\nExecStart=/bin/sleep 2";`);

test.each([
  ["0: everything can be deployed", clean, 0, { a: "deploy" }],
  ["0: nothing changes", one("a", `unit = "[Service]\\nExecStart=/bin/sleep 1";`), 0, { a: "nothing" }],
  ["3: a host waits for a person", `${clean} ${one("b", "")}`, 3, { a: "deploy", b: "hold" }],
  ["1: a host fails, beside one that waits", `${one("a", `more = "exit 7";`)} ${one("b", "")}`, 1, { a: "fail", b: "hold" }],
  ["2: the flake is not usable", `${clean} nixosConfigurations."-x" = { };`, 2, undefined],
] as const)("%s", { timeout: 60_000, concurrent: true }, async (_, head, code, decisions) => {
  const repo = new Repository(join(scratch, randomUUID()));
  repo.write({ "flake.nix": flake(before) });
  repo.commit();
  repo.write({ "flake.nix": flake(`${head} ${policy}`) });
  // What is not committed yet is a change too.
  const end = await gate(["plan", "--base", "main", "--json"], { directory: repo.directory });
  expect(end, end.stderr).toMatchObject({ code, left: [], running: [] });
  const plan = code === 2 ? undefined : Plan.parse(JSON.parse(end.stdout));
  expect(plan && Object.fromEntries(plan.hosts.map((host) => [host.host, host.decision.action]))).toEqual(decisions);
});

test("4: the gate itself cannot run, even where the words are wrong for the flake", { timeout: 60_000 }, async () => {
  const repo = new Repository(join(scratch, randomUUID()));
  repo.write({ "flake.nix": flake(before) });
  repo.commit();
  expect(await gate(["plan", "--hosts", "nobody"], { directory: repo.directory, path: "/nonexistent" })).toMatchObject({
    code: 4,
    left: [],
    running: [],
  });
});
