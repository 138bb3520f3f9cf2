import type { Group } from "./group.ts";
import { list, say, type Line, type Section } from "./line.ts";
import { count } from "./count.ts";
import type { PlanOpinion, PlanSession } from "./plan-session.ts";

/** So many opinions of one group of hosts are told; a group of the same change and judgement with more than one differs in facts only. */
const told = 3;

/**
 * What a session said of a group's change, in a section of its own: an opinion about text that strangers wrote, which nobody has checked. Facts, and what the rules
 * made of them, are never in here, and the session's words are never anywhere else.
 */
export function opinionSection(session: PlanSession, group: Pick<Group, "hosts">, detail: "full" | "names"): Section {
  const here = new Set<string>(group.hosts.map((host) => host.host));
  return opinionsSection(
    session,
    (session.changes ?? []).filter((change) => change.hosts.some((host) => here.has(host))),
    detail,
  );
}

export function opinionsSection(session: PlanSession, opinions: readonly PlanOpinion[], detail: "full" | "names"): Section {
  const shown = opinions.slice(0, told);
  const lines = shown.flatMap((opinion) => [
    ...(opinions.length > 1 ? [{ spans: ["Of ", ...list(opinion.hosts, 6), ":"] }] : []),
    ...linesOf(opinion, session, detail),
  ]);
  if (opinions.length > shown.length) lines.push(say(`And ${opinions.length - shown.length} more, on the same change with other facts.`));
  const model = session.model === undefined ? "" : ` (model ${session.model})`;
  return { kind: "opinion", title: `Opinion of the session${model}, not checked`, summary: "", lines, texts: [] };
}

function linesOf(opinion: PlanOpinion, session: PlanSession, detail: "full" | "names"): Line[] {
  if (opinion.outcome === "none")
    return [{ spans: ["No verdict: ", { code: opinion.reason }, ...(opinion.detail === "" ? [] : [": ", opinion.detail])] }];
  const reasons = opinion.reasons.length === 0 ? [] : [": ", ...list(opinion.reasons)];
  return [
    { spans: ["It says ", { strong: opinion.verdict }, ...reasons, "."] },
    ...(opinion.explanation === "" ? [] : [say(opinion.explanation)]),
    ...opinion.findings.map((finding): Line => ({
      spans: [{ strong: finding.verdict }, " ", { code: finding.subject }, ": ", finding.hazard, " (", { code: finding.reason }, ")"],
      sub: [{ spans: ["Quotes: ", { code: finding.quote }] }, { spans: [{ strong: "Check: " }, finding.check] }],
    })),
    ...(opinion.watch.length === 0
      ? []
      : [{ spans: ["Watch after the deploy:"], sub: opinion.watch.map((line) => ({ spans: [{ code: line }] })) }]),
    ...(opinion.dropped === 0
      ? []
      : [
          say(
            `${count(opinion.dropped, "finding")} left out, because what ${opinion.dropped === 1 ? "it names" : "they name"} is not in the change.`,
          ),
        ]),
    ...(detail === "names" ? [] : [say(spent(opinion, session))]),
  ];
}

/** `Asked once for 3 hosts: $0.012, 1900 tokens in, 240 out, 4.1 s, Claude Code 2.1.330.` */
function spent(opinion: Extract<PlanOpinion, { outcome: "answered" }>, session: PlanSession): string {
  const whom = opinion.hosts.length === 1 ? "Asked once" : `Asked once for ${opinion.hosts.length} hosts`;
  const cli = session.cliVersion === undefined ? "" : `, Claude Code ${session.cliVersion}`;
  if (opinion.cached) return `${whom}, in an earlier run; this one cost nothing${cli}.`;
  return `${whom}: $${opinion.costUsd.toFixed(3)}, ${opinion.inputTokens} tokens in, ${opinion.outputTokens} out, ${opinion.seconds.toFixed(1)} s${cli}.`;
}
