/**
 * What a host is asked, in one round trip: POSIX shell without a byte of data in it. `$1` is a list of paths below /proc/sys, one a line.
 *
 * A tool that is missing, a file that is not there and a command that hangs cost their own fact and nothing else: a record that is not put is a fact that is not
 * known. Every answer is bounded here, so that a host with a million mounts cannot fill the memory of whoever asks. Command lines stay on the host, since they
 * may hold passwords: only the store paths in them are told.
 */
export const observeProgram = String.raw`
unset IFS
LC_ALL=C TZ=UTC
export LC_ALL TZ
wanted=
if [ $# -gt 0 ]; then wanted=$1; fi
tab=$(printf '\t')
line='
'

have() { command -v "$1" >/dev/null 2>&1; }
# A dead file server, bus or login manager must not hold the rest.
limit() {
  if have timeout; then timeout 20 "$@"; else "$@"; fi </dev/null 2>/dev/null
}
# put_said NAME BYTES COMMAND ...: what a command says; no record where it cannot be run or says nothing.
put_said() {
  name=$1 most=$2
  shift 2
  have "$1" || return 0
  said=$(limit "$@" | head -c "$most") || :
  [ -z "$said" ] || put "$name" "$said"
}
put_readable() { if [ -r "$2" ]; then put_file "$1" "$2" "$3"; fi; }
put_end() {
  [ -e "$2" ] || return 0
  end=$(readlink -f "$2" 2>/dev/null) || return 0
  put "$1" "$end"
}

# ---- who this is
put_readable hostname /proc/sys/kernel/hostname 256
put_readable machine-id /etc/machine-id 256
put_readable boot-id /proc/sys/kernel/random/boot_id 256
put_said clock 64 date +%s
put_readable uptime /proc/uptime 256
if [ -e /etc/NIXOS ]; then put nixos yes; else put nixos no; fi

# ---- which systems
profiles=/nix/var/nix/profiles
put_end current /run/current-system
put_end booted /run/booted-system
put_end profile "$profiles/system"
if [ -L "$profiles/system" ]; then put_said profile-link 256 readlink "$profiles/system"; fi
put_parts() {
  [ -d "$2" ] || return 0
  for part in kernel initrd kernel-modules firmware systemd; do put_end "$1-$part" "$2/$part"; done
  for part in kernel-params init-interface-version switch-inhibitors reboot-triggers; do
    put_readable "$1-$part" "$2/$part" 65536
  done
}
put_parts current /run/current-system
put_parts booted /run/booted-system
put_parts profile "$profiles/system"

generations=$(limit find "$profiles" -maxdepth 1 -name 'system-*-link' -printf '%f\t%Ts\t%l\n' | sort -t - -k 2,2rn | head -n 500) || :
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

# A specialisation is a system of its own: only the links of its parent tell its name.
count=0 found=
for link in "$profiles"/system/specialisation/* /run/booted-system/specialisation/* "$profiles"/system-*-link/specialisation/*; do
  [ -L "$link" ] || continue
  count=$((count + 1))
  [ "$count" -le 200 ] || break
  end=$(readlink -f "$link" 2>/dev/null) || continue
  found="$found$link$tab$end$line"
done
[ -z "$found" ] || put specialisations "$found"

# ---- what else is going on
# Shared, opened for reading: it neither makes the file nor lasts longer than the look.
lock=/run/nixos/switch-to-configuration.lock
if [ ! -e "$lock" ]; then
  put switch-lock free
elif have flock && [ -r "$lock" ]; then
  if (flock -n -s 9) 9<"$lock" 2>/dev/null; then put switch-lock free; else put switch-lock held; fi
fi
put_readable shutdown /run/systemd/shutdown/scheduled 1024
put_said system-state 256 systemctl is-system-running
put_said failed 65536 systemctl list-units --failed --plain --no-legend --no-pager --full

if have loginctl; then
  sessions=$(limit loginctl list-sessions --no-legend --no-pager | sed -n 's/^ *\([A-Za-z0-9_-][A-Za-z0-9_-]*\) .*/\1/p' | head -n 200) || :
  if limit loginctl list-sessions --no-legend --no-pager >/dev/null; then
    if [ -n "$sessions" ]; then
      # shellcheck disable=SC2086
      put_said sessions 131072 loginctl show-session --property=Id --property=Name --property=Class --property=State $sessions
    else
      put sessions ''
    fi
    own=$(sed -n 's|.*/session-\([A-Za-z0-9_]*\)\.scope.*|\1|p' /proc/self/cgroup 2>/dev/null | head -n 1) || :
    put own-session "$own"
  fi
fi

# ---- room
put_space() {
  if [ -e "$2" ]; then put_said "$1" 256 stat -f -c '%S %b %a %c %d' "$2"; fi
}
put_space space-store /nix/store
put_space space-boot /boot
put_space space-efi /efi
put_space space-boot-efi /boot/efi
put_space space-state /var/lib

# ---- kernel
put_readable kernel-release /proc/sys/kernel/osrelease 256
put_readable kernel-command-line /proc/cmdline 8192
put_readable modules /proc/modules 262144
if [ -n "$wanted" ]; then
  values=
  # A path that climbs would read what nobody asked for.
  while IFS= read -r key; do
    case $key in '' | /* | *..*) continue ;; esac
    [ -f "/proc/sys/$key" ] && [ -r "/proc/sys/$key" ] || continue
    # Not by "read": the kernel gives a shell that reads byte by byte the first byte only.
    value=$(head -c 4096 "/proc/sys/$key" 2>/dev/null) || continue
    value=$(printf '%s' "$value" | tr '\n' ' ') || continue
    values="$values$key$tab$value$line"
  done <<END
$wanted
END
  put sysctl "$values"
fi

# ---- mounts and devices
if [ -r /proc/1/mountinfo ]; then put_file mounts /proc/1/mountinfo 2097152; else put_readable mounts /proc/self/mountinfo 2097152; fi
put_readable swaps /proc/swaps 65536
count=0 devices=
for link in /dev/disk/by-uuid/* /dev/disk/by-label/* /dev/disk/by-partuuid/* /dev/disk/by-partlabel/* /dev/mapper/* /dev/disk/by-id/* /dev/*/*; do
  [ -L "$link" ] || continue
  case $link in /dev/char/* | /dev/block/* | /dev/fd/* | /dev/input/* | /dev/snd/* | /dev/bus/* | /dev/dri/* | /dev/serial/*) continue ;; esac
  count=$((count + 1))
  [ "$count" -le 400 ] || break
  end=$(readlink -f "$link" 2>/dev/null) || continue
  devices="$devices$link$tab$end$line"
done
[ -z "$devices" ] || put devices "$devices"

# ---- sockets: 0A listens (TCP), 07 is bound to no peer (UDP)
for protocol in tcp tcp6 udp udp6; do
  table=/proc/1/net/$protocol
  [ -r "$table" ] || table=/proc/net/$protocol
  [ -r "$table" ] || continue
  if have grep; then
    put "listening-$protocol" "$(grep -E '^ *[0-9]+: [0-9A-F]+:[0-9A-F]+ 0+:0000 (0A|07) ' "$table" 2>/dev/null | head -c 262144)" || :
  else
    put_file "listening-$protocol" "$table" 262144
  fi
done

# ---- units and their processes
properties=Id,LoadState,ActiveState,SubState,Result,NeedDaemonReload,FragmentPath,MainPID,NRestarts,ExecMainStatus,ActiveEnterTimestamp
units=
if have systemctl; then
  # Devices, slices and scopes are many and promise nothing.
  set -- '*.service' '*.socket' '*.mount' '*.automount' '*.swap' '*.target' '*.timer' '*.path'
  units=$(limit systemctl show --no-pager --timestamp=unix --property="$properties" "$@" | head -c 4194304) || :
  [ -n "$units" ] || units=$(limit systemctl show --no-pager --property="$properties" "$@" | head -c 4194304) || :
fi
if [ -n "$units" ]; then
  put units "$units"
  pids=$(printf '%s\n' "$units" | sed -n 's/^MainPID=\([1-9][0-9]*\)$/\1/p' | head -n 600) || :
  executables= lines=
  for pid in $pids; do
    lines="$lines /proc/$pid/cmdline"
    end=$(readlink "/proc/$pid/exe" 2>/dev/null) || continue
    executables="$executables$pid$tab$end$line"
  done
  [ -z "$executables" ] || put executables "$executables"
  if [ -n "$lines" ] && have grep; then
    # shellcheck disable=SC2086
    named=$(grep -aosH '/nix/store/[0-9a-z]\{32\}-[A-Za-z0-9+._?=/-]*' $lines 2>/dev/null | sort -u | head -c 1048576) || :
    put command-lines "$named"
  fi
fi

# ---- sshd, asked with the file that the running one was given
if [ "$(id -u 2>/dev/null)" = 0 ] && have systemctl && have sed; then
  program= configuration=
  for unit in sshd.service ssh.service; do
    pid=$(limit systemctl show --property=MainPID "$unit" | sed -n 's/^MainPID=\([1-9][0-9]*\)$/\1/p') || :
    [ -n "$pid" ] || continue
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || :
    configuration=$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 's/.* -f *\([^ ]*\).*/\1/p') || :
    break
  done
  if [ ! -x "$program" ]; then
    # Started by its socket, or replaced on disk: what systemd would start.
    start=$(limit systemctl show --property=ExecStart sshd.service sshd@.service ssh.service | grep -m 1 'path=.*sshd') || :
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
put done yes
`;
