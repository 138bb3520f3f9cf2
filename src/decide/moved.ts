import { Mode, Verdict } from "../classify/finding.ts";
import type { ApprovalToken } from "./approval-token.ts";
import { entriesOf, type KnownLedger } from "./rejection.ts";
import { transitionDigest, type Transition, type UndatedTransition } from "./transition.ts";

/** Of findings and systems, so that a change or a ledger that is long costs a bounded number of hashes of a bounded length. */
const mostFindings = 200;
const mostSystems = 12;

/**
 * What is another about a change than when its token was made, as a clause. A digest tells nothing by itself, so likely earlier states are hashed until one gives the
 * token's digest; where none does, all that it depends on is named.
 */
export function whatMoved(token: ApprovalToken, now: UndatedTransition, ledger: KnownLedger): string {
  const then = (change: Partial<Transition>): boolean => transitionDigest({ ...now, issuedAt: token.issuedAt, ...change }) === token.digest;
  if (now.findings.length > mostFindings) return unknown(token, ledger);
  return manner(now, then) ?? addedFinding(now, then) ?? systems(now, then, ledger) ?? unknown(token, ledger);
}

type Then = (change: Partial<Transition>) => boolean;

function manner(now: UndatedTransition, then: Then): string | undefined {
  const raises = [undefined, ...Verdict.options];
  for (const mode of Mode.options)
    for (const attended of [true, false])
      for (const reversible of [true, false])
        for (const sessionRaise of raises) {
          if (!then({ mode, attended, reversible, sessionRaise })) continue;
          const parts = [
            ...(mode === now.mode ? [] : [`it was to be brought in by ${mode} and is by ${now.mode} now`]),
            ...(attended === now.attended
              ? []
              : [now.attended ? "someone has to be there at boot now" : "nobody has to be there at boot now"]),
            ...(reversible === now.reversible ? [] : [now.reversible ? "it can be undone now" : "it cannot be undone now"]),
            ...(sessionRaise === now.sessionRaise
              ? []
              : [
                  `the session ${sessionRaise === undefined ? "had raised nothing" : `had raised it to ${sessionRaise}`} and ${now.sessionRaise === undefined ? "raises nothing now" : `raises it to ${now.sessionRaise} now`}`,
                ]),
          ];
          return parts.join(", and ");
        }
  return undefined;
}

/** Of the findings that are there now, which one the token did not know: one, or all of one rule. What is gone cannot be found by looking at what is left. */
function addedFinding(now: UndatedTransition, then: Then): string | undefined {
  for (const added of now.findings)
    if (then({ findings: now.findings.filter((finding) => finding !== added) }))
      return `the rule ${added.rule} found ${added.subject} since`;
  for (const rule of new Set(now.findings.map((finding) => finding.rule)))
    if (then({ findings: now.findings.filter((finding) => finding.rule !== rule) })) return `the rule ${rule} objects since`;
  return undefined;
}

function systems(now: UndatedTransition, then: Then, ledger: KnownLedger): string | undefined {
  const attempts = entriesOf(ledger).flatMap((entry) => (entry.event === "started" ? [entry.attempt] : []));
  const known = [
    ...new Set([
      now.from.current,
      now.from.profile,
      ...attempts
        .toReversed()
        .flatMap(({ from, to }) => [from.current, from.profile, to])
        .filter((path) => path !== undefined),
    ]),
  ].slice(0, mostSystems);
  for (const specialisation of new Set([now.from.specialisation, undefined]))
    for (const current of known)
      for (const profile of known)
        if (then({ from: { current, profile, specialisation } }))
          return current !== now.from.current
            ? `the host ran ${current} then and runs ${now.from.current} now`
            : profile !== now.from.profile
              ? `the host booted into ${profile} by default then and boots into ${now.from.profile} now`
              : `the host is in the specialisation ${now.from.specialisation ?? "of no name"} now`;
  for (const to of known) if (then({ to })) return `it was to become ${to} and would become ${now.to} now`;
  return undefined;
}

function unknown(token: ApprovalToken, ledger: KnownLedger): string {
  const since = entriesOf(ledger).some((entry) => entry.event === "started" && entry.at > token.issuedAt);
  return `what the host runs, what it would get, how that is brought in or what the rules find is not as it was${since ? "; the host's ledger tells of an attempt since" : ""}`;
}
