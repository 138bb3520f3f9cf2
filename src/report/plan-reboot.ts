import * as z from "zod";
import type { HostReboot } from "../reboot/reboot-sentence.ts";
import { cutEnd } from "./cut.ts";

/** The reboot that a host waits for, or will wait for when its change is brought in. */
export const PlanReboot = z.object({
  /** After "reboots": the operator's windows in words, or who has to do it. */
  when: z.string(),
  byHand: z.boolean(),
  next: z.iso.datetime().optional(),
  /** Since the new system became the boot default. */
  pendingHours: z.number().nonnegative().optional(),
  missedWindows: z.int().nonnegative().optional(),
  /** Pending for longer than policy takes for normal. */
  overdue: z.boolean().optional(),
  /** It does not come without a person. `tell`: nobody was told of this within the last day. */
  trouble: z.object({ since: z.iso.datetime().optional(), tell: z.boolean() }).optional(),
});
export type PlanReboot = z.infer<typeof PlanReboot>;

export const boundedReboot = ({ when, byHand, next, pendingHours, missedWindows, overdue, trouble }: HostReboot): PlanReboot => ({
  when: cutEnd(when, 500),
  byHand,
  ...(next === undefined ? {} : { next: next.toISOString() }),
  ...(pendingHours === undefined ? {} : { pendingHours: Math.round(pendingHours * 10) / 10 }),
  ...(missedWindows === undefined ? {} : { missedWindows }),
  ...(overdue === undefined ? {} : { overdue }),
  ...(trouble === undefined
    ? {}
    : { trouble: { ...(trouble.since === undefined ? {} : { since: trouble.since.toISOString() }), tell: trouble.tell } }),
});
