import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import * as z from "zod";
import { type GateError, gateError } from "../failure.ts";
import { Plan, type PlanHost } from "../report/plan.ts";
import { isNotWell } from "../diagnose/host-failure.ts";

/** A plan of a fleet of thousands has tens of megabytes. */
const maxBytes = 256 << 20;

/** The plan.json of an earlier run. Its strings are what strangers wrote, as ever. Throws the GateError `usage` where it is none. */
export function readPlan(file: string, directory: string, command: "diagnose" | "join" = "diagnose"): Plan {
  const path = resolve(directory, file);
  const unusable = (problem: string, cause?: unknown): GateError =>
    gateError("usage", { problem: `${file} is no plan.json that can be read: ${problem}.`, command }, undefined, cause);
  let text: string;
  try {
    const stats = statSync(path);
    // A FIFO would stop us.
    if (!stats.isFile()) throw unusable("it is no regular file");
    if (stats.size > maxBytes) throw unusable(`it is longer than ${maxBytes >> 20} MiB`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) throw unusable(`it cannot be read (${String(error.code)})`, error);
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusable("it is not JSON", error);
  }
  const parsed = Plan.safeParse(value);
  if (!parsed.success) throw unusable(z.prettifyError(parsed.error).split("\n").slice(0, 2).join(" ").replace(/\s+/g, " "), parsed.error);
  return parsed.data;
}

/** Hosts of the plan that failed, those that were asked for where some were. Throws the GateError `usage` for a name that the plan does not have or that did not fail. */
export function failedHosts(plan: Plan, names: readonly string[]): readonly PlanHost[] {
  const failed = plan.hosts.filter((host) => host.state === "failed" || isNotWell(host));
  for (const name of names) {
    const usage = (problem: string): GateError => gateError("usage", { problem, command: "diagnose" });
    if (!plan.hosts.some(({ host }) => host === name))
      throw usage(`The plan has no host ${JSON.stringify(name)}; it has ${listed(plan.hosts)}.`);
    if (!failed.some(({ host }) => host === name))
      throw usage(`${name} did not fail in that run${failed.length === 0 ? "" : `; failed: ${listed(failed)}`}.`);
  }
  return failed.filter(({ host }) => names.length === 0 || names.includes(host));
}

const listed = (hosts: readonly PlanHost[]): string =>
  `${hosts
    .slice(0, 12)
    .map(({ host }) => host)
    .join(", ")}${hosts.length > 12 ? ` and ${hosts.length - 12} more` : ""}`;
