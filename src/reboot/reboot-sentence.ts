import type { HostName } from "../discover/host.ts";
import type { Policy } from "../policy.ts";
import type { Trouble } from "./trouble.ts";
import { nextOpening } from "./window.ts";
import { rebootPolicyOf } from "./window-policy.ts";
import { windowsText } from "./window-text.ts";

/** When a reboot comes that a change asks for. */
export type RebootWhen = {
  /** After "reboots": "Sun 02:00–04:00 Europe/Berlin", "when somebody is there". */
  readonly when: string;
  /** Up to a person: nothing reboots it by itself. */
  readonly byHand: boolean;
  /** When its windows open next, seen from now. */
  readonly next: Date | undefined;
};

/** The reboot that a host waits for, or will wait for: the hours count since the new system became its boot default. */
export type HostReboot = RebootWhen & {
  readonly pendingHours?: number;
  readonly missedWindows?: number;
  readonly overdue?: boolean;
  readonly trouble?: Omit<Trouble, "to">;
};

/** What policy says of the reboots of a host, in words. Pure. */
export function rebootSentence(policy: Pick<Policy, "hosts" | "groups">, host: HostName, now: Date): RebootWhen {
  const said = rebootPolicyOf(policy, host);
  if (said.attended) return { when: "when somebody is there and types its name", byHand: true, next: undefined };
  if (said.windows === "never") return { when: "when a person reboots it", byHand: true, next: undefined };
  const opening = nextOpening(said, now);
  const next = opening === undefined ? undefined : opening.opens > now ? opening.opens : now;
  return {
    when: said.windows === "any" && said.blackout.length === 0 ? "with the next scheduled run" : windowsText(said),
    byHand: false,
    next,
  };
}
