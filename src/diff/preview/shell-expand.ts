import { cut, fits, replace } from "./shell-pattern.ts";
import { Leave, stream, Unknowable, type ShellState, type Stream, type Value } from "./shell-state.ts";
import type { Part, Script, Word } from "./shell-syntax.ts";

/** Runs the script of a command substitution. Given by the interpreter, which needs words itself. */
export type RunScript = (state: ShellState, script: Script, output: Stream) => void;

/** A field of a word: its text, and as a pattern in which everything quoted stands for itself. */
type Field = { readonly pieces: { readonly text: string; readonly quoted: boolean }[]; globs: boolean };

const textOf = ({ pieces }: Field): string =>
  pieces.length === 1 ? (pieces[0] as { text: string }).text : pieces.map(({ text }) => text).join("");
const patternOf = ({ pieces }: Field): string => pieces.map(({ text, quoted }) => (quoted ? escapePattern(text) : text)).join("");

const maxFields = 50_000;

/** A bracket alone is the program `[`, or text. */
const isPattern = /(?<!\\)(?:[*?]|\[[^\]]+\])/;

/** A word where the shell makes one text of it: assignments, redirects, patterns' subjects. */
export function expandText(state: ShellState, word: Word, run: RunScript): string {
  const [only] = word;
  if (word.length === 1 && only?.kind === "text") return only.text;
  let text = "";
  for (const part of word) text += part.kind === "text" ? part.text : values(state, part, run).join(" ");
  return text;
}

/** A word as a pattern, quoted parts standing for themselves. */
export function expandPattern(state: ShellState, word: Word, run: RunScript): string {
  let pattern = "";
  for (const part of word) {
    const text = part.kind === "text" ? part.text : values(state, part, run).join(" ");
    pattern += part.kind !== "unsupported" && part.quoted ? escapePattern(text) : text;
  }
  return pattern;
}

/** Words as the arguments of a command: split at blanks where not quoted, patterns replaced by the names that fit. */
export function expandWords(state: ShellState, words: readonly Word[], run: RunScript): string[] {
  const found: string[] = [];
  for (const word of words) {
    const plain = plainText(word);
    if (plain !== undefined) {
      found.push(plain);
      continue;
    }
    for (const one of braces(word)) {
      for (const field of fields(state, one, run)) {
        const pattern = field.globs ? patternOf(field) : "";
        if (field.globs && isPattern.test(pattern)) found.push(...glob(state, pattern, textOf(field)));
        else found.push(textOf(field));
        if (found.length > maxFields) throw new Unknowable("a list with too many words");
      }
    }
  }
  return found;
}

/** The word's text where nothing in it is expanded; most words of a builder are such. */
function plainText(word: Word): string | undefined {
  let text = "";
  for (const part of word) {
    if (part.kind !== "text" || (!part.quoted && special.test(part.text))) return undefined;
    text += part.text;
  }
  return text;
}

