import type { Line } from "./line.ts";
import { say } from "./line.ts";
import { isObserved } from "./order.ts";
import { count } from "./count.ts";
import { whatHappens, whenWord, why } from "./phrases.ts";
import type { PlanMiss, PlanOutcome } from "./plan-outcome.ts";
import type { Plan, PlanHost } from "./plan.ts";

/** What became of a host in words: the last columns of the table, and what a person does about it. */

/** The head of the column that says what happens, happened or would be done. */
export function happenedWord(plan: Plan): string {
  const kinds = plan.hosts.flatMap((host) => host.outcome?.outcome ?? []);
  if (kinds.length === 0) return whenWord[plan.event];
  return kinds.some((kind) => kind.startsWith("would-")) ? "What would be done" : "What happened";
}

/** A clause without a full stop. Without an outcome it is what will happen. */
export function happened(plan: Plan, host: PlanHost): string {
  const { outcome, decision } = host;
  if (outcome === undefined || outcome.outcome === "not-managed" || host.state === "removed") return whatHappens(host, plan.event);
  const approved = decision.approval?.became === "granted" ? `; approved by ${decision.approval.by}` : "";
  switch (outcome.outcome) {
    case "unchanged":
      return "nothing: it runs and boots this already";
    case "deployed":
      return `is active, boots and is verified${approved}`;
    case "staged":
      return `is the boot default; the reboot that brings it in is pending${approved}`;
    case "deployed-reboot-pending":
      return `is active and boots; the reboot that completes it is pending${approved}`;
    case "deployed-with-misses":
      return `is active and boots; ${openMisses(outcome)} of it did not take effect${approved}`;
    case "held":
      return decision.action === "hold" ? whatHappens(host, plan.event) : "nothing: it is held";
    case "failed":
      if (outcome.now !== undefined) return outcome.attempts.length === 0 ? `nothing was activated: ${stands(outcome)}` : stands(outcome);
      return decision.action === "fail" ? "nothing: it keeps what it runs" : "what it runs now is not known";
    case "rolled-back":
      return `was taken back: ${stands(outcome)}`;
    case "live-but-old-boots":
      return "the new system runs and the old one boots: a reboot would undo it";
    case "left-unconfirmed":
      return "the new system runs unconfirmed; it was not taken back, since going back may lose data";
    case "unreachable":
      if (outcome.now !== undefined) return stands(outcome);
      return outcome.attempts.length === 0 ? "nothing: it does not answer" : "it does not answer, and what it runs now is not known";
    case "superseded":
      return "somebody else switched it meanwhile, which was left as it is";
    case "not-reached":
      return "nothing: the run ended before its turn";
    case "handed-over":
      return "goes on alone, since it carries the runner or the forge; the next run reads its result";
    case "rebooted":
      return "was rebooted and is verified";
    case "offline":
      return "nothing: it does not answer, which its policy allows";
    case "reboot-pending":
      return "waits for its reboot";
    case "reboot-held":
      return "was not rebooted: a person is needed";
    case "reboot-failed":
      return "did not come back from its reboot as planned";
    case "would-reboot":
      return "would be rebooted";
    case "would-deploy":
      return `would be switched, ${decision.action === "deploy-then-reboot" ? "then reboot" : "no reboot"}${approved}`;
    case "would-stage":
      return `would become the boot default, then reboot${approved}`;
  }
}

/** What runs and boots, as far as the host's own word shows it. */
export function stands({ now }: PlanOutcome): string {
  if (now === undefined) return "what it runs now is not known";
  const boots =
    now.boots === now.runs
      ? ""
      : now.boots === "old"
        ? ", and boots the old system"
        : now.boots === "new"
          ? ", and boots the new system"
          : "";
  if (now.runs === "old") return `it runs what it ran before${boots}`;
  return now.runs === "new" ? `it runs the new system${boots}` : "it runs neither what it ran before nor the new toplevel";
}

/** Those that somebody has to do something about. */
export const isOpen = ({ needs }: Pick<PlanMiss, "needs">): boolean => needs !== "nothing";

function openMisses({ misses, missesTotal }: PlanOutcome): string {
  return missesTotal > misses.length ? `more than ${misses.length} parts` : count(misses.filter(isOpen).length, "part");
}

/** The one fact that counts most: why it is not well, or else what changed. */
export function reason(plan: Plan, host: PlanHost): Line {
  const { outcome } = host;
  if (outcome === undefined || host.state === "failed" || isObserved(host)) return why(plan, host);
  const [first] = outcome.reasons;
  const miss = outcome.misses.find(isOpen);
  switch (outcome.outcome) {
    case "unchanged":
    case "not-managed":
    case "deployed":
    case "staged":
    case "would-deploy":
    case "would-stage":
      return why(plan, host);
    case "deployed-reboot-pending":
      // Where the rules foresaw it, what they said tells more than what is still to come.
      if (host.state !== "unchanged" && host.state !== "removed" && host.judgement.mode !== "switch") return why(plan, host);
      return miss === undefined || miss.sentence === "" ? why(plan, host) : say(miss.sentence);
    case "deployed-with-misses":
      return miss === undefined ? why(plan, host) : missLine(miss);
    case "rebooted":
    case "offline":
    case "reboot-pending":
    case "reboot-held":
    case "reboot-failed":
    case "would-reboot":
      return say(first ?? "not shown here");
    case "held":
      return host.decision.action === "hold" ? why(plan, host) : say(first ?? "not shown here");
    case "failed":
    case "rolled-back":
    case "live-but-old-boots":
    case "left-unconfirmed": {
      // It was activated and confirmed, and is not what it should be.
      if (miss !== undefined) return missLine(miss);
      // What the last try forward ended with names units and checks; the reasons say in general why nothing else was tried.
      const tried = outcome.attempts.findLast(({ strategy, ended }) => strategy !== "rollback" && ended !== "");
      return tried === undefined ? given(outcome) : say(tried.ended);
    }
    case "unreachable":
    case "handed-over":
    case "not-reached":
    case "superseded":
      return given(outcome);
  }
}

function given({ reasons: [first], failure }: PlanOutcome): Line {
  if (first !== undefined) return say(first);
  return failure === undefined ? say("not shown here") : { spans: [{ code: failure.code }] };
}

const needsWord: Readonly<Record<PlanMiss["needs"], string>> = {
  nothing: "needs nothing",
  "daemon-reload": "needs a daemon-reload",
  reload: "needs a reload",
  restart: "needs a restart",
  remount: "needs a remount",
  reboot: "needs a reboot",
  person: "needs a person",
};

/** What did not take effect, in one line. */
export function missLine(miss: PlanMiss): Line {
  if (miss.sentence !== "") return say(`${miss.sentence} It ${needsWord[miss.needs]}.`);
  const subject = miss.subject === "" ? [`something of the family ${miss.family || "unknown"}`] : [{ code: miss.subject }];
  return { spans: [...subject, ` ${needsWord[miss.needs]}`] };
}
