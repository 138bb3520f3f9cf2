import type { FlakeOutputs } from "./discover.ts";
import type { Sources } from "./source.ts";

/** Where commits are compared, what a reader would otherwise miss: why there is nothing to compare with, and that a policy is not yet the one in force. */
export function sourceNotes(sources: Sources, base: FlakeOutputs | undefined, head: FlakeOutputs): string[] {
  const notes = sources.baseMissing === undefined ? [] : [`Every host counts as new, because ${sources.baseMissing}.`];
  if (base !== undefined && base.deployGate === undefined && head.deployGate !== undefined)
    notes.push("The policy deployGate is new in this change; until it is merged everything is only observed.");
  return notes;
}
