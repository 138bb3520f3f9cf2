import type { TargetTrouble } from "../io/ports.ts";
import type { Observation } from "../target/observation.ts";

/** What a look at a host gave. */
export type Look =
  | { readonly kind: "observed"; readonly observation: Observation }
  | { readonly kind: "silent"; readonly trouble: TargetTrouble; readonly detail: string };
