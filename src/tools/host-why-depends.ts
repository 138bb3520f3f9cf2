import * as z from "zod";
import { readClosures } from "../diff/read-closures.ts";
import { reasonFor } from "../diff/why.ts";
import { HostWord, hostNamed, type HostPorts } from "./host-ports.ts";
import { tool } from "./tool.ts";

export const hostWhyDepends = tool({
  name: "why_depends",
  description:
    "Why something is in the new system of a host, or in the old one where only that has it: the shortest chain of references from the toplevel to it, one store path a line.",
  input: z.strictObject({
    host: HostWord,
    what: z.string().min(1).max(300).describe('a store path, or the name of a package like "openssl" or "openssl-3.0.14"'),
  }),
  call: async (ports: HostPorts, { host, what }) => {
    const asked = hostNamed(ports, host);
    if ("refused" in asked) return asked;
    const { from, to } = asked;
    const sides = [to, from].flatMap((path) => path ?? []);
    const [first] = sides;
    if (first === undefined) return { refused: "The systems of that host are not known." };
    const graph = await readClosures(ports.nix, sides, { database: ports.database });
    const { side, chain, others } = reasonFor(graph, from ?? first, to ?? first, what);
    if (side === undefined) return { refused: "It is in neither the old nor the new system of that host." };
    const more = others.length === 0 ? [] : [`(and ${others.length} further paths of that name)`];
    return { text: [`In the ${side === "to" ? "new" : "old"} system:`, ...chain, ...more].join("\n"), keep: "head" };
  },
});
