import { observeFullProgram } from "./observe-full-program.ts";

/**
 * What a host is asked, in one round trip: POSIX shell without a byte of data in it. `$1` is how much is asked: `brief`, `health` or `full` (src/target/observe.ts); `$2`
 * is a list of paths below /proc/sys, one a line.
 *
 * A tool that is missing, a file that is not there and a command that hangs cost their own fact and nothing else: a record that is not put is a fact that is not
 * known. Every answer is bounded here, so that a host with a million mounts cannot fill the memory of whoever asks. Command lines stay on the host, since they
 * may hold passwords: only the store paths in them are told.
 *
 * A host may be small and busy, and it is asked several times for each change: one process answers for many files, and what the shell can read itself takes none. Of
 * systemd each unit costs a millisecond or two, since `systemctl show` fetches every property there is: only those that are needed are shown.
 */
export const observeProgram = `
unset IFS
LC_ALL=C TZ=UTC
export LC_ALL TZ
much=full wanted=
if [ $# -gt 0 ]; then much=$1; fi
if [ $# -gt 1 ]; then wanted=$2; fi
tab=$(printf '\\t')
line='
'

have() { command -v "$1" >/dev/null 2>&1; }
# A dead file server, bus or login manager must not hold the rest.
limit=
if have timeout; then limit='timeout 20'; fi
# put_said NAME BYTES COMMAND ...: what a command says; no record where it cannot be run or says nothing.
put_said() {
  name=$1 most=$2
  shift 2
  have "$1" || return 0
  said=$($limit "$@" </dev/null 2>/dev/null | head -c "$most") || :
  [ -z "$said" ] || put "$name" "$said"
}
# put_line NAME PATH: the first line of a short file, read by the shell itself.
put_line() {
  [ -r "$2" ] || return 0
  said=
  { IFS= read -r said <"$2"; } 2>/dev/null || :
  put "$1" "$said"
}
# put_text NAME PATH BYTES: the beginning of a text, without the newlines at its end.
put_text() {
  if [ -f "$2" ] && [ -r "$2" ] && said=$(head -c "$3" "$2" 2>/dev/null); then put "$1" "$said"; fi
}
ends_of() { readlink -f -- "$@" 2>/dev/null; }
room_of() { $limit stat -f -c '%S %b %a %c %d' -- "$@" 2>/dev/null; }
# each COMMAND PATH ...: sets "answers" to a line for each path, empty where there is none. One process answers for all; where that fails, one for each.
each() {
  ask=$1 count=0
  shift
  answers=$("$ask" "$@" </dev/null)$line || answers=
  rest=$answers
  while [ -n "$rest" ]; do
    count=$((count + 1))
    rest=\${rest#*"$line"}
  done
  [ "$count" -ne $# ] || return 0
  answers=
  for path in "$@"; do
    answer=$("$ask" "$path" </dev/null) || answer=
    case $answer in *"$line"*) answer= ;; esac
    answers=$answers$answer$line
  done
}
next_answer() {
  answer=\${answers%%"$line"*}
  answers=\${answers#*"$line"}
}
# put_each NAMES: the answers, each under its name.
put_each() {
  for name in $1; do
    next_answer
    [ -z "$answer" ] || put "$name" "$answer"
  done
}
# put_ends NAME LINK ...: where links end, a line for each.
put_ends() {
  name=$1 found=
  shift
  [ $# -gt 0 ] || return 0
  each ends_of "$@"
  for path in "$@"; do
    next_answer
    [ -z "$answer" ] || found=$found$path$tab$answer$line
  done
  [ -z "$found" ] || put "$name" "$found"
}

# ---- who this is
put_line hostname /proc/sys/kernel/hostname
put_line machine-id /etc/machine-id
put_line boot-id /proc/sys/kernel/random/boot_id
put_said clock 64 date +%s
put_line uptime /proc/uptime
if [ -e /etc/NIXOS ]; then put nixos yes; else put nixos no; fi

# ---- which systems
profiles=/nix/var/nix/profiles
current=/run/current-system booted=/run/booted-system profile=$profiles/system
set --
names=
for system in current booted profile; do
  case $system in current) at=$current ;; booted) at=$booted ;; profile) at=$profile ;; esac
  for part in '' kernel initrd kernel-modules firmware systemd; do
    [ -e "$at/$part" ] || continue
    names="$names $system\${part:+-}$part"
    set -- "$@" "$at/$part"
  done
done
if [ $# -gt 0 ]; then
  each ends_of "$@"
  put_each "$names"
fi
if [ -L "$profile" ]; then put_said profile-link 256 readlink "$profile"; fi
put_texts() {
  [ -d "$2" ] || return 0
  for part in kernel-params init-interface-version switch-inhibitors reboot-triggers; do
    put_text "$1-$part" "$2/$part" 65536
  done
}
same() { [ "$1" -ef "$2" ]; } 2>/dev/null
put_texts current "$current"
same "$booted" "$current" || put_texts booted "$booted"
same "$profile" "$current" || same "$profile" "$booted" || put_texts profile "$profile"

# A specialisation is a system of its own: only the links of its parent tell its name. What the profile is needs none.
if [ -e "$current" ] && ! same "$current" "$profile"; then
  set --
  for link in "$profile"/specialisation/* "$booted"/specialisation/* "$profiles"/system-*-link/specialisation/*; do
    [ -L "$link" ] && [ -e "$link" ] || continue
    set -- "$@" "$link"
    [ $# -lt 200 ] || break
  done
  put_ends specialisations "$@"
fi

# ---- what else is going on
# Shared, opened for reading: it neither makes the file nor lasts longer than the look.
lock=/run/nixos/switch-to-configuration.lock
if [ ! -e "$lock" ]; then
  put switch-lock free
elif have flock && [ -r "$lock" ]; then
  if (flock -n -s 9) 9<"$lock" 2>/dev/null; then put switch-lock free; else put switch-lock held; fi
fi
put_text shutdown /run/systemd/shutdown/scheduled 1024
put_said system-state 256 systemctl is-system-running
if have systemctl && failed=$($limit systemctl list-units --failed --plain --no-legend --no-pager --full </dev/null 2>/dev/null); then
  [ "\${#failed}" -le 65536 ] || failed=$(printf '%s' "$failed" | head -c 65536)
  put failed "$failed"
fi

# ---- room
set --
names=
for place in store:/nix/store boot:/boot efi:/efi boot-efi:/boot/efi state:/var/lib; do
  [ -e "\${place#*:}" ] || continue
  names="$names space-\${place%%:*}"
  set -- "$@" "\${place#*:}"
done
if [ $# -gt 0 ]; then
  each room_of "$@"
  put_each "$names"
fi

# ---- kernel
put_line kernel-release /proc/sys/kernel/osrelease
put_text kernel-command-line /proc/cmdline 8192

# ---- mounts
mounts=/proc/1/mountinfo
[ -r "$mounts" ] || mounts=/proc/self/mountinfo
put_text mounts "$mounts" 2097152
put_text swaps /proc/swaps 65536

# ---- units that are neither inactive nor unknown, which systemctl leaves out where a pattern is asked
show() { $limit systemctl show --no-pager "$@" </dev/null 2>/dev/null | head -c 4194304; }
units=
if have systemctl; then
  case $much in
    brief) units=$(show --property=Id,LoadState,ActiveState,SubState,NRestarts --state=running,activating,deactivating,reloading,refreshing,maintenance,failed '*.service') || : ;;
    health) units=$(show --property=Id,LoadState,ActiveState,SubState,NRestarts '*.service') || : ;;
    full)
      set -- --property=Id,LoadState,ActiveState,SubState,Result,NeedDaemonReload,FragmentPath,MainPID,NRestarts,ExecMainStatus,ActiveEnterTimestamp
      # Devices, slices and scopes are many and promise nothing.
      set -- "$@" '*.service' '*.socket' '*.mount' '*.automount' '*.swap' '*.target' '*.timer' '*.path'
      units=$(show --timestamp=unix "$@") || :
      [ -n "$units" ] || units=$(show "$@") || : ;;
  esac
fi
[ -z "$units" ] || put units "$units"

# ---- the ledger: absent, unreadable and empty are three things
ledger=/var/lib/nixos-deploy-gate/ledger.jsonl
if [ ! -e "$ledger" ] && [ ! -L "$ledger" ]; then
  if [ -d /var/lib ] && [ -x /var/lib ] && { [ ! -e /var/lib/nixos-deploy-gate ] || [ -x /var/lib/nixos-deploy-gate ]; }; then
    put ledger-state absent
  else
    put ledger-state unreadable
  fi
elif [ -f "$ledger" ] && [ -r "$ledger" ] && lines=$(tail -c 1048576 "$ledger" 2>/dev/null); then
  put ledger "$lines"
  put ledger-state read
else
  put ledger-state unreadable
fi

if [ "$much" = full ]; then${observeFullProgram}fi
put done yes
`;
