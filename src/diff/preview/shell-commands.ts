import { evaluateTest } from "./shell-test.ts";
import { fileCommands } from "./shell-file-commands.ts";
import { Leave, Unknowable, type ShellState, type Stream } from "./shell-state.ts";
import { substituteCommands } from "./substitute-commands.ts";

export type Call = { readonly state: ShellState; readonly words: readonly string[]; readonly input: Stream; readonly output: Stream };
/** Follows one program; returns its status. Throws Unknowable where only the build can tell. */
export type Known = (call: Call) => number;

/** The program of that name, by its last component: builders name programs by their store path. */
export function knownCommand(program: string): Known | undefined {
  const name = program.slice(program.lastIndexOf("/") + 1);
  return builtins.get(name) ?? fileCommands.get(name) ?? substituteCommands.get(name);
}

function write({ state, output }: Call, text: string): void {
  state.count(text.length);
  if (output.unknown === undefined) output.text += text;
}

const nothing: Known = () => 0;

function echo(call: Call): number {
  let [line, escapes, at] = ["\n", false, 0];
  for (; at < call.words.length; at += 1) {
    const word = call.words[at] as string;
    if (!/^-[neE]+$/.test(word)) break;
    if (word.includes("n")) line = "";
    if (word.includes("e")) escapes = true;
  }
  const text = call.words.slice(at).join(" ");
  write(call, (escapes ? unescape(text) : text) + line);
  return 0;
}

function printf(call: Call): number {
  let [format = "", ...rest] = call.words[0] === "--" ? call.words.slice(1) : call.words;
  if (/%[^sdib%]/.test(format) || format === "-v") throw new Unknowable("printf");
  format = unescape(format);
  let text = "";
  do {
    const used = rest.length;
    text += format.replace(/%([sdib%])/g, (_, kind: string) => {
      if (kind === "%") return "%";
      const [word = kind === "s" || kind === "b" ? "" : "0", ...others] = rest;
      rest = others;
      return kind === "b" ? unescape(word) : word;
    });
    if (rest.length === used) break;
  } while (rest.length > 0);
  write(call, text);
  return 0;
}

const unescape = (text: string): string =>
  text.replace(/\\(n|t|r|\\|"|0?[0-7]{1,3}|x[0-9a-fA-F]{1,2})/g, (_, code: string) => {
    if (code.startsWith("x")) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    return { n: "\n", t: "\t", r: "\r" }[code] ?? code;
  });

function cat(call: Call): number {
  const files = call.words.filter((word) => word === "-" || !word.startsWith("-"));
  for (const file of files.length === 0 ? ["-"] : files) {
    if (file === "-" || file === "/dev/stdin") {
      if (call.input.unknown !== undefined) throw new Unknowable(call.input.unknown);
      if (call.input.formatted) call.output.formatted = true;
      write(call, call.input.text);
      continue;
    }
    const node = call.state.files.node(call.state.path(file));
    if (node?.kind === "unknown") throw new Unknowable(`what ${file.slice(file.lastIndexOf("/") + 1)} holds`);
    if (node?.kind === "file") write(call, node.text);
  }
  return 0;
}

function test(call: Call, words: readonly string[]): number {
  return evaluateTest(
    call.state,
    words.map((text) => ({ text, pattern: text })),
    false,
  )
    ? 0
    : 1;
}

function leave(how: Leave["how"]): Known {
  return ({ state, words }) => {
    if ((how === "return" || how === "exit") && words[0] !== undefined) state.status = Number(words[0]);
    throw new Leave(how);
  };
}

const builtins: ReadonlyMap<string, Known> = new Map<string, Known>([
  ["echo", echo],
  ["printf", printf],
  ["cat", cat],
  ["true", nothing],
  [":", nothing],
  ["false", () => 1],
  ["set", nothing],
  ["shopt", nothing],
  ["trap", nothing],
  ["umask", nothing],
  ["wait", nothing],
  ["runHook", nothing],
  ["nixLog", nothing],
  ["nixInfoLog", nothing],
  ["nixErrorLog", nothing],
  ["[", (call) => test(call, call.words.slice(0, -1))],
  ["test", (call) => test(call, call.words)],
  ["return", leave("return")],
  ["exit", leave("exit")],
  ["break", leave("break")],
  ["continue", leave("continue")],
  [
    "unset",
    ({ state, words }) => {
      for (const word of words) state.variables.delete(word);
      return 0;
    },
  ],
  [
    "shift",
    ({ state, words }) => {
      state.positional = state.positional.slice(Number(words[0] ?? 1));
      return 0;
    },
  ],
  [
    "cd",
    ({ state, words }) => {
      state.directory = state.files.resolve(state.path(words[0] ?? "/build")) ?? state.directory;
      return 0;
    },
  ],
  [
    "pwd",
    (call) => {
      write(call, `${call.state.directory}\n`);
      return 0;
    },
  ],
  [
    "basename",
    (call) => {
      const [path = "", suffix = ""] = call.words.filter((word) => word !== "--");
      const base = path.replace(/\/+$/, "").split("/").at(-1) ?? "";
      write(call, `${suffix !== "" && base !== suffix && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base}\n`);
      return 0;
    },
  ],
  [
    "dirname",
    (call) => {
      const path = (call.words.filter((word) => word !== "--")[0] ?? "").replace(/\/+$/, "");
      const cut = path.lastIndexOf("/");
      write(call, `${cut === -1 ? "." : cut === 0 ? "/" : path.slice(0, cut)}\n`);
      return 0;
    },
  ],
  [
    "readlink",
    (call) => {
      const follow = call.words.some((word) => /^-[a-z]*[fem]/.test(word));
      const path = call.state.path(call.words.filter((word) => !word.startsWith("-"))[0] ?? "");
      const node = call.state.files.node(path, false);
      if (!follow && node?.kind === "unknown") throw new Unknowable(`where ${path} leads`);
      const target = follow ? call.state.files.resolve(path) : node?.kind === "symlink" ? node.target : undefined;
      if (target !== undefined) write(call, `${target}\n`);
      return target === undefined ? 1 : 0;
    },
  ],
]);
