import { unknown, type BuildNode } from "./build-node.ts";
import { Unknowable } from "./shell-state.ts";
import type { Call, Known } from "./shell-commands.ts";

type Options = {
  readonly has: (letter: string, long?: string) => boolean;
  readonly value: string | undefined;
  readonly rest: readonly string[];
};

/** Options in GNU's order, anywhere; `valued` is the letter that takes the next word. */
function options(words: readonly string[], valued: string): Options {
  const letters = new Set<string>();
  const longs = new Set<string>();
  const rest: string[] = [];
  let value: string | undefined;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] as string;
    if (word === "--") {
      rest.push(...words.slice(at + 1));
      break;
    }
    if (word.startsWith("--")) longs.add(word.slice(2).split("=")[0] as string);
    else if (word.startsWith("-") && word.length > 1) {
      for (let index = 1; index < word.length; index += 1) {
        const letter = word[index] as string;
        letters.add(letter);
        if (!valued.includes(letter)) continue;
        const attached = word.slice(index + 1);
        if (attached === "") at += 1;
        if (letter !== "m" && letter !== "o" && letter !== "g") value = attached === "" ? words[at] : attached;
        break;
      }
    } else rest.push(word);
  }
  return { has: (letter, long) => letters.has(letter) || (long !== undefined && longs.has(long)), value, rest };
}

/** Where `ln`, `cp` and `mv` put a source: into the last word where that is a directory. */
function destination(call: Call, source: string, to: string, intoDirectory: boolean): string {
  const path = call.state.path(to);
  const isDirectory = intoDirectory && call.state.files.node(path)?.kind === "directory";
  const name = source.replace(/\/+$/, "").split("/").at(-1) ?? "";
  return isDirectory ? `${path.replace(/\/+$/, "")}/${name}` : path;
}

function each(call: Call, asked: Options, put: (source: string, to: string) => void, direct: boolean): number {
  const sources = asked.value === undefined ? asked.rest.slice(0, -1) : asked.rest;
  const to = asked.value ?? asked.rest.at(-1);
  if (to === undefined) return 1;
  if (asked.value === undefined && asked.rest.length === 1) {
    put(to, destination(call, to, ".", true));
    return 0;
  }
  for (const source of sources) {
    call.state.step();
    put(source, destination(call, source, to, !direct));
  }
  return 0;
}

const link: Known = (call) => {
  const asked = options(call.words, "tS");
  const symbolic = asked.has("s", "symbolic");
  const last = call.state.path(asked.rest.at(-1) ?? "");
  const isLink = call.state.files.node(last, false)?.kind === "symlink";
  const direct = asked.has("T", "no-target-directory") || (asked.has("n", "no-dereference") && isLink);
  const put = (source: string, to: string): void => {
    const exists = call.state.files.node(to, false);
    if (exists !== undefined && exists.kind !== "unknown" && !asked.has("f", "force")) return;
    const target = asked.has("r", "relative") ? relative(to, call.state.path(source)) : source;
    call.state.files.write(
      to,
      symbolic ? { kind: "symlink", target } : (call.state.files.node(call.state.path(source)) ?? unknown("a file that is linked to")),
    );
  };
  return each(call, asked, put, direct);
};

function relative(from: string, to: string): string {
  const [a, b] = [from.split("/").slice(0, -1), to.split("/")];
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same += 1;
  return [...a.slice(same).map(() => ".."), ...b.slice(same)].join("/");
}

const copy: Known = (call) => {
  const asked = options(call.words, "tS");
  const keepLinks =
    asked.has("d") || asked.has("P", "no-dereference") || asked.has("a", "archive") || asked.has("R") || asked.has("r", "recursive");
  const follow = !keepLinks || asked.has("L", "dereference");
  const put = (source: string, to: string): void => {
    const path = call.state.path(source);
    const trailing = source.endsWith("/.");
    const node = call.state.files.copy(path, follow);
    if (node === undefined) return;
    const target = trailing ? call.state.path(asked.value ?? asked.rest.at(-1) ?? "") : to;
    const held = call.state.files.node(target);
    if (node.kind === "directory" && held?.kind === "directory" && (trailing || asked.has("T"))) {
      for (const [name, child] of node.entries) call.state.files.write(`${target}/${name}`, child);
      if (!node.complete) held.complete = false;
    } else call.state.files.write(target, node);
  };
  return each(call, asked, put, asked.has("T"));
};

