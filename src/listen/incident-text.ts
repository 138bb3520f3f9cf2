import { gateError } from "../failure.ts";
import { accept, emptyBook } from "./alert-book.ts";
import { readAlertmanager, readPlain } from "./alert.ts";
import { batchOf, Incident } from "./incident.ts";

const longestText = 20_000;
const mostPlaces = 40;

/** An incident in words, for a session: what is wrong, where and since when, then the last lines that were handed over. Bounded; all of it is a stranger's. */
export function incidentText({ id, groups, left }: Incident): string {
  const count = groups.reduce((sum, { at }) => sum + at.length, 0);
  const parts = groups.map(({ name, severity, summary, details, at }) => {
    const places = at
      .slice(0, mostPlaces)
      .map(({ host, unit, since }) => `${host ?? "(no host)"}${unit === undefined ? "" : ` ${unit}`} since ${since}`);
    const more = at.length > mostPlaces ? [`and ${at.length - mostPlaces} more`] : [];
    return [
      `${name}${severity === undefined ? "" : ` (${severity})`}: ${summary}`,
      ...[...places, ...more].map((line) => `  ${line}`),
      ...(details === undefined || details.trim() === "" ? [] : ["  what was handed over with it:", details.replace(/^/gm, "    ")]),
    ].join("\n");
  });
  const text = [
    `Incident ${id}: ${count} ${count === 1 ? "alert" : "alerts"}${left === undefined ? "" : `, and ${left} more that did not fit`}`,
    ...parts,
  ].join("\n\n");
  return text.length <= longestText ? text : `${text.slice(0, longestText)}\n(${text.length - longestText} more characters left out)`;
}

/**
 * The incident that a text holds: what the listener starts a workflow with, or what a sender posts to the listener, whole. Throws the GateError `alert-invalid`.
 * `redact` takes secrets out of what did not come through the listener.
 */
export function readIncident(text: string, now: Date, redact: (text: string) => string): Incident {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw gateError("alert-invalid", { problem: "it is not JSON" });
  }
  const own = Incident.safeParse(value);
  if (own.success) return own.data;
  if (typeof value === "object" && value !== null && "groups" in value) {
    const [issue] = own.error.issues;
    throw gateError("alert-invalid", {
      problem: `${issue?.path.join(".") || "the incident"}: ${issue?.message ?? "not the expected shape"}`,
    });
  }
  const read = typeof value === "object" && value !== null && "alerts" in value ? readAlertmanager(value, now) : readPlain(value, now);
  if (!read.ok) throw gateError("alert-invalid", { problem: read.problem });
  const { book } = accept(emptyBook, read.alerts, now.getTime() / 1000);
  const pending = [...book.pending.values()];
  if (pending.length === 0) throw gateError("alert-invalid", { problem: "nothing in it is firing" });
  const { incident, fingerprints } = batchOf(pending, redact);
  const left = pending.length - fingerprints.length;
  return left === 0 ? incident : { ...incident, left };
}
