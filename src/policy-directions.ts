import { rules } from "./classify/rules.ts";
import { loosenedRule } from "./classify/rules/policy-loosened.ts";

/** What a comparison of one key says: the value that is in force, and, where something guards less, what is shown of it. */
export type Compared = { readonly inForce: unknown; readonly loosened?: { readonly from: unknown; readonly to: unknown } };

/** Which of two values of a key is the stricter. `name` is the last part of the key, which in a record is a name. */
export type Direction = (was: unknown, is: unknown, name: string) => Compared;

/** JSON in which equal values are equal texts. Nix sorts the keys of a set anyway; a policy of another source may not. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
const same = (a: unknown, b: unknown): boolean => sortedJson(a) === sortedJson(b);
const keep = (was: unknown, is: unknown): Compared => ({ inForce: was, loosened: { from: was, to: is } });
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const fields = (value: unknown): [string, unknown][] => (typeof value === "object" && value !== null ? Object.entries(value) : []);
const without = (all: readonly unknown[], some: readonly unknown[]): unknown[] =>
  all.filter((one) => !some.some((other) => same(one, other)));

type Plain = (was: unknown, is: unknown) => Compared;
/** Neither value guards less. */
const free: Plain = (_, is) => ({ inForce: is });
/** There is no order between two values: every change is for a person to see. */
export const pinned: Plain = (was, is) => (same(was, is) ? { inForce: is } : keep(was, is));
/** The same for each field of its own: what did not change is not shown. */
const pinnedFields: Plain = (was, is) => {
  const [gone, come] = [without(fields(was), fields(is)), without(fields(is), fields(was))] as [string, unknown][][];
  if (gone?.length === 0 && come?.length === 0) return { inForce: is };
  return { inForce: was, loosened: { from: Object.fromEntries(gone ?? []), to: Object.fromEntries(come ?? []) } };
};
/** To say something where nothing was said is stricter; to say something else, or nothing any more, is not. */
const addable: Plain = (was, is) => (was === undefined ? { inForce: is } : pinned(was, is));
/** Words from the loosest to the strictest; one that is not among them is for a person to see. */
const strictest =
  (...words: readonly unknown[]): Plain =>
  (was, is) =>
    words.includes(is) && words.indexOf(is) >= words.indexOf(was) ? { inForce: is } : keep(was, is);
const onIsStricter = strictest(false, true);
const offIsStricter = strictest(true, false);
const smaller: Plain = (was, is) => (Number(is) <= Number(was) ? { inForce: is } : keep(was, is));
const larger: Plain = (was, is) => (Number(is) >= Number(was) ? { inForce: is } : keep(was, is));
/** Demands: all of both are in force, and one that is taken away is a loosening. */
const demands: Plain = (was, is) => {
  const gone = without(list(was), list(is));
  return gone.length === 0 ? { inForce: is } : { inForce: [...list(is), ...gone], loosened: { from: gone, to: undefined } };
};
/** Grants: only those of both are in force, and one that is added is a loosening. */
const grants: Plain = (was, is) => {
  const added = without(list(is), list(was));
  return added.length === 0 ? { inForce: is } : { inForce: without(list(is), added), loosened: { from: undefined, to: added } };
};

/** Grants where no list at all grants to everyone. */
const grantsOrAll: Plain = (was, is) => (was === undefined ? { inForce: is } : is === undefined ? keep(was, is) : grants(was, is));

/** A line that revokes a key demands, every other line grants. */
const knownHosts: Plain = (was, is) => {
  const revokes = (line: unknown): boolean => String(line).trimStart().startsWith("@revoked");
  const split = (lines: unknown) => [list(lines).filter(revokes), list(lines).filter((line) => !revokes(line))] as const;
  const [revokedWas, trustedWas] = split(was);
  const [revokedIs, trustedIs] = split(is);
  const revoked = demands(revokedWas, revokedIs);
  const trusted = grants(trustedWas, trustedIs);
  if (revoked.loosened === undefined && trusted.loosened === undefined) return { inForce: is };
  return {
    inForce: [...list(revoked.inForce), ...list(trusted.inForce)],
    loosened: { from: revoked.loosened?.from, to: trusted.loosened?.to },
  };
};

/**
 * Fewer pinned keys are stricter, and none at all leaves it to known_hosts. A first pin takes the place of known_hosts, so it is for a person to see as well: else whoever
 * writes the policy would name the machine that is believed.
 */
const hostKeys: Plain = (was, is) => {
  const fewer = list(is).length > 0 && without(list(is), list(was)).length === 0;
  return fewer || list(is).length + list(was).length === 0 ? { inForce: is } : keep(was, is);
};

/** A number of hosts and a share of them have no order: how large the group is changes. The least of both is one host. */
const unavailable: Plain = (was, is) => {
  if (typeof was === "string" && typeof is === "string")
    return smaller(Number.parseInt(was, 10), Number.parseInt(is, 10)).loosened ? keep(was, is) : { inForce: is };
  if (typeof was === "number" && typeof is === "number") return smaller(was, is);
  return is === 1 || is === "0%" ? { inForce: is } : keep(was, is);
};

