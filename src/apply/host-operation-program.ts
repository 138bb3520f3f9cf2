/**
 * The second part of the supervisor: one run of switch-to-configuration, in a unit of its own without a pipe or a bus connection of ours, so that neither a daemon
 * that re-executes itself nor a bus that restarts in the middle reaches it, and so that it can be ended with all of its children. POSIX shell, functions only.
 */
export const operationFunctions = `
# begin_operation TOPLEVEL ACTION CHECKS: CHECKS is "checks" or "no-checks". The wrapper is this program again, in its mode "operate".
begin_operation() {
  rm -f "$state/exit"
  note "$1/bin/switch-to-configuration $2"
  set -- "$@" 5
  while :; do
    began=$(start_unit "$1" "$2" "$3" 2>&1) && return 0
    # The name may still be taken by what has just been ended.
    ask_systemd reset-failed "$switch_unit" >/dev/null 2>&1
    [ "$4" -gt 0 ] || break
    set -- "$1" "$2" "$3" $(($4 - 1))
    sleep 1
  done
  note "the unit could not be started: $began"
  return 1
}
start_unit() {
  check=
  [ "$3" = checks ] || check=--setenv=NIXOS_NO_CHECK=1
  timeout 60 systemd-run --quiet --no-ask-password --collect --unit="$switch_unit" --description="switch-to-configuration for nixos-deploy-gate" \\
    -p TimeoutStopSec=10 -p OOMScoreAdjust=-500 -p IgnoreOnIsolate=yes -p Restart=no \\
    --setenv=PATH="$PATH" --setenv=HOME=/root $check \\
    "$shell" "$state/program" operate "$state" "$1" "$2" 8>&- 9>&- </dev/null
}
# Runs in the unit: descriptor 0 is closed for prompts, the exit code is there at once or not at all.
operate() {
  "$1/bin/switch-to-configuration" "$2" </dev/null >>"$log" 2>&1
  line "$?" >"$state/exit.new" && mv -f "$state/exit.new" "$state/exit"
}
# await_operation SECONDS RETURNABLE: sets code to an exit code, or to "limit", "return" (somebody asked for it) or "lost" (it ended without saying how).
await_operation() {
  uptime; operation_until=$((up + $1)) looks=0
  while :; do
    if [ -s "$state/exit" ]; then told exit; code=$told; break; fi
    if [ "$2" = returnable ] && [ -e "$state/return" ]; then code=return; break; fi
    uptime
    if [ "$up" -ge "$operation_until" ]; then code=limit; break; fi
    looks=$((looks + 1))
    if [ $((looks % 20)) -eq 0 ]; then
      trim_log
      if is_over "$switch_unit"; then
        nap
        if [ -s "$state/exit" ]; then told exit; code=$told; else code=lost; fi
        break
      fi
    fi
    nap
  done
  case $code in limit | return | lost) ;; *[!0-9]* | '') code=lost ;; esac
  note "it ended: $code"
}
# The whole cgroup, politely first.
end_operation() {
  is_over "$switch_unit" && return 0
  note "ending $switch_unit"
  for signal in TERM KILL; do
    ask_systemd kill --signal=$signal "$switch_unit" >/dev/null 2>&1
    for second in 1 2 3 4 5; do
      is_over "$switch_unit" && break
      sleep 1
    done
  done
  ask_systemd reset-failed "$switch_unit" >/dev/null 2>&1
}
remember_jobs() { ask_systemd list-jobs --no-legend --plain 2>/dev/null | while read -r job rest; do line "$job"; done >"$state/jobs"; }
# Jobs that were not there before hold up whatever comes next. A unit that they left in the middle of its stop gets some seconds more and is then killed: without
# that a stop that hangs would keep the host from going back. Jobs of a shutdown are never touched.
cancel_jobs() {
  [ -e "$state/jobs" ] || return 0
  if is_shutting_down; then return 0; fi
  : >"$state/stopping"
  ask_systemd list-jobs --no-legend --plain 2>/dev/null | while read -r job unit rest; do
    case $job in '' | *[!0-9]*) continue ;; esac
    case $unit in nixos-deploy-gate-*) continue ;; esac
    ! grep -qx "$job" "$state/jobs" || continue
    note "cancelling job $job of $unit"
    line "$unit" >>"$state/stopping"
    ask_systemd cancel "$job" >/dev/null 2>&1
  done
  uptime; stop_until=$((up + 20))
  while read -r unit; do
    while [ "$(ask_systemd show -p ActiveState --value -- "$unit" 2>/dev/null)" = deactivating ]; do
      uptime
      if [ "$up" -ge "$stop_until" ]; then
        note "killing $unit, whose stop does not end"
        ask_systemd kill --signal=KILL -- "$unit" >/dev/null 2>&1
        break
      fi
      nap
    done
  done <"$state/stopping"
}
stop_first() {
  [ -s "$state/stop-first" ] || return 0
  : >"$state/stopped"
  while read -r unit; do
    case $(ask_systemd show -p ActiveState --value -- "$unit" 2>/dev/null) in active | activating | reloading) line "$unit" >>"$state/stopped" ;; esac
  done <"$state/stop-first"
  while read -r unit; do
    note "stopping $unit first"
    timeout "$activation_seconds" systemctl --no-ask-password stop -- "$unit" >>"$log" 2>&1 </dev/null 8>&- 9>&- || return 1
  done <"$state/stopped"
}
# What was stopped first and still is: nothing else may want it.
start_stopped() {
  [ -s "$state/stopped" ] || return 0
  while read -r unit; do
    [ "$(ask_systemd show -p LoadState --value -- "$unit" 2>/dev/null)" = loaded ] || continue
    ask_systemd start --no-block -- "$unit" >>"$log" 2>&1
  done <"$state/stopped"
}
said() { grep -qiF -- "$1" "$log" 2>/dev/null; }
`;
