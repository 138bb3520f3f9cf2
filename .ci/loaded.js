/**
 * The bytes of dist/ that a pull request's run loads: main.js, whatever it imports, and what those import later on, but not what is loaded where hosts may be changed or a goal is run.
 * Usage: node .ci/loaded.js [DIRECTORY]
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2] ?? "dist";
const later = /^(?:action-deploy|action-reboot|action-goal|reboot|deploy|rollback|status|verify|diagnose)\b.*\.js$/;
const seen = new Map();
const visit = (name) => {
  if (seen.has(name)) return;
  const text = readFileSync(join(directory, name), "utf8");
  seen.set(name, text.length);
  for (const [, file] of text.matchAll(/(?:from|import)\s*\(?\s*[`"']\.\/([^`"']+)[`"']/g)) if (!later.test(file)) visit(file);
};
visit("main.js");
console.log([...seen.values()].reduce((sum, size) => sum + size, 0));
