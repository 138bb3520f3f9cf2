#!/bin/sh
# What a virtual machine with real kernels needs and Debian has: two kernels of two Debian releases, each with an initrd, systemd-boot, bootctl and UEFI firmware. Nothing is
# installed on this machine: packages are fetched by apt, which checks their signatures, and unpacked. Usage: build-firmware.sh DIRECTORY (absent or empty)
set -eu
goal=$1
here=$(cd "$(dirname "$0")" && pwd)
export LC_ALL=C
say() { printf '%s\n' "$*" >&2; }

mirror=$("$here/../../.ci/debian-archive")

mkdir -p "$goal/work"
work=$(cd "$goal/work" && pwd)
goal=${work%/work}

# An apt of its own for one release. $1: release, then what apt-get or apt-cache is to do
apt_of() (
  release=$1 program=$2
  shift 2
  home=$work/apt-$release
  if [ ! -d "$home" ]; then
    mkdir -p "$home/lists/partial" "$home/cache/archives/partial" "$home/etc/preferences.d" "$home/etc/apt.conf.d"
    : >"$home/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$release" >"$home/sources.list"
    apt_of "$release" apt-get update -qq >&2
  fi
  "$program" -o Dir::State="$home" -o Dir::State::status="$home/status" -o Dir::State::lists="$home/lists" -o Dir::Cache="$home/cache" \
    -o Dir::Etc="$home/etc" -o Dir::Etc::sourcelist="$home/sources.list" -o Dir::Etc::sourceparts=/nonexistent -o APT::Architecture=amd64 \
    -o APT::Sandbox::User=root "$@"
)
# $1: release, $2: package, $3: directory that it is unpacked into
bring() {
  (
    mkdir -p "$work/debs-$2" "$3"
    cd "$work/debs-$2"
    apt_of "$1" apt-get download -qq "$2" >&2
    for file in *.deb; do dpkg-deb --extract "$file" "$3"; done
  )
}

say "Fetching firmware and boot loader ..."
for package in ovmf systemd-boot-efi systemd-boot-tools libsystemd-shared busybox-static; do bring trixie "$package" "$work/tools"; done
cp "$work/tools/usr/share/OVMF/OVMF_CODE_4M.fd" "$work/tools/usr/share/OVMF/OVMF_VARS_4M.fd" "$goal/"
cp "$work/tools/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$goal/"
mkdir "$goal/bootctl"
cp "$work/tools/usr/bin/bootctl" "$work"/tools/usr/lib/*/systemd/libsystemd-shared-*.so "$goal/bootctl/"
busybox=$work/tools/usr/bin/busybox

# A module and what it needs, in the order in which they are loaded. $1: directory of modules, $2: name as a file
needed() {
  sed -n "s|^\([^:]*/\)\{0,1\}\($2\.ko[.a-z]*\): *\(.*\)|\1\2 \3|p" "$1/modules.dep" | head -n 1 | tr ' ' '\n' | grep . | tac
}
# $1: directory's name, $2: Debian release
kernel_of() {
  say "Fetching the kernel of Debian $2 ..."
  package=$(apt_of "$2" apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
  bring "$2" "$package" "$work/$1"
  release=${package#linux-image-}
  to=$goal/kernels/$1
  mkdir -p "$to" "$work/$1-initrd"
  printf '%s' "$release" >"$to/release"
  cp "$work/$1/boot/vmlinuz-$release" "$to/bzImage"
  modules=$(find "$work/$1" -type d -path "*/lib/modules/$release" | head -n 1)
  [ -e "$modules/modules.dep" ] || "$busybox" depmod -b "${modules%/lib/modules/*}" "$release"
  tree=$work/$1-initrd
  mkdir -p "$tree/bin" "$tree/modules" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/run" "$tree/sysroot"
  cp "$busybox" "$tree/bin/busybox"
  cp "$here/machine/initrd.sh" "$tree/init"
  chmod 755 "$tree/init"
  # What is built into the kernel is in no list.
  for name in virtio_pci virtio_blk virtio_net ext4 crc32c_generic libcrc32c nls_cp437 nls_ascii nls_utf8 vfat efivarfs; do
    needed "$modules" "$name"
  done | awk '!seen[$0]++' >"$tree/modules.load.paths"
  n=100
  while read -r path; do
    name=$(basename "$path")
    case $name in
    *.xz) xz -dc "$modules/$path" >"$tree/modules/$n-${name%.xz}" ;;
    *.zst) zstd -dqc "$modules/$path" >"$tree/modules/$n-${name%.zst}" ;;
    *) cp "$modules/$path" "$tree/modules/$n-$name" ;;
    esac
    n=$((n + 1))
  done <"$tree/modules.load.paths"
  rm "$tree/modules.load.paths"
  # No pipe to the end, whose status would be that of gzip.
  (cd "$tree" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >"$work/initrd.cpio"
  gzip -1n <"$work/initrd.cpio" >"$to/initrd"
}
kernel_of old bookworm
kernel_of new trixie
[ "$(cat "$goal/kernels/old/release")" != "$(cat "$goal/kernels/new/release")" ] || { say "Both kernels are the same."; exit 4; }
rm -rf "$work"
say "Firmware and kernels are ready."
