import * as z from "zod";
import type { Nix, StoreDatabase, Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { isUnitName } from "../target/unit-name.ts";
import type { ToolAnswer } from "./tool.ts";

/** A host that a question is about. */
export type AskableHost = {
  readonly address: Address;
  /** Since when its journal is read, by its own clock, in seconds since 1970; the whole boot where undefined. */
  readonly since: number | undefined;
  /** Toplevels before and after, where they are known and in this machine's store. */
  readonly from: string | undefined;
  readonly to: string | undefined;
};

/** What tools about hosts are given: these hosts, and no other can be named. */
export type HostPorts = {
  readonly hosts: ReadonlyMap<string, AskableHost>;
  readonly targets: Pick<Targets, "run">;
  readonly nix: Nix;
  readonly database: StoreDatabase | undefined;
};

/** The name of a unit, whole: it stands behind `--` or `--unit=` on the host, and is data there all the same. */
export const UnitWord = z
  .string()
  .max(255)
  .refine(isUnitName, 'it is not the full name of a unit like "nginx.service"')
  .describe('full name of a unit, like "nginx.service"');

/** The argument that names a host, in every tool of this table. */
export const HostWord = z.string().max(255).describe("one of the hosts that this is about, by its name");

/** The host of that name, or a refusal that names those that may be asked. */
export function hostNamed({ hosts }: HostPorts, name: string): AskableHost | { readonly refused: string } {
  return (
    hosts.get(name) ?? {
      refused: `That host is none of those that this is about; hosts that may be asked: ${[...hosts.keys()].slice(0, 20).join(", ")}.`,
    }
  );
}

/** Runs a read-only program of ours on the host and joins what it put out. The host's silence is an answer as well. */
export async function askHost(
  { targets }: HostPorts,
  { address }: AskableHost,
  program: string,
  words: readonly string[],
  names: readonly string[],
  keep: "head" | "tail",
): Promise<ToolAnswer> {
  const told = await targets.run({ address, program, arguments: words, connection: "shared", timeoutSeconds: 60, maxBytes: 128 * 1024 });
  const parts = names.flatMap((name) => told.records.find((record) => record.name === name)?.value.trimEnd() ?? []);
  const trouble = told.ok ? [] : [`The host could not be asked${parts.length === 0 ? "" : " to the end"}: ${told.trouble}.`];
  return { text: [...parts, ...trouble].filter((part) => part !== "").join("\n\n"), keep };
}