const special = /[*?[{]/;

function fields(state: ShellState, word: Word, run: RunScript): Field[] {
  const done: Field[] = [];
  let current: Field | undefined;
  const add = (text: string, quoted: boolean): void => {
    current ??= { pieces: [], globs: false };
    current.pieces.push({ text, quoted });
    if (!quoted && /[*?[]/.test(text)) current.globs = true;
  };
  const end = (): void => {
    if (current !== undefined) done.push(current);
    current = undefined;
  };
  for (const part of word) {
    if (part.kind === "text") {
      add(part.text, part.quoted);
      continue;
    }
    const found = values(state, part, run);
    const quoted = part.kind !== "unsupported" && part.quoted;
    for (const [index, value] of found.entries()) {
      if (index > 0) end();
      if (quoted) {
        add(value, true);
        continue;
      }
      const pieces = value.split(/[ \t\n]+/);
      for (const [at, piece] of pieces.entries()) {
        if (at > 0) end();
        if (piece !== "") add(piece, false);
      }
    }
  }
  end();
  return done;
}

/** What an expansion gives: one text, or several for `"$@"` and `"${list[@]}"`. */
function values(state: ShellState, part: Exclude<Part, { kind: "text" }>, run: RunScript): readonly string[] {
  if (part.kind === "unsupported") throw new Unknowable(`${part.what} is not followed`);
  if (part.kind === "command") {
    const output = stream();
    try {
      run(state, part.script, output);
    } catch (error) {
      if (!(error instanceof Leave)) throw error;
    }
    if (output.unknown !== undefined) throw new Unknowable(output.unknown);
    return [output.text.replace(/\n+$/, "")];
  }
  if (part.name === "@" || part.name === "*") return part.quoted && part.name === "*" ? [state.positional.join(" ")] : state.positional;
  if (part.name === "#") return [String(state.positional.length)];
  if (part.name === "?") {
    if (state.status === undefined) throw new Unknowable("the status of a program");
    return [String(state.status)];
  }
  if (part.name === "$" || part.name === "!" || part.name === "-") throw new Unknowable(`$${part.name}`);

  const all = part.index?.length === 1 && part.index[0]?.kind === "text" && (part.index[0].text === "@" || part.index[0].text === "*");
  if (part.indirect === true) {
    if (all) return keys(state.variables.get(part.name));
    return [state.text(state.text(part.name))];
  }
  const held = variable(state, part.name);
  if (held?.kind === "unknown") throw new Unknowable(held.why);
  if (all) {
    const items = held === undefined ? [] : held.kind === "list" ? [...held.items.values()] : [held.text];
    return part.length === true
      ? [String(items.length)]
      : part.change === undefined
        ? items
        : items.map((item) => change(state, item, part, run));
  }
  const found =
    part.index === undefined ? single(held) : held?.kind === "list" ? held.items.get(expandText(state, part.index, run)) : single(held);
  if (part.length === true) return [String((found ?? "").length)];
  return [change(state, found, part, run)];
}

function variable(state: ShellState, name: string): Value | undefined {
  if (!/^\d$/.test(name)) return state.variables.get(name);
  const text = name === "0" ? "bash" : state.positional[Number(name) - 1];
  return text === undefined ? undefined : { kind: "text", text };
}

const single = (value: Value | undefined): string | undefined =>
  value?.kind === "list" ? value.items.values().next().value : value?.kind === "text" ? value.text : undefined;
const keys = (value: Value | undefined): readonly string[] =>
  value?.kind === "list" ? [...value.items.keys()] : value === undefined ? [] : ["0"];

function change(state: ShellState, value: string | undefined, part: Part & { kind: "variable" }, run: RunScript): string {
  const text = value ?? "";
  const asked = part.change;
  if (asked === undefined) return text;
  const word = (): string => expandText(state, asked.word, run);
  switch (asked.operator) {
    case ":-":
      return text === "" ? word() : text;
    case "-":
      return value === undefined ? word() : text;
    case ":+":
      return text === "" ? "" : word();
    case "+":
      return value === undefined ? "" : word();
    case "#":
    case "##":
      return cut(text, expandPattern(state, asked.word, run), "start", asked.operator === "##");
    case "%":
    case "%%":
      return cut(text, expandPattern(state, asked.word, run), "end", asked.operator === "%%");
    case "/":
    case "//": {
      const [from, to] = splitOnce(expandPattern(state, asked.word, run), "/");
      return replace(text, from, to.replace(/\\(.)/gs, "$1"), asked.operator === "//");
    }
    case "slice": {
      const [offset = "0", length] = word().split(":");
      const start = Number(offset.trim());
      if (!Number.isInteger(start)) throw new Unknowable("arithmetic");
      const from = start < 0 ? Math.max(0, text.length + start) : start;
      return length === undefined ? text.slice(from) : text.slice(from, from + Number(length));
    }
    default: {
      const never: never = asked.operator;
      throw new Unknowable(`the expansion ${String(never)}`);
    }
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator, text.startsWith("\\/") ? 2 : 0);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

const escapePattern = (text: string): string => (/[*?[\]\\]/.test(text) ? text.replace(/[*?[\]\\]/g, "\\$&") : text);

/** Names that fit a pattern, sorted; none at all stays the pattern itself, as the shell has it, or nothing with nixpkgs' `nullglob`. */
function glob(state: ShellState, pattern: string, text: string): string[] {
  const parts = pattern.split("/");
  let found = [pattern.startsWith("/") ? "" : state.directory];
  const prefix = pattern.startsWith("/") ? "" : `${state.directory}/`;
  for (const part of parts.slice(pattern.startsWith("/") ? 1 : 0)) {
    if (part === "") continue;
    if (!isPattern.test(part)) {
      const name = part.replace(/\\(.)/gs, "$1");
      found = found.map((base) => `${base}/${name}`);
      continue;
    }
    const next: string[] = [];
    for (const base of found) {
      const names = state.files.names(base);
      if (names === "unknown") throw new Unknowable(`which files there are in ${base}`);
      for (const name of names ?? []) if (fits(name, part) && (!name.startsWith(".") || part.startsWith("."))) next.push(`${base}/${name}`);
    }
    found = next;
  }
  const existing = found
    .filter((path) => state.files.node(path, false) !== undefined)
    .map((path) => (prefix === "" ? path : path.slice(prefix.length)));
  if (existing.length === 0) return state.variables.has("stdenv") ? [] : [text];
  return existing.map((path) => (text.endsWith("/") ? `${path}/` : path));
}

/** `{a,b}` where nothing in it needs expanding; deeper ones stay as they are. */
function braces(word: Word): Word[] {
  for (const [index, part] of word.entries()) {
    if (part.kind !== "text" || part.quoted || !part.text.includes("{")) continue;
    const match = /\{([^{}\s]*,[^{}\s]*)\}/.exec(part.text);
    if (match === null) continue;
    const [before, after] = [part.text.slice(0, match.index), part.text.slice(match.index + match[0].length)];
    const choices = (match[1] as string).split(",").slice(0, 100);
    return choices.flatMap((choice) =>
      braces([...word.slice(0, index), { ...part, text: before + choice + after }, ...word.slice(index + 1)]),
    );
  }
  return [word];
}
