import type { ShellState } from "./shell-state.ts";

/**
 * /etc is made by one function that is called a few hundred times, in every host of a fleet and on both sides: `makeEtcEntry` of nixos/modules/system/etc/etc.nix. Where the
 * function is that one, what a call leaves is written down at once; any other is followed. Returns false where it has to be.
 */
export function makeEtcEntry(state: ShellState, functionText: string, words: readonly string[]): boolean {
  const [source = "", target = "", mode = "", user = "", group = ""] = words;
  if (!isKnown.every((line) => functionText.includes(line)) || source.includes("*") || !/^[^/]/.test(target)) return false;
  const etc = `${state.text("out")}/etc`;
  const path = `${etc}/${target}`;
  const cut = target.lastIndexOf("/");
  state.step();
  state.files.makeDirectory(cut === -1 ? etc : `${etc}/${target.slice(0, cut)}`, true);
  // What stands there already is kept, and what is behind a link is looked at: `[ -e … ]`.
  if (state.files.node(path) === undefined) state.files.write(path, { kind: "symlink", target: source });
  if (mode !== "symlink") {
    for (const [suffix, value] of [
      ["mode", mode],
      ["uid", user],
      ["gid", group],
    ] as const) {
      if (functionText.includes(`"$out/etc/$target.${suffix}"`))
        state.files.write(`${path}.${suffix}`, { kind: "file", text: `${value}\n`, executable: false });
    }
  }
  state.status = 0;
  return true;
}

const isKnown = [
  'src="$1"',
  'target="$2"',
  'mode="$3"',
  'mkdir -p "$out/etc/$(dirname "$target")"',
  'if ! [ -e "$out/etc/$target" ]; then',
  'ln -s "$src" "$out/etc/$target"',
  'if [ "$mode" != symlink ]; then',
];
