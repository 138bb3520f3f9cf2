#!/bin/sh
# Made by npm run docs from src/host-helper; the same programs as the gate sends to hosts without it.
set -u
PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
umask 077
unset IFS CDPATH ENV BASH_ENV

if [ "${1-}" = login ]; then
  case ${SSH_ORIGINAL_COMMAND-} in
    'nixos-deploy-gate-helper 1') exec sudo -n -- /etc/nixos-deploy-gate/helper serve ;;
    # A connection that others ride on.
    'exec cat') exec cat ;;
    # As this user, whom the daemon does not trust: it takes signed paths and no others.
    'nix-daemon --stdio') export NIX_REMOTE=daemon; exec nix-daemon --stdio ;;
    'nixos-deploy-gate-helper '*) echo 'nixos-deploy-gate-helper: the gate and this host are of releases that do not know each other' >&2; exit 78 ;;
    *) echo 'nixos-deploy-gate-helper: this key is for the gate alone' >&2; exit 77 ;;
  esac
fi
[ "${1-}" = serve ] && [ "$#" -eq 1 ] || exit 64
shift

text_observe() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

unset IFS
LC_ALL=C TZ=UTC
export LC_ALL TZ
much=full wanted=
if [ $# -gt 0 ]; then much=$1; fi
if [ $# -gt 1 ]; then wanted=$2; fi
tab=$(printf '\t')
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
    rest=${rest#*"$line"}
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
  answer=${answers%%"$line"*}
  answers=${answers#*"$line"}
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
    names="$names $system${part:+-}$part"
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
  [ "${#failed}" -le 65536 ] || failed=$(printf '%s' "$failed" | head -c 65536)
  put failed "$failed"
fi

# ---- room
set --
names=
for place in store:/nix/store boot:/boot efi:/efi boot-efi:/boot/efi state:/var/lib; do
  [ -e "${place#*:}" ] || continue
  names="$names space-${place%%:*}"
  set -- "$@" "${place#*:}"
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

if [ "$much" = full ]; then
# ---- generations
generations=$($limit find "$profiles" -maxdepth 1 -name 'system-*-link' -printf '%f\t%Ts\t%l\n' </dev/null 2>/dev/null | sort -t - -k 2,2rn | head -n 500) || :
if [ -z "$generations" ]; then
  count=0
  for link in "$profiles"/system-*-link; do
    [ -L "$link" ] || continue
    count=$((count + 1))
    [ "$count" -le 200 ] || break
    end=$(readlink "$link" 2>/dev/null) || continue
    generations="$generations$link$tab$tab$end$line"
  done
fi
[ -z "$generations" ] || put generations "$generations"

# ---- who is logged in
if have loginctl && sessions=$($limit loginctl list-sessions --no-legend --no-pager </dev/null 2>/dev/null); then
  set --
  while read -r session others; do
    case $session in '' | *[!A-Za-z0-9_-]*) continue ;; esac
    set -- "$@" "$session"
    [ $# -lt 200 ] || break
  done <<END
$sessions
END
  if [ $# -eq 0 ]; then
    put sessions ''
  else
    put_said sessions 131072 loginctl show-session --property=Id --property=Name --property=Class --property=State "$@"
  fi
  own=
  while IFS= read -r group; do
    case $group in */session-*.scope*) own=${group##*/session-}; own=${own%%.scope*} ;; esac
  done 2>/dev/null </proc/self/cgroup
  case $own in *[!A-Za-z0-9_]*) own= ;; esac
  put own-session "$own"
fi

# ---- kernel
put_text modules /proc/modules 262144
if [ -n "$wanted" ]; then
  set --
  # A path that climbs would read what nobody asked for.
  while IFS= read -r key; do
    case $key in '' | /* | *..*) continue ;; esac
    [ -f "/proc/sys/$key" ] && [ -r "/proc/sys/$key" ] || continue
    set -- "$@" "./$key"
  done <<END
$wanted
END
  # Not read by the shell: the kernel gives one that reads byte by byte the first byte only.
  values=
  [ $# -eq 0 ] || values=$(cd /proc/sys && grep -asHZ '' -- "$@" 2>/dev/null | tr '\000' '\t' | head -c 2097152) || :
  put sysctl "$values"
fi

# ---- devices
set --
# What anybody may make is none.
for link in /dev/disk/by-uuid/* /dev/disk/by-label/* /dev/disk/by-partuuid/* /dev/disk/by-partlabel/* /dev/mapper/* /dev/disk/by-id/* /dev/*/*; do
  [ -L "$link" ] && [ -e "$link" ] || continue
  case $link in /dev/char/* | /dev/block/* | /dev/fd/* | /dev/input/* | /dev/snd/* | /dev/bus/* | /dev/dri/* | /dev/serial/* | /dev/shm/* | /dev/mqueue/*) continue ;; esac
  set -- "$@" "$link"
  [ $# -lt 400 ] || break
done
put_ends devices "$@"

# ---- sockets: 0A listens (TCP), 07 is bound to no peer (UDP)
net=/proc/1/net
[ -r "$net/tcp" ] || net=/proc/net
if have grep; then
  put listening "$(cd "$net" 2>/dev/null && grep -EsH '^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ 0+:0000 (0A|07) ' tcp tcp6 udp udp6 | head -c 1048576)"
else
  for protocol in tcp tcp6 udp udp6; do put_text "listening-$protocol" "$net/$protocol" 262144; done
fi

# ---- processes of units
pids=
[ -z "$units" ] || pids=$(printf '%s\n' "$units" | sed -n 's/^MainPID=\([1-9][0-9]*\)$/\1/p' | head -n 600) || :
if [ -n "$pids" ]; then
  links= lines=
  for pid in $pids; do links="$links $pid/exe" lines="$lines $pid/cmdline"; done
  # shellcheck disable=SC2086
  executables=$(cd /proc && $limit find $links -maxdepth 0 -printf '%p\t%l\n' </dev/null 2>/dev/null | head -c 1048576) || :
  [ -z "$executables" ] || put executables "$executables"
  if have grep; then
    # shellcheck disable=SC2086
    named=$(cd /proc && grep -aosH '/nix/store/[0-9a-z]\{32\}-[A-Za-z0-9+._?=/-]*' $lines 2>/dev/null | sort -u | head -c 1048576) || :
    put command-lines "$named"
  fi
fi

# ---- sshd, asked with the file that the running one was given
if [ "$(id -u 2>/dev/null)" = 0 ] && have systemctl && have sed; then
  program= configuration=
  for pid in $(show --property=MainPID sshd.service ssh.service | sed -n 's/^MainPID=\([1-9][0-9]*\)$/\1/p'); do
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || :
    configuration=$(tr '\000' ' ' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 's/.* -f *\([^ ]*\).*/\1/p') || :
    break
  done
  if [ ! -x "$program" ]; then
    # Started by its socket, or replaced on disk: what systemd would start.
    start=$(show --property=ExecStart sshd.service sshd@.service ssh.service | grep -m 1 'path=.*sshd') || :
    program=$(printf '%s\n' "$start" | sed -n 's/.*path=\([^ ;]*\).*/\1/p') || :
    configuration=$(printf '%s\n' "$start" | sed -n 's/.*argv\[\]=[^;]* -f *\([^ ;]*\).*/\1/p') || :
  fi
  if [ -x "$program" ]; then
    if [ -r "$configuration" ]; then
      put_said sshd 65536 "$program" -T -f "$configuration"
    else
      put_said sshd 65536 "$program" -T
    fi
  fi
fi
fi
put done yes

END_OF_A_PROGRAM_OF_THE_GATE
}
text_record() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$1"; then put appended yes; exit 0; fi
if append_ledger "$1"; then put appended yes; else put appended no; fi

END_OF_A_PROGRAM_OF_THE_GATE
}
text_root() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

umask 077
roots=/nix/var/nix/gcroots/nixos-deploy-gate
case ${2#copy-} in "$2" | '' | *[!0-9a-f]*) exit 2 ;; esac
case $1 in
  keep)
    mkdir -p "$roots/$2" && ln -sfn "$3" "$roots/$2/to" && put kept yes
    # Left by gates that were killed in a copy; no copy takes so long.
    find "$roots" -mindepth 1 -maxdepth 1 -name 'copy-*' -mtime +3 -exec rm -rf '{}' + 2>/dev/null ;;
  release) rm -rf "$roots/$2" ;;
esac
exit 0

END_OF_A_PROGRAM_OF_THE_GATE
}
text_start() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

umask 077
base=/run/nixos-deploy-gate
unit=nixos-deploy-gate-activation.service
id=$1 nonce=$2 supervisor=$3
shift 3
state=$base/$id
refuse() { put start "$1"; put detail "$2"; exit 0; }
case $id in '' | *[!a-z0-9-]* | -*) refuse failed "the id is not one" ;; esac
state_of() { systemctl show -p ActiveState --value -- "$1" 2>/dev/null; }
is_idle() { case $(state_of "$1") in inactive | failed) return 0 ;; *) return 1 ;; esac; }
[ -d /run/systemd/system ] || refuse failed "this host does not run systemd"
for tool in systemd-run systemctl mkdir mv; do
  command -v "$tool" >/dev/null 2>&1 || refuse failed "there is no $tool in $PATH"
done
mkdir -p "$base" && chmod 700 "$base" || refuse failed "$base cannot be written"

was_there=no
if [ -d "$state" ]; then
  was_there=yes known=
  read -r known <"$state/nonce" || :
  [ "$known" = "$nonce" ] || refuse failed "another attempt has this id"
  if [ -e "$state/begun" ]; then put start started; exit 0; fi
fi

# An attempt that has not ended holds the host, even while nothing of it runs: its dead man's switch is on the way, or is given another push.
for other in "$base"/*/; do
  other=$(printf '%s' "$other")
  other=${other%/}
  [ -d "$other/begun" ] && [ "$other" != "$state" ] || continue
  word=
  if [ -e "$other/phase" ]; then read -r word rest <"$other/phase" || :; fi
  [ "$word" != ended ] || continue
  put by "${other##*/}"
  if is_idle "$unit" && is_idle nixos-deploy-gate-deadman.timer && is_idle nixos-deploy-gate-deadman.service; then
    systemctl reset-failed nixos-deploy-gate-deadman.service 2>/dev/null
    timeout 60 systemd-run --quiet --no-ask-password --unit=nixos-deploy-gate-deadman -p OOMScoreAdjust=-900 /bin/sh "$other/program" deadman "$other"
  fi
  refuse busy "an activation has not ended"
