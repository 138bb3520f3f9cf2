import { creator } from "@secretlint/secretlint-rule-preset-recommend";
import { secretRanges, type Range } from "./secret-patterns.ts";
import { mayHoldSecret } from "./secret-triggers.ts";

/**
 * Takes secrets out of text before anyone sees it. The store is readable by everyone on a host, so a secret in it is a mistake already; a
 * comment on a pull request would carry the mistake to the whole world. Whatever could be shown or sent goes through here.
 *
 * Two nets: secretlint's recommended preset for the tokens of well-known services, and our own patterns for what NixOS hosts carry
 * (WireGuard, age, wifi, password hashes, private keys, `password = …`). A text that asks the scanner to look away (`secretlint-disable`)
 * is not obeyed: a stranger wrote it.
 */
export type Redacted = { readonly text: string; /** How many values were taken out. */ readonly count: number };

/**
 * Numbers the secrets of one comparison: `<redacted 1>` and `<redacted 2>` are different values, the same number is the same value. The
 * number says nothing about the value and is the same in every run, so a text that quotes it can be compared with one of another run (an
 * approval is). Give both sides of a comparison the same numbers.
 */
export type RedactionNumbers = Map<string, number>;

export type RedactionContext = {
  /** Where the text comes from, `/etc/wpa_supplicant.conf`: a few formats are known by their names. */
  readonly path?: string;
  readonly numbers?: RedactionNumbers;
};

/** Replaces what looks like a secret. Linear in the text. */
export function redact(text: string, context: RedactionContext = {}): Redacted {
  return mayBeRedacted(text, context.path) ? replaced(text, scannerRanges(text), context) : { text, count: 0 };
}

/** What cannot hold a secret is not searched for one. In a netrc any word behind `account` is one. */
const mayBeRedacted = (text: string, path: string | undefined): boolean =>
  text.length >= shortest && (mayHoldSecret(text) || (path !== undefined && /netrc/i.test(path)));

/** No secret is shorter. */
const shortest = 6;

function replaced(text: string, scanned: readonly Range[], context: RedactionContext): Redacted {
  const ranges = merged([...secretRanges(text, context.path ?? ""), ...scanned]);
  if (ranges.length === 0) return { text, count: 0 };
  const numbers = context.numbers ?? new Map<string, number>();
  const parts: string[] = [];
  let at = 0;
  for (const [start, end] of ranges) {
    parts.push(text.slice(at, start), marker(text.slice(start, end), numbers));
    at = end;
  }
  parts.push(text.slice(at));
  return { text: parts.join(""), count: ranges.length };
}

/** Both sides of a comparison with shared numbers. `redacted` where anything was taken out of either. */
export function redactPair(
  from: string,
  to: string,
  path?: string,
): { readonly from: string; readonly to: string; readonly redacted: boolean } {
  // No pattern reaches across both texts without one of its words in either.
  if (!mayBeRedacted(from, path) && !mayBeRedacted(to, path)) return { from, to, redacted: false };
  const numbers: RedactionNumbers = new Map();
  const context = path === undefined ? { numbers } : { numbers, path };
  const scanned = scannerRangesOfPair(from, to);
  const before = replaced(from, scanned.from, context);
  const after = replaced(to, scanned.to, context);
  return { from: before.text, to: after.text, redacted: before.count + after.count > 0 };
}

/** Keeps the line count of what it replaces, so that a key of thirty lines that changes is still one block in a diff. */
function marker(value: string, numbers: RedactionNumbers): string {
  const number = numbers.get(value) ?? numbers.size + 1;
  numbers.set(value, number);
  return `<redacted ${number}>`;
}

function merged(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  const result: [number, number][] = [];
  for (const [start, end] of sorted) {
    const last = result.at(-1);
    if (last !== undefined && start < last[1]) last[1] = Math.max(last[1], end);
    else if (end > start) result.push([start, end]);
  }
  return result;
}

type Report = { readonly range: readonly [number, number] };
type ScannerRule = { readonly create: (context: ScannerContext, options: object) => { readonly file?: (source: object) => unknown } };
type ScannerContext = {
  readonly sharedOptions: object;
  readonly createTranslator: () => () => object;
  readonly ignore: () => void;
  readonly report: (report: Report) => void;
};

let scanner: ((text: string) => Range[]) | undefined;

/**
 * Runs the preset's rules by hand: secretlint's own engine is asynchronous and obeys disabling comments. Its rules report at once for
 * text; only files whose name says PKCS #12 are read elsewhere, and no name is given here.
 */
function scannerRanges(text: string): Range[] {
  scanner ??= makeScanner();
  return scanner(text);
}

/** Two texts are scanned as one, a gap of lines between them. What is found across the gap counts for both sides: rather too much than too little. */
const gap = "\n\n";

/** The scanner costs the same for a line as for a page, and a fleet has thousands of pairs of lines. */
function scannerRangesOfPair(from: string, to: string): { readonly from: readonly Range[]; readonly to: readonly Range[] } {
  if (from.length < shortest || to.length < shortest || from.length + to.length > pieceLength) {
    return { from: from.length < shortest ? [] : scannerRanges(from), to: to.length < shortest ? [] : scannerRanges(to) };
  }
  const ranges = scannerRanges(`${from}${gap}${to}`);
  const start = from.length + gap.length;
  return {
    from: ranges.filter(([begin]) => begin < from.length).map(([begin, end]) => [begin, Math.min(end, from.length)]),
    to: ranges.filter(([, end]) => end > start).map(([begin, end]) => [Math.max(0, begin - start), end - start]),
  };
}

/** Pieces keep a rule that is not linear from costing more than a piece squared. They overlap by what a token can be long. */
const pieceLength = 32_768;
const overlap = 512;

function makeScanner(): (text: string) => Range[] {
  let found: Range[] = [];
  let base = 0;
  const context: ScannerContext = {
    sharedOptions: {},
    createTranslator: () => () => ({ message: "", messageId: "" }),
    ignore: () => {},
    report: ({ range }) => found.push([base + range[0], base + range[1]]),
  };
  const rules: ScannerRule[] = [];
  const preset = creator as unknown as { create: (context: { registerRule: (rule: ScannerRule) => void }, options: object) => void };
  preset.create({ registerRule: (rule) => rules.push(rule) }, {});
  const scanners = rules.map((rule) => rule.create(context, {}).file).filter((file) => file !== undefined);
  return (text) => {
    found = [];
    for (base = 0; base < text.length; base += pieceLength) {
      const content = text.slice(base, base + pieceLength + overlap);
      const source = { content, contentType: "text", ext: "", filePath: "" };
      for (const scan of scanners) scan(source);
    }
    return found;
  };
}
