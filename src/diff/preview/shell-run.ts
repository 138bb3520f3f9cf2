import { unknown } from "./build-node.ts";
import { makeEtcEntry } from "./etc-entry.ts";
import { knownCommand } from "./shell-commands.ts";
import { expandPattern, expandText, expandWords } from "./shell-expand.ts";
import { parseShell } from "./shell-parse.ts";
import { Leave, ShellState, stream, Unknowable, type Stream } from "./shell-state.ts";
import { literal, type Assignment, type Command, type Pipeline, type Redirect, type Script, type Word } from "./shell-syntax.ts";
import { substituteCommands } from "./substitute-commands.ts";
import { fits } from "./shell-pattern.ts";
import { evaluateTest } from "./shell-test.ts";
import { unknownProgram } from "./unknown-program.ts";

/**
 * Follows a build script without running anything: only files in memory change, and no program is started. What a program outside of the few that are known here would do
 * becomes unknown. Throws a ShellSyntaxError or an OverBudget where the script cannot be followed at all.
 */
export function followScript(state: ShellState, text: string): void {
  try {
    runScript(state, parseShell(text), stream(), stream());
  } catch (error) {
    if (!(error instanceof Leave)) throw error;
  }
}

const runSubstitution = (state: ShellState, script: Script, output: Stream): void => runScript(state, script, stream(), output);

export function runScript(state: ShellState, script: Script, input: Stream, output: Stream): void {
  for (const { when, pipeline } of script) {
    if (when !== "always") {
      if (state.status === undefined) {
        if (hasEffect([{ when, pipeline }])) state.gap("a step that hangs on the outcome of a program");
        continue;
      }
      if ((state.status === 0) !== (when === "success")) continue;
    }
    runPipeline(state, pipeline, input, output);
  }
}

function runPipeline(state: ShellState, pipeline: Pipeline, input: Stream, output: Stream): void {
  let from = input;
  for (const [index, command] of pipeline.commands.entries()) {
    const last = index === pipeline.commands.length - 1;
    const to = last ? output : stream();
    runCommand(state, command, from, to);
    from = to;
  }
  if (pipeline.negated && state.status !== undefined) state.status = state.status === 0 ? 1 : 0;
}

function runCommand(state: ShellState, command: Command, input: Stream, output: Stream): void {
  state.step();
  if (command.kind === "function") {
    state.functions.set(command.name, command);
    state.status = 0;
    return;
  }
  let flow: Flow;
  try {
    flow = redirect(state, command.redirects, input, output);
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    state.gap(error.message);
    state.status = undefined;
    return;
  }
  try {
    runInside(state, command, flow);
  } finally {
    finish(state, flow, output);
  }
}

function runInside(state: ShellState, command: Exclude<Command, { kind: "function" }>, flow: Flow): void {
  switch (command.kind) {
    case "simple":
      return runSimple(state, command, flow);
    case "if":
      return runIf(state, command, flow);
    case "for":
      return runFor(state, command, flow);
    case "case":
      return runCase(state, command, flow);
    case "group":
      return command.subshell ? runSubshell(state, command.body, flow) : runScript(state, command.body, flow.input, flow.output);
    case "test":
      return guarded(state, flow, () => {
        const words = command.words.map((word) => ({
          text: expandText(state, word, runSubstitution),
          pattern: expandPattern(state, word, runSubstitution),
        }));
        state.status = evaluateTest(state, words, true) ? 0 : 1;
      });
    case "unsupported":
      state.gap(command.what);
      flow.output.unknown ??= command.what;
      state.status = undefined;
  }
}

/** Runs something that may be unknowable: then its status and its output are unknown, and nothing else. */
function guarded(state: ShellState, flow: Flow, run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    flow.output.unknown ??= error.message;
    state.status = undefined;
  }
}

function runSimple(state: ShellState, command: Command & { kind: "simple" }, flow: Flow): void {
  let words: readonly string[];
  try {
    words = expandWords(state, command.words, runSubstitution);
    if (words.length === 0 || isDeclaration(words[0])) {
      state.status = 0;
      for (const assignment of command.assignments) assign(state, assignment);
      if (words[0] === "declare" || words[0] === "typeset" || words[0] === "local") declare(state, words.slice(1));
      return;
    }
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    for (const { name, index } of command.assignments)
      if (index === undefined) state.variables.set(name, { kind: "unknown", why: error.message });
    flow.output.unknown ??= error.message;
    const program = literal(command.words[0] ?? []) ?? "";
    if (command.assignments.length === 0 && writes(program)) state.gap(error.message);
    state.status = undefined;
    return;
  }
  const before = command.assignments.map(({ name }) => [name, state.variables.get(name)] as const);
  try {
    for (const assignment of command.assignments) assign(state, assignment);
    runWords(state, words, flow);
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    unknownProgram(state, words, flow.input, flow.output, error.message);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) state.variables.delete(name);
      else state.variables.set(name, value);
    }
  }
}

