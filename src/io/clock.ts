import type { Clock } from "./ports.ts";

/** The machine's clock. Everything that decides takes the time as an argument instead (invariant 10). */
export const systemClock: Clock = { now: () => new Date() };
