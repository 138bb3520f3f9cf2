import { unknown } from "./build-node.ts";
import { buildDirectory } from "./build-files.ts";
import type { ShellState, Stream } from "./shell-state.ts";

/** Programs that change the files they are given; all others only read them (checks, compilers, formatters that write elsewhere). */
const changesItsFiles = new Set([
  "patch",
  "patchShebangs",
  "strip",
  "gzip",
  "xz",
  "zstd",
  "bzip2",
  "fixupPhase",
  "wrapGApp",
  "perl",
  "ed",
  "ex",
  "update-mime-database",
  "rsync",
  "unzip",
  "tar",
]);

/**
 * What is left of a program that is not known here. It is taken to succeed, since a build whose steps fail gives nothing at all.
 *
 * A text that goes through it (`jq . "$valuePath" > $out`, `json2toml "$valuePath" "$out"`, `awk -f format.awk "$textPath"`) is carried on as it stood: nixpkgs lays out
 * configuration this way, and what changes in the text changes in the file. It is marked as formatted. Everything else that it makes is unknown.
 */
export function unknownProgram(state: ShellState, words: readonly string[], input: Stream, output: Stream, why: string): void {
  const [program = "", ...rest] = words;
  const name = program.slice(program.lastIndexOf("/") + 1);
  const source = sourceOf(state, rest, input);
  if (source === undefined) output.unknown ??= why;
  else {
    output.text += source;
    output.formatted = true;
  }
  for (const word of rest) {
    const path = state.path(word.replace(/^--?[A-Za-z-]+=/, ""));
    if (!state.files.isOutput(path) && !path.startsWith(`${buildDirectory}/`)) continue;
    const node = state.files.node(path, false);
    const inPlace =
      changesItsFiles.has(name) || (name === "sed" && rest.some((one) => /^-[a-zA-Z]*i/.test(one) || one.startsWith("--in-place")));
    if (node === undefined) {
      if (!state.files.isOutput(path)) continue;
      if (source !== undefined) state.formatted = true;
      state.files.write(path, source === undefined ? unknown(why) : { kind: "file", text: source, executable: false });
    } else if (node.kind === "file" && inPlace) {
      // As it stood before: what changes in it still shows.
      state.formatted = true;
    } else if (node.kind === "directory" && inPlace) {
      state.gap(why);
    }
  }
  if (state.files.isOutput(state.directory) || rest.some((word) => isOwnDirectory(state, word))) state.gap(why);
  // A search or a comparison answers by its status, and nobody but the build knows which.
  state.status = ["grep", "diff", "cmp", "find", "egrep", "fgrep"].includes(name) ? undefined : 0;
}

function isOwnDirectory(state: ShellState, word: string): boolean {
  const path = state.path(word);
  return state.files.isOutput(path) && state.files.node(path)?.kind === "directory";
}

/** The one text that a program is given: on its input, or as the file of an attribute (`$textPath`, `$valuePath`). */
function sourceOf(state: ShellState, words: readonly string[], input: Stream): string | undefined {
  if (input.unknown !== undefined) return undefined;
  if (input.text !== "") return input.text;
  const texts = words.filter((word) => word.startsWith(`${buildDirectory}/.attr-`)).map((word) => state.files.node(word));
  const [only] = texts;
  return texts.length === 1 && only?.kind === "file" ? only.text : undefined;
}
