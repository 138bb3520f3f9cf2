import { ledgerFunctions } from "../target/ledger-program.ts";
import { bootEntryFunctions } from "./boot-entry-program.ts";

/**
 * What runs on a host around its reboot: POSIX shell without any data in it. Each program looks at the host itself right before it acts,
 * since everything that the gate
 * saw is minutes old: another run, a person or a loss of power may have come between.
 *
 * Records: `result` (`yes`, `no`) and `reason`, one word that the state machine knows.
 */

const common = `${ledgerFunctions}
boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\\"$1\\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}
`;

/**
 * `$1` the boot id that was seen, `$2` the line of the ledger. Reasons: `boot-changed`, `under-way` (another run was first), `ledger`.
 * The question and the line are one under a lock
 * of their own, so that of two runs one begins.
 */
export const beginProgram = `${common}
[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
mkdir -p "$ledger_home" || { say no ledger; exit 0; }
exec 8>>"$ledger_home/reboot.lock"
if have flock; then flock -w 30 8 || { say no ledger; exit 0; }; fi
if any_open; then say no under-way; exit 0; fi
if append_ledger "$2"; then say yes begun; else say no ledger; fi
`;

/**
 * Everything that is asked once more in the instant of the reboot. `$1` id, `$2` boot id, `$3` toplevel, `$4` and `$5` the earliest and
 * latest second ("" is open), `$6` `verify` or `trust`.
 */
const checkedFunctions = `${bootEntryFunctions}
profile_of_host() { readlink -f "\${GATE_PROFILE:-/nix/var/nix/profiles/system}"; }
# Prints why not, nothing where nothing speaks against it.
why_not() {
  [ "$(boot_id)" = "$2" ] || { printf boot-changed; return; }
  clock=$(date +%s)
  { [ -z "$4" ] || [ "$clock" -ge "$4" ]; } && { [ -z "$5" ] || [ "$clock" -le "$5" ]; } || { printf window; return; }
  [ "$(profile_of_host)" = "$3" ] || { printf target-changed; return; }
  is_open "$1" || { printf not-open; return; }
  if [ -e /run/nixos/switch-to-configuration.lock ] && have flock; then
    flock -n /run/nixos/switch-to-configuration.lock true || { printf switching; return; }
  fi
  case $(boot_entry "$3") in
    ok*) ;;
    wrong*) printf boot-entry-wrong ;;
    *) [ "$6" = trust ] || printf boot-entry-unknown ;;
  esac
}
`;

/**
 * The order: `$1` id, `$2` boot id, `$3` toplevel, `$4` earliest and `$5` latest second since 1970 by the host's clock (empty: no limit),
 * `$6` `verify` or `trust`, `$7` `once`
 * or `default`. The reboot comes a second after the answer, from a unit of systemd: a connection that ends with it would tell nothing.
 */
export const rebootProgram = `${common}${checkedFunctions}
why=$(why_not "$@")
[ -z "$why" ] || { say no "$why"; exit 0; }
put entry "$(boot_entry "$3")"
if [ "$7" = once ]; then put tries "$(try_once "$3" "$(readlink -f /run/booted-system)")"; else unpin_entry; fi
unit=nixos-deploy-gate-$1
if timeout 30 systemd-run --quiet --no-ask-password --collect --unit="$unit" \\
  --on-active=1s --timer-property=AccuracySec=100ms systemctl reboot; then
  say yes ordered
elif systemctl is-active --quiet "$unit.timer" || systemctl is-active --quiet "$unit.service"; then
  say yes ordered
else
  unpin_entry
  say no systemd
fi
`;

/** After the host was verified: the boot loader's default is its own again. No arguments. */
export const settleProgram = `${common}${bootEntryFunctions}
unpin_entry
if [ -e "$pin_mark" ]; then say no pinned; else say yes settled; fi
`;

/** `$1` boot id, \`$2\` the line. Written while the host has not booted since; asked again after a lost answer it finds its own line. */
export const giveUpProgram = `${common}${bootEntryFunctions}
[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
unpin_entry
if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$2"; then say yes given-up; exit 0; fi
if append_ledger "$2"; then say yes given-up; else say no ledger; fi
`;

