import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../../src/commands/shell.ts";

const folder = join(import.meta.dirname, "../../src/commands");

/** Every command that the program has, in the order in which its own help lists them. */
export async function allCommands(): Promise<Command[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  const found: Command[] = [];
  for (const file of files) {
    // Loading a file costs what it imports; those that export no command are left alone.
    if (!/^export const [a-z][A-Za-z]*Command: Command\b/m.test(readFileSync(join(folder, file), "utf8"))) continue;
    const exported = (await import(join(folder, file))) as Record<string, unknown>;
    found.push(...Object.values(exported).filter(isCommand));
  }
  const listed = readFileSync(join(folder, "command-line.ts"), "utf8");
  const place = (name: string): number => listed.search(new RegExp(`^  "?${name}"?: async`, "m"));
  return found.filter(({ name, hidden }) => hidden !== true && place(name) >= 0).toSorted((a, b) => place(a.name) - place(b.name));
}

function isCommand(value: unknown): value is Command {
  return typeof value === "object" && value !== null && "usage" in value && "run" in value && "options" in value;
}
