import { literal, plainWord, type Assignment, type Command, type Pipeline, type Redirect, type Script, type Word } from "./shell-syntax.ts";
import { readQuoted, readWord, ShellCursor, ShellSyntaxError } from "./shell-words.ts";

/** Nesting of commands and substitutions; nobody writes more, and a stranger's script must not use up the stack. */
const maxDepth = 60;

/** Most scripts are one of a few that nixpkgs writes a thousand times. */
const known = new Map<string, Script>();
const maxKnown = 200;
const maxKnownLength = 4096;

/** Reads a script. Throws a ShellSyntaxError where it is not one, or not in the part of the shell that is read here. */
export function parseShell(text: string): Script {
  const before = known.get(text);
  if (before !== undefined) return before;
  const script = readScript(new ShellCursor(text), "");
  if (text.length <= maxKnownLength && known.size < maxKnown) known.set(text, script);
  return script;
}

const blanks = /(?:[ \t]|\\\n)+/y;
const comment = /#[^\n]*/y;
const functionHead = /(?:function[ \t]+)?([A-Za-z_][A-Za-z0-9_-]*)[ \t]*\(\)\s*\{/y;
const redirectHead = /(\d?)(<<<|<<-?|>>|>&|&>|>\||>|<)/y;
const assignmentHead = /([A-Za-z_][A-Za-z0-9_]*)(?=\[[^\]\n]*\]\+?=|\+?=)/y;
const reserved = new Set(["then", "else", "elif", "fi", "do", "done", "esac", "}", ")"]);

/** Up to a word or character of `end` (`fi`, `done`, `)`), which stays unread. */
function readScript(cursor: ShellCursor, end: string): Script {
  cursor.depth += 1;
  if (cursor.depth > maxDepth) throw new ShellSyntaxError("it is nested too deeply");
  const script: { when: "always" | "success" | "failure"; pipeline: Pipeline }[] = [];
  let when: "always" | "success" | "failure" = "always";
  for (;;) {
    skipLines(cursor);
    if (cursor.done) {
      if (end !== "") throw new ShellSyntaxError(`${end} is missing`);
      break;
    }
    if (end === ")" && cursor.peek() === ")") break;
    if (cursor.startsWith(";;") || reserved.has(nextWord(cursor))) {
      if (end === "") throw new ShellSyntaxError(`${nextWord(cursor)} has no beginning`);
      break;
    }
    const before = cursor.at;
    script.push({ when, pipeline: readPipeline(cursor) });
    when = "always";
    skipBlanks(cursor);
    if (cursor.startsWith("&&")) when = "success";
    else if (cursor.startsWith("||")) when = "failure";
    if (when !== "always") cursor.at += 2;
    else if (cursor.peek() === "&") cursor.at += 1;
    else if (cursor.peek() === ";" && !cursor.startsWith(";;")) cursor.at += 1;
    if (cursor.at === before) throw new ShellSyntaxError(`"${cursor.peek(20)}" is not understood`);
  }
  cursor.depth -= 1;
  return script;
}

function readPipeline(cursor: ShellCursor): Pipeline {
  let negated = false;
  while (nextWord(cursor) === "!") {
    negated = !negated;
    cursor.at += 1;
    skipBlanks(cursor);
  }
  const commands = [readCommand(cursor)];
  skipBlanks(cursor);
  while (cursor.peek() === "|" && !cursor.startsWith("||")) {
    cursor.at += cursor.startsWith("|&") ? 2 : 1;
    skipLines(cursor);
    commands.push(readCommand(cursor));
    skipBlanks(cursor);
  }
  return { negated, commands };
}

function readCommand(cursor: ShellCursor): Command {
  skipBlanks(cursor);
  const word = nextWord(cursor);
  if (word === "if") return readIf(cursor);
  if (word === "for") return readFor(cursor);
  if (word === "case") return readCase(cursor);
  if (word === "while" || word === "until") return readWhile(cursor);
  if (word === "[[") return readTest(cursor);
  if (word === "{") return readGroup(cursor, "}");
  if (cursor.startsWith("((")) {
    const end = cursor.text.indexOf("))", cursor.at);
    cursor.at = end === -1 ? cursor.text.length : end + 2;
    return { kind: "unsupported", what: "arithmetic", redirects: [] };
  }
  if (cursor.peek() === "(") return readGroup(cursor, ")");
  functionHead.lastIndex = cursor.at;
  const head = functionHead.exec(cursor.text);
  if (head !== null) {
    const start = cursor.at;
    cursor.at += head[0].length;
    const body = readScript(cursor, "}");
    expect(cursor, "}");
    return { kind: "function", name: head[1] as string, body, text: cursor.text.slice(start, cursor.at) };
  }
  return readSimple(cursor);
}

