import { failure, type Failure } from "../failure.ts";
import type { Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { lastRecord } from "../target/last-record.ts";
import { loginCommand, targetFailure } from "../target/target-failure.ts";

/**
 * What keeps a system on the host from its garbage collection between the copy and the supervisor's own roots. It is a link to a path that does not exist yet: Nix passes
 * over a root whose target is not valid, never removes one that lies in gcroots itself, and keeps the path from the instant in which it becomes valid (seen with 2.8 and
 * 2.26). What arrives before that is held by the temporary roots of the daemon that receives it, for as long as the copy's connection lasts.
 *
 * `$1` is `keep` or `release`, `$2` the root's name, `$3` the toplevel.
 */
export const rootProgram = `
umask 077
roots=/nix/var/nix/gcroots/nixos-deploy-gate
case \${2#copy-} in "$2" | '' | *[!0-9a-f]*) exit 2 ;; esac
case $1 in
  keep)
    mkdir -p "$roots/$2" && ln -sfn "$3" "$roots/$2/to" && put kept yes
    # Left by gates that were killed in a copy; no copy takes so long.
    find "$roots" -mindepth 1 -maxdepth 1 -name 'copy-*' -mtime +3 -exec rm -rf '{}' + 2>/dev/null ;;
  release) rm -rf "$roots/$2" ;;
esac
exit 0
`;

/** `random` are hexadecimal digits that no other copy has. */
export const copyRootName = (random: string): string => `copy-${random.slice(0, 20)}`;

/** Roots `toplevel` on the host before a byte of it is copied; one round trip. Undefined where that worked: without it nothing is copied. */
export async function keepCopy(targets: Targets, address: Address, name: string, toplevel: string): Promise<Failure | undefined> {
  const result = await targets.run({
    address,
    program: rootProgram,
    verb: "root",
    arguments: ["keep", name, toplevel],
    connection: "shared",
    timeoutSeconds: 60,
  });
  if (!result.ok) return targetFailure(address, result.trouble, result.detail);
  if (lastRecord(result.records, "kept") === "yes") return undefined;
  const login = loginCommand(address);
  const said = result.stderr.trim();
  return /No space left on device|Disk quota exceeded/i.test(said)
    ? failure("copy-no-space", { host: address.host, login }, said)
    : failure("copy-not-rooted", { host: address.host, login }, said);
}

/** Gives it free again; one round trip. A host that does not answer keeps the root until its next deploy that goes well, or the next one three days from now. */
export async function releaseCopy(targets: Targets, address: Address, name: string): Promise<void> {
  await targets.run({
    address,
    program: rootProgram,
    verb: "root",
    arguments: ["release", name],
    connection: "shared",
    timeoutSeconds: 60,
  });
}
