import * as z from "zod";
import { inputLimits } from "../inputs.ts";
import { incidentId, type Pending } from "./alert-book.ts";

/** What the workflow is given of an incident, as one input. Alerts that differ only in where they are stand together, so that a storm fits. */
export const Incident = z.strictObject({
  schema: z.literal(1),
  /** Names the set of alerts: a run that was started twice for it works on the same incident. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
  groups: z
    .array(
      z.strictObject({
        name: z.string().max(200),
        severity: z.string().max(40).optional(),
        summary: z.string().max(1_000),
        /** Of the first of them. */
        details: z.string().max(8_000).optional(),
        at: z
          .array(z.strictObject({ host: z.string().max(200).optional(), unit: z.string().max(255).optional(), since: z.string().max(40) }))
          .min(1)
          .max(10_000),
      }),
    )
    .min(1)
    .max(10_000),
  /** Alerts that did not fit in and are told of by their number alone. From the listener there are none: they wait for the next incident. */
  left: z.int().positive().optional(),
});
export type Incident = z.infer<typeof Incident>;
type Group = Incident["groups"][number];

/** An incident and the alerts that are in it; those that did not fit wait for the next. */
export type Batch = { readonly incident: Incident; readonly text: string; readonly fingerprints: readonly string[] };

/** Longest details and summary, in characters, first try to last: the names of everything that is wrong are worth more than the journal of one. */
const sizes = [
  [4_000, 1_000],
  [1_000, 400],
  [200, 200],
  [0, 80],
] as const;
type Size = (typeof sizes)[number];

/** As many of those alerts as one run can be told of, oldest first and at least one. `redact` takes secrets out: a forge shows inputs to whoever may read its runs. */
export function batchOf(alerts: readonly Pending[], redact: (text: string) => string, characters: number = inputLimits.alert): Batch {
  for (const size of sizes) {
    const batch = made(alerts, size, redact);
    if (batch.text.length <= characters) return batch;
  }
  // Too many by far: as many as fit, by halves.
  let [fits, count] = [1, alerts.length];
  while (fits < count) {
    const middle = Math.ceil((fits + count) / 2);
    if (made(alerts.slice(0, middle), sizes[3], redact).text.length <= characters) fits = middle;
    else count = middle - 1;
  }
  return made(alerts.slice(0, fits), sizes[3], redact);
}

function made(alerts: readonly Pending[], [longestDetails, longestSummary]: Size, redact: (text: string) => string): Batch {
  const groups = new Map<string, Group>();
  for (const { alert } of alerts) {
    // A summary often names the host; without that, alerts of one rule on ten hosts are one group.
    const place = (text: string): string => (alert.host === undefined ? text : text.replaceAll(alert.host, "(host)"));
    const key = JSON.stringify([alert.name, alert.severity, alert.unit, place(alert.summary).replace(/[0-9]+/g, "0")]);
    const group = groups.get(key);
    const at = {
      ...(alert.host === undefined ? {} : { host: alert.host }),
      ...(alert.unit === undefined ? {} : { unit: alert.unit }),
      since: alert.startsAt,
    };
    if (group !== undefined) group.at.push(at);
    else
      groups.set(key, {
        name: alert.name,
        ...(alert.severity === undefined ? {} : { severity: alert.severity }),
        summary: redact(alert.summary).slice(0, longestSummary),
        ...(alert.details === undefined || longestDetails === 0 ? {} : { details: redact(alert.details).slice(-longestDetails) }),
        at: [at],
      });
  }
  const fingerprints = alerts.map(({ alert }) => alert.fingerprint);
  const incident: Incident = { schema: 1, id: incidentId(fingerprints), groups: [...groups.values()] };
  return { incident, text: JSON.stringify(incident), fingerprints };
}
