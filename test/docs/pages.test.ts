import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { outcomeKinds } from "../../src/apply/outcome.ts";
import { failureCodes } from "../../src/failure.ts";
import packageJson from "../../package.json" with { type: "json" };
import { allCommands } from "./commands.ts";
import { dependencyReasons } from "./dependency-reasons.ts";

/** What people read: that it leads somewhere, and names only what is there. */
const root = resolve(import.meta.dirname, "../..");
const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"], {
  cwd: root,
  encoding: "utf8",
});
const files = listed.split("\n").filter((file) => file !== "" && !file.includes("fixtures/") && existsSync(join(root, file)));
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const commands = new Map((await allCommands()).map((command) => [command.name, command]));

/** As both forges make the anchor of a heading. */
function anchors(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  const headings = withoutFences(markdown).matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) => {
      const slug = heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(" ", "-");
      const before = seen.get(slug) ?? 0;
      seen.set(slug, before + 1);
      return before === 0 ? slug : `${slug}-${before}`;
    }),
  );
}
const withoutFences = (markdown: string): string => markdown.replace(/^```.*?^```$/gms, "");

test("there are pages to look at", () => {
  expect(files).toEqual(expect.arrayContaining(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/policy.md", "docs/runbook.md"]));
});

describe.each(files)("%s", (file) => {
  const text = read(file);

  test("leads to files and headings that are there", () => {
    const links = [...withoutFences(text).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, to = ""]) => to)
      .filter((to) => !/^[a-z][a-z+.-]*:/i.test(to));
    const dead = links.filter((to) => {
      const [path = "", anchor] = to.split("#");
      const target = path === "" ? join(root, file) : join(root, dirname(file), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && (statSync(target).isDirectory() || !anchors(readFileSync(target, "utf8")).has(anchor));
    });
    expect(dead).toEqual([]);
  });

  test("names commands and options that are there", () => {
    const wrong = [...text.matchAll(/(?:nixos-deploy-gate|npm run -s gate --|`gate) ([a-z][a-z-]*)((?: +(?!#)[^\s`|;&]+)*)/g)].flatMap(
      ([said, name = "", rest = ""]) => {
        const command = commands.get(name);
        if (command === undefined) return [said];
        const flags = [...rest.matchAll(/(?<=\s)\[?--([a-z][a-z-]*)/g)].map(([, flag = ""]) => flag);
        return flags.every((flag) => flag === "help" || Object.hasOwn(command.options, flag)) ? [] : [said];
      },
    );
    expect(wrong).toEqual([]);
  });

  test("names scripts that are there", () => {
    const named = [...text.matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !Object.hasOwn(packageJson.scripts, name))).toEqual([]);
  });
});

test("the runbook has an entry for every failure and every outcome", () => {
  const entries = new Set([...read("docs/runbook.md").matchAll(/^### `([a-z-]+)`$/gm)].map(([, code]) => code));
  expect([...failureCodes(), ...outcomeKinds].filter((code) => !entries.has(code))).toEqual([]);
});

test("every dependency has its reason, and nothing else has one", () => {
  const all = { ...packageJson.dependencies, ...packageJson.devDependencies };
  expect(Object.keys(dependencyReasons).toSorted()).toEqual(Object.keys(all).toSorted());
});
