import type { Verdict } from "../classify/finding.ts";
import { count } from "./count.ts";
import { packagesOf } from "./generated.ts";
import type { Line, Span } from "./line.ts";
import { say, t } from "./line.ts";
import type { ClosureSizes } from "./plan-diff.ts";
import { hasOutcomes, judged, standing } from "./order.ts";
import { diffOf, type Plan, type PlanEvent, type PlanHost } from "./plan.ts";
import { looks } from "./standing-look.ts";

/** The words of the reports. One place, so that comment, terminal, status and summary say the same thing in the same words. */

/** The word in a host's row: what became of it, or else what is thought of its change. */
export function verdictWord(host: PlanHost): string {
  const at = standing(host);
  return at === judged(host) ? changeWord(host) : looks[at].word;
}

/** What is thought of a host's change: `held` where a rule-clean change waits for a person all the same. */
export function changeWord(host: PlanHost): string {
  const at = judged(host);
  if (at === "needs-you" && (host.state === "changed" || host.state === "added") && host.judgement.verdict !== "risky")
    return `${host.judgement.verdict}, held`;
  return looks[at].word;
}

const mib = 1_048_576;
/** A size as people compare it: one unit for everything in a report would be unreadable, so MiB or GiB, KiB below. */
export function size(bytes: number): string {
  const n = Math.abs(bytes);
  if (n >= 1024 * mib) return `${(n / mib / 1024).toFixed(2)} GiB`;
  if (n >= mib) return `${(n / mib).toFixed(1)} MiB`;
  if (n >= 1024) return `${Math.round(n / 1024)} KiB`;
  return `${n} B`;
}
export const sizeChange = (bytes: number): string => (bytes === 0 ? "±0" : `${bytes > 0 ? "+" : "−"}${size(bytes)}`);

/** From the least to the most of some sizes, as two that read alike are one: "1.20–1.40 GiB". */
const span = (all: readonly number[], words: (bytes: number) => string): string => {
  const [least, most] = [words(Math.min(...all)), words(Math.max(...all))];
  if (least === most) return most;
  const unit = /[A-Z]?i?B$/.exec(most)?.[0] ?? "";
  return `${least.endsWith(` ${unit}`) ? least.slice(0, -unit.length - 1) : least}–${most}`;
};

/** The closures of the hosts that share a change, at least one: "1.20 GiB → 1.21 GiB (+1.6 MiB)", each number the least and the most where they differ. */
export function closureWords(all: readonly Pick<ClosureSizes, "sizeFrom" | "sizeTo">[]): string {
  const [from, to] = [all.map(({ sizeFrom }) => sizeFrom), all.map(({ sizeTo }) => sizeTo)];
  const by = all.map(({ sizeFrom, sizeTo }) => sizeTo - sizeFrom);
  const change = span(by, sizeChange).replace("–", by.some((bytes) => bytes < 0) || by.includes(0) ? " to " : "–");
  return `${span(from, size)} → ${span(to, size)} (${change})`;
}

export const closuresOf = (hosts: readonly PlanHost[]): ClosureSizes[] =>
  hosts.flatMap((host) => (host.state === "changed" ? [host.closure] : []));