done
if ! is_idle "$unit"; then
  if [ -e "$state/begun" ]; then put start started; exit 0; fi
  refuse busy "an activation is running"
fi

if [ "$was_there" = no ]; then
  # Of this process alone: a first answer that was lost may still be at work on the same.
  new=$base/.new-$id.$$
  rm -rf "$new"
  mkdir "$new" && printf '%s\n' "$supervisor" >"$new/program" || refuse failed "$base cannot be written"
  while [ $# -gt 1 ]; do
    case $1 in '' | *[!a-z0-9-]*) refuse failed "a name is not one" ;; esac
    printf '%s\n' "$2" >"$new/$1" || { rm -rf "$new"; refuse failed "$base cannot be written"; }
    shift 2
  done
  # Into its place or not at all, never into one that is there by now.
  if ! mv -T "$new" "$state" 2>/dev/null; then
    rm -rf "$new"
    known=
    if [ -e "$state/nonce" ]; then read -r known <"$state/nonce" || :; fi
    [ "$known" = "$nonce" ] || refuse failed "$base cannot be written"
    put start started
    exit 0
  fi
fi

seconds() { told=0; read -r told <"$state/$1" || :; }
seconds activation-seconds; activation=$told
seconds confirm-seconds; confirmation=$told
seconds loader-seconds; loader=$told
# Longer than everything that the supervisor allows itself: a supervisor that hangs is ended, and going back has its own time after that.
longest=$((3 * activation + confirmation + 4 * loader + 600))
read -r from <"$state/from-current" || :
shell=/bin/sh
[ ! -x "$from/sw/bin/sh" ] || shell=$from/sw/bin/sh
locale=
if [ -n "$(printenv LOCALE_ARCHIVE 2>/dev/null)" ]; then locale=--setenv=LOCALE_ARCHIVE=$(printenv LOCALE_ARCHIVE); fi
set --
[ -z "$locale" ] || set -- "$locale"
said=$(timeout 60 systemd-run --quiet --no-ask-password --collect --unit="$unit" --description="nixos-deploy-gate activates a system" \
  -p Restart=no -p OOMScoreAdjust=-900 -p IgnoreOnIsolate=yes -p RuntimeMaxSec="$longest" -p TimeoutStopSec=90 \
  -p "ExecStopPost=$shell $state/program stopped $state" "$@" \
  "$shell" "$state/program" run "$state" 2>&1) || {
  sleep 1
  if [ -e "$state/begun" ]; then put start started; exit 0; fi
  taken=no
  is_idle "$unit" || taken=yes
  [ "$was_there" = yes ] || rm -rf "$state"
  if [ "$taken" = yes ]; then refuse busy "$said"; fi
  refuse failed "$said"
}
put start started
# What ended long ago is not needed here any more.
ls -1dt "$base"/*/ 2>/dev/null | tail -n +12 | while read -r old; do
  word=
  if [ -e "$old/phase" ]; then read -r word rest <"$old/phase" || :; fi
  [ "$word" != ended ] || rm -rf "$old"
done

END_OF_A_PROGRAM_OF_THE_GATE
}
text_follow() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

state=/run/nixos-deploy-gate/$1
id=$1 until=$2 at=$3 seconds=$4
case $id in '' | *[!a-z0-9-]*) exit 2 ;; esac
case $at$seconds in *[!0-9]*) exit 2 ;; esac
uptime() { read -r up rest </proc/uptime; up=${up%%.*}; }
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
        ended=$(grep -F "\"id\":\"$id\",\"outcome\":" /var/lib/nixos-deploy-gate/ledger.jsonl | tail -n 1)
        [ -z "$ended" ] || put ledger "$ended"
      fi
      put gone yes
      exit 0
    fi
  fi
  sleep 0.2 2>/dev/null || sleep 1
done

END_OF_A_PROGRAM_OF_THE_GATE
}
text_say() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

umask 077
state=/run/nixos-deploy-gate/$1
case $1 in '' | *[!a-z0-9-]*) exit 2 ;; esac
case $3 in confirm | return) ;; *) exit 2 ;; esac
case $4 in '' | *[!0-9]*) exit 2 ;; esac
uptime() { read -r up rest </proc/uptime; up=${up%%.*}; }
nonce= told=
if [ -e "$state/nonce" ]; then read -r nonce <"$state/nonce" || :; fi
if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
if [ "$nonce" = "$2" ]; then
  case $3:$told in
    confirm:waiting* | return:waiting* | return:starting* | return:activating*)
      printf '%s\n' "$1 $2" >"$state/$3.new" && mv -f "$state/$3.new" "$state/$3" && put said "$3" ;;
  esac
  if [ -e "$state/$3" ]; then
    uptime; deadline=$((up + $4))
    while [ "$up" -lt "$deadline" ]; do
      if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
      case $told in ended*) break ;; esac
      sleep 0.1 2>/dev/null || sleep 1
      uptime
    done
  fi
fi
put phase "$told"

END_OF_A_PROGRAM_OF_THE_GATE
}
text_dry_activate() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

PATH=/run/current-system/sw/bin:/run/wrappers/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
program=$1/bin/switch-to-configuration seconds=$2
[ -x "$program" ] || { put missing yes; exit 0; }
if [ "$3" = no-checks ]; then export NIXOS_NO_CHECK=1; fi
dry() { timeout -k 10 "$seconds" "$program" dry-activate </dev/null 2>&1; }
put_output said 262144 dry || :

END_OF_A_PROGRAM_OF_THE_GATE
}
text_restart() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

limit=$1
shift
for unit do
  systemctl reset-failed -- "$unit" 2>/dev/null
  if timeout -k 5 "$limit" systemctl --no-ask-password restart -- "$unit" 2>&1; then put restarted "$unit"; else put failed "$unit"; fi
done

END_OF_A_PROGRAM_OF_THE_GATE
}
text_check() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

unset IFS CDPATH
command -v put >/dev/null 2>&1 || put() { printf '%s %s\n' "$1" "$2"; }
check_have() { command -v "$1" >/dev/null 2>&1; }
# One line of what is in a file, printable and short.
check_said() { if [ -s "$1" ]; then tail -c 300 "$1" | LC_ALL=C tr -c '[:print:]' ' '; fi; }
# Each check_TYPE leaves a verdict in check_verdict and says on stdout what was found. $check_limit seconds, files named $check_file.*.
check_command() {
  # The exit code goes to a file: what is read at the other end of the pipe has no say. tail has a limit for those who leave a child with our pipe in its hands.
  rm -f "$check_file.code"
  { timeout -k 5 "$check_limit" "$@" 2>&1; echo "$?" >"$check_file.code"; } | timeout -k 5 $((check_limit + 6)) tail -c 2000 >"$check_file.out"
  check_code=
  [ ! -s "$check_file.code" ] || read -r check_code <"$check_file.code"
  case $check_code in
    0) check_verdict=passed; printf 'it ended with 0' ;;
    '' | 125 | 126 | 127) check_verdict=inconclusive; printf 'it could not be run (exit code %s): ' "${check_code:-unknown}"; check_said "$check_file.out" ;;
    124 | 137) check_verdict=failed; printf 'it did not end within %s s' "$check_limit" ;;
    *) check_verdict=failed; printf 'it ended with %s: ' "$check_code"; check_said "$check_file.out" ;;
  esac
}
check_unit() {
  check_state=$(timeout -k 5 "$check_limit" systemctl show -p LoadState -p ActiveState -p SubState -p Result -- "$1" 2>"$check_file.out")
  if [ "$?" -ne 0 ] || [ -z "$check_state" ]; then
    check_verdict=inconclusive; printf 'systemd could not be asked: '; check_said "$check_file.out"
    return
  fi
  check_load= check_active= check_sub= check_result=
  while IFS='=' read -r check_key check_value; do
    case $check_key in
      LoadState) check_load=$check_value ;;
      ActiveState) check_active=$check_value ;;
      SubState) check_sub=$check_value ;;
      Result) check_result=$check_value ;;
    esac
  done <<END_OF_STATE
$check_state
END_OF_STATE
  if [ "$check_active" = active ] || [ "$check_active" = reloading ]; then check_verdict=passed; else check_verdict=failed; fi
  if [ "$check_load" = not-found ]; then printf 'there is no such unit'; return; fi
  printf 'it is %s (%s)' "$check_active" "$check_sub"
  if [ "$check_verdict" = failed ] && [ "$check_result" != success ]; then printf ', result %s' "$check_result"; fi
}
# tcp HOST PORT
check_tcp() {
  if ! check_have bash; then check_verdict=inconclusive; printf 'there is no bash on the host to ask with'; return; fi
  timeout -k 5 "$check_limit" bash -c ': <>"/dev/tcp/$1/$2"' bash "$1" "$2" >"$check_file.out" 2>&1
  case $? in
    0) check_verdict=passed; printf 'it accepts connections' ;;
    124 | 137) check_verdict=failed; printf 'it did not answer within %s s' "$check_limit" ;;
    *)
      check_verdict=failed
      # A bash without network names looks for a file of that name; a name that cannot be looked up says nothing of the service.
      if grep -q -e 'No such file or directory' -e 'failure in name resolution' -e 'not known' -e 'Invalid host' "$check_file.out"; then check_verdict=inconclusive; fi
      check_said "$check_file.out" ;;
  esac
}
# http_once URL HOST PORT TARGET: status, redirect and body; nothing where there was no answer.
check_http_once() {
  : >"$check_file.body"
  check_status= check_to=
  if check_have curl; then
    curl -q --silent --show-error --globoff --noproxy '*' --proto '=http,https' --max-redirs 0 --max-time "$check_limit" \
      --user-agent nixos-deploy-gate --header 'Accept-Encoding: identity' --write-out '%{stderr}\n%{http_code} %{redirect_url}\n' --url "$1" \
      2>"$check_file.err" | head -c 1048577 >"$check_file.body"
    check_last=$(tail -n 1 "$check_file.err")
    check_status=${check_last%% *}
    case $check_last in *' '*) check_to=${check_last#* } ;; esac
    case $check_status in 000 | '' | *[!0-9]*) check_status= ;; esac
    sed '$d' "$check_file.err" >"$check_file.out"
    return
  fi
  case $1 in https:*) check_verdict=inconclusive; printf 'there is no curl on the host to ask https with'; return 1 ;; esac
  if ! check_have bash; then check_verdict=inconclusive; printf 'there is neither curl nor bash on the host to ask with'; return 1; fi
  timeout -k 5 "$check_limit" bash -c '
    exec 3<>"/dev/tcp/$1/$2" || exit 7
    printf "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: nixos-deploy-gate\r\nAccept: */*\r\nConnection: close\r\n\r\n" "$3" "$4" >&3 || exit 7
    IFS=" " read -r version status rest <&3 || exit 7
    case $version in HTTP/*) ;; *) echo "what it answered is not HTTP" >&2; exit 7 ;; esac
    to= cr=$(printf "\r")
    while IFS= read -r header <&3; do
      header=${header%"$cr"}
      [ -n "$header" ] || break
      case $header in [Ll]ocation:*) to=${header#*:} to=${to# } ;; esac
    done
    status=${status%"$cr"}
    printf "%s %s\n" "$status" "$to" >"$5"
    head -c 1048577 <&3 >"$6"' bash "$2" "$3" "$4" "$5" "$check_file.head" "$check_file.body" >"$check_file.out" 2>&1
  if [ -s "$check_file.head" ]; then IFS=' ' read -r check_status check_to <"$check_file.head"; rm -f "$check_file.head"; fi
  case $check_status in *[!0-9]*) check_status= ;; esac
}
# http URL HOST PORT TARGET AUTHORITY STATUSES [TEXT]
check_http() {
  check_url=$1 check_target=$4 check_origin=${1%%://*}://$5 check_hops=0
  while :; do
    check_http_once "$check_url" "$2" "$3" "$check_target" "$5" || return
    if [ -z "$check_status" ]; then
      check_verdict=failed
      if grep -q -i -e 'could not resolve' -e 'failure in name resolution' -e 'not known' -e 'No such file or directory' "$check_file.out"; then check_verdict=inconclusive; fi
      printf 'it did not answer: '; check_said "$check_file.out"
      return
    fi
    case ",$6," in *",$check_status,"*) break ;; esac
    check_verdict=failed
    check_path=
    case $check_to in
      "$check_origin"/*) check_path=${check_to#"$check_origin"} ;;
      //*) ;;
      /*) check_path=$check_to ;;
    esac
    check_hops=$((check_hops + 1))
    case $check_status in 3*) ;; *) check_path= ;; esac
    if [ -z "$check_path" ] || [ "$check_hops" -gt 5 ]; then printf 'it answered %s' "$check_status"; return; fi
    check_target=${check_path%%#*} check_url=$check_origin${check_path%%#*}
  done
  if [ $# -lt 7 ]; then check_verdict=passed; printf 'it answered %s' "$check_status"; return; fi
  # As one line on both sides, so that a text of several lines is one text.
  check_text=$(printf '%s' "$7" | tr '\n' '\001')
  head -c 1048576 "$check_file.body" | tr '\n' '\001' | LC_ALL=C grep -a -F -q -e "$check_text"
  case $? in
    0) check_verdict=passed; printf 'it answered %s with the text that is wanted' "$check_status" ;;
    1)
      check_verdict=failed
      check_size=$(wc -c <"$check_file.body")
      if [ "$check_size" -gt 1048576 ]; then check_verdict=inconclusive; printf 'the text that is wanted is not in the first MiB of the answer'; return; fi
      printf 'it answered %s without the text that is wanted' "$check_status" ;;
    *) check_verdict=inconclusive; printf 'its answer could not be searched' ;;
  esac
}
# one NUMBER TYPE RETRIES INTERVAL LIMIT ARGUMENT…: all tries of one check.
check_one() {
  check_file=$check_directory/$1 check_type=$2 check_retries=$3 check_interval=$4 check_limit=$5
  shift 5
  check_tries=0
  while :; do
    check_tries=$((check_tries + 1))
    check_verdict=inconclusive
    case $check_type in
      command) check_command "$@" ;;
      unit) check_unit "$@" ;;
      tcp) check_tcp "$@" ;;
      http) check_http "$@" ;;
      *) printf 'this kind of check is not known here' ;;
    esac >"$check_file.text"
    if [ "$check_verdict" = passed ] || [ "$check_tries" -gt "$check_retries" ]; then break; fi
    sleep "$check_interval"
  done
  # At once or not at all.
  { printf '%s\n%s\n' "$check_verdict" "$check_tries"; head -c 600 "$check_file.text"; } >"$check_file.new" && mv -f "$check_file.new" "$check_file.result"
}
check_main() {
  for check_tool in timeout tail head tr sleep mktemp mv rm cat grep sed wc; do
    if ! check_have "$check_tool"; then
      echo "There is no $check_tool in $PATH." >&2
      return 2
    fi
  done
  check_directory=$(mktemp -d /run/nixos-deploy-gate-checks.XXXXXX 2>/dev/null) || check_directory=$(mktemp -d) || return 2
  check_number=0 check_jobs=
  while [ $# -ge 5 ]; do
    check_begin "$@" </dev/null 4>&- 8>&- 9>&- &
    check_jobs="$check_jobs $!"
    check_number=$((check_number + 1))
    shift $((5 + $5))
  done
  for check_job in $check_jobs; do wait "$check_job"; done
  check_worst=0 check_index=0
  while [ "$check_index" -lt "$check_number" ]; do
    check_result=$(cat "$check_directory/$check_index.result" 2>/dev/null) || check_result='inconclusive
0
it was ended before it had an answer'
    put check "$check_index
$check_result"
    case $check_result in
      passed*) ;;
      failed*) check_worst=1 ;;
      *) [ "$check_worst" = 1 ] || check_worst=2 ;;
    esac
    check_index=$((check_index + 1))
  done
  rm -rf "$check_directory"
  return "$check_worst"
}
# TYPE RETRIES INTERVAL LIMIT COUNT ARGUMENT…: the first COUNT arguments and no more. They are turned to the end, and what is then in front is dropped.
check_begin() {
  check_head=$check_number check_type=$1 check_retries=$2 check_interval=$3 check_limit=$4 check_count=$5
  shift 5
  check_rest=$(($# - check_count))
  while [ "$check_count" -gt 0 ]; do
    check_argument=$1
    shift
    set -- "$@" "$check_argument"
    check_count=$((check_count - 1))
  done
  shift "$check_rest"
  check_one "$check_head" "$check_type" "$check_retries" "$check_interval" "$check_limit" "$@"
}
check_main "$@"

END_OF_A_PROGRAM_OF_THE_GATE
}
text_evidence() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

since=$1
shift
most_units=12
limit() {
  if command -v timeout >/dev/null; then timeout 20 "$@"; else "$@"; fi
}
asked() { limit "$@" 2>/dev/null; }
# The end of what a command prints: a log ends with what matters.
ending() {
  ending_bytes=$1
  shift
  limit "$@" 2>/dev/null | tail -c "$ending_bytes"
}
journal() {
  if [ -n "$since" ]; then limit journalctl -q --no-pager -o short-unix -n 150 "--since=@$since" "$@"
  else limit journalctl -q --no-pager -o short-unix -n 150 -b "$@"; fi
}
journal_ending() {
  journal_bytes=$1
  shift
  journal "$@" 2>/dev/null | tail -c "$journal_bytes"
}
link() {
  gate_link=$(readlink -f "$2" 2>/dev/null; echo .)
  gate_link=${gate_link%.}
  [ -z "$gate_link" ] || put "$1" "${gate_link%?}"
}
link current /run/current-system
link profile /nix/var/nix/profiles/system
link booted /run/booted-system
put state "$(limit systemctl is-system-running 2>/dev/null)"

# A unit's name is data: it stands behind "--" everywhere, and only names that can be units' are asked about.
is_unit() {
  case $1 in '' | -* | *[!A-Za-z0-9:_.\\@-]*) return 1 ;; esac
  [ "${#1}" -le 255 ]
}
failed=$(limit systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null | head -n 60 | cut -d ' ' -f 1)
put failed "$failed"

# What the first line of ExecStart names, looked at.
executable() {
  executable_path=$(limit systemctl show -p ExecStart --value -- "$1" 2>/dev/null | sed -n '1s/^{ path=\([^ ;]*\) ;.*/\1/p')
  [ -n "$executable_path" ] || return 0
  if [ ! -e "$executable_path" ]; then echo "missing $executable_path"
  elif [ ! -x "$executable_path" ] || [ -d "$executable_path" ]; then echo "not-executable $executable_path"
  else echo "present $executable_path"; fi
}
# The system's own unit that a process belongs to. Below user.slice anybody may name a group as he likes.
unit_of() {
  while IFS= read -r cgroup; do
    case $cgroup in
    0::/system.slice/* | *:name=systemd:/system.slice/*)
      cgroup=${cgroup#*:/system.slice/}
      while [ -n "$cgroup" ]; do
        part=${cgroup%%/*}
        case $part in
        *.service) is_unit "$part" && echo "$part"; return 0 ;;
        *.slice) ;;
        *) return 0 ;;
        esac
        case $cgroup in */*) cgroup=${cgroup#*/} ;; *) cgroup= ;; esac
      done
      return 0
      ;;
    esac
  done 2>/dev/null <"/proc/$1/cgroup"
}
# Who has a mount point as a directory or holds a file in it open.
holders() {
  where=$(limit systemctl show -p Where --value -- "$1" 2>/dev/null)
  case $where in '' | / | /nix | /nix/store) return 0 ;; esac
  pattern=$(printf '%s' "$where" | sed 's/[][*?\\]/\\&/g')
  limit find /proc -mindepth 2 -maxdepth 3 \( -path '/proc/[0-9]*/cwd' -o -path '/proc/[0-9]*/root' -o -path '/proc/[0-9]*/exe' -o -path '/proc/[0-9]*/fd/*' \) \
    \( -lname "$pattern" -o -lname "$pattern/*" \) 2>/dev/null | head -n 400 | cut -d / -f 3 | sort -u | head -n 40 |
    while IFS= read -r holder; do
      [ "$holder" = "$$" ] && continue
      unit=$(unit_of "$holder")
      if [ -n "$unit" ]; then echo "held $where by $unit"; else echo "held $where by process $holder of no unit"; fi
    done | sort -u
}

