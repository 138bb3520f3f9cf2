/**
 * POSIX shell functions: the boot loader's default where a reboot of ours took it, since the new entry was to be tried once. It is an EFI variable and goes before loader.conf
 * (bootctl(1)), so that whoever makes another system the boot default has to give it back, or the host goes on booting the old one.
 */
export const pinnedEntryFunctions = `
pin_mark=/var/lib/nixos-deploy-gate/pinned-entry
# Gives the default back to loader.conf, where we took it.
unpin_entry() {
  [ -e "$pin_mark" ] || return 0
  timeout 20 bootctl set-oneshot "" >&2
  timeout 20 bootctl set-default "" >&2 && rm -f "$pin_mark"
}
`;
