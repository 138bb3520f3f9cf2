/**
 * What a doctor asks a host beside what every deploy asks: its Nix, what it would believe of the login user, its boot loader and the tools that a supervised switch
 * needs. `$1` is the user that logs in. POSIX shell; it changes nothing and every answer is bounded.
 */
export const hostProgram = String.raw`
unset IFS
LC_ALL=C
export LC_ALL
have() { command -v "$1" >/dev/null 2>&1; }
limit() {
  if have timeout; then timeout 20 "$@"; else "$@"; fi </dev/null 2>/dev/null
}
if have nix; then
  said=$(limit nix --version | head -c 200) || :
  [ -z "$said" ] || put nix "$said"
  # The older of the two names still answers on most versions; where neither does, nothing is known.
  settings=$(limit nix --extra-experimental-features nix-command config show) || settings=
  [ -n "$settings" ] || settings=$(limit nix --extra-experimental-features nix-command show-config) || settings=
  for name in trusted-users require-sigs; do
    said=$(printf '%s\n' "$settings" | sed -n "s/^$name = //p" | head -n 1 | head -c 4096)
    [ -z "$said" ] || put "$name" "$said"
  done
fi
groups=$(limit id -Gn "$1" | head -c 4096) || :
[ -z "$groups" ] || put groups "$groups"
if [ -d /run/systemd/system ]; then put systemd yes; else put systemd no; fi
lacks=
for tool in systemd-run systemctl flock timeout readlink sed; do have "$tool" || lacks="$lacks $tool"; done
put lacks "$lacks"
loader=
for place in /boot /efi /boot/efi; do
  if [ -f "$place/loader/loader.conf" ]; then loader=systemd-boot
  elif [ -f "$place/grub/grub.cfg" ]; then loader=GRUB
  elif [ -f "$place/extlinux/extlinux.conf" ]; then loader=extlinux
  else continue; fi
  break
done
put loader "$loader"
`;
