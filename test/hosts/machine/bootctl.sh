#!/bin/sh
# bootctl of a test host, as far as a deployer needs it. It cannot be the real one, which wants EFI variables. The loader understands what set-oneshot and
# set-default leave.
set -u
usage() {
  echo "Unknown command verb $1." >&2
  exit 1
}
entries=/boot/loader/entries
case ${1:-status} in
is-installed) echo yes ;;
-p | --print-esp-path | --print-boot-path) echo /boot ;;
status)
  echo "System:"
  echo "      Firmware: none"
  echo "Default Boot Loader Entry:"
  echo "         id: $(sed -n 's/^default //p' /boot/loader/loader.conf)"
  ;;
list)
  for entry in "$entries"/*.conf; do
    [ -e "$entry" ] || continue
    printf '         id: %s\n    version: %s\n    options: %s\n\n' "${entry##*/}" "$(sed -n 's/^version //p' "$entry")" "$(sed -n 's/^options //p' "$entry")"
  done
  ;;
set-oneshot | set-default)
  variable=/boot/loader-oneshot
  if [ "$1" = set-default ]; then variable=/boot/loader-pinned; fi
  if [ -z "${2:-}" ]; then
    rm -f "$variable"
    exit 0
  fi
  # Like the real one it takes any name; an entry that is not there is passed over at boot.
  if [ -e "$entries/$2" ]; then
    sed -n 's/^options init=\([^ ]*\)\/init.*/\1/p' "$entries/$2" >"$variable.new" && mv "$variable.new" "$variable"
  fi
  ;;
*) usage "$1" ;;
esac
