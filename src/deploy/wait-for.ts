import { cachesAnswer, networkCaches } from "../diagnose/network-caches.ts";
import type { WaitCondition } from "../diagnose/remedy.ts";
import type { Change } from "./change.ts";
import type { DeployWorld } from "./deploy-world.ts";
import { glanceAt } from "./look-at.ts";

type Waiting = Pick<DeployWorld, "targets" | "clock" | "pause" | "signal" | "nix" | "probe">;

export type Waited = { readonly held: boolean; readonly seconds: number; readonly sentence: string };

const betweenLooks = 10;

/** Waits until that holds, at most so long. It is looked at by asking, and a run that is told to stop waits no longer. */
export async function waitFor(condition: WaitCondition, seconds: number, change: Pick<Change, "address">, world: Waiting): Promise<Waited> {
  const begun = world.clock.now().getTime();
  const passed = (): number => Math.max(0, (world.clock.now().getTime() - begun) / 1000);
  for (let looks = 1; ; looks += 1) {
    const held = await holds[condition](change, world);
    if (held) return { held, seconds: passed(), sentence: `${said[condition]} after ${Math.round(passed())} s.` };
    // By the number of looks as well, so that a clock that stands still ends nothing but itself.
    if (world.signal.aborted || passed() + betweenLooks > seconds || looks * betweenLooks > seconds + betweenLooks)
      return { held, seconds: passed(), sentence: `${saidNot[condition]} within ${Math.round(passed())} s.` };
    await world.pause(betweenLooks);
  }
}

const said: Readonly<Record<WaitCondition, string>> = {
  "host-answers": "The host answered",
  "lock-free": "The other activation had ended",
  "substituter-answers": "The binary caches answered",
};
const saidNot: Readonly<Record<WaitCondition, string>> = {
  "host-answers": "The host did not answer",
  "lock-free": "The other activation did not end",
  "substituter-answers": "A binary cache did not answer",
};

const holds: Readonly<Record<WaitCondition, (change: Pick<Change, "address">, world: Waiting) => Promise<boolean>>> = {
  "host-answers": async (change, world) => (await glanceAt(change, world, "brief", "new")).kind === "observed",
  "lock-free": async (change, world) => {
    const look = await glanceAt(change, world);
    return look.kind === "observed" && look.observation.switchLock === "free" && look.observation.activations.length === 0;
  },
  "substituter-answers": async (_, { nix, probe, signal }) => await cachesAnswer(await networkCaches(nix), probe, signal),
};
