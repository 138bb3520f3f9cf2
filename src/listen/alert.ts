import { createHash } from "node:crypto";
import * as z from "zod";

/** One thing that somebody's monitoring says is wrong, or is wrong no more. All of its texts were written by others, some by whoever can make a program print a line. */
export type Alert = {
  /** Names what is wrong and where, and not when: the same trouble has the same one each time. 128 bits as hex. */
  readonly fingerprint: string;
  readonly status: "firing" | "resolved";
  readonly name: string;
  readonly host: string | undefined;
  readonly unit: string | undefined;
  readonly severity: string | undefined;
  readonly summary: string;
  /** Last lines of a journal, a description. */
  readonly details: string | undefined;
  /** As the sender says, ISO 8601 in UTC; the time of arrival where it does not. */
  readonly startsAt: string;
};

/** A request that cannot be an alert says what is wrong with it, as a clause for the sender's log. */
export type ReadAlerts = { readonly ok: true; readonly alerts: readonly Alert[] } | { readonly ok: false; readonly problem: string };

const mostAlerts = 1_000;
const mostLabels = 64;
const text = (characters: number) => z.string().transform((value) => clean(value, characters));
const labels = z
  .record(
    z.string().max(200),
    z.string().transform((value) => value.slice(0, 1_000)),
  )
  .refine((record) => Object.keys(record).length <= mostLabels, `more than ${mostLabels} of them`);

/** What Alertmanager posts to a webhook. Source: "webhook_config" in Prometheus' alerting documentation, version 4. Unknown keys are let be: it adds some now and then. */
const Alertmanager = z.object({
  version: z.literal("4"),
  alerts: z
    .array(
      z.object({
        status: z.enum(["firing", "resolved"]),
        labels,
        annotations: labels.default({}),
        startsAt: z.iso.datetime({ offset: true }).optional(),
      }),
    )
    .max(mostAlerts),
});

/** What anything else posts: a script, a timer, the unit that systemd starts where another has failed. */
const Plain = z.strictObject({
  name: text(200).optional(),
  host: text(200).optional(),
  unit: text(255).optional(),
  severity: text(40).optional(),
  status: z.enum(["firing", "resolved"]).default("firing"),
  summary: text(1_000).optional(),
  details: z
    .string()
    .transform((value) => tail(value, 8_000))
    .optional(),
});

/** The alerts of Alertmanager's webhook format. `arrived` stands in for a time that is missing. */
export function readAlertmanager(body: unknown, arrived: Date): ReadAlerts {
  const parsed = Alertmanager.safeParse(body);
  if (!parsed.success) return { ok: false, problem: problemOf(parsed.error) };
  return {
    ok: true,
    alerts: parsed.data.alerts.map(({ status, labels: given, annotations, startsAt }) => {
      // Which rule wrote it and how bad it is may be changed while the trouble lasts, but a label is what the sender itself tells troubles apart by.
      const identity = Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1));
      return {
        fingerprint: digest(["alertmanager", ...identity.flat()]),
        status,
        name: clean(given["alertname"] ?? "alert", 200),
        host: hostOf(given),
        unit: unitOf(given),
        severity: given["severity"] === undefined ? undefined : clean(given["severity"], 40),
        summary: clean(annotations["summary"] ?? annotations["message"] ?? given["alertname"] ?? "alert", 1_000),
        details: annotations["description"] === undefined ? undefined : tail(annotations["description"], 8_000),
        startsAt: (startsAt === undefined ? arrived : new Date(startsAt)).toISOString(),
      };
    }),
  };
}

/** One alert of the plain form: JSON, or the fields of a form as `curl --data-urlencode` sends them, so that a host needs no tool to write JSON with. */
export function readPlain(body: unknown, arrived: Date): ReadAlerts {
  const parsed = Plain.safeParse(body);
  if (!parsed.success) return { ok: false, problem: problemOf(parsed.error) };
  const { name, host, unit, severity, status, summary, details } = parsed.data;
  if (name === undefined && unit === undefined) return { ok: false, problem: 'neither "name" nor "unit" says what is wrong' };
  const called = name ?? "unit-failed";
  return {
    ok: true,
    alerts: [
      {
        fingerprint: digest(["plain", called, host ?? "", unit ?? ""]),
        status,
        name: called,
        host,
        unit,
        severity,
        summary: summary ?? (unit === undefined ? called : `${unit} failed${host === undefined ? "" : ` on ${host}`}`),
        details,
        startsAt: arrived.toISOString(),
      },
    ],
  };
}

/** `instance` is `host:port` where Prometheus set it; a name that the operator set goes first. */
function hostOf(given: Readonly<Record<string, string>>): string | undefined {
  const named = given["host"] ?? given["hostname"] ?? given["nodename"] ?? given["node"];
  const found = named ?? given["instance"]?.replace(/:[0-9]+$/, "").replace(/^\[(.*)\]$/, "$1");
  return found === undefined || found === "" ? undefined : clean(found, 200);
}

/** `name` is what node_exporter's systemd collector calls a unit. */
function unitOf(given: Readonly<Record<string, string>>): string | undefined {
  const found = given["unit"] ?? given["systemd_unit"] ?? given["name"];
  return found !== undefined && /\.(?:service|socket|timer|mount|path|target|scope|slice|swap|automount)$/.test(found)
    ? clean(found, 255)
    : undefined;
}

const digest = (parts: readonly string[]): string => createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);

/** One line without what a terminal or a page would act on. */
function clean(value: string, characters: number): string {
  const line = value
    .toWellFormed()
    .replace(/\p{C}+|\s+/gu, " ")
    .trim();
  return line.length <= characters ? line : `${line.slice(0, characters - 1)}…`;
}

/** The end of a text of several lines: of a journal it is what matters. */
function tail(value: string, characters: number): string {
  const kept = value
    .toWellFormed()
    .replace(/\r\n?/g, "\n")
    .replace(/[^\P{C}\n\t]/gu, "�")
    .trimEnd();
  return kept.length <= characters ? kept : `…${kept.slice(-(characters - 1))}`;
}

function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? "not the expected shape" : `${issue.path.join(".") || "the body"}: ${issue.message}`;
}