/**
 * What a timer runs: the same questions when it fires, and those that the gate asks otherwise. `$1` … `$7` as above, `$8` `1`: not while
 * somebody is logged in; `inhibit/` holds commands, a word a file.
 */
const timerScript = `${ledgerFunctions}
PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
put() { printf '%s: %s\\n' "$1" "$2"; }
${common}${checkedFunctions}
home=$9
why=$(why_not "$1" "$2" "$3" "$4" "$5" "$6")
if [ -z "$why" ] && [ "$8" = 1 ]; then
  for session in /run/systemd/sessions/*; do
    if [ -f "$session" ] && grep -qx 'CLASS=user' "$session"; then why=logged-in; fi
  done
fi
run_inhibitor() (
  set --
  for word in "$one"/*; do
    value=$(cat "$word"; echo .)
    set -- "$@" "\${value%.}"
  done
  timeout "$(cat "$home/seconds")" "$@" </dev/null
)
if [ -z "$why" ]; then
  for one in "$home"/inhibit/*; do
    [ -d "$one" ] || continue
    run_inhibitor || { why=inhibited; break; }
  done
fi
# An inhibitor takes the time that it takes.
[ -n "$why" ] || why=$(why_not "$1" "$2" "$3" "$4" "$5" "$6")
if [ -n "$why" ]; then say no "$why"; exit 0; fi
if [ "$7" = once ]; then put tries "$(try_once "$3" "$(readlink -f /run/booted-system)")"; else unpin_entry; fi
say yes ordered
exec systemctl reboot
`;

/**
 * Sets the one-shot timer: `$1` … `$7` as for the order, `$8` `0` or `1`, `$9` the second at which it fires, `$10` seconds for each
 * inhibitor, `$11` the script
 * (`timerScriptText`), then for each inhibitor the number of its words and its words. Systemd is given the path of a script and words of
 * ours: neither "%" nor "$" of
 * an inhibitor ever reaches a unit.
 */
export const armProgram = `${common}
unit=nixos-deploy-gate-$1
id=$1 boot=$2 to=$3 least=$4 most=$5 trust=$6 once=$7 alone=$8 fires=$9
shift 9
seconds=$1 script=$2
shift 2
[ "$(boot_id)" = "$boot" ] || { say no boot-changed; exit 0; }
is_open "$id" || { say no not-open; exit 0; }
if systemctl is-active --quiet "$unit.timer"; then say yes armed; exit 0; fi
umask 077
home=/run/nixos-deploy-gate/$id
rm -rf "$home"
mkdir -p "$home/inhibit" || { say no systemd; exit 0; }
printf '%s' "$script" >"$home/script"
printf '%s' "$seconds" >"$home/seconds"
n=100
while [ "$#" -gt 0 ]; do
  words=$1 w=1000
  shift
  mkdir "$home/inhibit/$n"
  while [ "$words" -gt 0 ] && [ "$#" -gt 0 ]; do
    printf '%s' "$1" >"$home/inhibit/$n/$w"
    shift
    words=$((words - 1)) w=$((w + 1))
  done
  n=$((n + 1))
done
if timeout 30 systemd-run --quiet --no-ask-password --collect --unit="$unit" --on-calendar="@$fires" --timer-property=AccuracySec=1s \\
  /bin/sh "$home/script" "$id" "$boot" "$to" "$least" "$most" "$trust" "$once" "$alone" "$home"; then say yes armed; else say no systemd; fi
`;
export const timerScriptText = timerScript;

/**
 * Stops every timer of ours but that of the attempt `$1` (empty: all): the target has changed, or a person said so. Records: `cancelled`,
 * a unit each.
 */
export const cancelProgram = `
systemctl list-units --all --plain --no-legend --type=timer 'nixos-deploy-gate-reboot-*' 2>/dev/null | head -n 100 |
  while read -r unit rest; do
  case $unit in
    "nixos-deploy-gate-$1.timer") ;;
    nixos-deploy-gate-reboot-*.timer)
      systemctl stop "$unit" && put cancelled "$unit"
      rm -rf "/run/nixos-deploy-gate/$(basename "\${unit#nixos-deploy-gate-}" .timer)" ;;
  esac
done
put result yes
`;
