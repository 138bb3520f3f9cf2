# What NixOS's switch-to-configuration does, as far as a deployer can see it: lock, checks, boot loader, units through systemd, exit codes, words on stderr.
# The lines before this one set $toplevel and $install_boot_loader and define pre_switch_check.
# Like the original it waits for systemd's jobs without any limit.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C
exec 1>&2

action=${1:-}
case $action in
switch | boot | test | dry-activate | check) ;;
*)
  echo "Usage: switch-to-configuration [check|switch|boot|test|dry-activate]"
  exit 1
  ;;
esac
[ "$(id -u)" = 0 ] || { echo "switch-to-configuration must be run as the root user"; exit 1; }
[ -e /etc/NIXOS ] || { echo "This is not a NixOS installation!"; exit 1; }
export NIXOS_ACTION="$action"
state=/run/nixos
mkdir -p "$state"
chmod 755 "$state"
exec 9>"$state/switch-to-configuration.lock"
if ! flock -n 9; then
  echo "Could not acquire lock"
  exit 11
fi

# A map of strings as JSON, keys and values without commas or quotes: one "key:value" a line.
pairs() {
  if [ -e "$1" ]; then tr -d '{}"\n' <"$1" | tr ',' '\n' | sort; fi
}
inhibitors() {
  echo "Checking switch inhibitors..."
  found=$(pairs /run/current-system/switch-inhibitors | while IFS=: read -r key old; do
    pairs "$toplevel/switch-inhibitors" | while IFS=: read -r name new; do
      if [ "$key" = "$name" ] && [ "$old" != "$new" ]; then printf '%s : %s -> %s\n' "$key" "$old" "$new"; fi
    done
  done)
  if [ -z "$found" ]; then
    echo " done"
    return 0
  fi
  printf 'There are changes to critical components of the system:\n\n%s\n\n' "$found"
  echo "Switching into this system is not recommended."
  echo "You probably want to run 'nixos-rebuild boot' and reboot your system instead."
  echo "If you really want to switch into this configuration directly, then you can set NIXOS_NO_CHECK=1 to ignore these pre-switch checks."
  echo "WARNING: doing so might cause the switch to fail or your system to become unstable."
  return 1
}
if [ "${NIXOS_NO_CHECK:-}" != 1 ]; then
  checks=0
  if [ "$action" != boot ] && ! inhibitors; then
    echo "Pre-switch check 'switchInhibitors' failed"
    checks=1
  fi
  if ! (pre_switch_check "$toplevel" "$action") 9>&-; then
    echo "Pre-switch check 'test' failed"
    checks=1
  fi
  if [ "$checks" != 0 ]; then
    echo "Pre-switch checks failed"
    exit 1
  fi
fi
[ "$action" != check ] || exit 0

case $action in
switch | boot)
  if ! "$install_boot_loader" "$toplevel" 9>&-; then
    echo "Failed to install bootloader"
    exit 1
  fi
  ;;
esac
[ "${NIXOS_NO_SYNC:-}" = 1 ] || sync -f /nix/store
[ "$action" != boot ] || exit 0

if [ "$(cat /run/current-system/init-interface-version 2>/dev/null)" != "$(cat "$toplevel/init-interface-version")" ]; then
  echo "Warning: the new NixOS configuration has an ‘init’ that is incompatible with the current configuration. The new configuration won't take effect until you reboot the system."
  exit 100
fi

logger -p user.notice -t nixos "switching to system configuration $toplevel" 2>/dev/null 9>&-