export function duration(from: string, to: string): string {
  const seconds = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** When the change is brought in, as the head of a column. */
export const whenWord: Readonly<Record<PlanEvent, string>> = {
  pull_request: "On merge",
  push: "Now",
  workflow_dispatch: "Now",
  schedule: "Now",
  shell: "On deploy",
};

/** What happens to a host without anyone doing anything. */
export function whatHappens(host: PlanHost, event: PlanEvent): string {
  const attended = (host.state === "changed" || host.state === "added") && host.judgement.attended ? "; someone must be there at boot" : "";
  const { approval, rejectedBy } = host.decision;
  const approved = approval?.became === "granted" ? `; approved by ${approval.by}` : "";
  const reboots = host.reboot?.byHand === true ? "; a person reboots it" : ", then reboots";
  switch (host.decision.action) {
    case "nothing":
      return host.state === "removed" ? "nothing: the machine is left as it is" : "nothing";
    case "observe":
      return "nothing: not managed, only reported";
    case "deploy":
      return `is switched, no reboot${approved}`;
    case "deploy-then-reboot":
      return `is switched${reboots}${attended}${approved}`;
    case "stage":
      return `becomes the boot default${reboots}${attended}${approved}`;
    case "build":
      return "is judged when it is built";
    case "hold":
      if (rejectedBy !== undefined) return `nothing: rejected by ${rejectedBy}`;
      return event === "pull_request" ? `waits for your approval after the merge${attended}` : `waits for your approval${attended}`;
    case "fail":
      return "nothing: it keeps what it runs";
  }
}

const arrow = (from: string | undefined, to: string | undefined): Line[] => {
  if (from !== undefined && to !== undefined) return [t`${from} → ${to}`];
  if (to !== undefined) return [t`now ${to}`];
  return from === undefined ? [] : [t`was ${from}`];
};

/** The one fact that counts most, in absolute terms. */
export function why(plan: Plan, host: PlanHost): Line {
  switch (host.state) {
    case "failed": {
      const at = host.atBase ? " (already at the base)" : "";
      if (host.failure.message === "") return { spans: [`${failedStage[host.stage]}: `, { code: host.failure.code }, at] };
      return say(`${host.failure.message}${at}`);
    }
    case "unchanged":
      return say("the same system");
    case "removed":
      return say("no longer in the flake");
    case "added":
    case "changed": {
      const first = host.judgement.findings.find((finding) => finding.verdict === host.judgement.verdict);
      if (host.decision.action === "hold" && host.judgement.verdict !== "risky" && host.decision.reasons[0] !== undefined)
        return say(host.decision.reasons[0]);
      const isNew = host.state === "added" ? [host.baseFailed === undefined ? "new host" : "no base to compare with"] : [];
      if (first === undefined || (first.verdict === "clean" && first.rule !== "revision-only"))
        return say([...isNew, ...facts(plan, host)].join(", "));
      const more = host.judgement.findings.filter((finding) => finding.verdict === first.verdict).length - 1;
      const shift = arrow(first.from, first.to);
      const named = first.subject === "" ? t`${first.rule}` : t`${first.subject}`;
      const spans =
        shift.length > 0 || first.hazard === ""
          ? [...named.spans, ...shift.flatMap((line) => [" ", ...line.spans])]
          : [...named.spans, `: ${first.hazard.replace(/\.$/, "")}`];
      return { spans: [...(isNew.length > 0 ? [`${isNew.join()}: `] : []), ...spans, ...(more > 0 ? [`, and ${more} more`] : [])] };
    }
  }
}

export const failedStage = {
  evaluate: "does not evaluate",
  build: "does not build",
  observe: "could not be asked what it runs",
  diff: "cannot be compared",
} as const;

/** A changed host in numbers: packages, units, files. */
export function facts(plan: Plan, host: PlanHost): string[] {
  const diff = diffOf(plan, host);
  if (diff === undefined) return [];
  if (diff.revisionOnly) return ["only the revision differs"];
  const { added, removed, changed, rebuilt, generated } = packagesOf(diff);
  const versions = added.length + removed.length + changed.length;
  const hit = diff.units.filter((unit) => unit.effect !== "nothing" && unit.effect !== "skip").length;
  const files = diff.files.filter((file) => !file.hashOnly).length;
  const parts = [
    ...(versions > 0 ? [count(versions, "package")] : rebuilt.length > 0 ? [`${count(rebuilt.length, "package")} rebuilt`] : []),
    ...(hit > 0 ? [count(hit, "unit")] : []),
    ...(files > 0 ? [count(files, "file")] : []),
  ];
  return parts.length > 0 ? parts : [generated > 0 ? count(generated, "generated file") : "small differences"];
}

/** What a host's details hold, in numbers. */
export function contents(plan: Plan, host: PlanHost): string[] {
  const judged = host.state === "changed" || host.state === "added" ? host.judgement.findingsTotal : 0;
  return [...(judged > 0 ? [count(judged, "finding")] : []), ...(host.state === "failed" ? [failedStage[host.stage]] : facts(plan, host))];
}

/** The first line of honesty: who judged, and what was compared. */
export function honesty(plan: Plan): string[] {
  const { ran, note, model } = plan.session;
  const who = ran
    ? `Judged by rules and a Claude session${model === undefined ? "" : ` (${model})`}${byRulesOnly(plan)}`
    : `Judged by rules only${plan.detail === "names" && note === "" ? whyNone(plan.session) : ""}`;
  const judged = `${who}${note === "" ? "" : `: ${note}`}.`;
  const lines = [plan.reboots === true ? "A run of reboots: no change is judged, and nothing is changed but what is booted." : judged];
  if (plan.preview) lines.push("Preview from derivations, nothing was built yet: what only a build shows is not in it.");
  if (plan.hosts.some(({ outcome }) => outcome?.outcome.startsWith("would-") === true))
    lines.push("Dry run: the hosts were asked, and nothing was changed on them.");
  if (plan.policy.source === "none")
    lines.push("The flake has no deployGate output, so every host is only observed and nothing is deployed.");
  if (plan.detail === "names") lines.push("Names only: texts, versions and logs are left out because strangers may read this.");
  return lines;
}

/** The hosts that no session has judged, where it judged others: a reader must not take one opinion for that of every host. */
function byRulesOnly(plan: Plan): string {
  const changes = plan.session.changes ?? [];
  if (changes.length === 0) return "";
  const opined = new Set(changes.flatMap((change) => (change.outcome === "answered" ? change.hosts : [])));
  const left = plan.hosts.filter(
    (host) => (host.state === "changed" || host.state === "added") && !opined.has(host.host) && diffOf(plan, host)?.revisionOnly !== true,
  );
  if (left.length === 0) return "";
  return `, ${left.length} of ${opined.size + left.length} hosts by rules only${whyNone(plan.session)}`;
}

/** The codes of questions that got no verdict, ` (timed-out)`; they are words of ours and may be shown to anyone. */
function whyNone({ changes }: Plan["session"]): string {
  const codes = new Set((changes ?? []).flatMap((change) => (change.outcome === "none" ? [change.reason] : [])));
  return codes.size === 0 ? "" : ` (${[...codes].join(", ")})`;
}

/** What the hosts of this plan were compared with. Without a base it is what they run, or, where no host was compared at all, nothing. */
export function compared(plan: Plan): Line {
  const { head, base } = plan.revision;
  const what: Span[] = head === undefined ? ["The flake ", { code: plan.flake }] : ["Revision ", { code: head.slice(0, 12) }];
  if (plan.reboots === true) return { spans: ["By the policy of ", ...what.map(lowered), "."] };
  const none = plan.hosts.every((host) => host.state === "added" || host.state === "failed");
  const to = (): Span[] => {
    if (hasOutcomes(plan) && !none) return [" compared with what the hosts run"];
    if (base !== undefined) return [" compared with ", { code: base.slice(0, 12) }];
    if (none) return [", with nothing to compare it with"];
    // The base of a flake that Nix fetches has no revision that we know.
    return [plan.event === "shell" || plan.event === "pull_request" ? " compared with its base" : " compared with what the hosts run"];
  };
  return { spans: [...what, ...to(), "."] };
}

const lowered = (span: Span): Span => (typeof span === "string" ? `${span.charAt(0).toLowerCase()}${span.slice(1)}` : span);

export const worstVerdict = (hosts: readonly PlanHost[]): Verdict | "unknown-until-built" | "unchanged" => {
  const verdicts = new Set(hosts.flatMap((host) => (host.state === "changed" || host.state === "added" ? [host.judgement.verdict] : [])));
  return verdicts.has("risky")
    ? "risky"
    : verdicts.has("reboot")
      ? "reboot"
      : verdicts.has("unknown-until-built")
        ? "unknown-until-built"
        : verdicts.has("clean")
          ? "clean"
          : "unchanged";
};
