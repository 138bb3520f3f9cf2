import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rulesMarkdown } from "../../src/classify/rules-page.ts";
import { helperScript } from "../../src/host-helper/helper-script.ts";
import { dependencyTables } from "./dependency-reasons.ts";
import { exitCodesTable } from "./exit-codes.ts";
import { withPart } from "./markdown.ts";
import { policyPage } from "./policy-page.ts";
import { policySchema } from "./policy-schema.ts";
import { readmeWithParts } from "./readme-parts.ts";
import { runbookPage } from "./runbook-page.ts";

const page = (path: string): string => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

/** Every page that is made from the code, whole or in parts, as it is to be now: path and text. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  const { runtime, development } = dependencyTables();
  const dependencies = withPart(withPart(page("docs/dependencies.md"), "runtime", runtime), "development", development);
  return new Map([
    ["README.md", await readmeWithParts(page("README.md"))],
    ["docs/activation.md", withPart(page("docs/activation.md"), "exit-codes", exitCodesTable())],
    ["docs/dependencies.md", dependencies],
    ["docs/policy.md", await policyPage()],
    ["docs/policy.schema.json", `${JSON.stringify(policySchema(), undefined, 2)}\n`],
    ["docs/rules.md", rulesMarkdown()],
    ["docs/runbook.md", runbookPage()],
    ["nix/helper.sh", helperScript()],
  ]);
}
