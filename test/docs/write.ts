/** npm run docs: writes the pages, and the parts of pages, that are made from the code. test/docs/generated.test.ts keeps them current. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generated } from "./generated.ts";

const root = join(import.meta.dirname, "../..");
for (const [path, text] of await generated()) writeFileSync(join(root, path), text);
