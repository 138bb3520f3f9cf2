import type { Mode } from "../classify/finding.ts";
import { entriesOf, type KnownLedger } from "../decide/rejection.ts";
import type { Address } from "../target/address.ts";
import type { CheckResult } from "../target/check-result.ts";
import type { BriefObservation } from "../target/observation.ts";
import { rightHost } from "../target/right-host.ts";
import { loginCommand } from "../target/target-failure.ts";
import { atGate, failed, passed, typed, type Answer } from "./answer.ts";
import { baselineOf, type Baseline } from "./baseline.ts";
import { mayLeave, type Group, type MemberHealth } from "./group-health.ts";
import type { Look } from "./host-look.ts";
import { mayTry, notOlder, unspent, type IsAncestor } from "./history.ts";
import type { OutcomeKind } from "./outcome.ts";
import { baselineSentence, moved, noShutdown, nothingElse, specialisation, stillFrom } from "./host-questions.ts";
import { bootSpace, inodes, storeSpace, type SpaceNeed } from "./space-check.ts";
import type { HostName } from "../discover/host.ts";

/** What was decided for a host, before it is looked at once more. */
export type Planned = {
  /** What the host was when the change was judged. */
  readonly from: {
    readonly current: string | undefined;
    readonly profile: string | undefined;
    readonly specialisation: string | undefined;
  };
  /** The toplevel, which becomes the profile. */
  readonly to: string;
  /** What `/run/current-system` is afterwards, all links resolved: the toplevel, or its specialisation; undefined where `to` has none of that name. */
  readonly activate: string | undefined;
  readonly mode: Mode;
  readonly need: SpaceNeed;
  readonly revision: string | undefined;
  /** Where a person approved it. */
  readonly approval: { readonly by: string; readonly digest: string } | undefined;
};

export const preflightChecks = [
  "reachable",
  "host",
  "nixos",
  "from",
  "specialisation",
  "activation",
  "shutdown",
  "store-space",
  "inodes",
  "boot-space",
  "failed-units",
  "checks",
  "group",
  "order",
  "attempts",
  "approval",
] as const;
export type PreflightCheck = (typeof preflightChecks)[number];

/** What a person may say in words to go on in spite of: a fix of a service that is down has to be deployed while its check is red. Never what protects the host itself. */
export const overridable = ["checks", "group", "attempts", "order"] as const satisfies readonly PreflightCheck[];
export type Overridable = (typeof overridable)[number];

export type PreflightCase = {
  readonly address: Address;
  readonly planned: Planned;
  readonly look: Look<BriefObservation>;
  readonly ledger: KnownLedger;
  /** The operator's checks, asked right now. */
  readonly checks: readonly CheckResult[];
  /** Undefined for a host without a group. `health` is of every member, as fresh as it goes. */
  readonly group: { readonly group: Group; readonly health: ReadonlyMap<HostName, MemberHealth> } | undefined;
  readonly isAncestor: IsAncestor;
  /** Attempts that this very run has made on the host: another strategy of one change is not a second try of it, and uses the same approval. */
  readonly ownAttempts: readonly string[];
  readonly despite: readonly Overridable[];
};

export type PreflightLine = {
  readonly check: PreflightCheck;
  readonly outcome: Answer["outcome"];
  readonly sentence: string;
  /** The next command to type; there is one for everything but `passed`. */
  readonly next?: string;
};

export type Preflight = {
  readonly checks: readonly PreflightLine[];
  readonly summary:
    | { readonly may: "go"; readonly reasons: readonly [string, ...string[]]; readonly baseline: Baseline }
    | {
        /** `done`: it is there already. `hold`: not now, or not without a person. `fail`: this is no host that could be deployed. */
        readonly may: "hold" | "fail" | "done";
        readonly reasons: readonly [string, ...string[]];
        readonly outcome: OutcomeKind;
        readonly next?: string;
      };
};

