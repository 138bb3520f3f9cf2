import { ledgerFunctions } from "../../target/ledger-program.ts";

/**
 * The beginning of a program that does something to a host, as POSIX shell: it takes both locks of an activation, the supervisor's own and switch-to-configuration's, and
 * keeps them to its end, so that no deploy begins meanwhile and nothing is done in the middle of one. What the gate saw is seconds old: the boot is asked again, and so is
 * an attempt whose supervisor is gone and that the dead man's switch is about to take up.
 *
 * `$1` is the boot id that was seen. Functions for what follows: `end WORD REASON` (`done`, `refused`), those of the ledger. Puts `end` and `reason`.
 */
export const aloneProgram = `${ledgerFunctions}
end() { put end "$1"; put reason "$2"; exit 0; }
for tool in flock timeout systemctl stat tail; do have "$tool" || end refused "no-$tool"; done
[ "$(cat /proc/sys/kernel/random/boot_id)" = "$1" ] || end refused rebooted
mkdir -p /run/nixos-deploy-gate /run/nixos && chmod 700 /run/nixos-deploy-gate || end refused lock
(: >>/run/nixos-deploy-gate/lock) 2>/dev/null && (: >>/run/nixos/switch-to-configuration.lock) 2>/dev/null || end refused lock
exec 8>>/run/nixos-deploy-gate/lock 9>>/run/nixos/switch-to-configuration.lock
flock -n 8 && flock -n 9 || end refused busy
for attempt in /run/nixos-deploy-gate/*/; do
  [ -d "$attempt/begun" ] || continue
  word=
  if [ -e "$attempt/phase" ]; then read -r word rest <"$attempt/phase" || :; fi
  [ "$word" = ended ] || end refused busy
done
for unit in nixos-deploy-gate-activation.service nixos-deploy-gate-switch.service nixos-deploy-gate-deadman.service; do
  case $(timeout 20 systemctl show -p ActiveState --value "$unit" 2>/dev/null) in inactive | failed) ;; *) end refused busy ;; esac
done
`;

/** What the program's words mean; a word that is not known is told as it is. */
export function refusalOf(reason: string, host: string): string {
  const tool = /^no-([a-z-]{1,20})$/.exec(reason)?.[1];
  if (tool !== undefined) return `There is no ${tool} on ${host}, without which this is not done.`;
  const known: Readonly<Record<string, string>> = {
    rebooted: `${host} was rebooted since it was looked at.`,
    lock: `The locks of an activation could not be taken on ${host}.`,
    busy: `An activation runs on ${host}, or something else holds its lock; nothing was done.`,
    changed: `It is not any more as it was when it was looked at; nothing was done.`,
    ledger: `The ledger of ${host} could not be written, and nothing is done that nobody would remember.`,
    "ledger-moved": `Something was done on ${host} since it was looked at; nothing was done.`,
    alias: "That is another name of some other unit; a unit is restarted by its own name alone.",
    dependents: "A restart of it would restart others that run and that need it; they are left alone.",
    copying: `Systems are being copied to ${host}.`,
    root: `What ${host} runs could not be protected from the collection, so there was none.`,
  };
  return Object.hasOwn(known, reason) ? (known[reason] ?? "") : `${host} refused it (${reason.slice(0, 60)}).`;
}