count=0
seen=' '
about() {
  is_unit "$1" || return 0
  case $seen in *" $1 "*) return 0 ;; esac
  [ "$count" -lt "$most_units" ] || return 0
  seen="$seen$1 "
  put "unit.$count" "$1"
  put_output "unit.$count.show" 2048 asked systemctl show --no-pager -p LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts,NeedDaemonReload,FragmentPath,StatusText -- "$1"
  put_output "unit.$count.manager" 6144 journal_ending 6144 _PID=1 "UNIT=$1"
  put_output "unit.$count.journal" 8192 journal_ending 8192 "_SYSTEMD_UNIT=$1"
  put_output "unit.$count.executable" 1024 executable "$1"
  put_output "unit.$count.file" 4096 asked systemctl cat --no-pager -- "$1"
  case $1 in *.mount) put_output "unit.$count.holders" 4096 holders "$1" ;; esac
  count=$((count + 1))
}
for unit in "$@"; do about "$unit"; done
# Word by word: a unit's name holds no white space. No globbing of what a host says.
set -f
for unit in $failed; do about "$unit"; done
set +f

disk() {
  for place in / /nix /nix/store /boot /boot/efi /efi /var /var/lib /var/log /tmp /home; do
    [ -d "$place" ] || continue
    stat -f -c '%S %b %a %c %d' "$place" 2>/dev/null | while read -r block blocks free inodes inodes_free; do
      [ "$inodes" -gt 0 ] || inodes_free=-
      echo "$place $((block * blocks)) $((block * free)) $inodes_free"
    done
  done
}
put_output disk 4096 disk
put_output mounts 6144 ending 6144 findmnt -rn --real -o TARGET,SOURCE,FSTYPE,OPTIONS
if journal _TRANSPORT=kernel >/dev/null 2>&1; then put_output kernel 6144 journal_ending 6144 -p 3 _TRANSPORT=kernel
else put_output kernel 6144 ending 6144 dmesg --level=emerg,alert,crit,err; fi
exit 0

