import type { Mode } from "../classify/finding.ts";
import type { Strategy } from "../apply/outcome.ts";
import type { FailureStage } from "./evidence.ts";
import type { Confidence } from "./recogniser.ts";
import { longestWaitSeconds, mostUnits, terms, type Precondition, type Remedy, type RemedyKind } from "./remedy.ts";

/** What somebody proposes to do about a failure: the table of known causes, or a session. Neither decides. */
export type Proposal = { readonly remedy: Remedy; readonly confidence: Confidence; readonly by: "table" | "session" };

/** What was tried since the failure, in order. */
export type Tried = { readonly remedy: RemedyKind; readonly seconds: number; readonly ended: string };

/** A host and its run as they are now. What is not known is undefined, and does not hold. */
export type Situation = {
  readonly stage: FailureStage;
  /** As it was decided before anything was done; a remedy never widens it. */
  readonly mode: Mode;
  readonly attended: boolean;
  readonly reversible: boolean;
  /** Asked after the failure; undefined where nobody has. */
  readonly reachable: boolean | undefined;
  /** Of what the failed attempt left: nothing, something active or booting, or not known. */
  readonly left: "nothing" | "something" | "unknown";
  /** The recorded toplevel, and that it is still in the host's store. */
  readonly returnKnown: boolean;
  /** The policy reboots it by itself, in a window that is open or ahead. */
  readonly mayReboot: boolean | undefined;
  /** One more of the group may be away now. */
  readonly groupAllows: boolean | undefined;
  /** Units that the evidence is about. */
  readonly units: readonly string[];
  readonly tried: readonly Tried[];
  /** Since the failure, sessions included. */
  readonly secondsSpent: number;
  readonly usdSpent: number;
};

/** Of one failure of one host. */
export type RecoveryBudget = { readonly attempts: number; readonly seconds: number; readonly usd: number };
export const recoveryBudget: RecoveryBudget = { attempts: 3, seconds: 3_600, usd: 2 };

export type Recovery =
  /** Do that, verify, and ask again with it among `tried` where it did not help. `strategy` is undefined where the stage itself is repeated. */
  | { readonly kind: "try"; readonly remedy: Remedy; readonly strategy: Strategy | undefined; readonly reasons: readonly string[] }
  | { readonly kind: "escalate"; readonly strategy: "escalate"; readonly reasons: readonly string[] };

/**
 * Units that no remedy stops or restarts: the way to the host, what everything else stands on, and ourselves. A unit's log, or a session that read it, may name any.
 */
const untouchable =
  /^(?:sshd?(?:@.*)?|systemd-.*|dbus(?:-broker)?|nix-daemon|network.*|NetworkManager.*|wpa_supplicant.*|dhcpcd|iwd|connman|tailscaled|wireguard-.*|wg-quick-.*|zerotierone|nebula@.*|firewall|nftables|iptables|polkit|user@.*|user-runtime-dir@.*|getty@.*|nixos-deploy-gate.*|init|emergency|rescue|initrd-.*)\.(?:service|socket|target|path|timer)$|^-\.mount$|^(?:nix|nix-store|boot|boot-efi|efi|proc|sys|dev|run)\.mount$/;
export const isUntouchable = (unit: string): boolean => untouchable.test(unit) || /\.(?:target|slice|scope)$/.test(unit);

/** What a remedy of this host is, in the words of the apply stage. A retry repeats what had been decided and nothing else. */
function strategyOf(remedy: Remedy, { stage, mode }: Situation): Strategy | undefined {
  switch (remedy.kind) {
    case "retry":
    case "wait-until":
      return stage === "activation" ? (mode === "boot-only" ? "boot" : "switch") : undefined;
    case "retry-as-boot-and-reboot":
      return "boot";
    case "restart-units":
      return "restart-units";
    case "stop-then-switch":
      return "stop-then-switch";
    case "rollback":
      return "rollback";
    case "escalate":
      return "escalate";
  }
}