function readSimple(cursor: ShellCursor): Command {
  const assignments: Assignment[] = [];
  const words: Word[] = [];
  const redirects: Redirect[] = [];
  for (;;) {
    skipBlanks(cursor);
    if (cursor.done || /[\n;|)]/.test(cursor.peek())) break;
    if (cursor.peek() === "&" && !cursor.startsWith("&>")) break;
    const redirect = readRedirect(cursor);
    if (redirect !== undefined) {
      redirects.push(redirect);
      continue;
    }
    const assignment = words.length === 0 || declares(words[0] as Word) ? readAssignment(cursor) : undefined;
    if (assignment !== undefined) {
      assignments.push(assignment);
      continue;
    }
    const word = readWord(cursor, readScript);
    if (word.length === 0) break;
    words.push(word);
  }
  return { kind: "simple", assignments, words, redirects };
}

const declares = (word: Word): boolean => ["declare", "local", "export", "typeset", "readonly"].includes(literal(word) ?? "");

function readAssignment(cursor: ShellCursor): Assignment | undefined {
  assignmentHead.lastIndex = cursor.at;
  const head = assignmentHead.exec(cursor.text);
  if (head === null) return undefined;
  cursor.at += head[0].length;
  let index: Word | undefined;
  if (cursor.peek() === "[") {
    cursor.at += 1;
    index = readWord(cursor, readScript, "]");
    cursor.at += 1;
  }
  const append = cursor.peek() === "+";
  cursor.at += append ? 2 : 1;
  const name = head[1] as string;
  const base = { name, append, ...(index === undefined ? {} : { index }) };
  if (cursor.peek() !== "(") return { ...base, value: readWord(cursor, readScript) };
  cursor.at += 1;
  const list: Word[] = [];
  for (;;) {
    skipLines(cursor);
    if (cursor.peek() === ")") break;
    const word = readWord(cursor, readScript);
    if (word.length === 0) throw new ShellSyntaxError("a list is not closed");
    list.push(word);
  }
  cursor.at += 1;
  return { ...base, value: [], list };
}

