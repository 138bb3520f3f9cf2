import { evaluateSides, type EvaluatedFleet } from "../build/sides.ts";
import { poolSize } from "../build/pool.ts";
import { type Check, doctorExit, failedCheck, rowsOf } from "../doctor/check.ts";
import { doctorJson, doctorText } from "../doctor/doctor-text.ts";
import { isolationCheck } from "../doctor/machine-checks.ts";
import { discover, type FlakeOutputs, selectHosts } from "../discover/discover.ts";
import type { HostName } from "../discover/host.ts";
import { type ExitCode, GateError, gateError } from "../failure.ts";
import type { GateLog } from "../io/log.ts";
import { observeOnly, parsePolicy, type Policy } from "../policy.ts";
import { lintPolicy } from "../policy-lint.ts";
import { accessOf } from "../policy-notes.ts";
import { count } from "../report/count.ts";
import { checkoutOf } from "./checkout.ts";
import { checkForge, type ForgeKind } from "./doctor-forge.ts";
import { checkHosts } from "./doctor-hosts.ts";
import { checkMachine } from "./doctor-machine.ts";
import { checkSession } from "./doctor-session.ts";
import { checkWorkflows } from "./doctor-workflows.ts";
import { missingFiles } from "./doctor-files.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import { listOption, withShellRun } from "./shell-run.ts";

/** Asks everything and prints the table. */
export async function runDoctor(flake: string, options: Options, shell: Shell): Promise<ExitCode> {
  if (options["no-hosts"] === true && options["hosts"] !== undefined)
    throw gateError("usage", { problem: "--hosts and --no-hosts exclude each other.", command: "doctor" });
  const checks = await doctor(flake, options, shell);
  shell.out(options["json"] === true ? doctorJson(checks) : doctorText(checks, shell.terminal));
  return doctorExit(checks);
}

/**
 * Every check that can be made. What cannot be asked is a row, never the end: without Nix there is still a git, without a flake there is still a forge. Throws the
 * GateErrors `usage`, for a mistake in the command itself, and `cancelled`.
 */
export async function doctor(flake: string, options: Options, shell: Shell): Promise<Check[]> {
  const [checks, forge, checkout] = await Promise.all([checkMachine(shell), checkForge(flake, options, shell), checkoutOf(flake, shell)]);
  const found: { policy?: Policy } = {};
  // Of the flake as it stands, against the last commit: what has been committed vouches for its own inputs.
  const bases = [{ ...options, base: "HEAD" }, options];
  for (const [index, given] of bases.entries()) {
    try {
      await withShellRun({ flake, options: given, shell, trust: "unreviewed" }, async (prepared, log) => {
        checks.push(...(await checkFlake(prepared, options, shell, log, { found, forge: forge.kind })));
        return 0;
      });
      break;
    } catch (error) {
      if (!(error instanceof GateError) || error.failure.code === "cancelled" || error.failure.code === "usage") throw error;
      // Before the first commit there is no last one.
      if (error.failure.code === "ref-unknown" && index === 0) continue;
      // What the machine lacks has its row already.
      if (!checks.some(({ code, state }) => state === "fail" && error.failure.code.startsWith(`${code}-`)))
        checks.push(failedCheck("flake", "flake", error.failure));
      break;
    }
  }
  if (checkout !== undefined) checks.push(...checkWorkflows(checkout));
  checks.push(...forge.checks);
  checks.push(...(await checkSession(found.policy ?? observeOnly, options, shell)));
  return checks;
}

