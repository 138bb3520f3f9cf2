#!/bin/sh
# The boot loader's installer, in the manner of systemd-boot: kernels and initrds are copied to /boot, one entry a generation, and the default is written last.
# /boot/loader-broken makes it fail, /boot/loader-slow makes it wait for so many seconds. Usage: install-boot-loader DEFAULT-TOPLEVEL
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
default=$1
if [ -e /boot/loader-broken ]; then
  echo "boot loader: cannot write to the EFI system partition" >&2
  exit 1
fi
[ ! -e /boot/loader-slow ] || sleep "$(cat /boot/loader-slow)"
mkdir -p /boot/EFI/nixos /boot/loader/entries

# $1: a file of a toplevel. Prints its name in /boot.
name_of() {
  path=$(readlink -f "$1")
  path=${path#/nix/store/}
  printf '%s\n' "$path" | tr / -
}
keep=
# $1: a toplevel
bring() {
  for part in kernel initrd; do
    name=$(name_of "$1/$part")
    keep="$keep $name.efi"
    [ ! -e "/boot/EFI/nixos/$name.efi" ] || continue
    if ! cp "$(readlink -f "$1/$part")" "/boot/EFI/nixos/$name.new"; then
      rm -f "/boot/EFI/nixos/$name.new"
      exit 1
    fi
    mv "/boot/EFI/nixos/$name.new" "/boot/EFI/nixos/$name.efi"
  done
}
# $1: where to, $2: a toplevel, $3: generation
entry() {
  printf 'title NixOS\nsort-key nixos\nversion Generation %s %s\nlinux /EFI/nixos/%s.efi\ninitrd /EFI/nixos/%s.efi\noptions init=%s/init %s\n' \
    "$3" "$(cat "$2/nixos-version")" "$(name_of "$2/kernel")" "$(name_of "$2/initrd")" "$2" "$(cat "$2/kernel-params")" >"$1.new"
  mv "$1.new" "$1"
}

entries= chosen=
for link in /nix/var/nix/profiles/system-*-link; do
  [ -e "$link/init" ] || continue
  toplevel=$(readlink -f "$link")
  number=${link##*/system-}
  number=${number%-link}
  bring "$toplevel"
  entry "/boot/loader/entries/nixos-generation-$number.conf" "$toplevel" "$number"
  entries="$entries nixos-generation-$number.conf"
  if [ "$toplevel" = "$default" ]; then chosen=nixos-generation-$number.conf; fi
done
bring "$default"
[ -z "$chosen" ] || printf 'timeout 0\ndefault %s\n' "$chosen" >/boot/loader/loader.conf.new
[ -z "$chosen" ] || mv /boot/loader/loader.conf.new /boot/loader/loader.conf
printf '%s\n' "$default" >/boot/loader-default.new
sync -f /boot
mv /boot/loader-default.new /boot/loader-default

for file in /boot/EFI/nixos/*; do
  case " $keep " in *" ${file##*/} "*) ;; *) rm -f "$file" ;; esac
done
for file in /boot/loader/entries/*; do
  case " $entries " in *" ${file##*/} "*) ;; *) rm -f "$file" ;; esac
done
