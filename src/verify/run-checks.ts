import * as z from "zod";
import type { Probe, Targets } from "../io/ports.ts";
import type { Check } from "../policy-deploy.ts";
import type { Address } from "../target/address.ts";
import { checkArguments, checkProgram } from "../target/check-program.ts";
import type { CheckResult } from "../target/check-result.ts";
import {
  afterTries,
  askedFrom,
  bodyBytes,
  checkKeys,
  checkName,
  judgeHttp,
  judgeTcp,
  longestSeconds,
  redirectsFollowed,
  type Try,
} from "./checks.ts";

export type CheckPorts = {
  readonly targets: Pick<Targets, "run">;
  readonly address: Address;
  readonly probe: Probe;
  readonly wait: (seconds: number) => Promise<void>;
  readonly signal?: AbortSignal;
};

type Keyed = { readonly check: Check; readonly key: string };

/**
 * Asks all checks of one host, side by side: those of the gate's machine over the probe, those of the host in one connection. Every check has a result, in the order
 * of `checks`; one that could not be run is inconclusive. Nothing is thrown for a check or a host that fails.
 */
export async function runChecks(checks: readonly Check[], ports: CheckPorts): Promise<CheckResult[]> {
  const keys = checkKeys(checks);
  const keyed = checks.map((check, index): Keyed => ({ check, key: keys[index] ?? checkName(check) }));
  const onHost = keyed.filter(({ check }) => askedFrom(check) === "host");
  const [gates, hosts] = await Promise.all([
    Promise.all(keyed.filter(({ check }) => askedFrom(check) === "gate").map((one) => fromGate(one, ports))),
    fromHost(onHost, ports),
  ]);
  const found = new Map([...gates, ...hosts].map((result) => [result.key, result]));
  return keyed.map(
    ({ check, key }) => found.get(key) ?? { key, name: checkName(check), outcome: "error", sentence: "It was never asked.", tries: 0 },
  );
}

async function fromGate({ check, key }: Keyed, ports: CheckPorts): Promise<CheckResult> {
  const tries: Try[] = [];
  for (;;) {
    const step = afterTries(check, key, tries);
    if (!step.again) return step.result;
    if (step.afterSeconds > 0) await ports.wait(step.afterSeconds);
    tries.push(
      ports.signal?.aborted === true
        ? { kind: "impossible", sentence: "The run was cancelled before it was asked." }
        : await tryOnce(check, ports),
    );
    if (ports.signal?.aborted === true) return afterCancel(check, key, tries);
  }
}

function afterCancel(check: Check, key: string, tries: readonly Try[]): CheckResult {
  const sentence = "The run was cancelled before it was answered.";
  return { key, name: checkName(check), outcome: "inconclusive", sentence, tries: tries.length };
}

async function tryOnce(check: Check, { probe, signal }: CheckPorts): Promise<Try> {
  const cancel = signal === undefined ? {} : { signal };
  if (check.type === "tcp")
    return judgeTcp(
      check,
      await probe.tcp({
        address: check.address.replace(/^\[|\]$/g, ""),
        port: check.port,
        timeoutSeconds: check.timeoutSeconds,
        ...cancel,
      }),
    );
  if (check.type !== "http") return { kind: "impossible", sentence: "It is not asked from here." };
  let url = check.url;
  const maxBytes = check.contains === undefined ? 0 : bodyBytes;
  for (let hop = 0; hop <= redirectsFollowed; hop++) {
    const judged = judgeHttp(check, url, await probe.http({ url, timeoutSeconds: check.timeoutSeconds, maxBytes, ...cancel }));
    if (judged.kind !== "redirected") return judged;
    url = judged.url;
  }
  return { kind: "redirected", url };
}

/** The record of one check: its number, what became of it, how often it was asked, and what was found. A machine's words: parsed, bounded, believed of that machine only. */
const HostRecord = z
  .string()
  .max(4_000)
  .transform((value) => value.split("\n"))
  .pipe(
    z
      .tuple([z.string().regex(/^[0-9]{1,3}$/), z.enum(["passed", "failed", "inconclusive"]), z.string().regex(/^[0-9]{1,4}$/)])
      .rest(z.string()),
  );

async function fromHost(keyed: readonly Keyed[], { targets, address, signal }: CheckPorts): Promise<CheckResult[]> {
  if (keyed.length === 0) return [];
  const without = (sentence: string): CheckResult[] =>
    keyed.map(({ check, key }) => ({ key, name: checkName(check), outcome: "inconclusive", sentence, tries: 0 }));
  if (signal?.aborted === true) return without("The run was cancelled before it was asked.");
  const checks = keyed.map(({ check }) => check);
  // A try may need some seconds more than its limit until it is killed.
  const longest = Math.max(...checks.map((check) => longestSeconds(check) + (check.retries + 1) * 14));
  const result = await targets.run({
    address,
    program: checkProgram,
    verb: "check",
    arguments: checkArguments(checks),
    connection: "shared",
    timeoutSeconds: longest + 30,
    maxBytes: 256 * 1024,
  });
  const records = new Map<number, z.infer<typeof HostRecord>>();
  const twice = new Set<number>();
  for (const record of result.records) {
    const parsed = record.name === "check" ? HostRecord.safeParse(record.value) : undefined;
    if (parsed?.success !== true) continue;
    const index = Number(parsed.data[0]);
    if (records.has(index)) twice.add(index);
    records.set(index, parsed.data);
  }
  return keyed.map(({ check, key }, index): CheckResult => {
    const record = records.get(index);
    const name = checkName(check);
    if (record === undefined || twice.has(index)) {
      const sentence = result.ok ? "The host did not say what became of it." : `The host could not be asked (${result.trouble}).`;
      return { key, name, outcome: "inconclusive", sentence, tries: 0 };
    }
    const [, outcome, tries, ...text] = record;
    const said = text.join(" ").trim().slice(0, 600);
    return {
      key,
      name,
      outcome,
      sentence: `On the host, ${name}: ${said === "" ? outcome : said.replace(/[\s.]+$/, "")}.`,
      tries: Number(tries),
    };
  });
}
