import { pinnedEntryFunctions } from "../target/pinned-entry.ts";

/**
 * POSIX shell functions that tell what the boot loader would boot, and that let a new entry be tried once. `$1` is a toplevel.
 *
 * systemd-boot: NixOS names its entries `nixos-generation-N.conf`, with `init=TOPLEVEL/init` in their options, and the default in
 * loader.conf; `LoaderEntryDefault` and
 * `LoaderEntryOneShot` are EFI variables and go before it (bootctl(1), systemd-boot(7)). An entry that counts its tries has `+N` or
 * `+N-M` before `.conf`. GRUB: the
 * first menu entry of grub.cfg is the default of NixOS. extlinux: `DEFAULT` names the label. Lanzaboote: the command line is in the image.
 */
export const bootEntryFunctions = `${pinnedEntryFunctions}
# The mount points that NixOS uses; a test brings its own.
boot_places=\${GATE_BOOT_PLACES:-/boot /efi /boot/efi}
# Whether what is read boots $1: a word a line, so that one path is never found in a longer one.
has_init() { tr -s ' \\t' '\\n\\n' | grep -qxF -- "init=$1/init"; }
entry_boots() { sed -n 's/^options[[:space:]]*//p' "$1" 2>/dev/null | has_init "$2"; }
systemd_boot_home() {
  for place in $boot_places; do
    if [ -d "$place/loader/entries" ] && [ -f "$place/loader/loader.conf" ]; then printf '%s' "$place"; return 0; fi
  done
  return 1
}
# The file of the entry that boots a toplevel.
systemd_boot_entry() {
  for entry in "$1"/loader/entries/*.conf; do
    if [ -f "$entry" ] && entry_boots "$entry" "$2"; then printf '%s' "$entry"; return 0; fi
  done
  return 1
}
# What the loader's file says, without what its variables say: "ok LOADER" where it would boot $1, "wrong LOADER", or "unknown".
boot_entry() {
  if place=$(systemd_boot_home); then
    default=$(sed -n 's/^default[[:space:]][[:space:]]*//p' "$place/loader/loader.conf" | head -n 1)
    for entry in "$place"/loader/entries/*.conf; do
      [ -f "$entry" ] && entry_boots "$entry" "$1" || continue
      name=\${entry##*/}
      # The default may be a pattern, and may be written without the counter.
      plain=$(printf '%s' "$name" | sed 's/+[0-9][0-9-]*\\.conf$/.conf/')
      case $name in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
      case $plain in $default | $default.conf) printf 'ok systemd-boot'; return 0 ;; esac
    done
    # Unified kernel images carry their command line in themselves.
    for image in "$place"/EFI/Linux/nixos-generation-*.efi; do
      [ -f "$image" ] || continue
      name=\${image##*/}
      case $name in $default | $default.efi) ;; *) continue ;; esac
      if tr '\\0 \\t' '\\n\\n\\n' <"$image" | grep -aqxF -- "init=$1/init"; then printf 'ok systemd-boot-image'; return 0; fi
    done
    printf 'wrong systemd-boot'
    return 0
  fi
  for place in $boot_places; do
    if [ -f "$place/grub/grub.cfg" ]; then
      if sed -n '/^[[:space:]]*menuentry /,/^[[:space:]]*}/{p;/^[[:space:]]*}/q;}' "$place/grub/grub.cfg" | has_init "$1"; then
        printf 'ok grub'
      else printf 'wrong grub'; fi
      return 0
    fi
    if [ -f "$place/extlinux/extlinux.conf" ]; then
      default=$(sed -n 's/^DEFAULT[[:space:]][[:space:]]*//p' "$place/extlinux/extlinux.conf" | head -n 1)
      if awk -v want="$default" '$1 == "LABEL" { on = ($2 == want) } on && $1 == "APPEND"' "$place/extlinux/extlinux.conf" |
        has_init "$1"; then
        printf 'ok extlinux'
      else printf 'wrong extlinux'; fi
      return 0
    fi
  done
  printf unknown
}
# Lets $1 boot once while $2 stays the default: "once", "counting" where the loader counts by itself, "default" where it can do neither.
try_once() {
  place=$(systemd_boot_home) && command -v bootctl >/dev/null 2>&1 || { printf default; return 0; }
  new=$(systemd_boot_entry "$place" "$1") || { printf default; return 0; }
  case \${new##*/} in *+[0-9]*.conf) printf counting; return 0 ;; esac
  old=$(systemd_boot_entry "$place" "$2") || { printf default; return 0; }
  # The mark first: a default that nobody remembers setting would outlast every later deploy.
  mkdir -p "\${pin_mark%/*}" && printf '%s\\n' "\${old##*/}" >"$pin_mark" && sync "$pin_mark" || { printf default; return 0; }
  if timeout 20 bootctl set-oneshot "\${new##*/}" >&2 && timeout 20 bootctl set-default "\${old##*/}" >&2; then printf once; return 0; fi
  unpin_entry
  printf default
}
`;