# Files with one unit a line.
lists=$(mktemp -d /run/nixos/.switch.XXXXXX)
trap 'rm -rf "$lists"' EXIT
for name in stop skip filter start restart reload swap; do : >"$lists/$name"; done
systemctl() { command systemctl "$@" 9>&-; }
joined() { sort -fu "$1" | awk 'NR > 1 { printf ", " } { printf "%s", $0 } END { print "" }'; }
say() { if [ -s "$lists/$2" ]; then printf '%s: %s\n' "$1" "$(joined "$lists/$2")"; fi; }
# Starts and the like of many units at once. $1: verb, $2: file
jobs() {
  if [ ! -s "$2" ]; then return 0; fi
  sort -u "$2" >"$lists/jobs"
  set -- "$1"
  while read -r unit; do set -- "$@" "$unit"; done <"$lists/jobs"
  verb=$1
  shift
  systemctl "$verb" -- "$@" && return 0
  for unit in "$@"; do if command systemctl --quiet is-failed -- "$unit"; then echo "Failed to $verb $unit"; fi; done
  return 1
}

# Pending work of a run that was interrupted.
if [ "$action" != dry-activate ]; then
  for name in start restart reload; do
    if [ -e "$state/$name-list" ]; then cat "$state/$name-list" >>"$lists/$name"; fi
  done
fi

# A unit's settings as "Section.Key=Value" lines in order, without what never matters. $1: directory, $2: unit, $3: the word "all" keeps [Unit] keys that are ignored
settings() {
  file=$1/$2
  case $2 in *@?*.*) [ -e "$file" ] || file=$1/${2%%@*}@.${2##*.} ;; esac
  for part in "$file" "$file.d/"*.conf; do if [ -f "$part" ]; then cat "$part"; echo; fi; done | awk -v all="${3:-}" '
    /^[ \t]*([#;]|$)/ { next }
    /^\[.*\]/ { section = substr($0, 2, index($0, "]") - 2); next }
    section == "Install" { next }
    {
      key = $0; sub(/[ \t]*=.*/, "", key)
      if (all == "" && section == "Unit" && key ~ /^(Description|Documentation|OnFailure|OnSuccess|OnFailureJobMode|IgnoreOnIsolate|StopWhenUnneeded|RefuseManualStart|RefuseManualStop|AllowIsolate|CollectMode|SourcePath)$/) next
      print section "." $0
    }'
}
# Is a yes-or-no setting of the new unit what it is asked for? $1: unit, $2: key, $3: true or false
is() {
  settings "$new" "$1" all | sed -n "s/^[A-Za-z]*\.$2=//p" | tail -n 1 | grep -Eqx "$(if [ "$3" = true ]; then echo 'true|yes|on|1'; else echo 'false|no|off|0'; fi)"
}
present() {
  [ -e "$1/$2" ] && [ "$(readlink -f "$1/$2")" != /dev/null ] && return 0
  case $2 in *@?*.*) [ -e "$1/${2%%@*}@.${2##*.}" ] ;; *) return 1 ;; esac
}