function runWords(state: ShellState, words: readonly string[], flow: Flow): void {
  const [program = "", ...rest] = words;
  // A wrapper's own script is longer than what it does; ours says what a reader looks for.
  const defined = substituteCommands.has(program) ? undefined : state.functions.get(program);
  if (defined !== undefined) {
    if (program === "makeEtcEntry" && makeEtcEntry(state, defined.text, rest)) return;
    return callFunction(state, defined.body, rest, flow);
  }
  if (program === "eval") return runText(state, rest.join(" "), flow);
  if (program === "." || program === "source") {
    const node = state.files.node(state.path(rest[0] ?? ""));
    if (node?.kind !== "file") throw new Unknowable(`what ${rest[0] ?? "a script"} holds`);
    return runText(state, node.text, flow);
  }
  if (program === "exec" || program === "command" || program === "builtin") return runWords(state, rest, flow);
  const known = knownCommand(program);
  if (known === undefined) throw new Unknowable(`what ${program.slice(program.lastIndexOf("/") + 1).slice(0, 60)} makes`);
  const status = known({ state, words: rest, input: flow.input, output: flow.output });
  state.status = status;
}

function runText(state: ShellState, text: string, flow: Flow): void {
  state.count(text.length);
  let script: Script;
  try {
    script = parseShell(text);
  } catch {
    throw new Unknowable("a script that is not understood");
  }
  state.status = 0;
  runScript(state, script, flow.input, flow.output);
}

const maxCalls = 40;
let calls = 0;

function callFunction(state: ShellState, body: Script, positional: readonly string[], flow: Flow): void {
  if (calls >= maxCalls) throw new Unknowable("a function that calls itself");
  const before = state.positional;
  state.positional = positional;
  calls += 1;
  try {
    runScript(state, body, flow.input, flow.output);
  } catch (error) {
    if (!(error instanceof Leave) || error.how !== "return") throw error;
  } finally {
    calls -= 1;
    state.positional = before;
  }
}

function runSubshell(state: ShellState, body: Script, flow: Flow): void {
  const [variables, directory] = [new Map(state.variables), state.directory];
  try {
    runScript(state, body, flow.input, flow.output);
  } catch (error) {
    if (!(error instanceof Leave) || error.how !== "exit") throw error;
  } finally {
    state.variables.clear();
    for (const [name, value] of variables) state.variables.set(name, value);
    state.directory = directory;
  }
}

function runIf(state: ShellState, command: Command & { kind: "if" }, flow: Flow): void {
  for (const { condition, body } of command.branches) {
    runScript(state, condition, flow.input, stream());
    if (state.status === undefined) {
      if (command.branches.some((branch) => hasEffect(branch.body)) || hasEffect(command.otherwise))
        state.gap("a step that hangs on something only the build can tell");
      state.status = 0;
      return;
    }
    if (state.status === 0) return runScript(state, body, flow.input, flow.output);
  }
  state.status = 0;
  runScript(state, command.otherwise, flow.input, flow.output);
}

function runFor(state: ShellState, command: Command & { kind: "for" }, flow: Flow): void {
  let words: readonly string[];
  try {
    words = expandWords(state, command.words, runSubstitution);
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    if (hasEffect(command.body)) state.gap(error.message);
    state.status = 0;
    return;
  }
  state.status = 0;
  for (const word of words) {
    state.set(command.variable, word);
    try {
      runScript(state, command.body, flow.input, flow.output);
    } catch (error) {
      if (!(error instanceof Leave) || (error.how !== "break" && error.how !== "continue")) throw error;
      if (error.how === "break") break;
    }
  }
}

function runCase(state: ShellState, command: Command & { kind: "case" }, flow: Flow): void {
  let body: Script | undefined;
  try {
    const text = expandText(state, command.word, runSubstitution);
    body = command.branches.find(({ patterns }) =>
      patterns.some((pattern) => fits(text, expandPattern(state, pattern, runSubstitution))),
    )?.body;
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    if (command.branches.some((branch) => hasEffect(branch.body))) state.gap(error.message);
  }
  state.status = 0;
  if (body !== undefined) runScript(state, body, flow.input, flow.output);
}

