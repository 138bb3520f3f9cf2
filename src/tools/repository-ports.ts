import type { Copied, WorkingCopy } from "../proposal/working-copy.ts";
import type { ToolAnswer } from "./tool.ts";

/** What tools about the repository are given: a copy of it, and what of it may be changed. */
export type RepositoryPorts = {
  readonly copy: WorkingCopy;
  /** Why a path may not be changed, as a clause; undefined where it may. */
  readonly forbidden: (path: string) => string | undefined;
};

/** An answer of the copy as a tool says it. */
export function answered<T>(copied: Copied<T>, text: (value: T) => string, path?: string): ToolAnswer {
  if (!copied.ok) return { refused: `${copied.problem.slice(0, 1).toUpperCase()}${copied.problem.slice(1)}.` };
  return { text: text(copied.value), keep: "head", ...(path === undefined ? {} : { path }) };
}
