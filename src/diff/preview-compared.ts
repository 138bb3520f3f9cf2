import type { HostSides } from "../build/sides.ts";
import type { Nix, StoreFiles, Trust } from "../io/ports.ts";
import type { Compared } from "./compare-fleet.ts";
import { previewFleet } from "./preview/preview-fleet.ts";
import { standingOf } from "./standing.ts";

/** Compares every host that changes from its derivations, before anything is built; what cannot be known yet is in each diff's `unknown`. */
export async function previewCompared(
  fleet: readonly HostSides[],
  options: { readonly nix: Nix; readonly store: StoreFiles; readonly trust: Trust; readonly timeoutSeconds: number },
): Promise<Compared[]> {
  const standings = fleet.map((sides) => ({ sides, standing: standingOf(sides) }));
  const pairs = standings.flatMap(({ sides: { host, before, after }, standing }) =>
    (standing.state === "changed" || standing.state === "added") && after.kind === "known"
      ? [{ host, before: before.kind === "known" ? before.evaluation.drvPath : undefined, after: after.evaluation.drvPath }]
      : [],
  );
  const previews = await previewFleet(pairs, options);
  return standings.map(({ sides, standing }): Compared => {
    if (standing.state !== "changed" && standing.state !== "added") return { sides, standing };
    const preview = previews.get(sides.host);
    if (preview === undefined) throw new Error(`no preview for ${sides.host}`);
    if ("code" in preview) return { sides, standing: { state: "failed", stage: "diff", failure: preview, atBase: false } };
    if (standing.state === "added") return { sides, standing, after: preview.after };
    if (preview.before === undefined || preview.diff === undefined) throw new Error(`${sides.host} was not compared`);
    return { sides, standing, comparison: { from: preview.before, to: preview.after, diff: preview.diff } };
  });
}
