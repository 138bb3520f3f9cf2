#!/bin/busybox sh
# Stage 1 of a virtual test machine, as NixOS has one: drivers, the root file system, /boot, and then the init that the boot entry names.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
echo "<<< stage 1: $(uname -r) >>>"
for module in /modules/*; do insmod "$module" || echo "cannot load $module"; done
fail() {
  echo "stage 1: $*"
  # Process 1 ends, so the kernel panics.
  exit 1
}
tries=0
while [ ! -b /dev/vda ] || [ ! -b /dev/vdb ]; do
  tries=$((tries + 1))
  [ "$tries" -le 50 ] || fail "the disks are missing"
  sleep 0.2
done
mount -t ext4 /dev/vda /sysroot || fail "cannot mount the root file system"
mount -t vfat -o umask=0077 /dev/vdb /sysroot/boot || fail "cannot mount /boot"
for name in /sys/class/net/e*; do [ -e "$name" ] && ip link set dev "${name##*/}" name host0; done
init=
read -r line </proc/cmdline
for word in $line; do case $word in init=*) init=${word#init=} ;; esac; done
[ -n "$init" ] || fail "the boot entry names no init"
mount -t tmpfs -o mode=755 tmpfs /sysroot/run
for place in proc sys dev; do mount -o move "/$place" "/sysroot/$place"; done
exec switch_root /sysroot "$init" || fail "there is no $init"
