import { unbuiltSides } from "./build/sides.ts";
import { judgeFleet } from "./classify/judge-fleet.ts";
import { previewJudgement } from "./classify/preview.ts";
import { decideFleet } from "./decide/decide-fleet.ts";
import { previewCompared } from "./diff/preview-compared.ts";
import { listingSeconds } from "./discover/read-change.ts";
import { type EvaluatedRun, planOf } from "./plan-of-run.ts";
import type { Plan } from "./report/plan.ts";

/** The report from what derivations alone tell: judged by the rules that need no build, and nothing in it is called clean. */
export async function preview(run: EvaluatedRun): Promise<Plan> {
  const { request, ports, evaluated, commitMessage, change } = run;
  const { nix, store } = ports;
  const { policy } = change;
  const compared = await previewCompared(unbuiltSides(evaluated), { nix, store, trust: evaluated.trust, timeoutSeconds: listingSeconds });
  const rules = judgeFleet(compared, { policy, phase: request.phase, commitMessage });
  const judged = new Map(
    [...rules.judged].map(([host, { judgement }]) => [host, { judgement: previewJudgement(judgement), session: "not-asked" as const }]),
  );
  return await planOf(
    run,
    { reports: decideFleet(compared, judged, policy), escalations: [], costUsd: 0 },
    { session: { ran: false, note: "a preview is judged by rules", changes: [] }, notes: rules.notes },
    true,
  );
}
