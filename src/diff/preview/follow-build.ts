import { BuildFiles, buildDirectory } from "./build-files.ts";
import { unknown, type BuildNode, type Places } from "./build-node.ts";
import type { Derivation } from "./derivation.ts";
import { followScript } from "./shell-run.ts";
import { type Budget, OverBudget, ShellState } from "./shell-state.ts";
import { wellKnownBuild } from "./well-known-build.ts";
import { ShellSyntaxError } from "./shell-words.ts";
import type { StorePath } from "../system.ts";

/** What a build would leave, as far as it can be told without it. */
export type Followed = {
  readonly outputs: ReadonlyMap<StorePath, BuildNode>;
  /** Parts of the build that could not be followed and may have changed more, as half sentences. */
  readonly gaps: readonly string[];
  /** Some text is shown as it stood before a program formatted it. */
  readonly formatted: boolean;
};

/** Follows the script of a derivation in memory; nothing is run. Outputs of packages, which have none, are unknown. */
export function followBuild(derivation: Derivation, store: Places, budget?: Budget): Followed {
  const outputs = [...derivation.outputs.values()];
  const { build } = derivation;
  if (build === undefined)
    return { outputs: new Map(outputs.map((path) => [path, unknown("made by its own build")])), gaps: [], formatted: false };
  const only = outputs.length === 1 ? outputs[0] : undefined;
  const wellKnown = only === undefined ? undefined : wellKnownBuild(build);
  if (only !== undefined && wellKnown !== undefined) return { outputs: new Map([[only, wellKnown]]), gaps: [], formatted: false };
  const files = new BuildFiles(store, outputs);
  const state = new ShellState(files, budget);
  for (const [name, value] of build.environment) {
    if (typeof value !== "string") state.variables.set(name, { kind: "list", items: new Map(value) });
    else if (build.passAsFile.includes(name)) {
      const path = `${buildDirectory}/.attr-${name}`;
      files.write(path, { kind: "file", text: value, executable: false });
      state.set(`${name}Path`, path);
    } else state.set(name, value);
  }
  // nixpkgs hands its own script over in this way as well, and then both names are there.
  if (build.passAsFile.includes("buildCommand")) state.set("buildCommand", build.script);
  for (const [name, path] of derivation.outputs) state.set(name, path);
  state.set("NIX_BUILD_TOP", buildDirectory);
  state.set("TMPDIR", buildDirectory);
  state.set("HOME", "/homeless-shelter");
  state.set("NIX_STORE", store.prefix);
  let problem: string | undefined;
  try {
    followScript(state, build.script);
  } catch (error) {
    if (!(error instanceof ShellSyntaxError) && !(error instanceof OverBudget) && !(error instanceof RangeError)) throw error;
    problem = `its script cannot be followed: ${error.message}`;
  }
  const made = new Map<StorePath, BuildNode>();
  for (const path of outputs)
    made.set(path, problem === undefined ? (files.output(path) ?? unknown("made by a program of its build")) : unknown(problem));
  return { outputs: made, gaps: problem === undefined ? [...state.gaps] : [problem], formatted: state.formatted };
}
