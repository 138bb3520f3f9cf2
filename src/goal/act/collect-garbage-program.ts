import { aloneProgram } from "./alone-program.ts";

/**
 * Deletes what nothing on the host refers to any more, up to a bound: POSIX shell without a byte of data. `$1` boot id, `$2` how many bytes at most, `$3` the limit in
 * seconds, `$4` the line for the ledger.
 *
 * No generation is touched: `nix-store --gc` follows roots and removes none that lies in the profiles. What runs, what was booted and what boots get a root of their own
 * meanwhile, since a host that has lost its links of `gcroots` would otherwise delete the system under its feet. The root's name is that of a copy, so that one that is left
 * by a loss of power goes away by itself. Puts `end`, `reason`, `before` and `after` (block size, blocks, free), `said`, `said.exit`, `gone` (what should be valid and is not) and `written`.
 */
export const collectGarbageProgram = `${aloneProgram}
most=$2 limit=$3 entry=$4
have nix-store || end refused no-nix-store
roots=/nix/var/nix/gcroots/nixos-deploy-gate
[ -z "$(find "$roots" -mindepth 1 -maxdepth 1 -name 'copy-*' -mmin -120 2>/dev/null | head -n 1)" ] || end refused copying
hold=$roots/copy-$(printf '%x' "$$")
trap 'rm -rf "$hold"' EXIT
trap 'exit 1' TERM HUP INT
umask 077
mkdir -p "$hold" || end refused root
number=0
for system in /run/current-system /run/booted-system /nix/var/nix/profiles/system /nix/var/nix/profiles/system-*-link; do
  [ -e "$system" ] || continue
  path=$(readlink -f "$system") && ln -sfn "$path" "$hold/$number" || end refused root
  number=$((number + 1))
done
[ "$number" -ge 3 ] || end refused root
space() { timeout 20 stat -f -c '%S %b %a' /nix/store; }
put before "$(space)"
# All of what it says is read, a line for each path: a pipe that closes would end it in the middle.
said=$({ timeout -k 10 "$limit" nix-store --gc --max-freed "$most" 2>&1 8>&- 9>&-; printf 'exit %s\\n' "$?"; } | tail -n 5 | tail -c 2048)
put said "\${said%exit *}"
put said.exit "\${said##*exit }"
gone=
for system in "$hold"/*; do
  path=$(readlink "$system")
  timeout 60 nix-store --check-validity "$path" 2>/dev/null || gone="$gone $path"
done
put gone "$gone"
# Only now: a collection gives back what Nix keeps in reserve (8 MiB), and the next who opens the store takes it again.
sync -f /nix/store 2>/dev/null
put after "$(space)"
if append_ledger "$entry"; then put written yes; else put written no; fi
end done collected
`;