function readRedirect(cursor: ShellCursor): Redirect | undefined {
  redirectHead.lastIndex = cursor.at;
  const head = redirectHead.exec(cursor.text);
  if (head === null) return undefined;
  cursor.at += head[0].length;
  const sign = head[2] as string;
  const descriptor = head[1] === "" ? (sign.startsWith("<") ? 0 : 1) : Number(head[1]);
  skipBlanks(cursor);
  if (sign !== "<<" && sign !== "<<-") {
    const operator = sign === ">|" ? ">" : (sign as Redirect["operator"]);
    return { operator, descriptor, word: readWord(cursor, readScript) };
  }
  const start = cursor.at;
  const end = literal(readWord(cursor, readScript));
  if (end === undefined || end === "") throw new ShellSyntaxError("a here document has no end");
  const redirect = { operator: "<<" as const, descriptor, word: [] as Word };
  cursor.hereDocuments.push({
    end,
    stripTabs: sign === "<<-",
    expand: !/["'\\]/.test(cursor.text.slice(start, cursor.at)),
    fill: (word) => void (redirect.word = word),
  });
  return redirect;
}

/** Reads the bodies of the here documents that the line before promised. */
function readHereDocuments(cursor: ShellCursor): void {
  for (const document of cursor.hereDocuments.splice(0)) {
    const lines: string[] = [];
    for (;;) {
      if (cursor.done) throw new ShellSyntaxError(`the end ${document.end} of a here document is missing`);
      const stop = cursor.text.indexOf("\n", cursor.at);
      const raw = cursor.text.slice(cursor.at, stop === -1 ? undefined : stop);
      cursor.at = stop === -1 ? cursor.text.length : stop + 1;
      const line = document.stripTabs ? raw.replace(/^\t+/, "") : raw;
      if (line === document.end) break;
      lines.push(`${line}\n`);
    }
    const body = lines.join("");
    if (!document.expand) {
      document.fill(plainWord(body));
      continue;
    }
    const parts: Word[number][] = [];
    readQuoted(new ShellCursor(body), readScript, parts, "");
    document.fill(parts);
  }
}

function readIf(cursor: ShellCursor): Command {
  const branches: { condition: Script; body: Script }[] = [];
  let otherwise: Script = [];
  expect(cursor, "if");
  for (;;) {
    const condition = readScript(cursor, "then");
    expect(cursor, "then");
    branches.push({ condition, body: readScript(cursor, "fi") });
    const word = nextWord(cursor);
    if (word === "else") {
      expect(cursor, "else");
      otherwise = readScript(cursor, "fi");
    }
    if (word !== "elif") break;
    expect(cursor, "elif");
  }
  expect(cursor, "fi");
  return { kind: "if", branches, otherwise, redirects: readRedirects(cursor) };
}

function readFor(cursor: ShellCursor): Command {
  expect(cursor, "for");
  skipBlanks(cursor);
  const variable = cursor.match(/[A-Za-z_][A-Za-z0-9_]*/y);
  if (variable === undefined) throw new ShellSyntaxError("a loop has no variable");
  skipBlanks(cursor);
  const words: Word[] = [];
  if (nextWord(cursor) === "in") {
    expect(cursor, "in");
    for (;;) {
      skipBlanks(cursor);
      const word = readWord(cursor, readScript);
      if (word.length === 0) break;
      words.push(word);
    }
  } else {
    words.push([{ kind: "variable", name: "@", quoted: true }]);
  }
  const body = readBody(cursor);
  return { kind: "for", variable, words, body, redirects: readRedirects(cursor) };
}

function readBody(cursor: ShellCursor): Script {
  skipBlanks(cursor);
  if (cursor.peek() === ";") cursor.at += 1;
  skipLines(cursor);
  expect(cursor, "do");
  const body = readScript(cursor, "done");
  expect(cursor, "done");
  return body;
}

/** Loops that end on a condition are not followed; they are read only to find their end. */
function readWhile(cursor: ShellCursor): Command {
  cursor.at += 5;
  readScript(cursor, "do");
  readBody(cursor);
  return { kind: "unsupported", what: "a loop that ends on a condition", redirects: readRedirects(cursor) };
}

function readCase(cursor: ShellCursor): Command {
  expect(cursor, "case");
  skipBlanks(cursor);
  const word = readWord(cursor, readScript);
  skipLines(cursor);
  expect(cursor, "in");
  const branches: { patterns: Word[]; body: Script }[] = [];
  for (;;) {
    skipLines(cursor);
    if (nextWord(cursor) === "esac") break;
    if (cursor.peek() === "(") cursor.at += 1;
    const patterns: Word[] = [];
    for (;;) {
      skipBlanks(cursor);
      patterns.push(readWord(cursor, readScript));
      skipBlanks(cursor);
      if (cursor.peek() !== "|") break;
      cursor.at += 1;
    }
    if (cursor.peek() !== ")") throw new ShellSyntaxError("a case has no pattern");
    cursor.at += 1;
    branches.push({ patterns, body: readScript(cursor, "esac") });
    skipLines(cursor);
    if (cursor.startsWith(";;")) cursor.at += 2;
  }
  expect(cursor, "esac");
  return { kind: "case", word, branches, redirects: readRedirects(cursor) };
}

function readTest(cursor: ShellCursor): Command {
  expect(cursor, "[[");
  const words: Word[] = [];
  for (;;) {
    skipLines(cursor);
    if (cursor.done) throw new ShellSyntaxError("[[ is not closed");
    const sign = cursor.match(/&&|\|\||[()<>]/y);
    const word = sign === undefined ? readWord(cursor, readScript) : [{ kind: "text" as const, text: sign, quoted: false }];
    if (word.length === 0) throw new ShellSyntaxError("[[ is not understood");
    if (literal(word) === "]]") break;
    words.push(word);
  }
  return { kind: "test", words, redirects: readRedirects(cursor) };
}

function readGroup(cursor: ShellCursor, end: "}" | ")"): Command {
  cursor.at += 1;
  const body = readScript(cursor, end);
  expect(cursor, end);
  return { kind: "group", body, subshell: end === ")", redirects: readRedirects(cursor) };
}

function readRedirects(cursor: ShellCursor): Redirect[] {
  const redirects: Redirect[] = [];
  for (;;) {
    skipBlanks(cursor);
    const redirect = readRedirect(cursor);
    if (redirect === undefined) return redirects;
    redirects.push(redirect);
  }
}

function expect(cursor: ShellCursor, word: string): void {
  skipBlanks(cursor);
  if (!cursor.startsWith(word)) throw new ShellSyntaxError(`${word} is missing before "${cursor.peek(20)}"`);
  cursor.at += word.length;
}

/** The word at the cursor as it stands, unread: a keyword is one only where a command may begin. */
function nextWord(cursor: ShellCursor): string {
  const match = /[^\s;|&<>()]+|[()]/y;
  match.lastIndex = cursor.at;
  return match.exec(cursor.text)?.[0] ?? "";
}

function skipBlanks(cursor: ShellCursor): void {
  cursor.match(blanks);
  if (cursor.peek() === "#" && (cursor.at === 0 || /[\s;&|()]/.test(cursor.text[cursor.at - 1] ?? ""))) cursor.match(comment);
}

function skipLines(cursor: ShellCursor): void {
  for (;;) {
    skipBlanks(cursor);
    if (cursor.peek() !== "\n") return;
    cursor.at += 1;
    readHereDocuments(cursor);
  }
}
