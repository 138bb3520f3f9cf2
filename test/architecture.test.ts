import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

/**
 * Who may import whom. The tree is the pipeline, so an edge against the stream is a design error; the world is reached through ports, so only src/io and the
 * two entries may touch it.
 */
const root = resolve(import.meta.dirname, "..");
const source = join(root, "src");
const files = readdirSync(source, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => relative(source, join(entry.parentPath, entry.name)));

type Import = { readonly file: string; readonly from: string; readonly typeOnly: boolean };

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), "utf8");
  const found: Import[] = [];
  for (const match of text.matchAll(/^(import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']/gm))
    found.push({ file, from: match[3] ?? "", typeOnly: match[2] !== undefined });
  for (const match of text.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g)) found.push({ file, from: match[1] ?? "", typeOnly: false });
  return found;
}

const imports = files.flatMap(importsOf);
const local = (edge: Import): string | undefined =>
  edge.from.startsWith(".") ? relative(source, resolve(source, dirname(edge.file), edge.from)) : undefined;
const folder = (file: string): string => (file.includes("/") ? (file.split("/")[0] ?? "") : "");

/** Files that build the real world; everything else is handed its ports. */
const entries = new Set(["main.ts", "cli.ts"]);
const world = /^(node:(fs|child_process|net|http|https|os|tty|dgram|dns|worker_threads|readline|process)(\/.*)?|execa|pino|@actions\/.*)$/;

/** Stages in order: a stage may use what earlier stages made and never what later ones do. */
const order = [
  "discover",
  "build",
  "diff",
  "classify",
  "decide",
  "apply",
  "verify",
  "reboot",
  "tools",
  "diagnose",
  "report",
  "doctor",
  "init",
];

test("src has files and imports to look at", () => {
  expect(files.length).toBeGreaterThan(10);
  expect(imports.length).toBeGreaterThan(10);
});

test("only src/io and the entries touch the world", () => {
  const wrong = imports.filter(
    (edge) => world.test(edge.from) && folder(edge.file) !== "io" && !entries.has(edge.file) && folder(edge.file) !== "commands",
  );
  expect(wrong.map((edge) => `${edge.file} imports ${edge.from}`)).toEqual([]);
});

test("only src/io and the entries read the environment, the clock and chance", () => {
  const wrong = files.filter((file) => {
    if (folder(file) === "io" || entries.has(file) || folder(file) === "commands" || file === "node-version.ts") return false;
    return /(?<![.\w])process\.|\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(/.test(
      readFileSync(join(source, file), "utf8"),
    );
  });
  expect(wrong).toEqual([]);
});

test("stages import what comes before them, never what comes after, and io never imports a stage's decisions", () => {
  const wrong = imports.filter((edge) => {
    const to = local(edge);
    if (to === undefined) return false;
    const [a, b] = [order.indexOf(folder(edge.file)), order.indexOf(folder(to))];
    if (a >= 0 && b >= 0) return b > a;
    if (a >= 0 && folder(to) === "io") return !(to === "io/ports.ts" && edge.typeOnly);
    return false;
  });
  expect(wrong.map((edge) => `${edge.file} imports ${edge.from}`)).toEqual([]);
});

test("there are no cycles", () => {
  const next = new Map(
    files.map((file) => [file, imports.filter((edge) => edge.file === file && !edge.typeOnly).flatMap((edge) => local(edge) ?? [])]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (done.has(file) || path.includes(file)) return;
    for (const to of next.get(file) ?? []) walk(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  expect(cycles).toEqual([]);
});

test("there are no barrels, no default exports and no drawers", () => {
  expect(files.filter((file) => /(^|\/)(index|utils?|helpers?|types|constants|common|shared|misc)(\.ts|\/)/.test(file))).toEqual([]);
  const texts = files.map((file) => [file, readFileSync(join(source, file), "utf8")] as const);
  expect(texts.filter(([, text]) => /^export\s+(default\b|\*)/m.test(text)).map(([file]) => file)).toEqual([]);
  expect(texts.filter(([, text]) => /^export\s+(type\s+)?\{[^}]*\}\s+from/m.test(text)).map(([file]) => file)).toEqual([]);
});

test("nothing is silenced and nothing is left for later", () => {
  const silenced = /@ts-ignore|@ts-expect-error|@ts-nocheck|eslint-disable|oxlint-disable|\bTODO\b|\bFIXME\b|\bHACK\b|\bXXX\b/;
  expect(files.filter((file) => silenced.test(readFileSync(join(source, file), "utf8")))).toEqual([]);
});