old=/etc/systemd/system
new=$toplevel/etc/systemd/system
command systemctl list-units --plain --no-legend --full --state=active,activating,reloading | awk '{ print $1 }' >"$lists/active"
while read -r unit; do
  case $unit in
  *.target)
    case $unit in suspend.target | hibernate.target | hybrid-sleep.target) continue ;; esac
    # Debian's targets live in /usr/lib: a toplevel has only those that it adds.
    if [ "$(command systemctl show -p CanStart --value -- "$unit")" = yes ] && ! is "$unit" X-OnlyManualStart true; then
      echo "$unit" >>"$lists/start"
      echo "$unit" >>"$lists/filter"
      if is "$unit" X-StopOnReconfiguration true; then echo "$unit" >>"$lists/stop"; fi
    fi
    continue
    ;;
  esac
  present "$old" "$unit" || [ -d "$old/$unit.d" ] || continue
  if ! present "$new" "$unit" && ! [ -d "$new/$unit.d" ]; then
    # A drop-in that goes away changes a unit which itself stays.
    if ! present "$old" "$unit"; then echo "$unit" >>"$lists/restart"; continue; fi
    settings "$old" "$unit" all | grep -Eq '^Unit\.X-StopOnRemoval=(false|no|off|0)$' || echo "$unit" >>"$lists/stop"
    continue
  fi
  settings "$old" "$unit" >"$lists/was"
  settings "$new" "$unit" >"$lists/is"
  cmp -s "$lists/was" "$lists/is" && continue
  grep -v '^Unit\.X-Reload-Triggers=' "$lists/was" >"$lists/was.less"
  grep -v '^Unit\.X-Reload-Triggers=' "$lists/is" >"$lists/is.less"
  if cmp -s "$lists/was.less" "$lists/is.less"; then echo "$unit" >>"$lists/reload"; continue; fi
  case $unit in
  sysinit.target | *.slice | *.socket) continue ;;
  -.mount | nix.mount) echo "$unit" >>"$lists/reload"; continue ;;
  *.mount)
    grep -v '^Mount\.Options=' "$lists/was" >"$lists/was.less"
    grep -v '^Mount\.Options=' "$lists/is" >"$lists/is.less"
    if cmp -s "$lists/was.less" "$lists/is.less"; then echo "$unit" >>"$lists/reload"; else echo "$unit" >>"$lists/restart"; fi
    continue
    ;;
  esac
  if is "$unit" X-ReloadIfChanged true; then
    echo "$unit" >>"$lists/reload"
  elif is "$unit" X-RestartIfChanged false || is "$unit" RefuseManualStop true || is "$unit" X-OnlyManualStart true; then
    echo "$unit" >>"$lists/skip"
  elif is "$unit" X-StopIfChanged false || [ "${unit%.service}" = "$unit" ]; then
    echo "$unit" >>"$lists/restart"
  elif grep -Fqx "${unit%.service}.socket" "$lists/active" && present "$new" "${unit%.service}.socket" && ! is "$unit" X-NotSocketActivated true; then
    printf '%s\n' "$unit" "${unit%.service}.socket" >>"$lists/stop"
    echo "${unit%.service}.socket" >>"$lists/start"
  else
    echo "$unit" >>"$lists/stop"
    echo "$unit" >>"$lists/start"
  fi
done <"$lists/active"

# Mounts: the texts of the two files are compared, never the mount table.
table() { sed 's/#.*//' "$1" 2>/dev/null | awk 'NF >= 3'; }
table /etc/fstab >"$lists/fstab.old"
table "$toplevel/etc/fstab" >"$lists/fstab.new"
# $1: unit, where it is to be reloaded
remount() { if grep -Fqx -- "$1" "$lists/active"; then echo "$1" >>"$lists/reload"; fi; }
while read -r device point type options _; do
  if [ "$type" = swap ]; then
    awk '$3 == "swap" { print $1 }' "$lists/fstab.new" | grep -Fqx -- "$device" || echo "$device" >>"$lists/swap"
    continue
  fi
  unit=$(systemd-escape --path --suffix=mount "$point")
  line=$(awk -v point="$point" '$3 != "swap" && $2 == point' "$lists/fstab.new" | tail -n 1)
  if [ -z "$line" ]; then echo "$unit" >>"$lists/stop"; continue; fi
  # shellcheck disable=SC2086 # fields without blanks
  set -f -- $line
  if [ "$device" != "$1" ] || [ "$type" != "$3" ]; then
    case $point in
    / | /nix) if [ "$options" != "${4:-}" ]; then remount "$unit"; else echo "$unit" >>"$lists/skip"; fi ;;
    *) echo "$unit" >>"$lists/restart" ;;
    esac
  elif [ "$options" != "${4:-}" ]; then
    remount "$unit"
  fi
  set +f
done <"$lists/fstab.old"

reexec=
[ "$(readlink -f /run/current-system/systemd)" = "$(readlink -f "$toplevel/systemd")" ] || reexec=1

# What is shown of the start list: targets are not.
show_start() {
  if [ -s "$lists/filter" ]; then grep -Fvx -f "$lists/filter" "$lists/start" >"$lists/shown"; else cat "$lists/start" >"$lists/shown"; fi
}

