/**
 * Looks at an attempt until it has come to a phase: POSIX shell without a byte of data. `$1` id, `$2` `waiting`, `ended` or `now`, `$3` how many bytes of the log are
 * known already, `$4` seconds. Puts `log` (pieces), `log-at` (what is known after them), `phase`, `ledger` (the attempt's end where nothing else is left of it), `gone`.
 */
export const followProgram = `
state=/run/nixos-deploy-gate/$1
id=$1 until=$2 at=$3 seconds=$4
case $id in '' | *[!a-z0-9-]*) exit 2 ;; esac
case $at$seconds in *[!0-9]*) exit 2 ;; esac
uptime() { read -r up rest </proc/uptime; up=\${up%%.*}; }
uptime
deadline=$((up + seconds))
pieces=0
is_idle() { case $(systemctl show -p ActiveState --value "$1" 2>/dev/null) in inactive | failed) return 0 ;; *) return 1 ;; esac; }
put_log() {
  while [ -e "$state/log" ] && [ "$pieces" -lt 40 ]; do
    base=0
    if [ -e "$state/log.base" ]; then read -r base <"$state/log.base" || :; fi
    [ "$at" -ge "$base" ] || at=$base
    size=$(($(wc -c <"$state/log") + base))
    [ "$at" -lt "$size" ] || return 0
    length=$((size - at))
    [ "$length" -le 65536 ] || length=65536
    put_output log "$length" tail -c +$((at - base + 1)) "$state/log"
    at=$((at + length)) pieces=$((pieces + 1))
    put log-at "$at"
  done
}
is_there() {
  [ ! -e "$state/phase" ] || return 0
  if [ -e "$state/program" ] && ! is_idle nixos-deploy-gate-activation.service; then return 0; fi
  return 1
}
missing=0 looks=0
while :; do
  if is_there; then
    missing=0 told=starting
    if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
    put_log
    uptime
    case $until:$told in *:ended* | waiting:waiting* | now:*) put phase "$told"; exit 0 ;; esac
    if [ "$up" -ge "$deadline" ]; then put phase "$told"; exit 0; fi
  else
    # It may be starting this moment.
    missing=$((missing + 1))
    uptime
    if [ "$missing" -ge 12 ] || [ "$up" -ge "$deadline" ]; then
      if [ -r /var/lib/nixos-deploy-gate/ledger.jsonl ]; then
        ended=$(grep -F "\\"id\\":\\"$id\\",\\"outcome\\":" /var/lib/nixos-deploy-gate/ledger.jsonl | tail -n 1)
        [ -z "$ended" ] || put ledger "$ended"
      fi
      put gone yes
      exit 0
    fi
  fi
  sleep 0.2 2>/dev/null || sleep 1
done
`;
