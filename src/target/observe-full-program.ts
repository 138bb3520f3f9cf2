/** The part of the observing program (src/target/observe-program.ts) for a look that is to prove something: what the host does, in detail. POSIX shell with its functions. */
export const observeFullProgram = `
# ---- generations
generations=$($limit find "$profiles" -maxdepth 1 -name 'system-*-link' -printf '%f\\t%Ts\\t%l\\n' </dev/null 2>/dev/null | sort -t - -k 2,2rn | head -n 500) || :
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
    case $group in */session-*.scope*) own=\${group##*/session-}; own=\${own%%.scope*} ;; esac
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
  [ $# -eq 0 ] || values=$(cd /proc/sys && grep -asHZ '' -- "$@" 2>/dev/null | tr '\\000' '\\t' | head -c 2097152) || :
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
[ -z "$units" ] || pids=$(printf '%s\\n' "$units" | sed -n 's/^MainPID=\\([1-9][0-9]*\\)$/\\1/p' | head -n 600) || :
if [ -n "$pids" ]; then
  links= lines=
  for pid in $pids; do links="$links $pid/exe" lines="$lines $pid/cmdline"; done
  # shellcheck disable=SC2086
  executables=$(cd /proc && $limit find $links -maxdepth 0 -printf '%p\\t%l\\n' </dev/null 2>/dev/null | head -c 1048576) || :
  [ -z "$executables" ] || put executables "$executables"
  if have grep; then
    # shellcheck disable=SC2086
    named=$(cd /proc && grep -aosH '/nix/store/[0-9a-z]\\{32\\}-[A-Za-z0-9+._?=/-]*' $lines 2>/dev/null | sort -u | head -c 1048576) || :
    put command-lines "$named"
  fi
fi

# ---- sshd, asked with the file that the running one was given
if [ "$(id -u 2>/dev/null)" = 0 ] && have systemctl && have sed; then
  program= configuration=
  for pid in $(show --property=MainPID sshd.service ssh.service | sed -n 's/^MainPID=\\([1-9][0-9]*\\)$/\\1/p'); do
    program=$(readlink "/proc/$pid/exe" 2>/dev/null) || :
    configuration=$(tr '\\000' ' ' <"/proc/$pid/cmdline" 2>/dev/null | sed -n 's/.* -f *\\([^ ]*\\).*/\\1/p') || :
    break
  done
  if [ ! -x "$program" ]; then
    # Started by its socket, or replaced on disk: what systemd would start.
    start=$(show --property=ExecStart sshd.service sshd@.service ssh.service | grep -m 1 'path=.*sshd') || :
    program=$(printf '%s\\n' "$start" | sed -n 's/.*path=\\([^ ;]*\\).*/\\1/p') || :
    configuration=$(printf '%s\\n' "$start" | sed -n 's/.*argv\\[\\]=[^;]* -f *\\([^ ;]*\\).*/\\1/p') || :
  fi
  if [ -x "$program" ]; then
    if [ -r "$configuration" ]; then
      put_said sshd 65536 "$program" -T -f "$configuration"
    else
      put_said sshd 65536 "$program" -T
    fi
  fi
fi
`;