END_OF_A_PROGRAM_OF_THE_GATE
}
text_ping() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'
:
END_OF_A_PROGRAM_OF_THE_GATE
}
text_reboot_begin() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\"$1\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}

[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
mkdir -p "$ledger_home" || { say no ledger; exit 0; }
exec 8>>"$ledger_home/reboot.lock"
if have flock; then flock -w 30 8 || { say no ledger; exit 0; }; fi
if any_open; then say no under-way; exit 0; fi
if append_ledger "$2"; then say yes begun; else say no ledger; fi

END_OF_A_PROGRAM_OF_THE_GATE
}
text_reboot() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\"$1\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}

pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}

# The mount points that NixOS uses; a test brings its own.
boot_places=${GATE_BOOT_PLACES:-/boot /efi /boot/efi}
# Whether what is read boots $1: a word a line, so that one path is never found in a longer one.
has_init() { tr -s ' \t' '\n\n' | grep -qxF -- "init=$1/init"; }
entry_boots() { sed -n 's/^options[[:space:]]*//p' "$1" 2>/dev/null | has_init "$2"; }
systemd_boot_home() {
  for place in $boot_places; do
    if [ -d "$place/loader/entries" ] && [ -f "$place/loader/loader.conf" ]; then printf '%s' "$place"; return 0; fi
  done
  return 1
}
# The file of the entry that boots a toplevel.
systemd_boot_entry() {
  for entry in "$1"/loader/entries/*.conf; do
    if [ -f "$entry" ] && entry_boots "$entry" "$2"; then printf '%s' "$entry"; return 0; fi
  done
  return 1
}
# What the loader's file says, without what its variables say: "ok LOADER" where it would boot $1, "wrong LOADER", or "unknown".
boot_entry() {
  if place=$(systemd_boot_home); then
    default=$(sed -n 's/^default[[:space:]][[:space:]]*//p' "$place/loader/loader.conf" | head -n 1)
    for entry in "$place"/loader/entries/*.conf; do
      [ -f "$entry" ] && entry_boots "$entry" "$1" || continue
      name=${entry##*/}
      # The default may be a pattern, and may be written without the counter.
      plain=$(printf '%s' "$name" | sed 's/+[0-9][0-9-]*\.conf$/.conf/')
      case $name in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
      case $plain in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
    done
    # Unified kernel images carry their command line in themselves.
    for image in "$place"/EFI/Linux/nixos-generation-*.efi; do
      [ -f "$image" ] || continue
      name=${image##*/}
      case $name in $default | $default.efi) ;; *) continue ;; esac
      if tr '\0 \t' '\n\n\n' <"$image" | grep -aqxF -- "init=$1/init"; then printf 'ok systemd-boot-image'; return 0; fi
    done
    printf 'wrong systemd-boot'
    return 0
  fi
  for place in $boot_places; do
    if [ -f "$place/grub/grub.cfg" ]; then
      if sed -n '/^[[:space:]]*menuentry /,/^[[:space:]]*}/{p;/^[[:space:]]*}/q;}' "$place/grub/grub.cfg" | has_init "$1"; then
        printf 'ok grub'
      else printf 'wrong grub'; fi
      return 0
    fi
    if [ -f "$place/extlinux/extlinux.conf" ]; then
      default=$(sed -n 's/^DEFAULT[[:space:]][[:space:]]*//p' "$place/extlinux/extlinux.conf" | head -n 1)
      if awk -v want="$default" '$1 == "LABEL" { on = ($2 == want) } on && $1 == "APPEND"' "$place/extlinux/extlinux.conf" |
        has_init "$1"; then
        printf 'ok extlinux'
      else printf 'wrong extlinux'; fi
      return 0
    fi
  done
  printf unknown
}
# Lets $1 boot once while $2 stays the default: "once", "counting" where the loader counts by itself, "default" where it can do neither.
try_once() {
  place=$(systemd_boot_home) && command -v bootctl >/dev/null 2>&1 || { printf default; return 0; }
  new=$(systemd_boot_entry "$place" "$1") || { printf default; return 0; }
  case ${new##*/} in *+[0-9]*.conf) printf counting; return 0 ;; esac
  old=$(systemd_boot_entry "$place" "$2") || { printf default; return 0; }
  # The mark first: a default that nobody remembers setting would outlast every later deploy.
  mkdir -p "${pin_mark%/*}" && printf '%s\n' "${old##*/}" >"$pin_mark" && sync "$pin_mark" || { printf default; return 0; }
  if timeout 20 bootctl set-oneshot "${new##*/}" >&2 && timeout 20 bootctl set-default "${old##*/}" >&2; then printf once; return 0; fi
  unpin_entry
  printf default
}

profile_of_host() { readlink -f "${GATE_PROFILE:-/nix/var/nix/profiles/system}"; }
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

why=$(why_not "$@")
[ -z "$why" ] || { say no "$why"; exit 0; }
put entry "$(boot_entry "$3")"
if [ "$7" = once ]; then put tries "$(try_once "$3" "$(readlink -f /run/booted-system)")"; else unpin_entry; fi
unit=nixos-deploy-gate-$1
if timeout 30 systemd-run --quiet --no-ask-password --collect --unit="$unit" \
  --on-active=1s --timer-property=AccuracySec=100ms systemctl reboot; then
  say yes ordered
elif systemctl is-active --quiet "$unit.timer" || systemctl is-active --quiet "$unit.service"; then
  say yes ordered
else
  unpin_entry
  say no systemd
fi

END_OF_A_PROGRAM_OF_THE_GATE
}
text_reboot_arm() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\"$1\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}

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
if timeout 30 systemd-run --quiet --no-ask-password --collect --unit="$unit" --on-calendar="@$fires" --timer-property=AccuracySec=1s \
  /bin/sh "$home/script" "$id" "$boot" "$to" "$least" "$most" "$trust" "$once" "$alone" "$home"; then say yes armed; else say no systemd; fi

END_OF_A_PROGRAM_OF_THE_GATE
}
text_reboot_settle() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\"$1\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}

pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}

# The mount points that NixOS uses; a test brings its own.
boot_places=${GATE_BOOT_PLACES:-/boot /efi /boot/efi}
# Whether what is read boots $1: a word a line, so that one path is never found in a longer one.
has_init() { tr -s ' \t' '\n\n' | grep -qxF -- "init=$1/init"; }
entry_boots() { sed -n 's/^options[[:space:]]*//p' "$1" 2>/dev/null | has_init "$2"; }
systemd_boot_home() {
  for place in $boot_places; do
    if [ -d "$place/loader/entries" ] && [ -f "$place/loader/loader.conf" ]; then printf '%s' "$place"; return 0; fi
  done
  return 1
}
# The file of the entry that boots a toplevel.
systemd_boot_entry() {
  for entry in "$1"/loader/entries/*.conf; do
    if [ -f "$entry" ] && entry_boots "$entry" "$2"; then printf '%s' "$entry"; return 0; fi
  done
  return 1
}
# What the loader's file says, without what its variables say: "ok LOADER" where it would boot $1, "wrong LOADER", or "unknown".
boot_entry() {
  if place=$(systemd_boot_home); then
    default=$(sed -n 's/^default[[:space:]][[:space:]]*//p' "$place/loader/loader.conf" | head -n 1)
    for entry in "$place"/loader/entries/*.conf; do
      [ -f "$entry" ] && entry_boots "$entry" "$1" || continue
      name=${entry##*/}
      # The default may be a pattern, and may be written without the counter.
      plain=$(printf '%s' "$name" | sed 's/+[0-9][0-9-]*\.conf$/.conf/')
      case $name in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
      case $plain in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
    done
    # Unified kernel images carry their command line in themselves.
    for image in "$place"/EFI/Linux/nixos-generation-*.efi; do
      [ -f "$image" ] || continue
      name=${image##*/}
      case $name in $default | $default.efi) ;; *) continue ;; esac
      if tr '\0 \t' '\n\n\n' <"$image" | grep -aqxF -- "init=$1/init"; then printf 'ok systemd-boot-image'; return 0; fi
    done
    printf 'wrong systemd-boot'
    return 0
  fi
  for place in $boot_places; do
    if [ -f "$place/grub/grub.cfg" ]; then
      if sed -n '/^[[:space:]]*menuentry /,/^[[:space:]]*}/{p;/^[[:space:]]*}/q;}' "$place/grub/grub.cfg" | has_init "$1"; then
        printf 'ok grub'
      else printf 'wrong grub'; fi
      return 0
    fi
    if [ -f "$place/extlinux/extlinux.conf" ]; then
      default=$(sed -n 's/^DEFAULT[[:space:]][[:space:]]*//p' "$place/extlinux/extlinux.conf" | head -n 1)
      if awk -v want="$default" '$1 == "LABEL" { on = ($2 == want) } on && $1 == "APPEND"' "$place/extlinux/extlinux.conf" |
        has_init "$1"; then
        printf 'ok extlinux'
      else printf 'wrong extlinux'; fi
      return 0
    fi
  done
  printf unknown
}
# Lets $1 boot once while $2 stays the default: "once", "counting" where the loader counts by itself, "default" where it can do neither.
try_once() {
  place=$(systemd_boot_home) && command -v bootctl >/dev/null 2>&1 || { printf default; return 0; }
  new=$(systemd_boot_entry "$place" "$1") || { printf default; return 0; }
  case ${new##*/} in *+[0-9]*.conf) printf counting; return 0 ;; esac
  old=$(systemd_boot_entry "$place" "$2") || { printf default; return 0; }
  # The mark first: a default that nobody remembers setting would outlast every later deploy.
  mkdir -p "${pin_mark%/*}" && printf '%s\n' "${old##*/}" >"$pin_mark" && sync "$pin_mark" || { printf default; return 0; }
  if timeout 20 bootctl set-oneshot "${new##*/}" >&2 && timeout 20 bootctl set-default "${old##*/}" >&2; then printf once; return 0; fi
  unpin_entry
  printf default
}

unpin_entry
if [ -e "$pin_mark" ]; then say no pinned; else say yes settled; fi

END_OF_A_PROGRAM_OF_THE_GATE
}
text_reboot_give_up() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\"$1\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}

pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}

# The mount points that NixOS uses; a test brings its own.
boot_places=${GATE_BOOT_PLACES:-/boot /efi /boot/efi}
# Whether what is read boots $1: a word a line, so that one path is never found in a longer one.
has_init() { tr -s ' \t' '\n\n' | grep -qxF -- "init=$1/init"; }
entry_boots() { sed -n 's/^options[[:space:]]*//p' "$1" 2>/dev/null | has_init "$2"; }
systemd_boot_home() {
  for place in $boot_places; do
    if [ -d "$place/loader/entries" ] && [ -f "$place/loader/loader.conf" ]; then printf '%s' "$place"; return 0; fi
  done
  return 1
}
# The file of the entry that boots a toplevel.
systemd_boot_entry() {
  for entry in "$1"/loader/entries/*.conf; do
    if [ -f "$entry" ] && entry_boots "$entry" "$2"; then printf '%s' "$entry"; return 0; fi
  done
  return 1
}
# What the loader's file says, without what its variables say: "ok LOADER" where it would boot $1, "wrong LOADER", or "unknown".
boot_entry() {
  if place=$(systemd_boot_home); then
    default=$(sed -n 's/^default[[:space:]][[:space:]]*//p' "$place/loader/loader.conf" | head -n 1)
    for entry in "$place"/loader/entries/*.conf; do
      [ -f "$entry" ] && entry_boots "$entry" "$1" || continue
      name=${entry##*/}
      # The default may be a pattern, and may be written without the counter.
      plain=$(printf '%s' "$name" | sed 's/+[0-9][0-9-]*\.conf$/.conf/')
      case $name in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
      case $plain in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
    done
    # Unified kernel images carry their command line in themselves.
    for image in "$place"/EFI/Linux/nixos-generation-*.efi; do
      [ -f "$image" ] || continue
      name=${image##*/}
      case $name in $default | $default.efi) ;; *) continue ;; esac
      if tr '\0 \t' '\n\n\n' <"$image" | grep -aqxF -- "init=$1/init"; then printf 'ok systemd-boot-image'; return 0; fi
    done
    printf 'wrong systemd-boot'
    return 0
  fi
  for place in $boot_places; do
    if [ -f "$place/grub/grub.cfg" ]; then
      if sed -n '/^[[:space:]]*menuentry /,/^[[:space:]]*}/{p;/^[[:space:]]*}/q;}' "$place/grub/grub.cfg" | has_init "$1"; then
        printf 'ok grub'
      else printf 'wrong grub'; fi
      return 0
    fi
    if [ -f "$place/extlinux/extlinux.conf" ]; then
      default=$(sed -n 's/^DEFAULT[[:space:]][[:space:]]*//p' "$place/extlinux/extlinux.conf" | head -n 1)
      if awk -v want="$default" '$1 == "LABEL" { on = ($2 == want) } on && $1 == "APPEND"' "$place/extlinux/extlinux.conf" |
        has_init "$1"; then
        printf 'ok extlinux'
      else printf 'wrong extlinux'; fi
      return 0
    fi
  done
  printf unknown
}
# Lets $1 boot once while $2 stays the default: "once", "counting" where the loader counts by itself, "default" where it can do neither.
try_once() {
  place=$(systemd_boot_home) && command -v bootctl >/dev/null 2>&1 || { printf default; return 0; }
  new=$(systemd_boot_entry "$place" "$1") || { printf default; return 0; }
  case ${new##*/} in *+[0-9]*.conf) printf counting; return 0 ;; esac
  old=$(systemd_boot_entry "$place" "$2") || { printf default; return 0; }
  # The mark first: a default that nobody remembers setting would outlast every later deploy.
  mkdir -p "${pin_mark%/*}" && printf '%s\n' "${old##*/}" >"$pin_mark" && sync "$pin_mark" || { printf default; return 0; }
  if timeout 20 bootctl set-oneshot "${new##*/}" >&2 && timeout 20 bootctl set-default "${old##*/}" >&2; then printf once; return 0; fi
  unpin_entry
  printf default
}

[ "$(boot_id)" = "$1" ] || { say no boot-changed; exit 0; }
unpin_entry
if [ -e "$ledger" ] && tail -n 50 "$ledger" | grep -qxF -- "$2"; then say yes given-up; exit 0; fi
if append_ledger "$2"; then say yes given-up; else say no ledger; fi

END_OF_A_PROGRAM_OF_THE_GATE
}
text_reboot_cancel() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

systemctl list-units --all --plain --no-legend --type=timer 'nixos-deploy-gate-reboot-*' 2>/dev/null | head -n 100 |
  while read -r unit rest; do
  case $unit in
    "nixos-deploy-gate-$1.timer") ;;
    nixos-deploy-gate-reboot-*.timer)
      systemctl stop "$unit" && put cancelled "$unit"
      rm -rf "/run/nixos-deploy-gate/$(basename "${unit#nixos-deploy-gate-}" .timer)" ;;
  esac
done
put result yes

END_OF_A_PROGRAM_OF_THE_GATE
}
text_act_restart() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

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

how=$2 limit=$3 seen=$4 entry=$5 unit=$6
property() { timeout 20 systemctl show -p "$1" --value -- "$unit" 2>/dev/null; }
[ "$(property Id)" = "$unit" ] || end refused alias
state=$(property ActiveState):$(property SubState)
case $how:$state in
  failed:failed:*) verb=start ;;
  flapping:activating:auto-restart* | flapping:active:*) verb=restart ;;
  *) end refused changed ;;
esac
if [ "$verb" = restart ]; then
  set -f
  for other in $(property RequiredBy) $(property RequisiteOf) $(property BoundBy) $(property ConsistsOf); do
    case $other in *.target | *.slice) continue ;; esac
    case $(timeout 20 systemctl show -p ActiveState --value -- "$other" 2>/dev/null) in inactive | failed) ;; *) end refused dependents ;; esac
  done
  set +f
fi
last=
if [ -e "$ledger" ]; then last=$(tail -n 20 "$ledger" | grep -v '^[[:space:]]*$' | tail -n 1); fi
[ "$last" = "$seen" ] || end refused ledger-moved
append_ledger "$entry" || end refused ledger
timeout 20 systemctl reset-failed -- "$unit" 2>/dev/null
go() { timeout -k 5 "$limit" systemctl --no-ask-password "$verb" -- "$unit" 2>&1 8>&- 9>&-; }
put_output said 4096 go
put show "$(timeout 20 systemctl show -p ActiveState -p SubState -p Result -p Type -p NRestarts -- "$unit" 2>/dev/null)"
end done "$verb"

END_OF_A_PROGRAM_OF_THE_GATE
}
text_act_garbage() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

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

most=$2 limit=$3 entry=$4
have nix-store || end refused no-nix-store
roots=/nix/var/nix/gcroots/nixos-deploy-gate
[ -z "$(find "$roots" -mindepth 1 -maxdepth 1 -name 'copy-*' -mmin -120 2>/dev/null | head -n 1)" ] || end refused copying
hold=$roots/copy-$(printf '%x' "$$")
trap 'rm -rf "$hold"' EXIT
trap 'exit 1' TERM HUP INT
umask 077
mkdir -p "$hold" || end refused root
number=0
for system in /run/current-system /run/booted-system /nix/var/nix/profiles/system /nix/var/nix/profiles/system-*-link; do
  [ -e "$system" ] || continue
  path=$(readlink -f "$system") && ln -sfn "$path" "$hold/$number" || end refused root
  number=$((number + 1))
