/**
 * What a text must hold for any pattern of a secret to match in it, as a few fixed words: nearly every unit and settings file of a host holds none of them, and is then looked at
 * once instead of sixty times. A word here may stand in harmless texts; a pattern without a word here would go unseen, so secret-triggers.test.ts holds both lists against each
 * other, the scanner's as the scanner itself gives them.
 */

/** Our own patterns (secret-patterns.ts), by the part of each that is fixed. */
const own = [
  // Keys of assignments, options and settings.
  "pass",
  "pwd",
  "secret",
  "token",
  "key",
  "psk",
  "credential",
  "webhook",
  "masterauth",
  "community",
  "authorization",
  "bearer",
  // Password hashes: `$6$`, `$argon2id$`, `{SSHA}`, grub's.
  "\\$[0-9a-z]",
  "pbkdf2",
  "\\{s?(?:sha|crypt|md5)",
  // The end of a signing key of a binary cache, the beginning of a JSON Web Token.
  "==",
  "eyj",
  "(?:hvs|hvb|dop_v1|glrt|nfp|pat|hf)[-_.]",
];

/** The scanner's (@secretlint/secretlint-rule-preset-recommend 12.0.0). Its patterns of URLs are `urlWithUser`; those of private keys and of AWS are in our own words. */
const scanner = [
  "hooks\\.slack\\.com",
  "(?:mongodb|mongodb\\+srv|mysqlx?|postgres|postgresql)://",
  "npm_",
  "xox[abopr]-",
  "xapp-",
  "sg\\.",
  "shp(?:pa|ca|at|ss)_",
  "gh[pousr]_",
  "github_pat_",
  "glpat-",
  "glc_",
  "glsa_",
  "sk-",
  "gsk_",
  "lin_api_",
  "ntn_",
  "ops_",
  "hvr\\.",
  "vc[piark]_",
  "dapi",
  "dckr_pat_",
  "figd_",
];

const words = new RegExp([...own, ...scanner].join("|"), "i");

/** False only where no pattern can match. Linear in the text. */
export function mayHoldSecret(text: string): boolean {
  return words.test(text) || urlWithUser(text);
}

/** `https://user:password@host`. */
const urlWithUser = (text: string): boolean => text.includes("@") && text.includes("://");
