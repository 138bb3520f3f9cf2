import { Unknowable } from "./shell-state.ts";
import type { Call, Known } from "./shell-commands.ts";

/** nixpkgs' own helpers for texts with holes (`pkgs/stdenv/generic/setup.sh`) and for wrappers (`make-wrapper.sh`). */

function readFile(call: Call, path: string): { readonly text: string; readonly executable: boolean } {
  const node = call.state.files.node(call.state.path(path));
  if (node?.kind !== "file") throw new Unknowable(`what ${path.slice(path.lastIndexOf("/") + 1)} holds`);
  return node;
}

function replaceHoles(call: Call, text: string, words: readonly string[]): string {
  let made = text;
  for (let at = 0; at < words.length;) {
    const [option = "", first = "", second = ""] = words.slice(at, at + 3);
    if (option === "--subst-var") {
      made = made.replaceAll(`@${first}@`, () => call.state.text(first));
      at += 2;
    } else if (option === "--subst-var-by") {
      made = made.replaceAll(`@${first}@`, () => second);
      at += 3;
    } else if (/^--replace(-fail|-warn|-quiet)?$/.test(option)) {
      if (first !== "") made = made.replaceAll(first, () => second);
      at += 3;
    } else throw new Unknowable("substitute");
    call.state.count(made.length);
  }
  return made;
}

function substituteAll(call: Call, text: string): string {
  return text.replace(/@([a-z][A-Za-z0-9_]*)@/g, (whole, name: string) => (call.state.variables.has(name) ? call.state.text(name) : whole));
}

const substituteInPlace: Known = (call) => {
  const split = call.words.findIndex((word) => word.startsWith("--"));
  const files = split === -1 ? call.words : call.words.slice(0, split);
  for (const file of files) {
    const { text, executable } = readFile(call, file);
    call.state.files.write(call.state.path(file), {
      kind: "file",
      text: replaceHoles(call, text, split === -1 ? [] : call.words.slice(split)),
      executable,
    });
  }
  return 0;
};

const substitute: Known = (call) => {
  const [from = "", to = "", ...rest] = call.words;
  const { text } = readFile(call, from);
  call.state.files.write(call.state.path(to), { kind: "file", text: replaceHoles(call, text, rest), executable: false });
  return 0;
};

const substituteAllInto: Known = (call) => {
  const [from = "", to = from] = call.words;
  const { text } = readFile(call, from);
  call.state.files.write(call.state.path(to), { kind: "file", text: substituteAll(call, text), executable: false });
  return 0;
};

/** `wrapProgram FILE --set NAME VALUE …`: what the wrapper sets is what a reader looks for. */
const wrapProgram: Known = (call) => {
  const [file = "", ...rest] = call.words;
  const path = call.state.path(file);
  const cut = path.lastIndexOf("/");
  const hidden = `${path.slice(0, cut)}/.${path.slice(cut + 1)}-wrapped`;
  const node = call.state.files.node(path, false);
  if (node !== undefined) call.state.files.write(hidden, node);
  call.state.files.write(path, {
    kind: "file",
    executable: true,
    text: `#!/bin/bash -e\n${wrapperLines(rest)}exec -a "$0" "${hidden}"  "$@"\n`,
  });
  return 0;
};

const makeWrapper: Known = (call) => {
  const [from = "", to = "", ...rest] = call.words;
  call.state.files.write(call.state.path(to), {
    kind: "file",
    executable: true,
    text: `#!/bin/bash -e\n${wrapperLines(rest)}exec "${from}"  "$@"\n`,
  });
  return 0;
};

function wrapperLines(words: readonly string[]): string {
  let lines = "";
  for (let at = 0; at < words.length;) {
    const [option = "", first = "", second = "", third = ""] = words.slice(at, at + 4);
    if (option === "--set" || option === "--set-default") {
      lines += `export ${first}='${second}'\n`;
      at += 3;
    } else if (option === "--prefix" || option === "--suffix") {
      lines += `export ${first}='${third}'${second}$${first}\n`;
      at += 4;
    } else {
      lines += `# ${option} ${first}\n`;
      at += 2;
    }
  }
  return lines;
}

export const substituteCommands: ReadonlyMap<string, Known> = new Map<string, Known>([
  ["substituteInPlace", substituteInPlace],
  ["substitute", substitute],
  ["substituteAll", substituteAllInto],
  [
    "substituteAllInPlace",
    (call) => {
      for (const file of call.words) substituteAllInto({ ...call, words: [file, file] });
      return 0;
    },
  ],
  ["wrapProgram", wrapProgram],
  ["wrapProgramShell", wrapProgram],
  ["makeWrapper", makeWrapper],
  ["makeShellWrapper", makeWrapper],
]);
