import { fits } from "./shell-pattern.ts";
import { Unknowable, type ShellState } from "./shell-state.ts";

/** A word of a test, and as a pattern where it may be one (`[[ x == *.service ]]`). */
export type TestWord = { readonly text: string; readonly pattern: string };

/** Evaluates `[ … ]` or `[[ … ]]`. Throws Unknowable where only the build can tell. */
export function evaluateTest(state: ShellState, words: readonly TestWord[], double: boolean): boolean {
  let at = 0;
  const next = (): string | undefined => words[at]?.text;
  const or = (): boolean => {
    let result = and();
    while (next() === "||" || (!double && next() === "-o")) {
      at += 1;
      const right = and();
      result = result || right;
    }
    return result;
  };
  const and = (): boolean => {
    let result = not();
    while (next() === "&&" || (!double && next() === "-a" && words.length > 3)) {
      at += 1;
      const right = not();
      result = result && right;
    }
    return result;
  };
  const not = (): boolean => {
    if (next() === "!" && words.length > 1 && !binary.has(words[at + 1]?.text ?? "")) {
      at += 1;
      return !not();
    }
    if (next() === "(" && !binary.has(words[at + 1]?.text ?? "")) {
      at += 1;
      const result = or();
      at += 1;
      return result;
    }
    return primary();
  };
  const primary = (): boolean => {
    const [first, second, third] = [words[at], words[at + 1], words[at + 2]];
    if (first === undefined) return false;
    if (second !== undefined && third !== undefined && binary.has(second.text)) {
      at += 3;
      return compare(first, second.text, third, double);
    }
    if (second !== undefined && /^-[a-zA-Z]$/.test(first.text)) {
      at += 2;
      return unary(state, first.text, second.text);
    }
    at += 1;
    return first.text !== "";
  };
  return words.length > 0 && or();
}

const binary = new Set(["=", "==", "!=", "=~", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge"]);

function compare(left: TestWord, operator: string, right: TestWord, double: boolean): boolean {
  const equal = (): boolean => (double ? fits(left.text, right.pattern) : left.text === right.text);
  switch (operator) {
    case "=":
    case "==":
      return equal();
    case "!=":
      return !equal();
    case "=~":
      return matches(left.text, right.text);
    case "<":
      return left.text < right.text;
    case ">":
      return left.text > right.text;
    default: {
      const [a, b] = [Number(left.text), Number(right.text)];
      if (!Number.isInteger(a) || !Number.isInteger(b)) throw new Unknowable("arithmetic");
      return { "-eq": a === b, "-ne": a !== b, "-lt": a < b, "-le": a <= b, "-gt": a > b }[operator] ?? a >= b;
    }
  }
}

/** Only expressions without repetition of groups: one of a stranger's could otherwise keep us busy for hours. */
function matches(text: string, expression: string): boolean {
  if (expression.length > 200 || text.length > 4096 || /[)\]][*+?{]|\*.*\*.*\*|\+.*\+/.test(expression))
    throw new Unknowable("a regular expression");
  try {
    return new RegExp(expression, "s").test(text);
  } catch {
    throw new Unknowable("a regular expression");
  }
}

/**
 * Tests of files. What a script names in a package is taken to be there and to be a plain file: a build that did not find it would fail, and links are what is rare. Whether it
 * is a directory is not guessed.
 */
function unary(state: ShellState, operator: string, word: string): boolean {
  if (operator === "-n") return word !== "";
  if (operator === "-z") return word === "";
  if (operator === "-v") return state.variables.has(word);
  const path = state.path(word);
  if (word === "") return false;
  const node = state.files.node(path, operator !== "-L" && operator !== "-h");
  if (operator === "-L" || operator === "-h") return node?.kind === "symlink";
  if (operator === "-d") {
    if (node?.kind === "unknown") throw new Unknowable(`whether ${word} is a directory`);
    return node?.kind === "directory";
  }
  if (operator === "-f") return node?.kind === "file" || node?.kind === "unknown";
  if (operator === "-s") return node?.kind === "file" ? node.text !== "" : node !== undefined;
  if (operator === "-x") return node?.kind === "file" ? node.executable : node !== undefined;
  if (operator === "-e" || operator === "-r" || operator === "-w" || operator === "-a") return node !== undefined;
  throw new Unknowable(`the test ${operator}`);
}
