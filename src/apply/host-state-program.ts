import { ledgerFunctions } from "../target/ledger-program.ts";

/**
 * The first part of the supervisor: what it was told, where it is, and how it ends. POSIX shell, functions only.
 *
 * All that a live attempt needs is in /run/nixos-deploy-gate/<id>, on a file system of its own in memory: a full or read-only /var cannot wedge it, and after a
 * power cut nothing of a dead attempt is left that could be taken for a live one. What must outlive the host's power is in the ledger; the log goes to
 * /var/lib/nixos-deploy-gate/attempts at the end, where there is room.
 */
export const stateFunctions = `${ledgerFunctions}
profiles=/nix/var/nix/profiles
roots=/nix/var/nix/gcroots/nixos-deploy-gate
supervisor_unit=nixos-deploy-gate-activation.service
switch_unit=nixos-deploy-gate-switch.service
deadman=nixos-deploy-gate-deadman
log=$state/log

told() { told=; [ ! -e "$state/$1" ] || read -r told <"$state/$1" || :; }
told id; id=$told
told from-current; from_current=$told
# The tools of the system that we leave: its closure is rooted, and /run/current-system changes under us.
PATH=$from_current/sw/bin:/run/current-system/sw/bin:/run/wrappers/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C HOME=/root
export PATH LC_ALL HOME
told from-profile; from_profile=$told
told to; to=$told
told activate; activate=$told
told operation; operation=$told
told reversible; reversible=$told
told confirm-by; confirm_by=$told
told nonce; nonce=$told
told ssh-port; ssh_port=$told
told activation-seconds; activation_seconds=$told
told confirm-seconds; confirm_seconds=$told
told loader-seconds; loader_seconds=$told
shell=/bin/sh
[ ! -x "$from_current/sw/bin/sh" ] || shell=$from_current/sw/bin/sh

# Counts on through changes of the clock, which an activation may bring.
uptime() { read -r up rest </proc/uptime; up=\${up%%.*}; }
# A switch ends by writing a file; the shorter this is, the less is added to it. It costs a process, no question to systemd.
nap() { sleep 0.1 2>/dev/null || sleep 1; }
note() { line "nixos-deploy-gate: $*" >>"$log" 2>/dev/null || :; }
# systemd may be re-executing itself: no question may hang.
ask_systemd() { timeout 60 systemctl --no-ask-password "$@" 8>&- 9>&- </dev/null; }
phase() { line "$*" >"$state/phase.new" && mv -f "$state/phase.new" "$state/phase"; }
resolved() { resolved=$(readlink -f "$1" 2>/dev/null) || resolved=; }
current() { resolved /run/current-system; current=$resolved; }
profile() { resolved "$profiles/system"; profile=$resolved; }
resolved "$activate"; activated=$resolved
# A unit is over when systemd says so; where it says nothing it may still run.
is_over() {
  case $(ask_systemd show -p ActiveState --value "$1" 2>/dev/null) in
    inactive | failed) return 0 ;;
    *) return 1 ;;
  esac
}
is_shutting_down() { [ "$(ask_systemd is-system-running 2>/dev/null)" = stopping ]; }

# switch-to-configuration's own lock, on descriptor 9.
locked=no
take_lock() {
  [ "$locked" = no ] || return 0
  have flock || return 0
  mkdir -p /run/nixos 2>/dev/null
  (: >>/run/nixos/switch-to-configuration.lock) 2>/dev/null || return 0
  exec 9>>/run/nixos/switch-to-configuration.lock
  if flock -n 9; then locked=yes; else exec 9>&-; return 1; fi
}
drop_lock() { [ "$locked" = no ] || exec 9>&-; locked=no; }
await_lock() {
  uptime; lock_until=$((up + $1))
  until take_lock; do
    uptime; [ "$up" -lt "$lock_until" ] || return 1
    nap
  done
}

# The middle of a log without end is forgotten. \`log.base\` is how many bytes were, for those who read on from where they were.
trim_log() {
  size=$(wc -c <"$log" 2>/dev/null) || return 0
  [ "$((size))" -gt 4194304 ] || return 0
  [ -e "$state/log.head" ] || head -c 524288 "$log" >"$state/log.head"
  told log.base; base=$told
  tail -c 1048576 "$log" >"$state/log.keep"
  : >"$log"
  cat "$state/log.keep" >>"$log"
  rm -f "$state/log.keep"
  line $((base + size - 1048576)) >"$state/log.base.new" && mv -f "$state/log.base.new" "$state/log.base"
}
keep_log() (
  umask 077
  kept=$ledger_home/attempts/$id
  mkdir -p "$kept" || exit 0
  {
    if [ -e "$state/log.head" ]; then cat "$state/log.head"; line "nixos-deploy-gate: the middle of this log was cut"; fi
    tail -c 1048576 "$log"
  } >"$kept/log"
  cp "$state/phase" "$kept/phase"
  ls -1t "$ledger_home/attempts" | tail -n +21 | while read -r old; do rm -rf "$ledger_home/attempts/$old"; done
) 2>/dev/null

begin_ledger() {
  read -r boot_id </proc/sys/kernel/random/boot_id
  case $boot_id in *[!0-9a-f-]*) return 1 ;; esac
  append_ledger "{\\"v\\":1,\\"event\\":\\"started\\",\\"at\\":$(date +%s),\\"bootId\\":\\"$boot_id\\",\\"attempt\\":$(cat "$state/attempt")}" || return 1
  : >"$state/in-ledger"
  reserve_ledger
}
end_ledger() {
  release_ledger
  [ -e "$state/in-ledger" ] || return 0
  ! grep -qF "\\"id\\":\\"$id\\",\\"outcome\\":" "$ledger" 2>/dev/null || return 0
  case $3 in '' | - | *[!0-9]*) exit_member= ;; *) exit_member=",\\"exit\\":$3" ;; esac
  append_ledger "{\\"v\\":1,\\"event\\":\\"ended\\",\\"at\\":$(date +%s),\\"id\\":\\"$id\\",\\"outcome\\":\\"$1\\",\\"reason\\":\\"$2\\"$exit_member}" ||
    note "the end could not be written into the ledger"
}
# finish OUTCOME REASON EXIT: the only way to end. What is to be said is kept first, so that whoever comes after a kill says the same.
finish() {
  drop_lock
  line "$1 $2 $3" >"$state/ending.new" && mv -f "$state/ending.new" "$state/ending"
  note "$1: $2"
  end_ledger "$1" "$2" "$3"
  case $1 in
    deployed | staged)
      for root in "$roots"/*; do [ "$root" = "$roots/$id" ] || rm -rf "$root"; done ;;
  esac
  phase ended "$1" "$2" "$3"
  keep_log
  end_watch
  exit 0
}
# The timer is one for all attempts: only the one that set it takes it away.
end_watch() { [ ! -e "$state/watched" ] || ask_systemd stop --no-block "$deadman.timer" >/dev/null 2>&1; }
`;
