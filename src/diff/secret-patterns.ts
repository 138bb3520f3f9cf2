/**
 * What secrets look like in the files of a NixOS host, from the formats' own documentation. Each pattern is linear: it begins with a fixed
 * word or at a word's edge.
 */

/** Start and end, in UTF-16 units, end exclusive. */
export type Range = readonly [number, number];

/** Patterns whose whole match is the secret. */
const whole: readonly RegExp[] = [
  // age and its post-quantum keys (C2SP age.md): Bech32, upper case as written by age-keygen.
  /AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{10,4000}/gi,
  // crypt(5): yescrypt, gost-yescrypt, scrypt.
  /\$(?:y|gy|7)\$[./0-9A-Za-z]{1,64}\$[./0-9A-Za-z]{0,128}\$[./0-9A-Za-z]{8,128}/g,
  // crypt(5): sha512crypt, sha256crypt, md5crypt, Apache's variant.
  /\$(?:6|5|1|apr1)\$(?:rounds=\d{1,9}\$)?[./0-9A-Za-z]{0,16}\$[./0-9A-Za-z]{16,128}/g,
  /\$2[abxy]?\$\d\d\$[./0-9A-Za-z]{20,64}/g,
  /\$(?:argon2(?:id|i|d)|scrypt|bcrypt-sha256|pbkdf2(?:-sha\d+)?)\$[\w$=,+./-]{10,400}/g,
  /\bpbkdf2_sha(?:1|256|512)\$\d{1,9}\$[\w+./-]{1,64}\$[\w+./=-]{16,128}/g,
  /grub\.pbkdf2\.sha512\.\d{1,9}\.[0-9A-F.]{32,600}/g,
  /\{S?(?:SHA|SHA256|SHA512|CRYPT|MD5)\}[A-Za-z0-9+/=$.]{20,200}/g,
  // A signing key of a binary cache: 64 bytes of Ed25519 where the public key has 32 (nix key generate-secret).
  /(?<=[\w.-]:)[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])/g,
  // JSON Web Tokens (RFC 7519).
  /(?<![\w-])eyJ[\w-]{8,8000}\.eyJ[\w-]{8,8000}\.[\w-]{16,2000}/g,
  /(?<![\w-])(?:tskey-(?:auth|api|client)|hvs|hvb|dop_v1|glrt|nfp|pat|hf)[-_.][\w-]{20,200}(?![\w-])/g,
];

