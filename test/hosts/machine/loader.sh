#!/bin/sh
# The host's boot loader, and the kernel as far as a container can have one of its own. /boot/loader-oneshot, if there, names what boots this once; else what
# bootctl pinned; else /boot/loader-default does. Where the toplevel is gone or its init is broken, the host does not come up, as a real one would not.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
toplevel=
if [ -s /boot/loader-oneshot ]; then
  read -r toplevel </boot/loader-oneshot
  rm -f /boot/loader-oneshot
elif [ -s /boot/loader-pinned ]; then
  read -r toplevel </boot/loader-pinned
elif [ -s /boot/loader-default ]; then
  read -r toplevel </boot/loader-default
fi
echo "loader: booting ${toplevel:-nothing: /boot/loader-default is missing}"
if [ ! -x "$toplevel/init" ] || [ ! -e "$toplevel/kernel" ] || [ ! -e "$toplevel/initrd" ]; then
  echo "loader: no kernel, initrd or init in $toplevel"
  exit 1
fi
# What the running kernel says of itself. uname(2) cannot be changed in a container, so the program "uname" of the toplevels reads these too.
mkdir -p /run/kernel
read -r parameters <"$toplevel/kernel-params" || :
printf 'init=%s/init %s\n' "$toplevel" "$parameters" >/run/kernel/cmdline
release=$(ls "$toplevel/kernel-modules/lib/modules")
printf '%s\n' "$release" >/run/kernel/osrelease
mount --bind /run/kernel/cmdline /proc/cmdline
mount --bind /run/kernel/osrelease /proc/sys/kernel/osrelease
exec "$toplevel/init"
