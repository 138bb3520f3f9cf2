/**
 * Writes down what the supervisor is told and starts it: POSIX shell without a byte of data. `$1` is the id, `$2` the nonce, `$3` the supervisor's program, then names
 * and values in turn. Puts `start` (`started`, `busy`, `failed`), `by` and `detail`.
 *
 * Asked twice with the same id and nonce it starts once: the answer to the first may have been lost. The directory appears with everything in it or not at all.
 */
export const startProgram = `
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
  other=\${other%/}
  [ -d "$other/begun" ] && [ "$other" != "$state" ] || continue
  word=
  if [ -e "$other/phase" ]; then read -r word rest <"$other/phase" || :; fi
  [ "$word" != ended ] || continue
  put by "\${other##*/}"
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
  mkdir "$new" && printf '%s\\n' "$supervisor" >"$new/program" || refuse failed "$base cannot be written"
  while [ $# -gt 1 ]; do
    case $1 in '' | *[!a-z0-9-]*) refuse failed "a name is not one" ;; esac
    printf '%s\\n' "$2" >"$new/$1" || { rm -rf "$new"; refuse failed "$base cannot be written"; }
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
said=$(timeout 60 systemd-run --quiet --no-ask-password --collect --unit="$unit" --description="nixos-deploy-gate activates a system" \\
  -p Restart=no -p OOMScoreAdjust=-900 -p IgnoreOnIsolate=yes -p RuntimeMaxSec="$longest" -p TimeoutStopSec=90 \\
  -p "ExecStopPost=$shell $state/program stopped $state" "$@" \\
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
`;
