import { operationFunctions } from "./host-operation-program.ts";
import { returnFunctions } from "./host-return-program.ts";
import { stateFunctions } from "./host-state-program.ts";

/**
 * What runs on the host as root while it is switched, told everything as files beside it: POSIX shell without a byte of data. `$1` is the mode, `$2` the directory.
 *
 * - `run`: the attempt, as the one unit whose name is the lock.
 * - `stopped`: after that unit ended in whatever way (ExecStopPost): wakes the dead man's switch. It does not go back by itself: where somebody has stopped the unit,
 *   systemd starts no target before that stop is over, and switch-to-configuration waits for the targets that it starts.
 * - `deadman`: in a unit of its own, by that or by a timer every twenty seconds: where the supervisor was killed or ran out of memory it goes back. Killed, it comes again.
 * - `operate`: one run of switch-to-configuration in its own unit.
 *
 * Whatever happens before the confirmation, the boot default is the recorded one, so that losing power is a way back as well. Except for a change that cannot be undone:
 * a person approved that it stays, so it is the boot default before its first step is taken, and goes back together with the system where nobody reaches the host.
 */
export const supervisorProgram = `
set -u
umask 077
unset IFS CDPATH
mode=$1 state=$2
case $state in /run/nixos-deploy-gate/[a-z0-9]*) ;; *) exit 2 ;; esac
${stateFunctions}${operationFunctions}${returnFunctions}
# ---- steps of a switch
# refuse REASON EXIT: nothing is active that was not before.
refuse() {
  start_stopped
  give_back_default || finish rollback-failed "$1-and-not-restored" "$2"
  finish refused "$1" "$2"
}
# What cannot be undone boots from before its first step on: data that it has migrated must not be met by the old system after a loss of power. A boot loader that
# fails is found out while nothing is migrated yet.
take_default_first() {
  : >"$state/default-first"
  install_default checks
  [ -n "$failed" ] || return 0
  reason=$failed its_exit=$exit_code
  [ "$reason" = loader-failed ] && said "pre-switch check" && reason=pre-switch-check
  give_back_default || finish rollback-failed "$reason-and-not-restored" "$its_exit"
  finish refused "$reason" "$its_exit"
}
# After switch-to-configuration has ended: wait, refuse, or go back. \`code\` is set.
judge_activation() {
  current
  case $code in
    0 | 2 | 4) return ;;
    return) go_back returned - ;;
    limit)
      end_operation
      [ "$reversible" = no ] || go_back activation-limit -
      code=-
      return ;;
    lost)
      [ "$reversible" = no ] || go_back switch-killed -
      code=-
      return ;;
  esac
  if [ "$current" = "$from_current" ]; then
    case $code in
      100) refuse init-interface-version 100 ;;
      1)
        # These words come before anything is changed. Without them something may have been stopped, which going back sets right.
        if ! said "activating the configuration" && ! said "stopping the following units" && ! said "stopping swap device"; then
          if said "changes to critical components" || said "Pre-switch check 'switchInhibitors' failed"; then refuse inhibitor 1; fi
          if said "pre-switch check"; then refuse pre-switch-check 1; fi
        fi ;;
    esac
    if said "Could not acquire lock"; then refuse lock-held "$code"; fi
    if said "This is not a NixOS installation"; then refuse not-nixos "$code"; fi
  fi
  [ "$current" = "$activated" ] || go_back "exit-$code" "$code"
}
# What is between two attempts to start has failed as well.
# Not what tells of other units' failures: that it reached nobody is no fault of the system.
failed_units() {
  ask_systemd list-units --all --state=failed,auto-restart --no-legend --plain 2>/dev/null | while read -r unit rest; do
    case $unit in nixos-deploy-gate-failed@*) ;; *) line "$unit" ;; esac
  done
}
# The host asks itself: the operator's checks, and a fresh ssh to its own address.
checks_itself() {
  case $code in
    0) ;;
    4)
      ! said "Failed to run activate script" || return 2
      failed_units | while read -r unit; do
        grep -qxF -- "$unit" "$state/failed" || line "$unit"
      done >"$state/failed-now"
      [ ! -s "$state/failed-now" ] || return 2 ;;
    *) return 2 ;;
  esac
  uptime
  left=$((wait_until - up))
  [ "$left" -gt 0 ] || return 1
  set --
  number=1
  while [ -e "$state/self-argument-$number" ]; do
    # The dot keeps newlines at the end.
    argument=$(cat "$state/self-argument-$number" && echo .)
    argument=\${argument%??}
    set -- "$@" "$argument"
    number=$((number + 1))
  done
  timeout -k 5 "$left" "$shell" "$state/self-program" "$@" </dev/null >>"$log" 2>&1 8>&- 9>&- || return 1
  told address
  [ -n "$told" ] || told=127.0.0.1
  ssh_answers "$told"
}
await_confirmation() {
  [ -e "$state/waiting-since" ] || { uptime; line "$up" >"$state/waiting-since"; }
  told waiting-since; wait_until=$((told + confirm_seconds))
  looks=0
  while :; do
    if [ -e "$state/return" ]; then go_back returned "$code"; fi
    if [ -e "$state/confirm" ]; then
      told confirm
      if [ "$told" = "$id $nonce" ]; then return; fi
      note "a confirmation that is not ours was left alone"
      rm -f "$state/confirm"
    fi
    take_lock || :
    current
    [ "$current" = "$activated" ] || finish superseded switched-meanwhile "$code"
    uptime
    if [ "$up" -ge "$wait_until" ]; then
      [ "$reversible" = no ] || go_back not-confirmed "$code"
      if is_unreachable; then go_back "unreachable-$lost_by" "$code"; fi
      # It may have come during the last look.
      [ ! -e "$state/return" ] || go_back returned "$code"
      finish left-unconfirmed not-confirmed "$code"
    fi
    if [ "$confirm_by" = self ]; then
      if checks_itself; then note "the host confirmed itself"; return; else self=$?; fi
      if [ "$self" = 2 ]; then
        [ "$reversible" = no ] || go_back self-check-failed "$code"
        finish left-unconfirmed self-check-failed "$code"
      fi
      sleep 3
    fi
    looks=$((looks + 1))
    [ $((looks % 40)) -ne 0 ] || trim_log
    nap
  done
}
install_confirmed() {
  phase installing
  profile
  if [ -e "$state/default-first" ]; then
    [ "$profile" = "$to" ] || finish superseded profile-changed "$code"
    finish deployed confirmed 0
  fi
  case $profile in "$from_profile" | "$to") ;; *) finish superseded profile-changed "$code" ;; esac
  install_default no-checks
  [ -n "$failed" ] || finish deployed confirmed "$exit_code"
  # Kept, since restoring runs the loader as well.
  reason=$failed its_exit=$exit_code
  restore_default
  [ "$restored" = yes ] || reason=$reason-and-not-restored
  finish live-but-old-boots "$reason" "$its_exit"
}
follow_switch() {
  await_operation "$activation_seconds" returnable
  judge_activation
  start_stopped
  line "$code" >"$state/activation-exit"
  wait_and_install
}
wait_and_install() {
  current
  case $code in -) ;; *[!0-9]*) code=- ;; esac
  # The lock first: nobody switches between our end and our waiting.
  take_lock || :
  phase waiting "$code" "$current"
  await_confirmation
  install_confirmed
}
do_switch() {
  [ "$reversible" = yes ] || remember_reachability
  [ "$confirm_by" = gate ] || own_address >"$state/address"
  failed_units >"$state/failed"
  remember_jobs
  [ "$reversible" = yes ] || take_default_first
  phase activating
  : >"$state/touched"
  if ! stop_first; then refuse stop-first-failed -; fi
  if ! begin_operation "$activate" test checks; then refuse unit-not-started -; fi
  follow_switch
}
do_boot() {
  phase installing
  : >"$state/touched"
  install_default checks
  [ -n "$failed" ] || finish staged boot-default-set "$exit_code"
  reason=$failed its_exit=$exit_code
  [ "$reason" = loader-failed ] && said "pre-switch check" && reason=pre-switch-check
  restore_default
  if [ "$restored" = no ]; then finish rollback-failed "$reason" "$its_exit"; fi
  case $reason in
    pre-switch-check | lock-held | profile-failed) finish refused "$reason" "$its_exit" ;;
    *) finish rolled-back "$reason" "$its_exit" ;;
  esac
}

# ---- the beginning
alone() {
  have flock || return 0
  (: >>/run/nixos-deploy-gate/lock) 2>/dev/null || return 1
  exec 8>>/run/nixos-deploy-gate/lock
  flock -n 8
}
root() { ln -sfn "$2" "$roots/$id/$1"; }
watch_over() {
  : >"$state/watched"
  ask_systemd stop "$deadman.timer" >/dev/null 2>&1
  ask_systemd reset-failed "$deadman.service" >/dev/null 2>&1
  timeout 60 systemd-run --quiet --no-ask-password --unit="$deadman" --description="brings a host back whose activation was killed" \\
    --on-active=20 --on-unit-inactive=20 --timer-property=AccuracySec=1s -p OOMScoreAdjust=-900 -p IgnoreOnIsolate=yes -p LogLevelMax=notice \\
    "$shell" "$state/program" deadman "$state" 8>&- </dev/null >>"$log" 2>&1
}
run() {
  mkdir "$state/begun" 2>/dev/null || exit 0
  phase starting
  : >>"$log"
  alone || finish refused busy -
  for tool in readlink systemctl systemd-run nix-env timeout grep tail head sync date mv cat; do
    have "$tool" || finish refused "no-$tool" -
  done
  current
  profile
  if [ "$current" != "$from_current" ] || [ "$profile" != "$from_profile" ]; then finish refused moved-on -; fi
  if take_lock; then drop_lock; else finish refused lock-held -; fi
  begin_ledger || finish refused ledger-unwritable -
  # Rooted before it is looked at: a collection of garbage that runs now finds either the root or nothing.
  if ! { mkdir -p "$roots/$id" && root from-current "$from_current" && root from-profile "$from_profile" && root to "$to"; } 2>>"$log"; then
    rm -rf "$roots/$id"
    finish refused root-failed -
  fi
  told copy-root
  case \${told#copy-} in "$told" | *[!0-9a-f]*) ;; *) rm -rf "$roots/$told" ;; esac
  # Until the next deploy that goes well, but of attempts that do not go well one after the other only the newest: a disk is not filled with them.
  ls -1t "$roots" | grep -v '^copy-' | tail -n +4 | while read -r old; do rm -rf "$roots/$old"; done
  if [ ! -x "$to/bin/switch-to-configuration" ] || [ ! -x "$activate/bin/switch-to-configuration" ]; then finish refused toplevel-missing -; fi
  if ! nix-store --check-validity "$to" >>"$log" 2>&1; then finish refused toplevel-missing -; fi
  watch_over || finish refused no-deadman -
  case $operation in
    switch) do_switch ;;
    boot) do_boot ;;
  esac
  finish refused not-understood -
}
# ---- after a kill
resume() {
  told phase
  word=\${told%% *}
  [ "$word" != ended ] || { end_watch; exit 0; }
  # Losing power is a way back too, and nothing is switched while the host goes down.
  if is_shutting_down; then exit 0; fi
  alone || exit 0
  note "the supervisor was ended while $told; going on as $mode"
  if [ -e "$state/ending" ]; then
    read -r outcome reason exit_code <"$state/ending"
    finish "$outcome" "$reason" "$exit_code"
  fi
  [ -e "$state/touched" ] || refuse supervisor-killed -
  told activation-exit; code=$told
  [ -n "$code" ] || code=-
  case $word in
    installing) if [ "$operation" = boot ]; then do_boot; else install_confirmed; fi ;;
    returning)
      read -r why because <"$state/returning"
      go_back "$why" "$because" ;;
  esac
  [ "$reversible" = no ] || go_back supervisor-killed "$code"
  # What cannot be undone is not taken back because we were killed: we go on where we were.
  case $word in
    activating) follow_switch ;;
    waiting) wait_and_install ;;
  esac
  finish left-unconfirmed supervisor-killed "$code"
}
wake() {
  told phase
  case $told in ended*) end_watch; exit 0 ;; esac
  if [ -e "$state/watched" ] && ask_systemd start --no-block "$deadman.service" >/dev/null 2>&1; then exit 0; fi
  # Before there is a dead man's switch nothing is changed: this only writes down how it ended.
  [ ! -d "$state/begun" ] || [ -e "$state/touched" ] || [ -e "$state/default-first" ] || resume
}
as_deadman() {
  for second in 1 2 3 4 5 6 7 8 9 10; do
    if is_over "$supervisor_unit"; then resume; fi
    case $(ask_systemd show -p SubState --value "$supervisor_unit" 2>/dev/null) in running | start) exit 0 ;; esac
    sleep 1
  done
}
case $mode in
  run) run ;;
  stopped) wake ;;
  deadman) as_deadman ;;
  operate) operate "$3" "$4" ;;
esac
`;
