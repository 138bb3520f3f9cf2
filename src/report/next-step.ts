import { isOpen } from "./happened.ts";
import { isEscalated } from "./order.ts";
import type { PlanMiss, PlanOutcome } from "./plan-outcome.ts";
import type { Plan, PlanHost } from "./plan.ts";

export type NextStep = {
  /** What the command is for, as a clause that reads after "has to be seen to"; may be empty. */
  readonly words: string;
  /** To be copied. Host names are of a narrow set of characters; whatever else stands in it was checked here or is a failure's own. */
  readonly command: string;
};

/** What a person types next for hosts that are not well and of which the same is said; undefined where nobody has to do anything. At least one host. */
export function nextStep(plan: Pick<Plan, "startedAt">, hosts: readonly PlanHost[]): NextStep | undefined {
  const [first] = hosts;
  const outcome = first?.outcome;
  if (first === undefined || outcome === undefined) return undefined;
  const { host } = first;
  const given = outcome.next ?? outcome.failure?.next ?? "";
  // An escalation says in general how to look; what became of the host says more.
  if (given !== "" && !isEscalated(outcome)) return { words: "", command: given };
  const again = `nixos-deploy-gate deploy --hosts ${hosts
    .slice(0, 50)
    .map((one) => one.host)
    .join(",")}`;
  switch (outcome.outcome) {
    case "failed":
      if (isEscalated(outcome))
        return {
          words: "see what runs and what boots there, and what failed",
          command: `ssh ${host} 'readlink -f /run/current-system /nix/var/nix/profiles/system; systemctl --failed'`,
        };
      return { words: "ask it again, which changes nothing", command: `nixos-deploy-gate deploy --dry-run --hosts ${host}` };
    case "rolled-back":
      return {
        words: "read what failed while the new system ran",
        command: `ssh ${host} 'journalctl --priority warning --since "${utc(plan.startedAt)}"'`,
      };
    case "live-but-old-boots":
      return {
        words: "see to the boot loader before it reboots, then deploy again",
        command: `ssh ${host} 'df -h /boot /nix; bootctl status'`,
      };
    case "left-unconfirmed":
      return { words: "see whether it serves, then go forward: going back may lose data", command: `ssh ${host} systemctl --failed` };
    case "unreachable":
      return {
        words: "see whether it came back by itself",
        command: `ssh ${host} readlink -f /run/current-system /nix/var/nix/profiles/system`,
      };
    case "superseded":
      return {
        words: "see who switched it and when, then deploy again",
        command: `ssh ${host} 'ls -lt /nix/var/nix/profiles | head; last -n 10'`,
      };
    case "deployed-with-misses":
      return missStep(host, outcome);
    case "held":
      return { words: "when that is settled", command: again };
    case "reboot-held":
      return { words: "when somebody sees to it", command: `nixos-deploy-gate reboot --now --hosts ${again.split(" ").at(-1)}` };
    case "reboot-failed":
      return { words: "see what it booted, and what failed", command: `ssh ${host} 'readlink -f /run/booted-system; systemctl --failed'` };
    case "not-reached":
      return { words: "when the others are well", command: again };
    case "unchanged":
    case "not-managed":
    case "deployed":
    case "staged":
    case "deployed-reboot-pending":
    case "reboot-pending":
      if (first.reboot?.overdue !== true) return undefined;
      return { words: "pending for too long; by hand", command: `nixos-deploy-gate reboot --now --hosts ${again.split(" ").at(-1)}` };
    case "rebooted":
    case "offline":
    case "would-reboot":
    case "handed-over":
    case "would-deploy":
    case "would-stage":
      return undefined;
  }
}

/** A time as journalctl reads it, whatever the time zone of the host. */
const utc = (iso: string): string => `${new Date(iso).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** The same names that systemd takes, so that nothing in it means anything to a shell. */
const plainUnit = /^[A-Za-z0-9:_.@-]{1,255}$/;
/** A mount point that a shell reads as one word. */
const plainPath = /^\/[A-Za-z0-9_./-]{0,200}$/;

/** The first miss that a command mends; a host's words only go into it where a shell reads them as a word. */
function missStep(host: string, { misses }: PlanOutcome): NextStep {
  const look = { words: "see what is not as it should be", command: `ssh ${host} systemctl --failed` };
  const open = misses.filter(isOpen);
  // A hyphen in front would be an option.
  const mend = (miss: PlanMiss): NextStep | undefined => {
    const unit = plainUnit.test(miss.subject) && !miss.subject.startsWith("-") && miss.family === "unit";
    if (miss.needs === "daemon-reload")
      return { words: "let systemd read its units again", command: `ssh ${host} systemctl daemon-reload` };
    if (miss.needs === "restart" && unit) return { words: "start it anew", command: `ssh ${host} systemctl restart ${miss.subject}` };
    if (miss.needs === "reload" && unit)
      return { words: "let it read its configuration again", command: `ssh ${host} systemctl reload ${miss.subject}` };
    if (miss.needs === "remount" && plainPath.test(miss.subject))
      return { words: "mount it as fstab says", command: `ssh ${host} mount -o remount ${miss.subject}` };
    return undefined;
  };
  for (const miss of open) {
    const step = mend(miss);
    if (step !== undefined) return step;
  }
  return look;
}