if [ "$action" = dry-activate ]; then
  while read -r device; do echo "would stop swap device: $device"; done <"$lists/swap"
  say "would stop the following units" stop
  say "would NOT stop the following changed units" skip
  echo "would activate the configuration..."
  if [ -x "$toplevel/dry-activate" ]; then "$toplevel/dry-activate" "$toplevel" 9>&-; fi
  for name in restart reload; do
    if [ -e "$state/dry-activation-$name-list" ]; then cat "$state/dry-activation-$name-list" >>"$lists/$name"; rm -f "$state/dry-activation-$name-list"; fi
  done
  [ -z "$reexec" ] || echo "would restart systemd"
  say "would reload the following units" reload
  say "would restart the following units" restart
  show_start
  say "would start the following units" shown
  exit 0
fi

result=0
cp "$lists/start" "$state/start-list"
cp "$lists/restart" "$state/restart-list"
cp "$lists/reload" "$state/reload-list"
say "stopping the following units" stop
jobs stop "$lists/stop" || result=4
while read -r device; do echo "stopping swap device: $device"; swapoff "$device" 9>&-; done <"$lists/swap"
say "NOT restarting the following changed units" skip

echo "activating the configuration..."
if ! "$toplevel/activate" "$toplevel" 9>&-; then
  echo "Failed to run activate script"
  result=2
fi
for name in restart reload; do
  if [ -e "$state/activation-$name-list" ]; then cat "$state/activation-$name-list" >>"$lists/$name"; rm -f "$state/activation-$name-list"; fi
done

if [ -n "$reexec" ]; then
  echo "restarting systemd..."
  systemctl daemon-reexec
fi
systemctl reset-failed
systemctl daemon-reload || { echo "Failed to reload systemd"; exit 1; }

if [ -s "$lists/reload" ]; then
  # What stopped in the meantime is started.
  : >"$lists/reloading"
  sort -u "$lists/reload" >"$lists/reload.sorted"
  while read -r unit; do
    if command systemctl --quiet is-active -- "$unit"; then echo "$unit" >>"$lists/reloading"; else echo "$unit" >>"$lists/start"; fi
  done <"$lists/reload.sorted"
  say "reloading the following units" reloading
  jobs reload "$lists/reloading" || result=4
  rm -f "$state/reload-list"
fi
say "restarting the following units" restart
jobs restart "$lists/restart" || result=4
rm -f "$state/restart-list" "$state/reload-list"
show_start
say "starting the following units" shown
jobs start "$lists/start" || result=4
rm -f "$state/start-list"

command systemctl list-units --plain --no-legend --full --state=active,activating,reloading | awk '{ print $1 }' >"$lists/now"
grep -Fvx -f "$lists/active" "$lists/now" | grep -Fvx -f "$lists/start" | grep -Ev '\.(device|scope|slice|target)$' >"$lists/fresh"
say "the following new units were started" fresh

# Failed now, or between two attempts of which the last failed.
command systemctl list-units --plain --no-legend --full --state=failed | awk '{ print $1 }' >"$lists/failed"
command systemctl list-units --plain --no-legend --full --state=auto-restart --type=service | awk '{ print $1 }' | while read -r unit; do
  [ "$(command systemctl show -p ExecMainStatus --value -- "$unit")" = 0 ] || echo "$unit"
done >>"$lists/failed"
if [ -s "$lists/failed" ]; then
  echo "warning: the following units failed: $(joined "$lists/failed")"
  sort -u "$lists/failed" >"$lists/jobs"
  set --
  while read -r unit; do set -- "$@" "$unit"; done <"$lists/jobs"
  systemctl status --no-pager --full --lines=10 -- "$@"
  result=4
fi
logger -p user.notice -t nixos "finished switching to system configuration $toplevel (status $result)" 2>/dev/null 9>&-
exit "$result"
