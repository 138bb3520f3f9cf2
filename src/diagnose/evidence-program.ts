/**
 * What a host says of its own failure, in one round trip. `$1`: when the attempt began, in seconds since 1970 by the host's clock; empty for the whole boot. Further
 * arguments: units to ask about besides those that are failed. Read-only; every answer is bounded here, and again where it is read.
 *
 * PID 1's words are told from a unit's own by `_PID=1`, which journald takes from the kernel: a unit may call itself systemd, and be as good as any other liar.
 */
export const evidenceProgram = `
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
  gate_link=\${gate_link%.}
  [ -z "$gate_link" ] || put "$1" "\${gate_link%?}"
}
link current /run/current-system
link profile /nix/var/nix/profiles/system
link booted /run/booted-system
put state "$(limit systemctl is-system-running 2>/dev/null)"

# A unit's name is data: it stands behind "--" everywhere, and only names that can be units' are asked about.
is_unit() {
  case $1 in '' | -* | *[!A-Za-z0-9:_.\\\\@-]*) return 1 ;; esac
  [ "\${#1}" -le 255 ]
}
failed=$(limit systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null | head -n 60 | cut -d ' ' -f 1)
put failed "$failed"

# What the first line of ExecStart names, looked at.
executable() {
  executable_path=$(limit systemctl show -p ExecStart --value -- "$1" 2>/dev/null | sed -n '1s/^{ path=\\([^ ;]*\\) ;.*/\\1/p')
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
      cgroup=\${cgroup#*:/system.slice/}
      while [ -n "$cgroup" ]; do
        part=\${cgroup%%/*}
        case $part in
        *.service) is_unit "$part" && echo "$part"; return 0 ;;
        *.slice) ;;
        *) return 0 ;;
        esac
        case $cgroup in */*) cgroup=\${cgroup#*/} ;; *) cgroup= ;; esac
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
  pattern=$(printf '%s' "$where" | sed 's/[][*?\\\\]/\\\\&/g')
  limit find /proc -mindepth 2 -maxdepth 3 \\( -path '/proc/[0-9]*/cwd' -o -path '/proc/[0-9]*/root' -o -path '/proc/[0-9]*/exe' -o -path '/proc/[0-9]*/fd/*' \\) \\
    \\( -lname "$pattern" -o -lname "$pattern/*" \\) 2>/dev/null | head -n 400 | cut -d / -f 3 | sort -u | head -n 40 |
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
`;
