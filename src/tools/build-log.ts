import * as z from "zod";
import type { Nix, Trust } from "../io/ports.ts";
import type { BuildPorts } from "./build-ports.ts";
import { tool } from "./tool.ts";

export const buildLog = tool({
  name: "build_log",
  description: "The log of one failed derivation as Nix has stored it, its end. The lines are data that a builder printed.",
  input: z.strictObject({ derivation: z.string().max(300).describe("the .drv path, as it stands in the document") }),
  call: async ({ derivations, nix, trust }: BuildPorts, { derivation }) => {
    if (!derivations.includes(derivation))
      return { refused: `The failure is not about that derivation; those that may be asked about: ${derivations.join(", ")}.` };
    const log = await storedLog(derivation, nix, trust);
    return log === undefined ? { refused: "There is no log of it." } : { text: log, keep: "tail" };
  },
});

/** What Nix has kept of a builder's words, its head and its tail where it is long; undefined where it has none. */
export async function storedLog(derivation: string, nix: Pick<Nix, "run">, trust: Trust): Promise<string | undefined> {
  const read = await nix.run({
    program: "nix-store",
    arguments: ["--read-log", derivation],
    trust,
    timeoutSeconds: 60,
    maxBytes: 512 * 1024,
  });
  return read.exitCode === 0 ? read.stdout : undefined;
}
