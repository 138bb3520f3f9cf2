/**
 * The one line that makes a policy an output, put into a flake.nix where that can be done by its text alone. What comes out is a proposal: whoever takes it has it evaluated
 * first and compares what the flake then offers with what it offered.
 */
export const outputLine = "deployGate = import ./deploy-gate.nix;";

/**
 * The text of flake.nix with the line at the beginning of the set of outputs: of `outputs = …: { … }`, also behind `let … in`. Undefined for every other shape (a call
 * of flake-parts or flake-utils, a set that is joined with `//`, an `import`), where only a person knows the place.
 */
export function withOutput(text: string): string | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined) return undefined;
  const start = outputsAt(tokens);
  if (start === undefined) return undefined;
  const brace = bodyAt(tokens, start);
  if (brace === undefined) return undefined;
  const at = tokens[brace];
  const next = tokens[brace + 1];
  if (at === undefined || next === undefined) return undefined;
  const before = text.slice(0, at.end);
  const line = text.slice(text.lastIndexOf("\n", at.start) + 1, at.end);
  const own = /^\s*/.exec(line)?.[0] ?? "";
  const nextLine = text.slice(text.lastIndexOf("\n", next.start) + 1, next.start);
  // As the line after it is set in, where that is a line of its own.
  const indent = text.slice(at.end, next.start).includes("\n") && next.text !== "}" && /^\s*$/.test(nextLine) ? nextLine : `${own}  `;
  const rest = text.slice(at.end);
  // The brace may be followed by more on its line.
  return /^[ \t]*(?:#[^\n]*)?\n/.test(rest)
    ? `${before}${/^[^\n]*\n/.exec(rest)?.[0] ?? "\n"}${indent}${outputLine}\n${rest.replace(/^[^\n]*\n/, "")}`
    : `${before} ${outputLine}${rest}`;
}

type Token = { readonly text: string; readonly start: number; readonly end: number };

