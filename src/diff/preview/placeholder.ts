import { createHash } from "node:crypto";

/** Nix's alphabet of base 32, which leaves out e, o, t and u. */
const letters = "0123456789abcdfghijklmnpqrsvwxyz";
const known = new Map<string, string>();

/**
 * What `builtins.placeholder "out"` writes where a derivation names its own output; Nix puts the path in its place when it builds (`hashPlaceholder` in Nix's
 * derivations.cc: SHA-256 of `nix-output:NAME`, in base 32 with the last bits first).
 */
export function placeholder(output: string): string {
  const made = known.get(output) ?? `/${base32(createHash("sha256").update(`nix-output:${output}`).digest())}`;
  known.set(output, made);
  return made;
}

function base32(bytes: Uint8Array): string {
  const length = Math.ceil((bytes.length * 8) / 5);
  let text = "";
  for (let position = length - 1; position >= 0; position -= 1) {
    const bit = position * 5;
    const [index, shift] = [Math.floor(bit / 8), bit % 8];
    const pair = (bytes[index] ?? 0) | ((bytes[index + 1] ?? 0) << 8);
    text += letters[(pair >> shift) & 0x1f] as string;
  }
  return text;
}