/** `never`, then lists of windows, then `any`. A window that was not there before is looser, also where it is a shorter one: which hour it is matters too. */
const windows: Plain = (was, is) => {
  if (same(was, is) || is === "never" || (was === "any" && is !== undefined)) return { inForce: is };
  if (!Array.isArray(was) || !Array.isArray(is)) return keep(was, is);
  const compared = grants(was, is);
  return list(compared.inForce).length === 0 ? { ...compared, inForce: "never" } : compared;
};

/**
 * A rule's setting: off, then below its own verdict, then none, then its own verdict for whatever it sees, then above. A rule that there is none of may come to be,
 * and counts as risky until then.
 */
const ruleSetting: Direction = (was, is, name) => {
  if (name === loosenedRule) return { inForce: is };
  const words = ["off", "clean", "reboot", "risky"];
  const own = words.indexOf(rules.find((rule) => rule.id === name)?.verdict ?? "risky");
  const rank = (setting: unknown): number =>
    typeof setting === "object" && setting !== null && "verdict" in setting ? words.indexOf(String(setting.verdict)) : own - 0.5;
  return rank(is) >= rank(was) ? { inForce: is } : keep(was, is);
};

/** Of a host's or a group's reboots. They are compared as they are in force for each host, so that a group's count for its members. */
const reboot: Readonly<Record<string, Direction>> = {
  windows,
  blackout: demands,
  blackoutZone: pinned,
  attended: onIsStricter,
  trigger: strictest("timer", "gate"),
  inhibit: demands,
  drain: addable,
  undrain: addable,
  commandSeconds: free,
  notWhileLoggedIn: onIsStricter,
  expectedSeconds: free,
  marginSeconds: larger,
  returnSeconds: free,
  staggerSeconds: larger,
  tryOnce: onIsStricter,
  bootEntry: strictest("trust", "verify"),
  mayBeOffline: offIsStricter,
  overdueHours: smaller,
};

/**
 * Every key of the policy and which of its values is the stricter; `*` is a name. A key that has no line of its own is part of the nearest above it that has one. Limits
 * of time are free: neither a longer nor a shorter one lets more through, and what runs into one fails.
 */
export const directions: Readonly<Record<string, Direction>> = {
  "hosts.*.deploy": offIsStricter,
  "hosts.*.facts": pinnedFields,
  // A change of where a host is, as whom it is reached or what proves that it is the one may lead to another machine.
  "hosts.*.target.hostname": pinned,
  "hosts.*.target.user": pinned,
  "hosts.*.target.port": pinned,
  "hosts.*.target.jump": pinned,
  "hosts.*.target.name": pinned,
  "hosts.*.target.machineId": addable,
  "hosts.*.target.hostKeys": hostKeys,
  "hosts.*.target.helper": onIsStricter,
  "hosts.*.group": addable,
  "hosts.*.canary": onIsStricter,
  // A host that carries something confirms itself, and one that no longer does is no longer last.
  "hosts.*.carries": pinned,
  "hosts.*.checks": demands,
  ...Object.fromEntries(Object.entries(reboot).map(([key, direction]) => [`hosts.*.reboot.${key}`, direction])),
  "groups.*.maxUnavailable": unavailable,
  "groups.*.quorum": onIsStricter,
  "groups.*.order": free,
  "groups.*.checks": demands,
  "groups.*.reboot": free,
  "apply.user": pinned,
  "apply.knownHosts": knownHosts,
  "apply.parallel": smaller,
  "apply.stopAfterFailures": smaller,
  "apply.activationSeconds": free,
  "apply.confirmSeconds": free,
  "apply.loaderSeconds": free,
  // No limit but a look: what dies a minute after it started is seen by the longer one only.
  "apply.soakSeconds": larger,
  "apply.copy.store": free,
  "apply.copy.substituteOnDestination": free,
  "apply.copy.checkSignatures": onIsStricter,
  "apply.copy.signingKeyFile": pinned,
  "apply.copy.timeoutSeconds": free,
  "apply.checks": demands,
  "approval.ttlHours": smaller,
  "approval.by": grantsOrAll,
  "approval.exceptAuthor": onIsStricter,
  session: strictest("off", "optional", "required"),
  // What a session is told and which one it is has no order, and it can only be made to see less.
  "sessionSettings.model": pinned,
  "sessionSettings.questionUsd": smaller,
  "sessionSettings.runUsd": smaller,
  "sessionSettings.dayUsd": smaller,
  "sessionSettings.timeoutSeconds": free,
  "sessionSettings.knowledge": pinned,
  "rules.*": ruleSetting,
  // It runs beside the deploy key, and hears what failed where; and who is no longer told guards less.
  "notify.command": pinned,
  "notify.webhook": pinned,
  // They run as root on hosts.
  "context.commands": pinned,
  // What a goal may do is for a person to see, goal by goal.
  "goals.directory": pinned,
  "goals.paths": pinned,
  "goals.by": pinnedFields,
  "report.detail": strictest("full", undefined, "names"),
  "report.hostStatuses": free,
  "report.deployments": free,
  "evaluation.isolation": strictest("unreviewed code may read the secrets of this runner", "required"),
  "evaluation.timeoutSeconds": free,
  "build.timeoutSeconds": free,
};