const move: Known = (call) => {
  const asked = options(call.words, "tS");
  const put = (source: string, to: string): void => {
    const path = call.state.path(source);
    const node = call.state.files.copy(path, false);
    if (node === undefined || path === to) return;
    call.state.files.remove(path);
    call.state.files.write(to, node);
  };
  return each(call, asked, put, asked.has("T"));
};

const makeDirectory: Known = (call) => {
  const asked = options(call.words, "m");
  for (const word of asked.rest) {
    call.state.step();
    call.state.files.makeDirectory(call.state.path(word).replace(/\/+$/, ""), asked.has("p", "parents"));
  }
  return 0;
};

const install: Known = (call) => {
  const asked = options(call.words, "mogtS");
  if (asked.has("d")) {
    for (const word of asked.rest) call.state.files.makeDirectory(call.state.path(word), true);
    return 0;
  }
  const put = (source: string, to: string): void => {
    if (asked.has("D")) call.state.files.makeDirectory(to.slice(0, to.lastIndexOf("/")), true);
    const node = call.state.files.node(call.state.path(source));
    if (node !== undefined) call.state.files.write(to, node.kind === "file" ? { ...node, executable: true } : node);
  };
  if (asked.value !== undefined && asked.has("D")) call.state.files.makeDirectory(call.state.path(asked.value), true);
  return each(call, asked, put, asked.has("T"));
};

const changeMode: Known = (call) => {
  const [mode = "", ...paths] = call.words.filter((word) => !/^-[Rfv]+$/.test(word));
  const executable = /\+[rwX]*x|=[rw]*x|^[0-7]*[1357][0-7]?[0-7]?$/.test(mode);
  for (const word of paths) {
    const path = call.state.path(word);
    const node = call.state.files.node(path);
    const place = call.state.files.resolve(path);
    if (executable && node?.kind === "file" && place !== undefined) call.state.files.write(place, { ...node, executable: true });
  }
  return 0;
};

const touch: Known = (call) => {
  for (const word of options(call.words, "dtr").rest) {
    const path = call.state.path(word);
    if (call.state.files.node(path) === undefined) call.state.files.write(path, { kind: "file", text: "", executable: false });
  }
  return 0;
};

const remove: Known = (call) => {
  for (const word of call.words) if (!word.startsWith("-")) call.state.files.remove(call.state.path(word));
  return 0;
};

/** `lndir FROM TO`: the directories are made anew, the files are links. */
const linkDirectory: Known = (call) => {
  const [from = "", to = "."] = call.words.filter((word) => !word.startsWith("-"));
  const node = call.state.files.node(call.state.path(from));
  if (node === undefined) return 1;
  if (node.kind !== "directory") throw new Unknowable(`which files there are in ${from}`);
  const place = (source: string, target: string, at: BuildNode): void => {
    call.state.step();
    if (at.kind !== "directory") {
      if (call.state.files.node(target, false) === undefined) call.state.files.write(target, { kind: "symlink", target: source });
      return;
    }
    call.state.files.makeDirectory(target, true);
    for (const [name, child] of at.entries) place(`${source}/${name}`, `${target}/${name}`, child);
    if (!at.complete) throw new Unknowable(`which files there are in ${from}`);
  };
  place(from, call.state.path(to), node);
  return 0;
};

export const fileCommands: ReadonlyMap<string, Known> = new Map<string, Known>([
  ["ln", link],
  ["cp", copy],
  ["mv", move],
  ["mkdir", makeDirectory],
  ["install", install],
  ["chmod", changeMode],
  ["chown", () => 0],
  ["touch", touch],
  ["rm", remove],
  ["rmdir", remove],
  ["lndir", linkDirectory],
  // Only the length changes, and only to fill a disk: what a text says stays.
  [
    "truncate",
    (call) =>
      touch({
        ...call,
        words: call.words.filter((word, index) => !word.startsWith("-") && !/^-s$|^--size$/.test(call.words[index - 1] ?? "")),
      }),
  ],
]);
