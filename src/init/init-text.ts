import { styleText } from "node:util";
import { columns, terminalLine, toAscii, wrap } from "../report/terminal-escape.ts";
import type { LeftToDo } from "./left-to-do.ts";

/** What became of a file. `differs`: there is another one of that name, which is left as it is. */
export type FileState = "written" | "would-write" | "same" | "differs" | "changed" | "would-change";

export type FileResult = {
  readonly path: string;
  readonly state: FileState;
  /** Of what is there with what is proposed, or of what was changed. */
  readonly diff?: string;
  readonly text?: string;
};

export type InitResult = {
  readonly forge: "github" | "forgejo";
  readonly repository: string | undefined;
  readonly branch: string;
  readonly hosts: readonly string[];
  readonly deploy: readonly string[];
  readonly files: readonly FileResult[];
  readonly notes: readonly string[];
  readonly left: readonly LeftToDo[];
};

type Terminal = { readonly color: boolean; readonly unicode: boolean; readonly width: number };

const words: Readonly<Record<FileState, { readonly sign: string; readonly text: string; readonly style: "green" | "yellow" | "dim" }>> = {
  written: { sign: "+", text: "written", style: "green" },
  "would-write": { sign: "+", text: "would be written", style: "green" },
  same: { sign: "=", text: "is there already", style: "dim" },
  differs: { sign: "!", text: "is there and differs; left as it is", style: "yellow" },
  changed: { sign: "~", text: "changed by one line", style: "green" },
  "would-change": { sign: "~", text: "would be changed by one line", style: "green" },
};

/** What was done, and what is left to a person. Commands are never broken. */
export function initText(result: InitResult, terminal: Terminal): string {
  const paint = (style: "green" | "yellow" | "dim" | "bold", text: string): string =>
    terminal.color ? styleText(style, text, { validateStream: false }) : text;
  const width = Math.max(0, ...result.files.map(({ path }) => columns(path)));
  const lines = [paint("bold", "Files")];
  for (const { path, state, diff, text } of result.files) {
    const word = words[state];
    lines.push(`  ${paint(word.style, word.sign)} ${terminalLine(path, terminal.unicode).padEnd(width)}  ${word.text}`);
    if (diff !== undefined) lines.push(...diffLines(diff, terminal));
    if (state === "would-write" && text !== undefined && path.endsWith(".nix"))
      // Ours: names in it have been parsed, and blanks in it mean something.
      lines.push(
        ...text
          .trimEnd()
          .split("\n")
          .map((line) => (line === "" ? "" : `      ${paint("dim", toAscii(line))}`)),
      );
  }
  lines.push("", ...result.notes.flatMap((note) => [...wrap(terminalLine(note, terminal.unicode), terminal.width), ""]));
  if (result.left.length > 0) lines.push(paint("bold", "Left to you"));
  for (const [index, { sentence, commands }] of result.left.entries()) {
    const number = `${index + 1}.`.padStart(4);
    const [first = "", ...rest] = wrap(terminalLine(sentence, terminal.unicode, 1_000), terminal.width - 5);
    lines.push(`${number} ${first}`, ...rest.map((line) => `     ${line}`));
    lines.push(...commands.map((command) => `       ${terminalLine(command, terminal.unicode, 2_000)}`));
  }
  return `${lines.join("\n")}\n`;
}

/** A diff as a person judges it, without its head; what is longer is a matter for a pager. */
export function diffLines(diff: string, terminal: Terminal): string[] {
  const all = diff
    .trimEnd()
    .split("\n")
    .filter((line) => !/^(?:---|\+\+\+) /.test(line));
  const shown = all.slice(0, 60).map((line) => {
    const text = terminalLine(line.slice(1), terminal.unicode, 300);
    const whole = `${line.slice(0, 1)}${/^\s*/.exec(line.slice(1))?.[0] ?? ""}${text.trimStart()}`;
    const style = line.startsWith("+") ? "green" : line.startsWith("-") ? "red" : "dim";
    return `      ${terminal.color ? styleText(style, whole, { validateStream: false }) : whole}`;
  });
  return all.length > shown.length ? [...shown, `      (${all.length - shown.length} more lines)`] : shown;
}