function assign(state: ShellState, { name, index, append, value, list }: Assignment): void {
  const held = state.variables.get(name);
  let text: string;
  try {
    if (list !== undefined) {
      const items = new Map(append && held?.kind === "list" ? held.items : []);
      for (const word of expandWords(state, list, runSubstitution)) items.set(String(items.size), word);
      state.variables.set(name, { kind: "list", items });
      return;
    }
    text = expandText(state, value, runSubstitution);
    state.count(text.length);
    if (index !== undefined) {
      const key = expandText(state, index, runSubstitution);
      if (held?.kind === "list") held.items.set(key, text);
      else state.variables.set(name, { kind: "list", items: new Map([[key, text]]) });
      return;
    }
  } catch (error) {
    if (!(error instanceof Unknowable)) throw error;
    state.variables.set(name, { kind: "unknown", why: error.message });
    return;
  }
  if (append && held?.kind === "unknown") return;
  state.set(name, append && held?.kind === "text" ? held.text + text : text);
}

const isDeclaration = (word: string | undefined): boolean =>
  word === "declare" || word === "local" || word === "export" || word === "typeset" || word === "readonly";

function declare(state: ShellState, words: readonly string[]): void {
  const isList = words.some((word) => /^-[a-zA-Z]*[aA]/.test(word));
  for (const word of words)
    if (isList && !word.startsWith("-") && !state.variables.has(word)) state.variables.set(word, { kind: "list", items: new Map() });
}

// ---- redirects

type Flow = {
  readonly input: Stream;
  readonly output: Stream;
  readonly file: { readonly path: string; readonly append: boolean } | undefined;
};

function redirect(state: ShellState, redirects: readonly Redirect[], input: Stream, output: Stream): Flow {
  let [from, to, file]: [Stream, Stream, Flow["file"]] = [input, output, undefined];
  for (const { operator, descriptor, word } of redirects) {
    const text = (): string => expandText(state, word as Word, runSubstitution);
    if (operator === "<<") from = stream(text());
    else if (operator === "<<<") from = stream(`${text()}\n`);
    else if (operator === "<") from = readStream(state, text());
    else if (operator === ">&") {
      if (descriptor === 1) [to, file] = [stream(), undefined];
    } else if (descriptor === 1) {
      const path = state.path(text());
      [to, file] = [stream(), path === "/dev/stdout" ? undefined : { path, append: operator === ">>" }];
      if (path === "/dev/stdout") to = output;
    }
  }
  return { input: from, output: to, file };
}

export function readStream(state: ShellState, path: string): Stream {
  const node = state.files.node(state.path(path));
  if (node?.kind === "file") return stream(node.text);
  const made = stream();
  made.unknown = `what ${path.slice(path.lastIndexOf("/") + 1)} holds`;
  return made;
}

function finish(state: ShellState, flow: Flow, output: Stream): void {
  if (flow.file === undefined) return;
  const { path, append } = flow.file;
  if (path === "/dev/null" || path === "/dev/stderr" || flow.output === output) return;
  const held = append ? state.files.node(path) : undefined;
  if (flow.output.unknown !== undefined || held?.kind === "unknown") {
    state.files.write(path, unknown(flow.output.unknown ?? "a file that only the build can make"));
    return;
  }
  if (flow.output.formatted) state.formatted = true;
  state.count(flow.output.text.length);
  const [text, executable] = held?.kind === "file" ? [held.text + flow.output.text, held.executable] : [flow.output.text, false];
  state.files.write(path, { kind: "file", text, executable });
}

/** Whether following a script could change a file; messages and failures do not. */
function hasEffect(script: Script): boolean {
  return script.some(({ pipeline }) => pipeline.commands.some(commandHasEffect));
}

function commandHasEffect(command: Command): boolean {
  if (command.kind === "function" || command.kind === "test") return false;
  if (
    command.kind !== "unsupported" &&
    command.redirects.some(({ operator, descriptor }) => descriptor === 1 && (operator === ">" || operator === ">>"))
  )
    return true;
  if (command.kind === "simple") return command.words.length > 0 ? writes(literal(command.words[0] as Word) ?? "") : false;
  if (command.kind === "if") return command.branches.some(({ body }) => hasEffect(body)) || hasEffect(command.otherwise);
  if (command.kind === "case") return command.branches.some(({ body }) => hasEffect(body));
  if (command.kind === "unsupported") return true;
  return hasEffect(command.body);
}

const writes = (program: string): boolean => !silent.has(program);
const silent = new Set([
  "echo",
  "printf",
  "exit",
  "return",
  "false",
  "true",
  ":",
  "continue",
  "break",
  "[",
  "test",
  "cat",
  "local",
  "export",
  "set",
  "shopt",
  "trap",
  "umask",
  "grep",
  "diff",
  "nixErrorLog",
  "nixWarnLog",
  "nixInfoLog",
]);