done
[ "$number" -ge 3 ] || end refused root
space() { timeout 20 stat -f -c '%S %b %a' /nix/store; }
put before "$(space)"
# All of what it says is read, a line for each path: a pipe that closes would end it in the middle.
said=$({ timeout -k 10 "$limit" nix-store --gc --max-freed "$most" 2>&1 8>&- 9>&-; printf 'exit %s\n' "$?"; } | tail -n 5 | tail -c 2048)
put said "${said%exit *}"
put said.exit "${said##*exit }"
gone=
for system in "$hold"/*; do
  path=$(readlink "$system")
  timeout 60 nix-store --check-validity "$path" 2>/dev/null || gone="$gone $path"
done
put gone "$gone"
# Only now: a collection gives back what Nix keeps in reserve (8 MiB), and the next who opens the store takes it again.
sync -f /nix/store 2>/dev/null
put after "$(space)"
if append_ledger "$entry"; then put written yes; else put written no; fi
end done collected

END_OF_A_PROGRAM_OF_THE_GATE
}
text_supervisor() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

set -u
umask 077
unset IFS CDPATH
mode=$1 state=$2
case $state in /run/nixos-deploy-gate/[a-z0-9]*) ;; *) exit 2 ;; esac

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

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
uptime() { read -r up rest </proc/uptime; up=${up%%.*}; }
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

# The middle of a log without end is forgotten. `log.base` is how many bytes were, for those who read on from where they were.
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
  append_ledger "{\"v\":1,\"event\":\"started\",\"at\":$(date +%s),\"bootId\":\"$boot_id\",\"attempt\":$(cat "$state/attempt")}" || return 1
  : >"$state/in-ledger"
  reserve_ledger
}
end_ledger() {
  release_ledger
  [ -e "$state/in-ledger" ] || return 0
  ! grep -qF "\"id\":\"$id\",\"outcome\":" "$ledger" 2>/dev/null || return 0
  case $3 in '' | - | *[!0-9]*) exit_member= ;; *) exit_member=",\"exit\":$3" ;; esac
  append_ledger "{\"v\":1,\"event\":\"ended\",\"at\":$(date +%s),\"id\":\"$id\",\"outcome\":\"$1\",\"reason\":\"$2\"$exit_member}" ||
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
  timeout 60 systemd-run --quiet --no-ask-password --collect --unit="$switch_unit" --description="switch-to-configuration for nixos-deploy-gate" \
    -p TimeoutStopSec=10 -p OOMScoreAdjust=-500 -p IgnoreOnIsolate=yes -p Restart=no \
    --setenv=PATH="$PATH" --setenv=HOME=/root $check \
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

pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}

# go_back REASON EXIT: to the recorded toplevel, and only while what is active is ours or what we came from.
go_back() {
  why=$1 because=$2
  line "$why $because" >"$state/returning.new" && mv -f "$state/returning.new" "$state/returning"
  phase returning
  note "going back: $why"
  drop_lock
  end_operation
  cancel_jobs
  busy=0 tries=0
  while :; do
    # Whoever holds the lock is in the middle of a switch of theirs.
    await_lock "$activation_seconds" || finish superseded lock-held "$because"
    current
    case $current in "$activated" | "$from_current" | '') ;; *) finish superseded switched-meanwhile "$because" ;; esac
    drop_lock
    if begin_operation "$from_current" test no-checks; then
      await_operation "$activation_seconds" not-returnable
    else
      # systemd does not start units any more; what is left is to do it here.
      code=lost
      if NIXOS_NO_CHECK=1 timeout -k 10 "$activation_seconds" "$from_current/bin/switch-to-configuration" test </dev/null >>"$log" 2>&1 8>&-; then code=0; else code=$?; fi
    fi
    current
    if [ "$code" = 11 ] && said "Could not acquire lock" && [ "$busy" -lt 5 ]; then
      busy=$((busy + 1))
      sleep 1
      continue
    fi
    case $code in limit) end_operation; cancel_jobs ;; esac
    if [ "$current" = "$from_current" ]; then
      case $code in 0 | 4) break ;; esac
    fi
    tries=$((tries + 1))
    [ "$tries" -lt 2 ] || break
    note "once more: exit $code, active is $current"
  done
  start_stopped
  [ "$code" = 0 ] || why=$why-and-the-return-ended-with-$code
  give_back_default || finish rollback-failed "$why-and-not-restored" "$because"
  if [ "$current" = "$from_current" ]; then finish rolled-back "$why" "$because"; fi
  finish rollback-failed "$why" "$because"
}

# The profile's generations by name, to know later which one is ours.
generations() { for link in "$profiles"/system-*-link; do [ ! -L "$link" ] || line "${link##*/}"; done; }
profile_link() { link=$(readlink "$profiles/system" 2>/dev/null) || link=; link=${link##*/}; }
set_profile() { timeout 300 nix-env -p "$profiles/system" "$@" >>"$log" 2>&1 </dev/null 8>&- 9>&-; }

# boot_operation TOPLEVEL CHECKS: sets code. Somebody else's lock is waited for.
boot_operation() {
  busy=0
  while :; do
    await_lock "$loader_seconds" || { code=11; return; }
    drop_lock
    begin_operation "$1" boot "$2" || { code=lost; return; }
    await_operation "$loader_seconds" not-returnable
    [ "$code" != limit ] || end_operation
    if [ "$code" = 11 ] && [ "$busy" -lt 5 ]; then
      busy=$((busy + 1))
      sleep 1
      continue
    fi
    return
  done
}
# install_default CHECKS: profile and boot loader. Sets failed to a reason word, or to nothing, and exit_code.
install_default() {
  failed= exit_code=-
  profile
  if [ ! -e "$state/profile-before" ]; then
    profile_link
    generations >"$state/generations" && line "$link" >"$state/profile-before"
  fi
  if ! set_profile --set "$to"; then failed=profile-failed; return; fi
  boot_operation "$to" "$1"
  exit_code=$code
  profile
  if [ "$code" != 0 ]; then
    case $code in
      11) failed=lock-held ;;
      limit) failed=loader-limit ;;
      *) failed=loader-failed ;;
    esac
  elif [ "$profile" != "$to" ]; then
    failed=profile-changed
  else
    # A reboot that failed has left the system before it as the loader's default, which would go before this one.
    unpin_entry >>"$log" 2>&1 </dev/null 8>&- 9>&-
  fi
}
# The recorded generation and the loader that goes with it. A generation of ours is deleted first: what does not fit into /boot would not fit the second time either.
# Sets restored to yes or no.
restore_default() {
  restored=no
  profile
  case $profile in
    "$from_profile") ;;
    "$to")
      profile_link
      ours=$link
      told profile-before
      number=${told#system-}
      number=${number%-link}
      resolved "$profiles/$told"
      if [ -n "$told" ] && [ "$resolved" = "$from_profile" ]; then set_profile --switch-generation "$number"; else set_profile --set "$from_profile"; fi
      if ! grep -qxF -- "$ours" "$state/generations"; then
        number=${ours#system-}
        set_profile --delete-generations "${number%-link}"
      fi
      ;;
    *) return ;;
  esac
  boot_operation "$from_profile" no-checks
  profile
  if [ "$code" = 0 ] && [ "$profile" = "$from_profile" ]; then restored=yes; fi
}
# Where it was taken before the activation. False where it could not be.
give_back_default() {
  [ -e "$state/default-first" ] || return 0
  restore_default
  [ "$restored" = yes ] || return 1
  rm -f "$state/default-first"
}

# ---- what can be known from the inside of being unreachable
# ssh_answers ADDRESS: a whole key exchange, which shows more than an open port. Where no tool can tell, it is not an answer.
ssh_answers() {
  have ssh-keyscan || return 1
  [ -n "$(timeout 15 ssh-keyscan -T 5 -p "$ssh_port" -- "$1" 2>/dev/null </dev/null 8>&- 9>&-)" ]
}
own_address() { ip -o addr show scope global 2>/dev/null | while read -r number name family address rest; do line "${address%/*}"; break; done; }
gateway() { ip route show default 2>/dev/null | while read -r default via address rest; do [ "$via" != via ] || line "$address"; break; done; }
gateway_answers() { have ping && timeout 5 ping -c 1 -W 2 -- "$1" >/dev/null 2>&1 </dev/null 8>&- 9>&-; }
# Before anything changes: only what was so before and is not so any more is evidence.
remember_reachability() {
  own_address >"$state/address"
  told address
  [ -z "$told" ] || ! ssh_answers "$told" || : >"$state/ssh-answered"
  gateway >"$state/gateway"
  told gateway
  [ -z "$told" ] || ! gateway_answers "$told" || : >"$state/gateway-answered"
}
# Sets lost_by to a word where the host can see that nobody reaches it, else to nothing. A packet filter in front of us cannot be seen from here.
look_for_reachability() {
  lost_by=
  told address
  if [ -n "$told" ]; then
    here=$(own_address)
    if [ -z "$here" ]; then lost_by=no-address; return; fi
    if [ -e "$state/ssh-answered" ] && ! ssh_answers "$here" && ! ssh_answers 127.0.0.1; then lost_by=no-ssh; return; fi
  fi
  told gateway
  if [ -n "$told" ]; then
    there=$(gateway)
    if [ -z "$there" ]; then lost_by=no-route; return; fi
    if [ -e "$state/gateway-answered" ] && ! gateway_answers "$there"; then lost_by=no-gateway; return; fi
  fi
}
is_unreachable() {
  for look in 1 2 3; do
    look_for_reachability
    [ -n "$lost_by" ] || return 1
    sleep 3
  done
}

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
# After switch-to-configuration has ended: wait, refuse, or go back. `code` is set.
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
    argument=${argument%??}
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
  timeout 60 systemd-run --quiet --no-ask-password --unit="$deadman" --description="brings a host back whose activation was killed" \
    --on-active=20 --on-unit-inactive=20 --timer-property=AccuracySec=1s -p OOMScoreAdjust=-900 -p IgnoreOnIsolate=yes -p LogLevelMax=notice \
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
  case ${told#copy-} in "$told" | *[!0-9a-f]*) ;; *) rm -rf "$roots/$told" ;; esac
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
  word=${told%% *}
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

END_OF_A_PROGRAM_OF_THE_GATE
}
text_timer() { cat <<'END_OF_A_PROGRAM_OF_THE_GATE'

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

PATH=/run/current-system/sw/bin:/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
put() { printf '%s: %s\n' "$1" "$2"; }

ledger_home=/var/lib/nixos-deploy-gate
ledger=$ledger_home/ledger.jsonl
line() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
# In a subshell, so that a redirection that fails ends it and not the program.
append_ledger() (
  umask 077
  mkdir -p "$ledger_home" || exit 1
  exec 7>>"$ledger_home/ledger.lock"
  if have flock; then flock -w 30 7 || exit 1; fi
  if [ -e "$ledger" ]; then
    tail -n 4000 "$ledger" >"$ledger.new" || exit 1
    # Somebody's editor may have taken the last newline.
    [ -z "$(tail -c 1 "$ledger.new")" ] || line >>"$ledger.new" || exit 1
  else
    : >"$ledger.new"
  fi
  line "$1" >>"$ledger.new" && sync "$ledger.new" && mv -f "$ledger.new" "$ledger" && sync "$ledger_home"
)
# Room for the end of an attempt, taken while there is some: a disk that the new system fills must not silence how it ended.
reserve_ledger() (
  umask 077
  exec 2>/dev/null
  : >"$ledger_home/reserve" || exit 1
  if [ -e "$ledger" ]; then cat "$ledger" >>"$ledger_home/reserve" || exit 1; fi
  head -c 65536 /dev/zero >>"$ledger_home/reserve"
)
release_ledger() { rm -f "$ledger_home/reserve"; }

boot_id() { cat /proc/sys/kernel/random/boot_id; }
say() { put result "$1"; put reason "$2"; }
# The last that the ledger says of an attempt is that it began.
is_open() { [ -e "$ledger" ] && tail -n 1000 "$ledger" | grep -F -- "\"$1\"" | tail -n 1 | grep -q '"event":"started"'; }
# The last attempt at a reboot, whichever it is, is open.
any_open() {
  last=$(tail -n 1000 "$ledger" 2>/dev/null | grep -o '"id":"reboot-[0-9a-f]*-[0-9]*"' | tail -n 1 | cut -d '"' -f 4)
  [ -n "$last" ] && is_open "$last"
}

pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}

