import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LocalFlake } from "../../src/commands/checkout.ts";
import { checkWorkflows } from "../../src/commands/doctor-workflows.ts";

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "gate-workflows-"));
  folder = join(root, ".github/workflows");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "deploy.yml"), `      - uses: me/nixos-deploy-gate@${"a".repeat(40)}\n`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const found = () => checkWorkflows({ checkout: { root } } as unknown as LocalFlake);
const well = [expect.objectContaining({ state: "ok", sentence: "deploy.yml in .github/workflows starts the gate." }) as unknown];

/** Git keeps any link and any text, and whoever looks at a stranger's branch has them in the checkout. */
test.each<[string, () => void]>([
  ["a link to a device without end", () => symlinkSync("/dev/zero", join(folder, "a.yml"))],
  ["a link that leads nowhere", () => symlinkSync("nowhere", join(folder, "a.yml"))],
  [
    "a link out of the repository",
    () => {
      writeFileSync(join(root, "outside"), `uses: other/deploy-gate@${"b".repeat(40)}\n`);
      symlinkSync(join(root, "outside"), join(folder, "a.yml"));
    },
  ],
  ["a directory", () => mkdirSync(join(folder, "a.yml"))],
  ["a million empty lines", () => writeFileSync(join(folder, "a.yml"), "\n".repeat(1_000_000))],
  ["a line of nothing but the gate's name", () => writeFileSync(join(folder, "a.yml"), `uses: ${"deploy-gate".repeat(90_000)}`)],
])("beside %s the workflows are told all the same", (_, make) => {
  make();
  expect(found()).toEqual(well);
});
