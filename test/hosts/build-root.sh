#!/bin/sh
# Builds the root directory that all test hosts start from: Debian trixie with a real systemd, sshd and Nix, made to look like NixOS where it matters to the gate:
# /etc/systemd/system belongs to the toplevel alone, so Debian's own enabled units move to /usr/lib. Needs root. Usage: build-root.sh DIRECTORY (absent or empty)
set -eu
root=$1
here=$(cd "$(dirname "$0")" && pwd)
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

say() { printf '%s\n' "$*" >&2; }

script=/usr/share/debootstrap/scripts/trixie
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$("$here/../../.ci/debian-archive")" "$script" >&2

mount -t proc proc "$root/proc"
trap 'umount "$root/proc"' EXIT
trap 'exit 130' INT TERM HUP

printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
printf 'path-exclude=/usr/share/%s/*\n' doc man locale info >"$root/etc/dpkg/dpkg.cfg.d/slim"
chroot "$root" apt-get install -y -qq --no-install-recommends \
  systemd systemd-sysv libpam-systemd dbus openssh-server nix-bin nix-setup-systemd sudo curl iproute2 nftables util-linux procps kmod >&2
chroot "$root" apt-get clean
rm -rf "$root/var/lib/apt/lists" "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/var/lib/apt/lists"

# What Debian enabled in /etc goes to /usr/lib, since on these hosts, as on NixOS, the toplevel is all there is in /etc/systemd/system.
chroot "$root" systemctl mask -q apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer getty.target \
  console-getty.service systemd-networkd.service systemd-networkd.socket networking.service \
  systemd-firstboot.service systemd-homed.service motd-news.timer 2>/dev/null || true
cp -a "$root/etc/systemd/system/." "$root/usr/lib/systemd/system/" 2>/dev/null || cp -a --remove-destination "$root/etc/systemd/system/." "$root/usr/lib/systemd/system/"
rm -rf "$root/etc/systemd/system" "$root"/usr/lib/systemd/system/ssh* "$root"/usr/lib/systemd/system/*.wants/ssh* "$root/etc/init.d/ssh" "$root/etc/init.d/sudo"
# Every host makes its own keys and identity.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id" "$root/var/lib/dbus/machine-id" "$root/etc/hostname" "$root/etc/fstab" "$root/etc/os-release" "$root/etc/ssh/sshd_config"
: >"$root/etc/NIXOS"

cp "$here/machine/loader.sh" "$root/usr/sbin/loader"
cp "$here/machine/network.sh" "$root/usr/sbin/machine-network"
chmod 755 "$root/usr/sbin/loader" "$root/usr/sbin/machine-network"
cp "$here/machine/machine-network.service" "$root/usr/lib/systemd/system/"
mkdir -p "$root/usr/lib/systemd/system/multi-user.target.wants"
ln -s ../machine-network.service "$root/usr/lib/systemd/system/multi-user.target.wants/machine-network.service"

chroot "$root" useradd --create-home --shell /bin/sh deploy
printf 'deploy ALL=(ALL:ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/deploy"
chmod 440 "$root/etc/sudoers.d/deploy"
printf 'root ALL=(ALL:ALL) NOPASSWD: ALL\n' >>"$root/etc/sudoers.d/deploy"

mkdir -p "$root/etc/nix" "$root/boot" "$root/nix"
cat >"$root/etc/nix/nix.conf" <<END
experimental-features = nix-command flakes
substituters =
flake-registry =
sandbox = false
trusted-users = root
END
say "The root directory is ready."