/** Whether a host may be changed now, right before it is. Pure; everything that is not shown to be well holds, and every check says why. */
export function preflight(given: PreflightCase): Preflight {
  const { address, look, planned } = given;
  const checks: PreflightLine[] = [];
  const ask = (check: PreflightCheck, answer: Answer): boolean => {
    const over = answer.outcome !== "passed" && (given.despite as readonly PreflightCheck[]).includes(check);
    checks.push({
      check,
      outcome: answer.outcome,
      sentence: over ? `${answer.sentence} It was asked for in spite of that.` : answer.sentence,
      ...(answer.outcome === "passed" ? {} : { next: typed(answer.next, address) }),
    });
    return answer.outcome === "passed";
  };

  if (look.kind === "silent") {
    ask("reachable", failed(`${address.hostname} could not be spoken to (${look.trouble}).`, atGate(`${loginCommand(address)} true`)));
    return ended(checks, "fail", "unreachable");
  }
  const { observation } = look;
  ask("reachable", passed(`${address.hostname} answers.`));
  // An address that was given to another machine, and a clone, answer ssh as well as the right one.
  const wrong = rightHost(address, observation);
  const known = address.identity.machineId === undefined ? "; no machine id is pinned" : " and has the machine id that is pinned";
  if (wrong?.code === "wrong-host") {
    ask("host", failed(wrong.message, atGate(wrong.next)));
    return ended(checks, "fail", "failed");
  }
  ask("host", passed(`It calls itself "${address.identity.name}"${known}.`));
  if (wrong !== undefined) {
    ask("nixos", failed(wrong.message, atGate(wrong.next)));
    return ended(checks, "fail", "failed");
  }
  ask("nixos", passed("It is a NixOS that runs."));
  const done = alreadyThere(planned, observation);
  if (done !== undefined) {
    ask("from", passed(done.sentence));
    return ended(checks, "done", done.outcome);
  }

  const entries = entriesOf(given.ledger).filter((entry) => entry.event !== "started" || !given.ownAttempts.includes(entry.attempt.id));
  const ledger: KnownLedger = typeof given.ledger === "string" ? given.ledger : entries;
  const asPlanned = ask("from", stillFrom(planned, observation));
  ask("specialisation", specialisation(planned, observation));
  ask("activation", nothingElse(observation));
  ask("shutdown", noShutdown(observation));
  ask("store-space", storeSpace(observation, planned.need));
  ask("inodes", inodes(observation, planned.need));
  ask("boot-space", bootSpace(observation, planned.need));
  ask("failed-units", passed(baselineSentence(observation.failedUnits)));
  ask("checks", operatorsChecks(given.checks));
  ask("group", groupStanding(given, address.host));
  ask("order", notOlder(ledger, planned.revision, given.isAncestor, asPlanned));
  ask("attempts", mayTry(ledger, planned.to, observation.bootId, planned.approval !== undefined));
  ask("approval", unspent(ledger, planned.approval));

  const against = checks.filter((line) => line.outcome !== "passed" && !(given.despite as readonly PreflightCheck[]).includes(line.check));
  if (against.length > 0) return ended(checks, "hold", moved(planned, observation) ? "superseded" : "held", against);
  const baseline = baselineOf(observation, given.checks);
  const despite = checks.filter((line) => line.outcome !== "passed").map((line) => line.sentence);
  return { checks, summary: { may: "go", reasons: ["Everything that was asked before the change is well.", ...despite], baseline } };
}

function ended(
  checks: readonly PreflightLine[],
  may: "hold" | "fail" | "done",
  outcome: OutcomeKind,
  against: readonly PreflightLine[] = checks.slice(-1),
): Preflight {
  const [head, ...rest] = against.map((line) => line.sentence);
  const next = against.find((line) => line.next !== undefined)?.next;
  const reasons: [string, ...string[]] = [head ?? "It was not looked at.", ...rest];
  return { checks, summary: { may, outcome, reasons, ...(next === undefined ? {} : { next }) } };
}

/** What is asked for is so already: the answer of a second run, and of one after a power cut. */
function alreadyThere(planned: Planned, observation: BriefObservation): { sentence: string; outcome: OutcomeKind } | undefined {
  if (planned.activate === undefined || observation.profile !== planned.to) return undefined;
  if (observation.current === planned.activate) return { sentence: "It runs and boots what is asked for already.", outcome: "unchanged" };
  if (planned.mode === "boot-only") return { sentence: "It boots what is asked for already; a reboot brings it in.", outcome: "staged" };
  return undefined;
}

function operatorsChecks(checks: readonly CheckResult[]): Answer {
  if (checks.length === 0) return passed("There are no checks of the operator.");
  const order = ["failed", "error", "inconclusive", "passed"] as const;
  const worst = order.find((outcome) => checks.some((check) => check.outcome === outcome)) ?? "passed";
  if (worst === "passed")
    return passed(checks.length === 1 ? "The operator's check passes." : `All ${checks.length} checks of the operator pass.`);
  const bad = checks.filter((check) => check.outcome !== "passed");
  const sentence = `Before any change, ${bad
    .slice(0, 3)
    .map((check) => `the check "${check.name}" is ${check.outcome}: ${check.sentence}`)
    .join(" Also ")}${bad.length > 3 ? ` And ${bad.length - 3} more.` : ""}`;
  return { outcome: worst, sentence, next: atGate("nixos-deploy-gate verify --hosts HOST") };
}

function groupStanding(given: PreflightCase, host: HostName): Answer {
  if (given.group === undefined) return passed("It is in no group.");
  const { group, health } = given.group;
  const away = new Set(group.members.filter((member) => health.get(member)?.healthy !== true));
  const { allowed, sentence } = mayLeave(group, away, host);
  if (allowed) return passed(sentence);
  const sick = group.members.find((member) => member !== host && away.has(member));
  const why = sick === undefined ? "" : ` ${sick}: ${health.get(sick)?.sentence ?? "nothing is known of it."}`;
  return failed(`${sentence}${why}`, atGate(sick === undefined ? "nixos-deploy-gate status" : `nixos-deploy-gate status --hosts ${sick}`));
}
