#!/bin/sh
# A host of the bench: an sshd in namespaces of its own, with a store that it shares, files of its own where the gate's programs look, and next to nothing for systemd.
# Usage: simulated-host.sh DIRECTORY NAME MACHINE-ID BOOT-ID TOPLEVEL SSHD [ARGUMENT ...]; DIRECTORY is empty.
set -eu
directory=$1 name=$2 machine=$3 boot=$4 toplevel=$5
shift 5
mount -t tmpfs -o mode=755 host "$directory"
cd "$directory"
mkdir -p etc work run/sshd run/systemd/system run/units lib boot profiles gcroots tools
printf '%s\n' "$boot" >boot-id

# Units are processes whose number is written down; all else that systemd is told or asked is well.
cat >tools/systemctl <<'END'
#!/bin/sh
for unit; do :; done
case "$*" in
*is-system-running*) echo running ;;
*--property=Id,*) printf '%s\n' Id=sshd.service LoadState=loaded ActiveState=active SubState=running MainPID=1 NRestarts=0 ;;
*--property=MainPID*) echo MainPID=1 ;;
*show*ActiveState*)
  pid=
  if [ -e "/run/units/$unit" ]; then read -r pid <"/run/units/$unit"; fi
  if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo active; else echo inactive; fi
  ;;
*show*SubState*) echo running ;;
esac
exit 0
END
cat >tools/systemd-run <<'END'
#!/bin/sh
unit=
while [ $# -gt 0 ]; do
  case $1 in
  --unit=*) unit=${1#*=} ;;
  --on-active=*) exit 0 ;;
  --setenv=*) export "${1#*=}" ;;
  -p) shift ;;
  -*) ;;
  *) break ;;
  esac
  shift
done
setsid "$@" </dev/null >/dev/null 2>&1 &
echo $! >"/run/units/${unit%.service}.service"
END
chmod 755 tools/*

mount -t overlay overlay -o "lowerdir=/etc,upperdir=$directory/etc,workdir=$directory/work" /etc
for pair in run:/run lib:/var/lib boot:/boot profiles:/nix/var/nix/profiles gcroots:/nix/var/nix/gcroots boot-id:/proc/sys/kernel/random/boot_id \
  tools/systemctl:/usr/bin/systemctl tools/systemd-run:/usr/bin/systemd-run; do
  mount --bind "$directory/${pair%%:*}" "${pair#*:}"
done
hostname "$name"
printf '%s\n' "$machine" >/etc/machine-id
: >/etc/NIXOS
ln -s "$toplevel" /run/current-system
ln -s "$toplevel" /run/booted-system
"$toplevel/activate" "$toplevel" >/dev/null
nix-env -p /nix/var/nix/profiles/system --set "$toplevel"
exec "$@"
