import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { Policy } from "../../src/policy.ts";
import { generated } from "./generated.ts";
import { keysOf, policySchema } from "./policy-schema.ts";
import { policySentences } from "./policy-sentences.ts";

const root = resolve(import.meta.dirname, "../..");
const pages = await generated();

test.each([...pages.keys()])("%s is what npm run docs makes of the code", (path) => {
  expect(readFileSync(join(root, path), "utf8")).toBe(pages.get(path));
});

describe("the policy's page and schema", () => {
  const schema = policySchema();

  test("have a sentence for every key, and none for a key that is not there", () => {
    const keys = [schema, ...Object.values(schema.$defs ?? {})].flatMap((one, n) =>
      keysOf({ ...one, $defs: {} }, n === 0 ? "" : (Object.keys(schema.$defs ?? {})[n - 1] ?? "")).map(([key]) => key),
    );
    expect([...new Set(keys)].toSorted()).toEqual(Object.keys(policySentences).toSorted());
  });

  const accepts = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
  const folder = join(root, "examples/policies");
  test.each(readdirSync(folder))("take the example %s as the program does", (file) => {
    const words = ["--eval", "--strict", "--json", "--store", "dummy://", join(folder, file)];
    const policy: unknown = JSON.parse(execFileSync("nix-instantiate", words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
    expect([Policy.safeParse(policy).success, accepts(policy)]).toEqual([true, true]);
  });

  test.each([
    [{ hosts: { web1: { deploys: true } } }],
    [{ session: "always" }],
    [{ apply: { parallel: 0 } }],
    [{ hosts: { web1: { checks: [{ type: "http" }] } } }],
    [{ groups: { web: { reboot: { windows: [{ from: "02:00", zone: "UTC" }] } } } }],
  ])("refuse %j as the program does", (policy) => {
    expect([Policy.safeParse(policy).success, accepts(policy)]).toEqual([false, false]);
  });
});