/** Patterns whose first group is the secret. */
const grouped: readonly RegExp[] = [
  // Authorization headers and bearer tokens (RFC 6750, RFC 7617).
  /\bauthorization["']?[ \t]{0,4}[:=]?[ \t]{0,4}["']?(?:basic|bearer|token|digest|apikey)[ \t]+([^\s"'\\]{4,8000})/dgi,
  /\bbearer[ \t]+([\w.~+/=-]{20,8000})/dgi,
  // Credentials in a URL (RFC 3986, userinfo). A user name alone is none, a long one in place of a password is.
  /:\/\/[^\s/:@"'<>]{0,128}:([^\s/@"'<>{}$]{1,512})@/dg,
  /:\/\/([\w-]{24,512})@/dg,
  // netrc(5) on one line.
  /\blogin[ \t]+\S{1,200}[ \t]+password[ \t]+(\S{1,500})/dgi,
  // Long options; -p and the like are too common to be told from anything else.
  /--?(?:[a-z][a-z-]{0,24}-)?(?:password|passwd|passphrase|token|secret|secret-key|api-?key|auth-?key|access-?key|psk)[ \t]+["']?([^\s"'$%@<{/-][^\s"'$`]{3,500})/dgi,
  /^[ \t]*(?:requirepass|masterauth|community|rocommunity|rwcommunity)[ \t]+["']?([^\s"'$<@]{3,300})/dgim,
  // wg(8): `preshared-key <(echo KEY)`.
  /\b(?:private|preshared)-key[ \t]+<\([ \t]*(?:echo|printf)[ \t]+(?:-\w[ \t]+|'%s'[ \t]+)?["']?([A-Za-z0-9+/]{42,43}=)/dg,
];

const netrcPassword = /\b(?:password|account)[ \t\n]+(\S{1,500})/dg;

/** `password = value`, in whatever format: the word ends the key, so that `PASSWORD_FILE=` and `PasswordAuthentication` are none. */
const assignment =
  /(?:passw(?:or)?d|passphrase|(?<![a-z])pass(?:wd)?|pwd|secret|token|api[_-]?key|auth[_-]?key|private[_-]?key|pre-?shared[_-]?key|pre-?sharekey|psk|access[_-]?key(?:[_-]?secret)?|secret[_-]?(?:access[_-]?)?key(?:[_-]?base)?|encryption[_-]?key|signing[_-]?key|master[_-]?key|session[_-]?key|wep[_-]?key\d?|pass(?:word)?[_-]?hash|hashed[_-]?password|client[_-]?secret|credentials?|webhook[_-]?url|access[_-]?tokens?|setcredential)(?:\d{1,3})?(\\?["'])?[ \t]{0,8}(=>|[:=])[ \t]{0,8}/gi;

/**
 * Values that only point at a secret or say that there is one: a path, a variable, a placeholder, an encrypted value, a plain word of some
 * format.
 */
const pointer =
  /^(?:[/~%$@<{[(*!]|\.\.?\/|ENC\[|ext:|file:|env:|vault:|\\?["']?\$|\$\(|`|(?:true|false|yes|no|on|off|null|none|nil|undefined|empty|required?|requisite|optional|sufficient|include|enabled?|disabled?|default|auto|ask|prompt|always|never|allow|deny|string|str|int|bool|path|all|files?|systemd|compat|ldap|sss|winbind|literal|basic|digest|plain|internal|external|x|xxx+|\*+|\.\.\.|…|\d{1,3})(?=[\s,;:)}\]"'\\]|$))/i;

/** A key of 32 bytes in base64 (wg(8)): one of them in sixty-four begins with a slash, and is no path. */
const key32 = /^[A-Za-z0-9+/]{43}=(?![A-Za-z0-9+/=])/;
const pointsAt = (value: string): boolean => pointer.test(value) && !key32.test(value);

/** All ranges that look like secrets, unsorted and possibly overlapping. */
export function secretRanges(text: string, path: string): Range[] {
  const ranges: Range[] = [];
  for (const pattern of whole) for (const match of text.matchAll(pattern)) ranges.push([match.index, match.index + match[0].length]);
  const patterns = /netrc(?:$|[^a-z])/i.test(path) ? [...grouped, netrcPassword] : grouped;
  for (const pattern of patterns) for (const match of text.matchAll(pattern)) pushGroup(ranges, match);
  assignments(text, ranges);
  privateKeys(text, ranges);
  return ranges;
}

function pushGroup(ranges: Range[], match: RegExpExecArray): void {
  const range = match.indices?.[1];
  if (range !== undefined && !pointsAt(text(match, range))) ranges.push(range);
}
const text = (match: RegExpExecArray, range: Range): string => match.input.slice(range[0], Math.min(range[1], range[0] + 64));

function assignments(input: string, ranges: Range[]): void {
  assignment.lastIndex = 0;
  for (let match = assignment.exec(input); match !== null; match = assignment.exec(input)) {
    const start = match.index + match[0].length;
    const keyStart = match.index;
    const value = assignedValue(input, start, { quoteBefore: match[1] !== undefined, colon: match[2] === ":", keyStart });
    if (value === undefined) continue;
    const [from, to] = value;
    if (to - from < 3 || pointsAt(input.slice(from, Math.min(to, from + 64)))) continue;
    if (/access[_-]?tokens?$/i.test(match[0].replace(/["'\s=:>]+$/, ""))) hostTokens(input, from, to, ranges);
    else ranges.push(value);
    // What stands in the value is the value's: a second key inside it is no second secret.
    assignment.lastIndex = Math.max(to, assignment.lastIndex);
  }
}

type Assigned = { readonly quoteBefore: boolean; readonly colon: boolean; readonly keyStart: number };

function assignedValue(input: string, start: number, how: Assigned): Range | undefined {
  const escaped = input[start] === "\\" ? 1 : 0;
  const quote = input[start + escaped];
  if (quote === '"' || quote === "'") {
    const open = start + escaped + 1;
    const close = closingQuote(input, open, quote, escaped === 1);
    return [open, close];
  }
  // `"key": value` of JSON without quotes is a number or a word, and no secret.
  if (how.quoteBefore && how.colon) return undefined;
  const lineEnd = endOfLine(input, start);
  const beforeKey = input.slice(Math.max(0, how.keyStart - 64), how.keyStart);
  const startsLine = /(?:^|\n)[ \t]*[\w.-]*$/.test(beforeKey);
  // `passwd: files` of nsswitch.conf, `NOPASSWD: ALL` of sudoers.
  if (how.colon && /passwd[ \t]*:/i.test(input.slice(how.keyStart, start))) return undefined;
  let end = start;
  if (startsLine) end = lineEnd;
  else while (end < lineEnd && !/[\s"',;&)}\]<>|`]/.test(input[end] ?? "")) end += 1;
  const trimmed = input.slice(start, end).replace(/[\s;,"']+$/, "");
  return [start, start + trimmed.length];
}

function closingQuote(input: string, open: number, quote: string, escaped: boolean): number {
  const limit = Math.min(input.length, open + 8192);
  for (let at = open; at < limit; at += 1) {
    if (input[at] === "\n") return at;
    if (escaped && input[at] === "\\" && input[at + 1] === quote) return at;
    if (!escaped && input[at] === "\\") at += 1;
    else if (input[at] === quote) return at;
  }
  return limit;
}

const endOfLine = (input: string, start: number): number => {
  const end = input.indexOf("\n", start);
  return end === -1 ? input.length : end;
};

/** nix.conf(5): `access-tokens = github.com=… gitlab.com=PAT:…`: the hosts stay to be seen. */
function hostTokens(input: string, from: number, to: number, ranges: Range[]): void {
  for (const match of input.slice(from, to).matchAll(/([^\s=]{1,255}=)?(\S{3,})/g)) {
    const start = from + match.index + (match[1]?.length ?? 0);
    ranges.push([start, start + (match[2]?.length ?? 0)]);
  }
}

const keyBody = /[A-Za-z0-9+/=\s\\:,.()-]*/y;

/**
 * PEM (RFC 7468) and OpenPGP armour: from the first line to the last, also where line ends are written as `\n`. Without a last line, as
 * far as it looks like one.
 */
function privateKeys(input: string, ranges: Range[]): void {
  const begin = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
  let end = -2;
  for (let match = begin.exec(input); match !== null; match = begin.exec(input)) {
    const bodyStart = match.index + match[0].length;
    if (end !== -1 && end < bodyStart) end = input.indexOf("-----END ", bodyStart);
    let bodyEnd = end;
    if (end === -1 || end - bodyStart > 20_000) {
      keyBody.lastIndex = bodyStart;
      keyBody.test(input);
      bodyEnd = Math.max(bodyStart, keyBody.lastIndex);
    }
    if (bodyEnd > bodyStart) ranges.push([bodyStart, bodyEnd]);
    begin.lastIndex = bodyEnd;
  }
}
