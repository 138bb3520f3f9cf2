import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { allCommands } from "./commands.ts";
import { code, table, withPart } from "./markdown.ts";

type Manifest = {
  readonly inputs: Record<string, { readonly description: string; readonly default?: string }>;
  readonly outputs: Record<string, { readonly description: string }>;
};

/** README.md with its generated parts as they are now: inputs and outputs from action.yml, commands from the program. */
export async function readmeWithParts(page: string): Promise<string> {
  const { inputs, outputs } = parse(readFileSync(join(import.meta.dirname, "../../action.yml"), "utf8")) as Manifest;
  const commands = await allCommands();
  const parts: Readonly<Record<string, string>> = {
    commands: table(
      ["command", "what it does"],
      commands.map(({ usage, summary }) => [code(usage), summary]),
    ),
    inputs: table(
      ["input", "default", "what it is"],
      Object.entries(inputs).map(([name, input]) => [
        code(name),
        input.default === undefined ? "" : input.default.startsWith("${{") ? "the job's own" : code(input.default),
        input.description,
      ]),
    ),
    outputs: table(
      ["output", "what it is"],
      Object.entries(outputs).map(([name, output]) => [code(name), output.description]),
    ),
  };
  return Object.entries(parts).reduce((text, [name, part]) => withPart(text, name, part), page);
}
