import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rulesMarkdown } from "../../src/classify/rules-page.ts";
import { readmeWithParts } from "./readme-parts.ts";

const root = join(import.meta.dirname, "../..");

/** Every page that is made from the code, whole or in parts, as it is to be now: path and text. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["README.md", await readmeWithParts(readFileSync(join(root, "README.md"), "utf8"))],
    ["docs/rules.md", rulesMarkdown()],
  ]);
}
