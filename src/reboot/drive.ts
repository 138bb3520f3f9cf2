import { carryOut, type Hands } from "./carry-out.ts";
import type { RebootState, Step } from "./state.ts";
import { giveUp } from "./end-of-reboot.ts";
import { step } from "./state-machine.ts";

/** Takes one reboot from a step to its end for this run, doing in the world what each step asks. `say` hears every state on the way. */
export async function drive(first: Step, hands: Hands, say: (state: RebootState) => void): Promise<RebootState> {
  const { world } = hands;
  let { state, effects } = first;
  for (;;) {
    say(state);
    let event: Awaited<ReturnType<typeof carryOut>>;
    for (const effect of effects) event = (await carryOut(effect, state.job, hands)) ?? event;
    if (event === undefined) return state;
    const next: Step =
      event.event === "unanswered"
        ? { state: { kind: "postponed", job: state.job, why: "changed", sentence: event.sentence }, effects: [] }
        : step(state, event);
    ({ state, effects } = (world.signal.aborted ? stopped(next, world.clock.now()) : undefined) ?? next);
  }
}

/**
 * A run that is told to stop orders no reboot any more. One that was ordered is seen to its end: the host may be drained, and somebody has
 * to bring it back.
 */
function stopped({ state }: Step, now: Date): Step | undefined {
  const sentence = "The run was cancelled before it was rebooted.";
  switch (state.kind) {
    case "due":
    case "preflight":
    case "beginning":
      return { state: { kind: "postponed", job: state.job, why: "cancelled", sentence }, effects: [] };
    case "surveying":
    case "draining":
      return giveUp(state.job, "cancelled", sentence, now, false);
    case "ordering":
      return giveUp(state.job, "cancelled", sentence, now, state.job.policy.drain !== undefined);
    case "rebooting":
    case "verifying":
    case "undraining":
    case "armed":
    case "released":
    case "postponed":
    case "failed":
      return undefined;
  }
}
