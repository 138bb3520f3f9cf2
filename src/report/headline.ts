import { isObserved, standing, standings, type Standing } from "./order.ts";
import { count } from "./count.ts";
import type { PlanHost } from "./plan.ts";
import { looks } from "./standing-look.ts";

type Say = (n: number, hosts: readonly PlanHost[]) => string;
const headWord: Readonly<Record<Standing, Say>> = {
  "needs-person": (n) => `${n} ${n === 1 ? "needs" : "need"} a person`,
  "live-but-old-boots": (n) => `${n} live, but the old system boots`,
  "left-unconfirmed": (n) => `${n} left unconfirmed`,
  failed: (n) => `${count(n, "host")} failed`,
  "reboot-failed": (n) => `${n} did not reboot as planned`,
  "rolled-back": (n, hosts) => `${n} rolled back${ranBefore(hosts)}`,
  unreachable: (n) => `${n} unreachable`,
  superseded: (n) => `${n} switched by somebody else`,
  "deployed-with-misses": (n) => `${n} deployed with misses`,
  held: (n) => `${n} held`,
  "reboot-held": (n) => `${n} ${n === 1 ? "waits" : "wait"} for a person to reboot`,
  "needs-you": (n) => `${n} ${n === 1 ? "host needs" : "hosts need"} you`,
  "not-reached": (n) => `${n} not reached`,
  "handed-over": (n) => `${n} handed over (the next run reads ${n === 1 ? "its result" : "their results"})`,
  risky: (n) => `${n} risky`,
  reboot: (n) => `${n} reboot`,
  unbuilt: (n) => `${n} not known before the build`,
  clean: (n) => `${n} clean`,
  "would-stage": (n) => `${n} would be staged`,
  "would-deploy": (n) => `${n} would be deployed`,
  "would-reboot": (n) => `${n} would be rebooted`,
  offline: (n) => `${n} offline, which ${n === 1 ? "it" : "they"} may be`,
  "reboot-pending": (n) => `${n} to be rebooted`,
  "deployed-reboot-pending": (n) => `${n} deployed (reboot pending)`,
  staged: (n) => `${n} staged (reboot pending)`,
  rebooted: (n) => `${n} rebooted`,
  deployed: (n) => `${n} deployed`,
  removed: (n) => `${n} removed`,
  unchanged: (n) => `${n} unchanged`,
};

/** Said only where every one of them said so itself. */
function ranBefore(hosts: readonly PlanHost[]): string {
  if (!hosts.every((host) => host.outcome?.now?.runs === "old")) return "";
  return hosts.length === 1 ? ": it runs what it ran before" : ": they run what they ran before";
}

/**
 * The whole plan in one line, worst first: "1 rolled back: it runs what it ran before · 1 held · 9 deployed · 3 unchanged". Hosts that are only observed are counted
 * apart, since nothing happens to them.
 */
export function headline(hosts: readonly PlanHost[]): string {
  const managed = hosts.filter((host) => !isObserved(host));
  const observed = hosts.filter(isObserved);
  const at = (of: readonly PlanHost[], word: (standing: Standing, those: readonly PlanHost[]) => string): string[] =>
    standings.flatMap((one) => {
      const those = of.filter((host) => standing(host) === one);
      return those.length === 0 ? [] : [word(one, those)];
    });
  const counted = (one: Standing, those: readonly PlanHost[]): string => headWord[one](those.length, those);
  const changing = managed.filter((host) => standing(host) !== "unchanged");
  const parts = at(changing, counted);
  const watched = at(observed, (one, those) => `${those.length} ${looks[one].word}`);
  if (observed.length > 0) parts.push(`${observed.length} not managed (${watched.join(", ")})`);
  if (changing.length < managed.length) parts.push(headWord.unchanged(managed.length - changing.length, []));
  return parts.length === 0 ? "no hosts" : parts.join(" · ");
}
