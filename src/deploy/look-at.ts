import type { Look } from "../apply/host-look.ts";
import type { BriefObservation } from "../target/observation.ts";
import { observe, type Observed } from "../target/observe.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";

/** One look at everything on the host that a proof needs. */
export const lookAt = async (
  { address }: Pick<Change, "address">,
  { targets }: Pick<DeployWorld, "targets">,
  sysctl: readonly string[] = [],
): Promise<Look> => lookOf(await observe(targets, address, { sysctl }));

/** One look at how the host stands; a fresh login where that is to be shown. */
export const glanceAt = async (
  { address }: Pick<Change, "address">,
  { targets }: Pick<DeployWorld, "targets">,
  much: "brief" | "health" = "brief",
  connection: "shared" | "new" = "shared",
): Promise<Look<BriefObservation>> => lookOf(await observe(targets, address, { much, connection }));

function lookOf<Seen extends BriefObservation>(observed: Observed<Seen>): Look<Seen> {
  return observed.ok
    ? { kind: "observed", observation: observed.observation }
    : { kind: "silent", trouble: observed.trouble, detail: observed.failure.detail ?? observed.failure.message };
}
