import type { BuildFiles } from "./build-files.ts";
import { clean } from "./build-node.ts";
import type { Script } from "./shell-syntax.ts";

/** Thrown where only the build itself can tell: a program's output, a file of a package, a part of the shell that is not read here. */
export class Unknowable extends Error {}

/** Thrown where a script is too long to follow, on purpose or not; the whole build is then unknown. */
export class OverBudget extends Error {}

/** `break`, `continue`, `return` and `exit` on their way out. */
export class Leave extends Error {
  readonly how: "break" | "continue" | "return" | "exit";
  constructor(how: Leave["how"]) {
    super(how);
    this.how = how;
  }
}

export type Value =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly items: Map<string, string> }
  | { readonly kind: "unknown"; readonly why: string };

/**
 * What flows through a pipe or into a file. `formatted`: a program that is not known here has passed over it, so it is what stood before, such as a configuration that a
 * formatter lays out anew.
 */
export type Stream = { text: string; unknown: string | undefined; formatted: boolean };
export const stream = (text = ""): Stream => ({ text, unknown: undefined, formatted: false });

/** Steps of one build: the /etc of a large host takes about ten thousand, a second in all. */
const maxSteps = 100_000;

/** What all builds of a run may take together, so that a stranger's thousand slow scripts end as well: about a minute. */
export type Budget = { steps: number };
export const newBudget = (): Budget => ({ steps: 5_000_000 });
/** Characters that one build may hold or write. */
const maxText = 32 << 20;

/** What a script has to work with. */
export class ShellState {
  readonly files: BuildFiles;
  readonly variables = new Map<string, Value>();
  readonly functions = new Map<string, { readonly body: Script; readonly text: string }>();
  positional: readonly string[] = [];
  directory = "/build";
  /** Undefined where only the build can tell. */
  status: number | undefined = 0;
  /** What could not be followed and may have left its mark on the output, as parts of sentences. */
  readonly gaps = new Set<string>();
  /** What is shown as it was before a program formatted it. */
  formatted = false;
  readonly #budget: Budget;
  #steps = 0;
  #written = 0;

  constructor(files: BuildFiles, budget = newBudget()) {
    this.files = files;
    this.#budget = budget;
  }

  step(): void {
    this.#steps += 1;
    this.#budget.steps -= 1;
    if (this.#steps > maxSteps || this.#budget.steps < 0) throw new OverBudget("it has too many steps");
  }

  count(characters: number): void {
    this.#written += characters;
    if (this.#written > maxText) throw new OverBudget("it writes too much");
  }

  text(name: string): string {
    const value = this.variables.get(name);
    if (value === undefined) return "";
    if (value.kind === "unknown") throw new Unknowable(value.why);
    return value.kind === "text" ? value.text : (value.items.values().next().value ?? "");
  }

  set(name: string, text: string): void {
    this.variables.set(name, { kind: "text", text });
  }

  path(path: string): string {
    return clean(path.startsWith("/") ? path : `${this.directory}/${path}`);
  }

  gap(why: string): void {
    if (this.gaps.size < 20) this.gaps.add(why);
  }
}
