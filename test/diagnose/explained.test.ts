import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Plan } from "../../src/report/plan.ts";
import { nixVersions } from "../nix/versions.ts";
import { flake, Repository } from "../scenario/flake.ts";
import { gate, type Ended } from "../scenario/gate.ts";

/** The whole gate on changes that do not evaluate or build: what the report says of why. */
let scratch: string;
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "gate-explained-"))));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const planOf = (end: Ended): Plan => {
  expect(end.stdout, end.stderr).toMatch(/^\{/);
  return Plan.parse(JSON.parse(end.stdout));
};

describe.each(nixVersions())("Nix $version", { timeout: 120_000 }, ({ path }) => {
  const tag = randomUUID().slice(0, 8);
  const shared = (script: string): string =>
    `(derivation { name = "shared-${tag}"; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" ''${script}'' ]; })`;
  const host = (name: string, script: string): string =>
    `nixosConfigurations.${name} = system { name = "${name}-${tag}"; more = "ln -s \${${shared(script)}} dependency"; };`;

  test("hosts that share what failed share one diagnosis and one thing to see to", async () => {
    const repository = new Repository(join(scratch, randomUUID()));
    repository.write({ "flake.nix": flake(`${host("a", "echo fine > $out")} ${host("b", "echo fine > $out")}`) });
    repository.commit();
    const broken = "echo compiling; echo 'c++: fatal error: Killed signal terminated program cc1plus'; exit 1";
    const evaluating = `nixosConfigurations.c.config.system.build.toplevel = throw "The option \`services.old' was renamed to \`services.new'.";`;
    repository.write({ "flake.nix": flake(`${host("a", broken)} ${host("b", broken)} ${evaluating}`) });
    const end = await gate(["plan", "--base", "main", "--json"], { directory: repository.directory, path });
    const plan = planOf(end);
    expect(end.code).toBe(1);
    const of = (name: string) => plan.hosts.find((one) => one.host === name);
    expect(of("a")?.diagnosis).toMatchObject({ by: "known-cause", confidence: "likely", remedy: { kind: "retry" } });
    expect(of("b")?.diagnosis).toEqual(of("a")?.diagnosis);
    expect(of("a")?.diagnosis?.evidence.join()).toContain("Killed signal terminated program");
    const build = plan.escalations?.filter((one) => one.stage === "build") ?? [];
    expect(build.map((one) => one.hosts)).toEqual([["a", "b"]]);
    expect(build[0]?.key).toBe("build/build-failed/a/b");
    expect(build[0]?.states.map((state) => state.urgent)).toEqual([false, false]);
    expect(build[0]?.folds.map((fold) => fold.title).join()).toMatch(/End of the build log of .*shared-.*Why it is needed: the way/s);
    expect(build[0]?.next.join()).toMatch(/^nix log \/nix\/store\//);
    expect(plan.escalations?.map((one) => one.stage).toSorted()).toEqual(["build", "evaluation"]);

    const shown = await gate(["plan", "--base", "main", "--markdown"], { directory: repository.directory, path });
    expect(shown.stdout).toContain("Likely: The build ran out of memory");
    expect(shown.stdout).toMatch(/nixos-deploy-gate plan --hosts a/);
  });
});