# The mount points that NixOS uses; a test brings its own.
boot_places=${GATE_BOOT_PLACES:-/boot /efi /boot/efi}
# Whether what is read boots $1: a word a line, so that one path is never found in a longer one.
has_init() { tr -s ' \t' '\n\n' | grep -qxF -- "init=$1/init"; }
entry_boots() { sed -n 's/^options[[:space:]]*//p' "$1" 2>/dev/null | has_init "$2"; }
systemd_boot_home() {
  for place in $boot_places; do
    if [ -d "$place/loader/entries" ] && [ -f "$place/loader/loader.conf" ]; then printf '%s' "$place"; return 0; fi
  done
  return 1
}
# The file of the entry that boots a toplevel.
systemd_boot_entry() {
  for entry in "$1"/loader/entries/*.conf; do
    if [ -f "$entry" ] && entry_boots "$entry" "$2"; then printf '%s' "$entry"; return 0; fi
  done
  return 1
}
# What the loader's file says, without what its variables say: "ok LOADER" where it would boot $1, "wrong LOADER", or "unknown".
boot_entry() {
  if place=$(systemd_boot_home); then
    default=$(sed -n 's/^default[[:space:]][[:space:]]*//p' "$place/loader/loader.conf" | head -n 1)
    for entry in "$place"/loader/entries/*.conf; do
      [ -f "$entry" ] && entry_boots "$entry" "$1" || continue
      name=${entry##*/}
      # The default may be a pattern, and may be written without the counter.
      plain=$(printf '%s' "$name" | sed 's/+[0-9][0-9-]*\.conf$/.conf/')
      case $name in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
      case $plain in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
    done
    # Unified kernel images carry their command line in themselves.
    for image in "$place"/EFI/Linux/nixos-generation-*.efi; do
      [ -f "$image" ] || continue
      name=${image##*/}
      case $name in $default | $default.efi) ;; *) continue ;; esac
      if tr '\0 \t' '\n\n\n' <"$image" | grep -aqxF -- "init=$1/init"; then printf 'ok systemd-boot-image'; return 0; fi
    done
    printf 'wrong systemd-boot'
    return 0
  fi
  for place in $boot_places; do
    if [ -f "$place/grub/grub.cfg" ]; then
      if sed -n '/^[[:space:]]*menuentry /,/^[[:space:]]*}/{p;/^[[:space:]]*}/q;}' "$place/grub/grub.cfg" | has_init "$1"; then
        printf 'ok grub'
      else printf 'wrong grub'; fi
      return 0
    fi
    if [ -f "$place/extlinux/extlinux.conf" ]; then
      default=$(sed -n 's/^DEFAULT[[:space:]][[:space:]]*//p' "$place/extlinux/extlinux.conf" | head -n 1)
      if awk -v want="$default" '$1 == "LABEL" { on = ($2 == want) } on && $1 == "APPEND"' "$place/extlinux/extlinux.conf" |
        has_init "$1"; then
        printf 'ok extlinux'
      else printf 'wrong extlinux'; fi
      return 0
    fi
  done
  printf unknown
}
# Lets $1 boot once while $2 stays the default: "once", "counting" where the loader counts by itself, "default" where it can do neither.
try_once() {
  place=$(systemd_boot_home) && command -v bootctl >/dev/null 2>&1 || { printf default; return 0; }
  new=$(systemd_boot_entry "$place" "$1") || { printf default; return 0; }
  case ${new##*/} in *+[0-9]*.conf) printf counting; return 0 ;; esac
  old=$(systemd_boot_entry "$place" "$2") || { printf default; return 0; }
  # The mark first: a default that nobody remembers setting would outlast every later deploy.
  mkdir -p "${pin_mark%/*}" && printf '%s\n' "${old##*/}" >"$pin_mark" && sync "$pin_mark" || { printf default; return 0; }
  if timeout 20 bootctl set-oneshot "${new##*/}" >&2 && timeout 20 bootctl set-default "${old##*/}" >&2; then printf once; return 0; fi
  unpin_entry
  printf default
}

profile_of_host() { readlink -f "${GATE_PROFILE:-/nix/var/nix/profiles/system}"; }
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
    set -- "$@" "${value%.}"
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

END_OF_A_PROGRAM_OF_THE_GATE
}

program_of() {
  case $1 in
    observe) text_observe ;;
    record) text_record ;;
    root) text_root ;;
    start) text_start ;;
    follow) text_follow ;;
    say) text_say ;;
    dry-activate) text_dry_activate ;;
    restart) text_restart ;;
    check) text_check ;;
    evidence) text_evidence ;;
    ping) text_ping ;;
    reboot-begin) text_reboot_begin ;;
    reboot) text_reboot ;;
    reboot-arm) text_reboot_arm ;;
    reboot-settle) text_reboot_settle ;;
    reboot-give-up) text_reboot_give_up ;;
    reboot-cancel) text_reboot_cancel ;;
    act-restart) text_act_restart ;;
    act-garbage) text_act_garbage ;;
    *) return 1 ;;
  esac
}