/** Whether that holds, as the clause that says why not. Undefined: it holds. */
function lacking(precondition: Precondition, remedy: Remedy, s: Situation): string | undefined {
  const unless = (holds: boolean | undefined, clause: string): string | undefined => (holds === true ? undefined : clause);
  const units = remedy.kind === "restart-units" || remedy.kind === "stop-then-switch" ? remedy.units : [];
  switch (precondition) {
    case "host-reachable":
      return unless(s.reachable, s.reachable === false ? "the host does not answer" : "it is not known whether the host answers");
    case "return-known":
      return unless(s.returnKnown, "what the host ran before is not recorded or not in its store any more");
    case "reversible":
      return unless(s.reversible, "data may have been migrated, so that going back is a person's decision");
    case "something-to-undo":
      return unless(
        s.left === "something",
        s.left === "nothing" ? "there is nothing to go back from" : "it is not known what the attempt left behind",
      );
    case "running-untouched":
      return unless(
        s.left === "nothing",
        s.left === "something" ? "the attempt has changed the host" : "it is not known what the attempt left behind",
      );
    case "may-reboot":
      return unless(s.mayReboot, "the policy leaves its reboots to a person, or no window is ahead");
    case "unattended":
      return unless(!s.attended, "somebody has to be there when it boots");
    case "group-allows":
      return unless(s.groupAllows, "no other host of its group may be away now");
    case "mode-switches":
      return unless(s.mode !== "boot-only", "this change is only ever brought in by a boot");
    case "units-known": {
      if (units.length === 0) return "no unit is named";
      if (units.length > mostUnits) return `more than ${mostUnits} units are named`;
      if (units.some((unit) => !s.units.includes(unit))) return "a unit is named that the evidence is not about";
      return units.some(isUntouchable) ? "a unit is named that no remedy touches" : undefined;
    }
  }
}

/** Why a remedy may not be tried now; empty where it may. */
export function refusals(remedy: Remedy, situation: Situation, budget: RecoveryBudget): readonly string[] {
  const { stage, tried } = situation;
  const { stages, needs } = terms[remedy.kind];
  const reasons = needs.flatMap((precondition) => {
    // Before a host was touched there is nothing of it that could have changed.
    if (precondition === "running-untouched" && (stage === "evaluation" || stage === "build" || stage === "copy")) return [];
    return lacking(precondition, remedy, situation) ?? [];
  });
  if (!stages.includes(stage)) reasons.unshift(`it is no remedy for a failure of the ${stage}`);
  if (tried.some((each) => each.remedy === remedy.kind)) reasons.push("it was tried before and did not help");
  // Going back is never refused for want of money or tries: it is what ends the attempt.
  const last = remedy.kind === "rollback";
  if (!last && tried.filter((each) => each.remedy !== "rollback").length >= budget.attempts)
    reasons.push(`${budget.attempts} attempts are used up`);
  const seconds = situation.secondsSpent + (remedy.kind === "wait-until" ? remedy.seconds : 0);
  if (!last && !(seconds < budget.seconds)) reasons.push(`the ${budget.seconds} seconds for recovery are used up`);
  if (!last && !(situation.usdSpent < budget.usd)) reasons.push(`the $${budget.usd.toFixed(2)} for recovery are used up`);
  if (remedy.kind === "wait-until" && !(remedy.seconds > 0 && remedy.seconds <= longestWaitSeconds)) reasons.push("nobody waits that long");
  // After a rollback the host is what it was; what failed is looked at by a person.
  if (tried.some((each) => each.remedy === "rollback")) reasons.push("the host was already taken back");
  return reasons;
}

/**
 * What happens next. The first proposal that may be tried is: certain ones before likely ones, the table's before a session's. Where none may, the host goes back if
 * it can; where it cannot, or nothing is left of the attempt, a person is called. Pure and total: each kind of remedy is tried once at most and the number of tries is
 * bounded, so that whoever asks again with what was tried comes to "escalate" after at most `attempts` + 1 answers of "try".
 */
export function recover(proposals: readonly Proposal[], situation: Situation, budget: RecoveryBudget = recoveryBudget): Recovery {
  const rank = ({ confidence, by }: Proposal): number => (confidence === "certain" ? 0 : 2) + (by === "table" ? 0 : 1);
  const notes: string[] = [];
  for (const { remedy, by } of proposals.slice(0, 32).toSorted((a, b) => rank(a) - rank(b))) {
    const source = by === "table" ? "the known cause" : "the session";
    if (remedy.kind === "escalate") {
      notes.push(`${source} leaves it to a person`);
      break;
    }
    const refused = refusals(remedy, situation, budget);
    if (refused.length === 0)
      return {
        kind: "try",
        remedy,
        strategy: strategyOf(remedy, situation),
        reasons: [...notes, `${remedy.kind}, which ${source} asks for, may be tried`],
      };
    notes.push(`${remedy.kind}, which ${source} asks for, is not tried: ${refused.join("; ")}`);
  }
  const back: Remedy = { kind: "rollback" };
  const refused = refusals(back, situation, budget);
  if (refused.length === 0)
    return { kind: "try", remedy: back, strategy: "rollback", reasons: [...notes, "nothing else may be tried, so the host goes back"] };
  if (situation.left !== "nothing") notes.push(`the host is not taken back: ${refused.join("; ")}`);
  return { kind: "escalate", strategy: "escalate", reasons: notes.length === 0 ? ["no remedy is known"] : notes };
}
