import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Plan, type PlanHost } from "../../src/report/plan.ts";
import { nixVersions } from "../nix/versions.ts";
import { Repository } from "./flake.ts";
import { gate, type Ended } from "./gate.ts";
import { normalised } from "./normalise.ts";

/** A flake of another shape than the example fleet: in a subfolder, hosts of two platforms, a dot in a name, one host that is broken and one that is no system. */
const fixture = resolve(import.meta.dirname, "../fixtures/second-flake");

const planOf = (end: Ended): Plan => Plan.parse(JSON.parse(end.stdout));
const told = (host: PlanHost) => [
  host.host,
  host.state === "failed" ? `${host.stage}: ${host.failure.code}` : host.state,
  host.decision.action,
];
const clean = { left: [], running: [], signal: null } as const;

describe.each(nixVersions())("Nix $version", { timeout: 120_000 }, ({ version, path }) => {
  let scratch: string;
  let repository: Repository;
  let head: string;
  let base: string;
  const run = (words: readonly string[], directory = repository.directory): Promise<Ended> => gate(words, { directory, path });

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "gate-second-"));
    repository = new Repository(join(scratch, "repo"));
    repository.copy(fixture);
    const said = (words: string): void => {
      const text = repository.read("infra/flake.nix").replace(/hello = "[^"]*"/, `hello = "${words}"`);
      repository.write({ "infra/flake.nix": text });
    };
    // Each version builds systems of its own.
    said(`hello from ${version}`);
    base = repository.commit("The hosts as they run");
    repository.git("switch", "--quiet", "--create", "change");
    said(`hello again from ${version}`);
    head = repository.commit("Say hello again");
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test("by its path: every host has its state, and what is broken is that host's own failure", async () => {
    const end = await run(["plan", "infra", "--base", "main", "--json"]);
    expect(end, end.stderr).toMatchObject({ ...clean, code: 1 });
    const plan = planOf(end);
    expect(plan.hosts.map(told)).toEqual([
      ["broken", "evaluate: host-evaluation-failed", "fail"],
      ["no-toplevel", "evaluate: no-toplevel", "fail"],
      ["pi-attic", "build: build-platform", "fail"],
      ["gw.example.org", "changed", "deploy"],
      ["app_1", "changed", "observe"],
    ]);
    expect(plan.revision).toEqual({ head, base });
    expect(plan.policy).toEqual({ source: "deployGate", revision: base, digest: expect.stringMatching(/^[0-9a-f]{32}$/) });
    // None of it is the change's doing.
    expect(plan.hosts.filter((host) => host.state === "failed").map((host) => host.atBase)).toEqual([true, true, true]);
    const broken = plan.hosts.find((host) => host.host === "broken");
    expect(broken?.state === "failed" && broken.failure.detail).toContain("The option `services.helo' does not exist.");
    const gateway = plan.hosts.find((host) => host.host === "gw.example.org");
    const units = gateway?.state === "changed" ? plan.diffs[gateway.diff]?.units : [];
    expect(units?.map((unit) => [unit.name, unit.change, unit.effect])).toEqual([["hello.service", "changed", "stop-start"]]);
    expect(units?.[0]?.diff).toContain(`hello again from ${version}`);
  });

  test("by ?dir=, as people read it", async () => {
    const end = await run(["plan", ".?dir=infra", "--base", "main"]);
    expect(end, end.stderr).toMatchObject({ ...clean, code: 1 });
    await expect(normalised(end.stdout, { [version]: "<version>" })).toMatchFileSnapshot("__snapshots__/second-flake.txt");
  });

  test("from inside of the folder, some hosts only", async () => {
    const end = await run(["plan", "--base", "main", "--hosts", "gw.*,app_?", "--json"], join(repository.directory, "infra"));
    expect(end, end.stderr).toMatchObject({ ...clean, code: 0 });
    expect(planOf(end).hosts.map(told)).toEqual([
      ["gw.example.org", "changed", "deploy"],
      ["app_1", "changed", "observe"],
    ]);
    expect(end.stderr).not.toContain("broken");
  });
});
