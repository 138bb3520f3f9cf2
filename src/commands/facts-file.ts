import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { HostFacts } from "../classify/host-facts.ts";
import { type GateError, gateError } from "../failure.ts";

const maxBytes = 1 << 20;

/** Facts of one host from a file that somebody wrote by hand. `notes` are sentences: a key that nobody knows may be a misspelt one. Throws the failure `usage` where it cannot be used. */
export function readFacts(file: string, directory: string): { readonly facts: HostFacts; readonly notes: readonly string[] } {
  const path = resolve(directory, file);
  const unusable = (problem: string, cause?: unknown): GateError =>
    gateError("usage", { problem: `The facts in ${file} are not usable: ${problem}.`, command: "diff" }, undefined, cause);
  const value = parse(read(path, unusable), unusable);
  const parsed = z.looseObject(HostFacts.shape).safeParse(value);
  if (!parsed.success) throw unusable(z.prettifyError(parsed.error).replace(/\s+/g, " "));
  const unknown = Object.keys(parsed.data).filter((key) => !Object.hasOwn(HostFacts.shape, key));
  return {
    facts: HostFacts.parse(value),
    notes: unknown.length === 0 ? [] : [`unknown facts are ignored: ${unknown.join(", ")}`],
  };
}

type Unusable = (problem: string, cause?: unknown) => GateError;

/** A FIFO, which would stop us, and a directory are told by what they are before anything is opened. */
function read(path: string, unusable: Unusable): string {
  let problem: string | undefined;
  try {
    const stats = statSync(path);
    if (!stats.isFile()) problem = "it is not a file";
    else if (stats.size > maxBytes) problem = "it is larger than 1 MiB";
    else return readFileSync(path, "utf8");
  } catch (error) {
    throw unusable(said(error), error);
  }
  throw unusable(problem);
}

function parse(text: string, unusable: Unusable): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unusable(`it is not JSON (${said(error)})`, error);
  }
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));
