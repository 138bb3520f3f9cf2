import type { Look } from "../apply/host-look.ts";
import { observe } from "../target/observe.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";

/** One look at the host; a fresh login where that is to be shown. */
export async function lookAt(
  change: Pick<Change, "address">,
  { targets }: Pick<DeployWorld, "targets">,
  connection: "shared" | "new" = "shared",
  sysctl: readonly string[] = [],
): Promise<Look> {
  const observed = await observe(targets, change.address, { connection, sysctl });
  return observed.ok
    ? { kind: "observed", observation: observed.observation }
    : { kind: "silent", trouble: observed.trouble, detail: observed.failure.detail ?? observed.failure.message };
}
