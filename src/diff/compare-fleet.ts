import type { HostSides } from "../build/sides.ts";
import { type Comparison, diffFleet, type DiffPorts } from "./diff.ts";
import { type Standing, standingOf } from "./standing.ts";
import type { System } from "./system.ts";
import { readSystem, toplevelFailure } from "./toplevel.ts";

/** A host after the stage diff: how it stands, and what it can be judged by. */
export type Compared = { readonly sides: HostSides } & (
  | { readonly standing: Extract<Standing, { state: "changed" }>; readonly comparison: Comparison }
  | { readonly standing: Extract<Standing, { state: "added" }>; readonly after: System }
  | { readonly standing: Extract<Standing, { state: "unchanged" | "removed" | "failed" }> }
);

const activated = ({ after }: HostSides): string | undefined => (after.kind === "known" ? after.activates : undefined);

/** Compares every host that changed, all at once. A host that cannot be compared has failed at this stage, and no other with it. */
export async function compareFleet(fleet: readonly HostSides[], ports: DiffPorts): Promise<Compared[]> {
  const standings = fleet.map((sides) => ({ sides, standing: standingOf(sides) }));
  const pairs = standings.flatMap(({ sides, standing }) =>
    standing.state === "changed" ? [{ host: sides.host, from: standing.from, to: activated(sides) ?? standing.to }] : [],
  );
  const { hosts } = pairs.length === 0 ? { hosts: new Map<string, never>() } : await diffFleet(pairs, ports);
  return standings.map(({ sides, standing }): Compared => {
    switch (standing.state) {
      case "changed": {
        const result = hosts.get(sides.host);
        if (result === undefined) throw new Error(`no comparison for ${sides.host}`);
        if (!result.ok) return { sides, standing: { state: "failed", stage: "diff", failure: result.failure, atBase: false } };
        return { sides, standing, comparison: result.value };
      }
      case "added": {
        const problem = toplevelFailure(ports.store, standing.to);
        if (problem !== undefined) return { sides, standing: { state: "failed", stage: "diff", failure: problem, atBase: false } };
        return { sides, standing, after: readSystem(ports.store, standing.to) };
      }
      case "unchanged":
      case "removed":
      case "failed":
        return { sides, standing };
    }
  });
}