async function checkFlake(
  prepared: Prepared,
  options: Options,
  shell: Shell,
  log: GateLog,
  { found, forge }: { readonly found: { policy?: Policy }; readonly forge: ForgeKind | undefined },
): Promise<Check[]> {
  const { sources, ports } = prepared;
  const { head } = sources;
  const [flakeRow, policyRow] = [rowsOf("flake"), rowsOf("policy")];
  const checks: Check[] = [isolationCheck(await ports.isolation, ports.noJail)];
  if (sources.lockFindings.length > 0) {
    const named = sources.lockFindings.map(({ input, why }) => `${input.join(".")} (${why})`).join(", ");
    const next = "Commit it on the deploy branch yourself, or lock another kind of input: a pull request that brings it is refused.";
    checks.push(flakeRow("fail", "lock", `flake.lock has inputs that are new and may not be fetched: ${named}.`, next));
    return checks;
  }
  log.progress({ kind: "stage", stage: "discover", text: `reading ${head.shown}` });
  const outputs = await discover(ports.nix, head, { trust: head.trust, timeoutSeconds: 300 }).catch(policyFailure(checks));
  if (outputs === undefined) return checks;
  checks.push(
    flakeRow(
      "ok",
      "lock",
      sources.lockRead
        ? "flake.lock holds nothing that the guard refuses."
        : "flake.lock is Nix's own affair: the flake is not on this machine.",
    ),
    flakeRow("ok", "hosts", `${count(outputs.hosts.length, "host")}: ${shortList(outputs.hosts)}${elsewhere(outputs)}.`),
  );
  const parsed = policyOf(outputs, head.shown);
  if ("failed" in parsed) checks.push(parsed.failed);
  const policy = "failed" in parsed ? observeOnly : parsed.policy;
  if (!("failed" in parsed)) found.policy = policy;
  if (outputs.deployGate === undefined)
    checks.push(
      policyRow(
        "warn",
        "policy",
        "The flake has no deployGate output, so that everything is only observed.",
        "nixos-deploy-gate init   # writes one; or add to the outputs: deployGate = import ./deploy-gate.nix;",
      ),
    );

  const wanted = hostsToAsk(outputs, policy, options);
  let evaluated: EvaluatedFleet | undefined;
  if (wanted.length > 0)
    evaluated = await evaluateSides(
      wanted,
      undefined,
      { flake: outputs.flake, trust: head.trust, hosts: wanted },
      {
        nix: ports.nix,
        log,
        jobs: poolSize(ports.machine),
        timeoutSeconds: policy.evaluation.timeoutSeconds,
      },
    );
  if (outputs.deployGate !== undefined && !("failed" in parsed)) {
    const warnings = lintPolicy({
      policy,
      hosts: outputs.hosts,
      ...(forge === undefined ? {} : { forge }),
      now: ports.clock.now(),
      access: accessOf(evaluated?.after ?? new Map(), policy),
      missing: missingFiles(policy, shell.environment),
    });
    const managed = Object.values(policy.hosts).filter(({ deploy }) => deploy).length;
    checks.push(policyRow("ok", "policy", `deployGate is in order; it hands over ${count(managed, "host")} of ${outputs.hosts.length}.`));
    checks.push(...warnings.map(({ code, sentence, next }) => policyRow("warn", code, sentence, next)));
  }
  if (options["no-hosts"] === true) return checks;
  if (evaluated === undefined) {
    const next = `nixos-deploy-gate doctor --hosts ${outputs.hosts[0] ?? "NAME"}   # asks it all the same, and changes nothing`;
    checks.push(rowsOf("hosts")("unknown", "none", "No host was contacted: the policy hands none over.", next));
    return checks;
  }
  checks.push(...(await checkHosts(evaluated, policy, { prepared, options, shell, log })));
  return checks;
}

/** A flake whose policy does not evaluate is read no further; that is the policy's row. */
const policyFailure =
  (checks: Check[]) =>
  (error: unknown): undefined => {
    if (!(error instanceof GateError) || error.failure.code !== "policy-invalid") throw error;
    checks.push(failedCheck("policy", "policy", error.failure));
  };

function policyOf(outputs: FlakeOutputs, shown: string): { readonly policy: Policy } | { readonly failed: Check } {
  if (outputs.deployGate === undefined) return { policy: observeOnly };
  try {
    return { policy: parsePolicy(outputs.deployGate.value, shown) };
  } catch (error) {
    if (!(error instanceof GateError)) throw error;
    return { failed: failedCheck("policy", "policy", error.failure) };
  }
}

/** Those that the policy hands over; with names given, those that are named, handed over or not: a question changes nothing. */
function hostsToAsk({ hosts }: FlakeOutputs, policy: Policy, options: Options): readonly HostName[] {
  if (options["no-hosts"] === true) return [];
  const named = listOption(options, "hosts");
  if (named.length > 0) return selectHosts(hosts, named);
  return hosts.filter((host) => Object.hasOwn(policy.hosts, host) && policy.hosts[host]?.deploy === true);
}

const shortList = (names: readonly string[]): string =>
  names.length <= 6 ? names.join(", ") : `${names.slice(0, 6).join(", ")} and ${names.length - 6} more`;

function elsewhere({ deployNodes, hive }: FlakeOutputs): string {
  const told = [...(deployNodes.length > 0 ? ["deploy.nodes of deploy-rs"] : []), ...(hive.length > 0 ? ["a colmena hive"] : [])];
  return told.length === 0
    ? ""
    : `; ${told.join(" and ")} ${told.length === 1 && deployNodes.length === 0 ? "says" : "say"} where they are`;
}