/** Words, brackets and signs; strings, paths and comments are whole or left out. Undefined where it does not add up. */
function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at, at + 200);
    const blank = /^(?:\s+|#[^\n]*)/.exec(rest)?.[0];
    if (blank !== undefined && !(blank.length === rest.length && blank.startsWith("#"))) {
      at += blank.length;
      continue;
    }
    if (rest.startsWith("#")) {
      const end = text.indexOf("\n", at);
      at = end === -1 ? text.length : end;
      continue;
    }
    if (rest.startsWith("/*")) {
      const end = text.indexOf("*/", at + 2);
      if (end === -1) return undefined;
      at = end + 2;
      continue;
    }
    const end = rest.startsWith('"') ? stringEnd(text, at, '"') : rest.startsWith("''") ? stringEnd(text, at, "''") : undefined;
    const plain = /^(?:[A-Za-z_][A-Za-z0-9_'-]*|[a-z]+:\/\/[^\s;]+|\.\.\.|\/\/|\+\+|==|.)/su.exec(rest)?.[0] ?? "";
    const to = rest.startsWith('"') || rest.startsWith("''") ? end : at + plain.length;
    if (to === undefined || to <= at) return undefined;
    tokens.push({ text: text.slice(at, to), start: at, end: to });
    at = to;
  }
  return tokens;
}

/** Behind the end of a string, whose `${…}` may hold strings of their own. */
function stringEnd(text: string, start: number, quote: '"' | "''"): number | undefined {
  let at = start + quote.length;
  while (at < text.length) {
    if (quote === '"' && text[at] === "\\") at += 2;
    else if (quote === "''" && (text.startsWith("'''", at) || text.startsWith("''$", at))) at += 3;
    else if (quote === "''" && text.startsWith("''\\", at)) at += 4;
    else if (text.startsWith("$${", at)) at += 3;
    else if (text.startsWith("${", at)) {
      const end = interpolationEnd(text, at + 2);
      if (end === undefined) return undefined;
      at = end;
    } else if (text.startsWith(quote, at)) return at + quote.length;
    else at += 1;
  }
  return undefined;
}

function interpolationEnd(text: string, start: number): number | undefined {
  let depth = 1;
  let at = start;
  while (at < text.length) {
    const quote = text.startsWith("''", at) ? "''" : text[at] === '"' ? '"' : undefined;
    if (quote !== undefined) {
      const end = stringEnd(text, at, quote);
      if (end === undefined) return undefined;
      at = end;
      continue;
    }
    if (text[at] === "{") depth += 1;
    if (text[at] === "}" && (depth -= 1) === 0) return at + 1;
    at += 1;
  }
  return undefined;
}

const opens = new Set(["{", "[", "("]);
const closes = new Set(["}", "]", ")"]);

/** Behind `outputs =` of the flake's own set; undefined where there is none, or more than one. */
function outputsAt(tokens: readonly Token[]): number | undefined {
  if (tokens[0]?.text !== "{") return undefined;
  let depth = 0;
  const found: number[] = [];
  for (const [index, { text }] of tokens.entries()) {
    if (opens.has(text)) depth += 1;
    else if (closes.has(text)) depth -= 1;
    else if (depth === 1 && text === "outputs" && tokens[index + 1]?.text === "=") found.push(index + 2);
  }
  return found.length === 1 ? found[0] : undefined;
}

/** The brace that opens the set of outputs: behind the arguments, and behind `let … in`. It has to be all of the body, up to the `;`. */
function bodyAt(tokens: readonly Token[], start: number): number | undefined {
  let at = start;
  // `args:`, `{ self, … }:`, `{ self, … }@args:`, `args@{ … }:`; one or more of them.
  for (let head = headEnd(tokens, at); head !== undefined; head = headEnd(tokens, at)) at = head;
  if (at === start) return undefined;
  while (tokens[at]?.text === "let") {
    const end = inOf(tokens, at);
    if (end === undefined) return undefined;
    at = end;
  }
  if (tokens[at]?.text === "rec" || tokens[at]?.text !== "{") return undefined;
  const close = closing(tokens, at);
  return close !== undefined && tokens[close + 1]?.text === ";" ? at : undefined;
}

function headEnd(tokens: readonly Token[], at: number): number | undefined {
  const pattern = (from: number): number | undefined => {
    if (tokens[from]?.text !== "{") return undefined;
    const close = closing(tokens, from);
    return close === undefined ? undefined : close + 1;
  };
  const name = (from: number): number | undefined => (/^[A-Za-z_][A-Za-z0-9_'-]*$/.test(tokens[from]?.text ?? "") ? from + 1 : undefined);
  const first = pattern(at) ?? name(at);
  if (first === undefined) return undefined;
  if (tokens[first]?.text === ":") return first + 1;
  if (tokens[first]?.text !== "@") return undefined;
  const second = pattern(first + 1) ?? name(first + 1);
  return second !== undefined && tokens[second]?.text === ":" ? second + 1 : undefined;
}

function closing(tokens: readonly Token[], at: number): number | undefined {
  let depth = 0;
  for (let index = at; index < tokens.length; index++) {
    const text = tokens[index]?.text ?? "";
    if (opens.has(text)) depth += 1;
    else if (closes.has(text) && (depth -= 1) === 0) return index;
  }
  return undefined;
}

/** Behind the `in` of a `let`, passing over those inside of it. */
function inOf(tokens: readonly Token[], at: number): number | undefined {
  let [depth, lets] = [0, 0];
  for (let index = at; index < tokens.length; index++) {
    const text = tokens[index]?.text ?? "";
    // The name of an attribute, `x.in`, is none; Nix has no such attribute without quotes.
    if (opens.has(text)) depth += 1;
    else if (closes.has(text)) depth -= 1;
    else if (text === "let" && depth >= 0) lets += 1;
    else if (text === "in" && (lets -= 1) === 0 && depth === 0) return index + 1;
  }
  return undefined;
}
