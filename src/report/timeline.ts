import * as z from "zod";
import { HostName } from "../discover/host.ts";
import type { Clock, Log, Progress, Stage } from "../io/ports.ts";

/** When what happened, by the clock of the machine that the gate runs on. Its words are ours alone, so that strangers may read it. */
const stages = [
  "discover",
  "build",
  "diff",
  "classify",
  "decide",
  "apply",
  "verify",
  "diagnose",
  "report",
] as const satisfies readonly Stage[];
true satisfies Stage extends (typeof stages)[number] ? true : never;
const steps = ["asking", "copying", "activating", "verifying", "ended"] as const satisfies readonly HostStep[];
type HostStep = Extract<Progress, { kind: "host" }>["step"];
type Step = (typeof steps)[number];

const at = z.iso.datetime();
export const PlanTimeline = z.object({
  stages: z.array(z.object({ stage: z.enum(stages), at })),
  /** What was done with the hosts that the run contacted, in the order in which it began. */
  hosts: z.array(z.object({ host: HostName, steps: z.array(z.object({ step: z.enum(steps), at })) })),
});
export type PlanTimeline = z.infer<typeof PlanTimeline>;

/** An activation may be tried several times; more than this is no timeline but a log. */
const most = { stages: 40, hosts: 1_000, steps: 40 } as const;

/** A log that passes everything on and remembers when stages and the steps of contacted hosts began. */
export function timed(log: Log, clock: Clock): { readonly log: Log; readonly timeline: () => PlanTimeline } {
  const passed: { stage: Stage; at: string }[] = [];
  const hosts = new Map<string, { step: Step; at: string }[]>();
  const note = (event: Progress): void => {
    const now = clock.now().toISOString();
    if (event.kind === "stage" && passed.length < most.stages && passed.at(-1)?.stage !== event.stage)
      passed.push({ stage: event.stage, at: now });
    const step = event.kind === "host" ? steps.find((one) => one === event.step) : undefined;
    if (event.kind !== "host" || step === undefined) return;
    const known = hosts.get(event.host);
    if (known === undefined) {
      if (hosts.size < most.hosts) hosts.set(event.host, [{ step, at: now }]);
      // Copying says how far it is again and again; the end is kept however much there was before it.
    } else if (known.at(-1)?.step !== step && (known.length < most.steps || step === "ended")) known.push({ step, at: now });
  };
  return {
    log: {
      progress: (event) => {
        note(event);
        log.progress(event);
      },
      debug: (message, fields) => log.debug(message, fields),
      mask: (value) => log.mask(value),
    },
    timeline: () => ({
      stages: [...passed],
      hosts: [...hosts].flatMap(([host, did]) => {
        const name = HostName.safeParse(host);
        return name.success ? [{ host: name.data, steps: [...did] }] : [];
      }),
    }),
  };
}
