import * as z from "zod";
import { attemptKinds, type Outcome, outcomeKinds } from "../apply/outcome.ts";
import { redact } from "../diff/secrets.ts";
import { cutMiddle, cutStart } from "./cut.ts";
import { boundedFailure, boundedReasons } from "./bounds.ts";
import { failureNames, PlanFailure } from "./plan-failure.ts";

/** What became of a host, as plan.json holds it. Its strings are a host's words and ours about them: to be escaped wherever they are shown. */
const text = z.string();

const PlanMiss = z.object({
  family: text,
  subject: text,
  expected: text,
  found: text,
  needs: z.enum(["nothing", "daemon-reload", "reload", "restart", "remount", "reboot", "person"]),
  sentence: text,
});
export type PlanMiss = z.infer<typeof PlanMiss>;
true satisfies Outcome["misses"][number]["needs"] extends PlanMiss["needs"] ? true : never;

/** `old`: what the host ran before this change. `new`: what the change brings. Missing where it is neither, or cannot be told. */
const Side = z.enum(["old", "new"]).optional();

export const PlanOutcome = z.object({
  outcome: z.enum(outcomeKinds),
  /** The first says what happened. Empty only where `detail` of the plan is `names`. */
  reasons: z.array(text),
  failure: PlanFailure.optional(),
  /** The next command to type, of the question that the host did not answer well. */
  next: text.optional(),
  /** What the host said last; missing where it could not be asked. `runs` and `boots` put `current` and `profile` into words, which stay where paths may not be shown. */
  now: z.object({ current: text.optional(), profile: text.optional(), booted: text.optional(), runs: Side, boots: Side }).optional(),
  misses: z.array(PlanMiss),
  /** How many there were; more than `misses` holds where the list was cut. */
  missesTotal: z.int(),
  /** What was tried, in order. */
  attempts: z.array(z.object({ strategy: z.enum(attemptKinds), ended: text })),
  /** The end of the activation's log. */
  log: text.optional(),
  /** Where the whole of it lies on the host. */
  logAt: text.optional(),
});
export type PlanOutcome = z.infer<typeof PlanOutcome>;

const limits = { misses: 200, attempts: 20, logBytes: 16_384 } as const;

/** The outcome for the record. `sides` are the system that the host ran and the one that the change brings, where they are known. */
export function boundedOutcome(
  given: Outcome,
  sides: { readonly from?: string | undefined; readonly to?: string | undefined },
): PlanOutcome {
  const side = (path: string | undefined): "old" | "new" | undefined =>
    path === undefined ? undefined : path === sides.to ? "new" : path === sides.from ? "old" : undefined;
  const { outcome, failure, next, now, misses, log, logAt } = given;
  return {
    outcome,
    reasons: boundedReasons(given.reasons.map(clean)),
    ...(failure === undefined ? {} : { failure: boundedFailure(failure) }),
    ...(next === undefined ? {} : { next: cutMiddle(clean(next), 1_000) }),
    ...(now === undefined ? {} : { now: { ...paths(now), ...defined("runs", side(now.current)), ...defined("boots", side(now.profile)) } }),
    misses: misses.slice(0, limits.misses).map((miss) => ({
      family: cutMiddle(miss.family, 50),
      subject: cutMiddle(miss.subject, 300),
      expected: cutMiddle(clean(miss.expected), 500),
      found: cutMiddle(clean(miss.found), 500),
      needs: miss.needs,
      sentence: cutMiddle(clean(miss.sentence), 500),
    })),
    missesTotal: misses.length,
    attempts: given.attempts.slice(0, limits.attempts).map(({ strategy, ended }) => ({ strategy, ended: cutMiddle(clean(ended), 1_000) })),
    ...(log === undefined ? {} : { log: tail(log) }),
    ...(logAt === undefined ? {} : { logAt: cutMiddle(logAt, 200) }),
  };
}

/** The outcome of a managed host of which no other part of the run said anything: nothing is known, and the run fails (invariant 5). */
export const unsaid: Outcome = {
  outcome: "failed",
  reasons: ["This run has no outcome for it, so what it runs now is not known."],
  misses: [],
  attempts: [],
};

/** What a host or a tool says may quote a secret of a configuration or of an environment. */
const clean = (words: string): string => redact(words).text;

/** The end of a log, in whole lines where it has some. A line of a host's may be all multi-byte characters, so that bytes are what counts. */
function tail(log: string): string {
  let room: number = limits.logBytes - 200;
  let kept = cutStart(clean(cutStart(log, 200_000)), room);
  while (Buffer.byteLength(kept, "utf8") > limits.logBytes) {
    room = Math.floor(room * 0.75);
    kept = cutStart(kept, room);
  }
  return kept;
}

const defined = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);

function paths({ current, profile, booted }: NonNullable<Outcome["now"]>): object {
  const cut = (path: string | undefined): string | undefined => (path === undefined ? undefined : cutMiddle(path, 300));
  return { ...defined("current", cut(current)), ...defined("profile", cut(profile)), ...defined("booted", cut(booted)) };
}

/** Unit names are shown to strangers; those that systemd makes out of a path or a device say what a path says. */
const unitName = /^[A-Za-z0-9][A-Za-z0-9:_.@-]{0,200}\.(service|socket|timer|target|path|slice)$/;

/** For strangers: what became of it, what was tried, what needs what. Texts, paths and the log are gone. */
export function outcomeNames({ outcome, failure, now, misses, missesTotal, attempts }: PlanOutcome): PlanOutcome {
  return {
    outcome,
    reasons: [],
    ...(failure === undefined ? {} : { failure: failureNames(failure) }),
    ...(now === undefined ? {} : { now: { ...defined("runs", now.runs), ...defined("boots", now.boots) } }),
    misses: misses.map(({ family, subject, needs }) => ({
      family: /^[a-z]{1,20}$/.test(family) ? family : "",
      subject: family === "unit" && unitName.test(subject) ? subject : "",
      expected: "",
      found: "",
      needs,
      sentence: "",
    })),
    missesTotal,
    attempts: attempts.map(({ strategy }) => ({ strategy, ended: "" })),
  };
}
