import { expect, test } from "vitest";
import { packagesOf } from "../../src/report/generated.ts";
import { namesOnly } from "../../src/report/names-only.ts";
import { diffOf } from "../../src/report/plan.ts";
import { facts } from "../../src/report/phrases.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { sampleRun, webDiff, changed } from "./sample.ts";
import { judgement } from "../../src/classify/finding.ts";

const web = (diff = webDiff("web1")) =>
  toPlan({ ...sampleRun, hosts: [changed("web1", diff, judgement([]), { action: "deploy", reasons: ["r"] })] });
const names = (all: readonly { readonly name: string }[]): string[] => all.map((one) => one.name);

test.each([
  ["to its people", web()],
  ["to strangers", namesOnly(web())],
])("files that the configuration makes are counted and are no packages, %s", (_, plan) => {
  const told = packagesOf(diffOf(plan, plan.hosts[0]!)!);
  expect(names(told.rebuilt)).toEqual(["deploy-note", "openssh", "perl"]);
  expect(names(told.changed)).toEqual(["nginx", "curl", "libxml2"]);
  expect(told.generated).toBe(3);
});

test("a change of generated files alone is called that", () => {
  const diff = webDiff("web1");
  const rebuilt = diff.packages.rebuilt.filter((one) => one.from[0] === "" && one.selectedBy[0] !== "system-path");
  const plan = web({ ...diff, packages: { ...diff.packages, changed: [], added: [], removed: [], rebuilt }, units: [], files: [] });
  expect(facts(plan, plan.hosts[0]!)).toEqual(["2 generated files"]);
});
