import { poolSize } from "./build/pool.ts";
import type { Revision } from "./build/sides.ts";
import { buildTwice, evaluateTwice } from "./diagnose/build-again.ts";
import type { FlakeOutputs } from "./discover/discover.ts";
import { besideLockCheck } from "./discover/beside-lock-check.ts";
import { readChange } from "./discover/read-change.ts";
import type { Source } from "./discover/source.ts";
import type { GatePorts, GateRequest } from "./gate-request.ts";
import type { Log } from "./io/ports.ts";
import { count } from "./report/count.ts";
import type { Plan } from "./report/plan.ts";
import { timed } from "./report/timeline.ts";

/**
 * THE PIPELINE: discover and build here, diff, classify, decide, apply and report in judge-and-apply.ts. Each stage says on the log that it begins, takes what the
 * stages before it made, and answers with values: a host that fails anywhere is that host's value from there on. Only what no host can be blamed for is thrown, as a
 * GateError.
 */
export async function gate(request: GateRequest, given: GatePorts): Promise<Plan> {
  const { log, timeline } = timed(given.log, given.clock);
  const ports = { ...given, log };
  const { nix, store, clock, roots } = ports;
  const { sources } = request;
  const startedAt = clock.now();

  log.progress({ kind: "stage", stage: "discover", text: `reading ${sources.head.shown}` });
  const reading = readChange(request, ports);
  // What comes after the build is loaded while Nix is at work, which has to be started before: loading keeps this process from everything else.
  const later = ports.isolation.then(nextTurn).then(async () => await import("./judge-and-apply.ts"));
  later.catch(() => {});
  const change = await reading;
  const { head, base, hosts } = change;

  log.progress({ kind: "stage", stage: "build", text: `evaluating ${count(hosts.length, "host")}` });
  const commitMessage = request.commitMessage();
  commitMessage.catch(() => {});
  const evaluating = { nix, log, clock, jobs: poolSize(ports.machine), timeoutSeconds: change.policy.evaluation.timeoutSeconds };
  const after = { ...head, trust: sources.head.trust };
  const evaluations = evaluateTwice(hosts, revision(sources.base, base), after, evaluating, ports.patience);
  // Beside the evaluations where something is done with them at once, else beside the builds, which leave it more of this machine.
  const atOnce = request.deploy !== undefined || request.onPreview !== undefined || !request.build;
  const lockChecked = atOnce ? change.checkLock() : evaluations.then(change.checkLock);
  lockChecked.catch(() => {});
  const evaluation = await evaluations;
  const evaluated = evaluation.found;

  const { judgeAndApply } = await later;
  const run = { request, ports, change, evaluated, commitMessage: await commitMessage, startedAt, timeline };
  const preview = async (): Promise<Plan> => {
    await lockChecked;
    return await (await import("./preview.ts")).preview(run);
  };
  if (!request.build) return await preview();
  // What derivations tell is there in seconds; a pull request hears it while the build goes on.
  const previewed = request.onPreview === undefined ? undefined : showPreview(preview(), request.onPreview, log);

  if (request.deploy !== undefined) await lockChecked;
  const deploying =
    request.deploy === undefined
      ? undefined
      : await request.deploy.begin(evaluated, change.policy, sources.head.rev, request.deploy, ports);
  const policy = deploying?.policy ?? change.policy;
  request.onPolicy?.(policy, request.deploy?.dryRun === false);

  log.progress({ kind: "stage", stage: "build", text: `building ${count(hosts.length, "host")}` });
  const building = { files: store, log, clock, roots, timeoutSeconds: policy.build.timeoutSeconds };
  const toBuild = deploying?.toBuild ?? evaluated;
  const built = await besideLockCheck(lockChecked, nix, async (ending) =>
    buildTwice(toBuild, { ...building, nix: ending }, ports.patience),
  );
  await previewed;
  const sides = deploying === undefined ? built.found : await deploying.against(built.found);

  return await judgeAndApply({ ...run, policy, sides, deploying, notes: [...evaluation.notes, ...built.notes] });
}

const nextTurn = async (): Promise<void> => await new Promise((resolve) => void setImmediate(resolve));

/** A preview that cannot be made or shown costs the run nothing but itself: the build's own report follows. */
async function showPreview(made: Promise<Plan>, show: (plan: Plan) => Promise<void>, log: Log): Promise<void> {
  try {
    await show(await made);
  } catch (error) {
    log.debug("no preview", { reason: error instanceof Error ? error.message : String(error) });
  }
}

function revision(source: Source | undefined, outputs: FlakeOutputs | undefined): Revision | undefined {
  return source === undefined || outputs === undefined ? undefined : { flake: outputs.flake, trust: source.trust, hosts: outputs.hosts };
}
