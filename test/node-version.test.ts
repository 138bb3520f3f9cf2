import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const file = join(import.meta.dirname, "../src/node-version.ts");
/** Runs the check in a process that believes to be that Node. */
const as = (version: string, environment: Record<string, string> = {}): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(
    process.execPath,
    [
      "--import",
      `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`,
      "--input-type=module",
      "-e",
      `await import(${JSON.stringify(file)}); console.log("loaded")`,
    ],
    { encoding: "utf8", env: { PATH: process.env["PATH"], ...environment } },
  );

test("an old Node is refused with one sentence, as an annotation where a runner reads it", () => {
  const sentence =
    "nixos-deploy-gate needs Node 22 or newer, and this is Node 20.20.2: put a newer node first on the PATH of the runner or of the job's container.\n";
  expect(as("20.20.2")).toMatchObject({ status: 4, stdout: "", stderr: sentence });
  expect(as("20.20.2", { FORGEJO_ACTIONS: "true" })).toMatchObject({
    status: 4,
    stdout: `::error title=Node is too old::${sentence}`,
    stderr: "",
  });
});

test.each(["22.0.0", "24.21.0", "100.0.0"])("Node %s goes on", (version) => {
  expect(as(version)).toMatchObject({ status: 0, stdout: "loaded\n" });
});

test("both entries check before they load anything else", () => {
  for (const entry of ["main.ts", "cli.ts"]) {
    const imports = execFileSync("grep", ["-nE", "^import |import\\(", join(import.meta.dirname, "../src", entry)], {
      encoding: "utf8",
    }).split("\n");
    expect(imports[0]).toContain('import "./node-version.ts"');
    expect(imports.slice(1).filter((line) => /^\d+:import /.test(line))).toEqual([]);
  }
});
