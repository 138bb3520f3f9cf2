import * as z from "zod";

/**
 * The name of a host: the attribute under `nixosConfigurations`.
 *
 * The name travels into argv, into Nix expressions, into comments and into remote commands, so it is validated once, here, against the narrowest set that real
 * fleets use. A leading "-" would be read as an option, quotes and "${" would end a Nix string, `__proto__` would reach into objects keyed by name.
 */
export const HostName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/)
  .brand("HostName");
export type HostName = z.infer<typeof HostName>;

/** True where `name` matches the glob: `*` is any run of characters, `?` any one; everything else stands for itself. */
export function matchesGlob(name: string, glob: string): boolean {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${source}$`).test(name);
}
