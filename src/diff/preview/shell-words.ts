import type { Change, Part, Script, Word } from "./shell-syntax.ts";

/** What the shell would refuse, or what is outside of the part that is read here. */
export class ShellSyntaxError extends Error {}

/** Where the reader stands in a script. Shared by words and commands, since each may hold the other. */
export class ShellCursor {
  readonly text: string;
  at = 0;
  /** Here documents whose body follows the current line. */
  readonly hereDocuments: {
    readonly end: string;
    readonly stripTabs: boolean;
    readonly expand: boolean;
    readonly fill: (word: Word) => void;
  }[] = [];
  depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  peek(length = 1): string {
    return this.text.slice(this.at, this.at + length);
  }

  startsWith(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) return undefined;
    this.at += match[0].length;
    return match[0];
  }
}

/** Reads the script of a command substitution up to its closing parenthesis. Given by the reader of commands, which needs words itself. */
export type ReadScript = (cursor: ShellCursor, end: string) => Script;

const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const special = /[0-9@*#?!$-]/y;
const plain = /[^\s"'`$\\|&;<>()]+/y;
const plainQuoted = /[^"$`\\]+/y;

/** One word at the cursor; empty where none begins there. `stop` ends it early: `}` inside `${…}`. */
export function readWord(cursor: ShellCursor, readScript: ReadScript, stop = ""): Word {
  const parts: Part[] = [];
  const text = (value: string, quoted: boolean): void => void parts.push({ kind: "text", text: value, quoted });
  while (!cursor.done) {
    const char = cursor.peek();
    if (stop.includes(char)) break;
    if (char === "'") {
      const end = cursor.text.indexOf("'", cursor.at + 1);
      if (end === -1) throw new ShellSyntaxError("a quote is not closed");
      text(cursor.text.slice(cursor.at + 1, end), true);
      cursor.at = end + 1;
    } else if (char === '"') {
      cursor.at += 1;
      text("", true);
      readQuoted(cursor, readScript, parts, '"');
      cursor.at += 1;
    } else if (char === "\\") {
      if (cursor.peek(2) !== "\\\n") text(cursor.text.slice(cursor.at + 1, cursor.at + 2), true);
      cursor.at += 2;
    } else if (cursor.startsWith("$'")) {
      parts.push({ kind: "unsupported", what: "$'…'" });
      const end = cursor.text.indexOf("'", cursor.at + 2);
      cursor.at = end === -1 ? cursor.text.length : end + 1;
    } else if (char === "$") {
      parts.push(readDollar(cursor, readScript, false));
    } else if (char === "`") {
      const end = cursor.text.indexOf("`", cursor.at + 1);
      cursor.at = end === -1 ? cursor.text.length : end + 1;
      parts.push({ kind: "unsupported", what: "a command in backticks" });
    } else if (stop !== "" && /[\s|&;<>()]/.test(char)) {
      // Inside `${…}` blanks and operators are letters like all others.
      text(char, false);
      cursor.at += 1;
    } else {
      const found = stop === "" ? cursor.match(plain) : (cursor.match(/[^\s"'`$\\|&;<>()}\]]+/y) ?? cursor.match(/[^"'`$\\]/y));
      if (found === undefined) break;
      text(found, false);
    }
  }
  return parts;
}

/** What stands between double quotes, or the whole of a here document (`end` is then empty). */
export function readQuoted(cursor: ShellCursor, readScript: ReadScript, parts: Part[], end: '"' | ""): void {
  while (!cursor.done) {
    const char = cursor.peek();
    if (char === end) return;
    if (char === "\\") {
      const next = cursor.text.slice(cursor.at + 1, cursor.at + 2);
      const escapes = next === "$" || next === "`" || next === "\\" || (end === '"' && next === '"');
      if (next !== "\n") parts.push({ kind: "text", text: escapes ? next : `\\${next}`, quoted: true });
      cursor.at += 2;
    } else if (char === "$") {
      parts.push(readDollar(cursor, readScript, true));
    } else if (char === "`") {
      const close = cursor.text.indexOf("`", cursor.at + 1);
      cursor.at = close === -1 ? cursor.text.length : close + 1;
      parts.push({ kind: "unsupported", what: "a command in backticks" });
    } else {
      const found = cursor.match(plainQuoted) ?? char;
      if (found === char && !plainQuotedMatches(char)) cursor.at += 1;
      parts.push({ kind: "text", text: found, quoted: true });
    }
  }
  if (end !== "") throw new ShellSyntaxError("a double quote is not closed");
}

const plainQuotedMatches = (char: string): boolean => /[^"$`\\]/.test(char);

function readDollar(cursor: ShellCursor, readScript: ReadScript, quoted: boolean): Part {
  if (cursor.startsWith("$((")) {
    const end = cursor.text.indexOf("))", cursor.at);
    cursor.at = end === -1 ? cursor.text.length : end + 2;
    return { kind: "unsupported", what: "arithmetic" };
  }
  if (cursor.startsWith("$(")) {
    cursor.at += 2;
    const script = readScript(cursor, ")");
    cursor.at += 1;
    return { kind: "command", script, quoted };
  }
  cursor.at += 1;
  if (cursor.peek() === "{") return readBraces(cursor, readScript, quoted);
  const found = cursor.match(name) ?? cursor.match(special);
  return found === undefined ? { kind: "text", text: "$", quoted } : { kind: "variable", name: found, quoted };
}

const operators = [":-", ":+", "%%", "##", "//", "-", "+", "%", "#", "/"] as const;

function readBraces(cursor: ShellCursor, readScript: ReadScript, quoted: boolean): Part {
  const start = cursor.at;
  cursor.at += 1;
  const length = cursor.startsWith("#") && !cursor.startsWith("#}");
  const indirect = !length && cursor.startsWith("!");
  if (length || indirect) cursor.at += 1;
  const found = cursor.match(name) ?? cursor.match(special);
  let index: Word | undefined;
  if (found !== undefined && cursor.peek() === "[") {
    cursor.at += 1;
    index = readWord(cursor, readScript, "]");
    cursor.at += 1;
  }
  let change: Change | undefined;
  if (cursor.peek() !== "}") {
    const operator = operators.find((one) => cursor.startsWith(one)) ?? (cursor.peek() === ":" ? "slice" : undefined);
    if (found === undefined || operator === undefined) return skipBraces(cursor, start);
    cursor.at += operator === "slice" ? 1 : operator.length;
    change = { operator, word: readWord(cursor, readScript, "}") };
  }
  if (found === undefined || cursor.peek() !== "}") return skipBraces(cursor, start);
  cursor.at += 1;
  return {
    kind: "variable",
    name: found,
    quoted,
    ...(index === undefined ? {} : { index }),
    ...(length ? { length: true as const } : {}),
    ...(indirect ? { indirect: true as const } : {}),
    ...(change === undefined ? {} : { change }),
  };
}

/** An expansion that is not read here: over its closing brace, and unknown. */
function skipBraces(cursor: ShellCursor, start: number): Part {
  const end = cursor.text.indexOf("}", start);
  cursor.at = end === -1 ? cursor.text.length : end + 1;
  return { kind: "unsupported", what: cursor.text.slice(start - 1, Math.min(cursor.at, start + 60)) };
}