trusted_keys=/etc/nixos-deploy-gate/trusted-keys
newline='
'
refuse() { printf 'nixos-deploy-gate-helper: %s\n' "$1" >&2; exit 77; }
# number WORD [MOST]: 1 to 9 digits, which a shell reads as such.
is_number() { case $1 in '' | *[!0-9]* | ??????????*) return 1 ;; 0) return 0 ;; 0*) return 1 ;; esac; }
number() { is_number "$1" || refuse "a number is not one"; }
# Bytes: up to 15 digits.
many() { case $1 in *[!0-9]* | [!1-9]* | '' | ????????????????*) refuse "a number is not one" ;; esac; }
one_of() {
  one_word=$1
  shift
  for one_known do [ "$one_known" != "$one_word" ] || return 0; done
  refuse "a word is not one that is known here"
}
an_id() { case $1 in '' | -* | *[!a-z0-9-]*) refuse "the id is not one" ;; esac; [ "${#1}" -le 80 ] || refuse "the id is not one"; }
hexadecimal() { case $1 in '' | *[!0-9a-f]*) refuse "a nonce is not one" ;; esac; [ "${#1}" -eq 32 ] || refuse "a nonce is not one"; }
boot_word() { case $1 in '' | *[!0-9a-f-]*) refuse "a boot id is not one" ;; esac; [ "${#1}" -eq 36 ] || refuse "a boot id is not one"; }
entry() {
  case $1 in *"$newline"*) refuse "an entry of the ledger has several lines" ;; '{'*'}') ;; *) refuse "an entry of the ledger is not one" ;; esac
  [ "${#1}" -le 65536 ] || refuse "an entry of the ledger is too long"
}
unit() {
  case $1 in '' | -* | *[!A-Za-z0-9:_.\\@-]* | *.) refuse "a unit's name is not one" ;; *.*) ;; *) refuse "a unit's name is not one" ;; esac
  [ "${#1}" -le 255 ] || refuse "a unit's name is not one"
}
# One that is started, restarted or stopped: a machine is switched off by no name of a unit, and no shell is opened on its console.
moved_unit() {
  unit "$1"
  case $1 in *.service | *.socket | *.mount | *.automount | *.swap | *.timer | *.path) ;; *) refuse "a unit of that kind is not started or stopped here" ;; esac
  case $1 in
    systemd-poweroff.* | systemd-halt.* | systemd-reboot.* | systemd-soft-reboot.* | systemd-kexec.* | systemd-exit.* | systemd-suspend* | systemd-hibernate* | systemd-hybrid-sleep.* |       emergency.* | rescue.* | debug-shell.* | initrd-*) refuse "that unit takes the machine away or opens a shell on it" ;;
  esac
}
copy_root() {
  case $1 in copy-*) ;; *) refuse "the name of a root is not one" ;; esac
  case ${1#copy-} in '' | *[!0-9a-f]*) refuse "the name of a root is not one" ;; esac
}
# A path of the store with the name of a system, itself and not below it.
system_path() {
  case $1 in /nix/store/*) ;; *) refuse "a system is not a path of the store" ;; esac
  system_name=${1#/nix/store/}
  case $system_name in
    *[!A-Za-z0-9+._?=-]*) refuse "a system is not a path of the store" ;;
    [0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z][0-9a-z]-nixos-system-?*) ;;
    *) refuse "a path of the store has not the name of a system" ;;
  esac
}
nix_says() { timeout 60 nix --extra-experimental-features nix-command "$@" </dev/null 2>/dev/null; }
signed() {
  system_path "$1"
  [ -d "$1" ] && [ ! -L "$1" ] && [ -f "$1/nixos-version" ] && [ -x "$1/bin/switch-to-configuration" ] || refuse "there is no such system on this host"
  signed_keys=
  while read -r signed_key || [ -n "$signed_key" ]; do signed_keys="$signed_keys $signed_key"; done <"$trusted_keys" || refuse "there are no trusted keys"
  [ -n "$signed_keys" ] || refuse "there are no trusted keys"
  signed_said=$(nix_says path-info --sigs "$1") || refuse "the store does not know this system"
  case " $(printf '%s' "$signed_said" | tr '\t\n' '  ') " in
    *" ca:"*) refuse "this system is addressed by its content, so that no signature says who made it" ;;
    *" $1 "*) ;;
    *) refuse "the store does not know this system" ;;
  esac
  nix_says store verify --no-contents --sigs-needed 1 --option trusted-public-keys "$signed_keys" --option secret-key-files "" --option substituters "" "$1" >/dev/null ||
    refuse "this system is not signed by a trusted key"
}
# What is active is the system or a specialisation of it by that name.
activated() {
  case $2 in
    "$1") ;;
    "$1"/specialisation/*)
      case ${2#"$1"/specialisation/} in '' | .* | *[!A-Za-z0-9_.-]*) refuse "a specialisation's name is not one" ;; esac ;;
    *) refuse "what is to be activated is not of the system" ;;
  esac
}
start_file() {
  case $1 in
    id) an_id "$2" ;;
    nonce) hexadecimal "$2" ;;
    attempt) entry "$2" ;;
    operation) one_of "$2" switch boot ;;
    reversible) one_of "$2" yes no ;;
    confirm-by) one_of "$2" gate ;;
    activation-seconds | confirm-seconds | loader-seconds | ssh-port) number "$2" ;;
    from-current) [ "$2" = "$(readlink -f /run/current-system)" ] || refuse "this is not what the host runs" ;;
    from-profile) [ "$2" = "$(readlink -f /nix/var/nix/profiles/system)" ] || refuse "this is not what the host boots" ;;
    to) start_to=$2 ;;
    copy-root) copy_root "$2" ;;
    activate) start_activate=$2 ;;
    stop-first)
      case $2 in *"$newline$newline"* | "$newline"* | *"$newline") refuse "a unit's name is not one" ;; esac
      while IFS= read -r start_unit; do moved_unit "$start_unit"; done <<END_OF_UNITS
$2
END_OF_UNITS
      ;;
    *) refuse "the supervisor is told something that is not known here" ;;
  esac
}
admit_start() {
  [ "$#" -ge 3 ] || refuse "arguments are missing"
  an_id "$1"
  hexadecimal "$2"
  shift 3
  start_to= start_activate= start_seen=' '
  while [ "$#" -gt 1 ]; do
    case $start_seen in *" $1 "*) refuse "the supervisor is told something twice" ;; esac
    start_seen="$start_seen$1 "
    start_file "$1" "$2"
    shift 2
  done
  [ "$#" -eq 0 ] || refuse "arguments are missing"
  for start_name in id nonce attempt operation from-current from-profile to activate reversible activation-seconds confirm-seconds loader-seconds confirm-by ssh-port; do
    case $start_seen in *" $start_name "*) ;; *) refuse "the supervisor is not told everything" ;; esac
  done
  activated "$start_to" "$start_activate"
  signed "$start_to"
}
admit_reboot() {
  an_id "$1"
  case $1 in reboot-*) ;; *) refuse "the id is not one" ;; esac
  boot_word "$2"
  signed "$3"
  [ -z "$4" ] || clock_second "$4"
  [ -z "$5" ] || clock_second "$5"
  one_of "$6" verify trust
  one_of "$7" once default
}
# Seconds since 1970 have ten digits.
clock_second() { case $1 in [1-9]*[!0-9]* | [!1-9]* | '' | ????????????*) refuse "a time is not one" ;; esac; case $1 in *[!0-9]*) refuse "a time is not one" ;; esac; }
admit_check() {
  while [ "$#" -gt 0 ]; do
    [ "$#" -ge 5 ] || refuse "arguments are missing"
    check_asked=$1 check_words=$5
    number "$2"; number "$3"; number "$4"; number "$5"
    shift 5
    [ "$#" -ge "$check_words" ] || refuse "arguments are missing"
    case $check_asked:$check_words in
      unit:1) unit "$1" ;;
      tcp:2) host_word "$1"; number "$2" ;;
      http:6 | http:7)
        case $1 in http://* | https://*) ;; *) refuse "an address is not one" ;; esac
        for check_word in "$1" "$4"; do case $check_word in *[!!-~]*) refuse "an address is not one" ;; esac; done
        case $4 in /*) ;; *) refuse "an address is not one" ;; esac
        host_word "$2"; number "$3"; host_word "$5"
        case $6 in '' | *[!0-9,]*) refuse "a number is not one" ;; esac ;;
      *) refuse "this host does not run commands of the policy: checks here are unit, tcp and http" ;;
    esac
    shift "$check_words"
  done
}
host_word() { case $1 in '' | -* | *[!A-Za-z0-9._:%]* ) case $1 in '['*']' | '['*']':*) case $1 in *[!]A-Za-z0-9._:%[]*) refuse "a host's name is not one" ;; esac ;; *) refuse "a host's name is not one" ;; esac ;; esac; }
count() { [ "$1" -eq "$2" ] || refuse "arguments are missing or too many"; }
gate_admit() {
  admit_verb=$1 admit_front=
  shift
  case $admit_verb in
    observe) count "$#" 2; one_of "$1" brief health full ;;
    record) count "$#" 1; entry "$1" ;;
    root)
      case $#:${1-} in
        3:keep) system_path "$3" ;;
        2:release) ;;
        *) refuse "arguments are missing or too many" ;;
      esac
      copy_root "$2" ;;
    start)
      admit_start "$@"
      admit_front='gate_id=$1 gate_secret=$2; shift 3; set -- "$gate_id" "$gate_secret" "$(text_supervisor)" "$@"' ;;
    follow) count "$#" 4; an_id "$1"; one_of "$2" waiting ended now; number "$3"; number "$4" ;;
    say) count "$#" 4; an_id "$1"; hexadecimal "$2"; one_of "$3" confirm return; number "$4" ;;
    dry-activate) count "$#" 3; activated_dry "$1"; number "$2"; one_of "$3" checks no-checks ;;
    restart)
      [ "$#" -ge 1 ] || refuse "arguments are missing"
      number "$1"
      admit_units=no
      for admit_word do if [ "$admit_units" = yes ]; then moved_unit "$admit_word"; fi; admit_units=yes; done ;;
    check) admit_check "$@" ;;
    evidence)
      [ "$#" -ge 1 ] || refuse "arguments are missing"
      [ -z "$1" ] || clock_second "$1"
      admit_units=no
      for admit_word do if [ "$admit_units" = yes ]; then unit "$admit_word"; fi; admit_units=yes; done ;;
    ping) count "$#" 0 ;;
    reboot-begin | reboot-give-up) count "$#" 2; boot_word "$1"; entry "$2" ;;
    reboot) count "$#" 7; admit_reboot "$@" ;;
    reboot-arm)
      count "$#" 11
      admit_reboot "$1" "$2" "$3" "$4" "$5" "$6" "$7"
      one_of "$8" 0 1
      clock_second "$9"
      number "${10}"
      admit_front='gate_script=$(text_timer); set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "${10}" "$gate_script"' ;;
    reboot-settle) count "$#" 0 ;;
    reboot-cancel) count "$#" 1; [ -z "$1" ] || an_id "$1" ;;
    act-restart)
      count "$#" 6; boot_word "$1"; one_of "$2" failed flapping; number "$3"
      [ -z "$4" ] || entry "$4"
      entry "$5"; moved_unit "$6" ;;
    act-garbage) count "$#" 4; boot_word "$1"; many "$2"; number "$3"; entry "$4" ;;
    *) refuse "there is no such verb" ;;
  esac
  gate_admitted="$admit_front
$(program_of "$admit_verb")"
}
activated_dry() {
  dry_system=${1%%/specialisation/*}
  activated "$dry_system" "$1"
  signed "$dry_system"
}

put() { printf '%s put %s %s\n%s\n' "$gate_nonce" "$1" "${#2}" "$2" >&4; }
put_file() {
  [ -f "$2" ] && [ -r "$2" ] || return 1
  printf '%s pipe %s\n' "$gate_nonce" "$1" >&4
  gate_status=$({ { head -c "$3" <"$2" 2>/dev/null; printf '%s' "$?" >&5; } | base64 -w 0 >&4; } 5>&1)
  printf ' %s\n' "${gate_status:-1}" >&4
  return "${gate_status:-1}"
}
put_output() {
  gate_name=$1 gate_most=$2
  shift 2
  printf '%s pipe %s\n' "$gate_nonce" "$gate_name" >&4
  gate_status=$({ { "$@" 4>&- 5>&-; printf '%s' "$?" >&5; } | head -c "$gate_most" | base64 -w 0 >&4; } 5>&1)
  printf ' 0\n' >&4
  put "$gate_name.exit" "${gate_status:-1}"
  return "${gate_status:-1}"
}
gate_frame() {
  IFS= read -r gate_length || return 1
  case $gate_length in '' | *[!0-9]* | 0?* | ????????*) return 1 ;; esac
  gate_room=$((gate_room - gate_length))
  [ "$gate_room" -ge 0 ] || return 1
  gate_value=$(head -c "$gate_length"; echo .)
  gate_value=${gate_value%.}
  [ "${#gate_value}" -eq "$gate_length" ]
}
gate_leash() {
  trap '' TERM HUP INT PIPE
  if command -v timeout >/dev/null; then timeout -s KILL "$gate_limit" cat; else cat; fi
  kill -TERM 0
  sleep 5
  kill -KILL 0
}
gate_main() {
  for gate_value in head base64 cat sleep; do
    command -v "$gate_value" >/dev/null || { echo "There is no $gate_value in $PATH." >&2; exit 125; }
  done
  IFS= read -r gate_nonce && IFS= read -r gate_limit && IFS= read -r gate_count || exit 125
  case $gate_limit in '' | *[!0-9]* | ????????*) exit 125 ;; esac
  case $gate_count in '' | *[!0-9]* | ?????*) exit 125 ;; esac
  case $gate_nonce in '' | *[!0-9a-f]*) exit 125 ;; esac
  gate_room=16777216
  gate_frame || exit 125
  gate_asked=$gate_value
  set --
  while [ "$gate_count" -gt 0 ]; do
    gate_frame || exit 125
    set -- "$@" "$gate_value"
    gate_count=$((gate_count - 1))
  done
  IFS= read -r gate_value && [ "$gate_value" = "$gate_nonce" ] || exit 125
  gate_program='gate_admit "$gate_asked" "$@"; eval "$gate_admitted"'
  exec 3<&0 4>&1 </dev/null >&2
  gate_leash <&3 >/dev/null 2>&1 3<&- 4>&- &
  gate_holder=$!
  exec 3<&-
  printf '%s begin\n' "$gate_nonce" >&4
  (set -u; eval "$gate_program")
  gate_status=$?
  kill -KILL "$gate_holder" 2>/dev/null
  printf '%s end %s\n' "$gate_nonce" "$gate_status" >&4
  exit 0
}
gate_main
