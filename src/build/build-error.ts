import { bounded, machineTrouble } from "../nix-message.ts";

/** Why a derivation was not built, read from what Nix said of it. */
export type BuildError = {
  readonly kind: "builder" | "dependency" | "hash" | "platform" | "nowhere" | "timeout" | "disk" | "store" | "other";
  /** The `.drv` that it is about; absent where Nix names none. */
  readonly derivation?: string;
  /** `builder failed with exit code 3` */
  readonly reason: string;
  /** Of `platform`: what was needed, `aarch64-linux`. */
  readonly platform?: string;
  /** Derivations whose builders were at work when it was said and could have said it; absent where only Nix itself could. */
  readonly during?: readonly string[];
};

/**
 * Two wordings: up to 2.33, and on Lix, `builder for 'X.drv' failed with exit code 3`; from 2.34 on `Cannot build 'X.drv'.` and a `Reason:` line. `text` is without
 * colours and without the `error:` in front.
 */
export function buildError(text: string): BuildError {
  const derivation = /'([^'\s]+\.drv)(?:[!^][^']*)?'/.exec(text)?.[1];
  const about = derivation === undefined ? {} : { derivation };
  const said = /^\s*Reason: (.*?)\.?$/m.exec(text)?.[1];
  const reason = bounded(said ?? reasonOf(text), 300);
  const platform = platformOf(text);
  if (platform !== undefined) return { kind: "platform", ...about, platform, reason: `it needs ${platform}` };
  // Behind the platform: up to 2.33 the words are the same whether this machine may build nothing or there is nobody of that kind.
  if (/^\s*Reason: local builds are disabled|\bunable to start any build\b/im.test(text)) return { kind: "nowhere", ...about, reason };
  const hashes = /hash mismatch in fixed-output derivation[^]*?specified: *(\S+)\s+got: *(\S+)/.exec(text);
  if (hashes !== null) return { kind: "hash", ...about, reason: bounded(`specified ${hashes[1] ?? ""}, got ${hashes[2] ?? ""}`, 300) };
  // The last word of `nix-store --realise`, which only lists what was asked for.
  if (/^build of (?:'[^']+'(?:, )?)+ failed\s*$/.test(text)) return { kind: "dependency", ...about, reason };
  if (/\d+ dependenc(?:y|ies)\b.*(?:failed|couldn't be built)|^\s*Reason: \d+ dependenc/m.test(text))
    return { kind: "dependency", ...about, reason };
  if (/timed out after \d+ seconds/.test(text)) return { kind: "timeout", ...about, reason };
  const trouble = machineTrouble(text);
  if (trouble !== undefined) return { kind: trouble, ...about, reason };
  if (/\bbuilder\b.*\bfailed\b|^\s*Reason: builder failed/m.test(text)) return { kind: "builder", ...about, reason };
  return { kind: "other", ...about, reason };
}

/** What stands behind the derivation's name in the old wording, else the first line. */
function reasonOf(text: string): string {
  const first = text.trim().split("\n")[0] ?? "";
  const behind = /^(builder) for '[^']*' (failed .*?);?$|^building of '[^']*' (?:from \.drv file )?(timed out .*)$/.exec(first);
  if (behind === null) return first.replace(/[.:;]$/, "");
  return behind[1] === undefined ? (behind[3] ?? first) : `${behind[1]} ${behind[2] ?? ""}`;
}

function platformOf(text: string): string | undefined {
  return (
    /\ba '([^']{1,64})' with features \{[^}]*\} is required to build/.exec(text)?.[1] ??
    /^\s*Required system: '([^']{1,64})'/m.exec(text)?.[1] ??
    /required \(system, features\): \(([^,)]{1,64}),/.exec(text)?.[1]
  );
}
