import * as z from "zod";
import type { Nix, Trust } from "../io/ports.ts";
import type { BuildPorts } from "./build-ports.ts";
import { tool } from "./tool.ts";

const derivationPath = /^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]{1,211}\.drv$/;

export const buildWhyDepends = tool({
  name: "why_depends",
  description: "Through what the system needs a derivation: the shortest chain from the system's derivation to it.",
  input: z.strictObject({ derivation: z.string().max(300).regex(derivationPath, "it is not the path of a derivation") }),
  call: async ({ toplevelDrv, nix, trust }: BuildPorts, { derivation }) => {
    if (toplevelDrv === undefined) return { refused: "The derivation of the system is not known." };
    const way = await wayTo(toplevelDrv, derivation, nix, trust);
    return way === "" ? { refused: "The system does not need that derivation, or it is not in the store." } : { text: way, keep: "head" };
  },
});

/** Through what a system needs a derivation, as Nix shows it; empty where it does not, or where Nix cannot say. */
export async function wayTo(toplevel: string, derivation: string, nix: Pick<Nix, "run">, trust: Trust): Promise<string> {
  const way = await nix.run({
    arguments: ["why-depends", "--derivation", toplevel, derivation],
    trust,
    timeoutSeconds: 60,
    maxBytes: 32 * 1024,
  });
  return way.exitCode === 0 ? way.stdout : "";
}
