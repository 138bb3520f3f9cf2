export type KernelParamsDiff = {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changedKeys: readonly { readonly key: string; readonly from: string; readonly to: string }[];
};

/**
 * Compares two kernel command lines word by word. A key that stands once on each side with another value is one change; a key that may stand many times (`console=`)
 * gains and loses words.
 */
export function diffKernelParams(from: readonly string[], to: readonly string[]): KernelParamsDiff {
  const removed = without(from, to);
  const added = without(to, from);
  const changedKeys = [];
  for (const word of removed.slice()) {
    const key = keyOf(word);
    const [olds, news] = [removed.filter((other) => keyOf(other) === key), added.filter((other) => keyOf(other) === key)];
    const [fresh] = news;
    if (olds.length !== 1 || news.length !== 1 || fresh === undefined || isRepeated(key, from, to)) continue;
    changedKeys.push({ key, from: valueOf(word), to: valueOf(fresh) });
    removed.splice(removed.indexOf(word), 1);
    added.splice(added.indexOf(fresh), 1);
  }
  return { added, removed, changedKeys };
}

/** What is in `words` more often than in `others`. */
function without(words: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const word of others) left.set(word, (left.get(word) ?? 0) + 1);
  return words.filter((word) => {
    const count = left.get(word) ?? 0;
    if (count > 0) left.set(word, count - 1);
    return count === 0;
  });
}

const isRepeated = (key: string, ...sides: readonly (readonly string[])[]): boolean =>
  sides.some((words) => words.filter((word) => keyOf(word) === key).length > 1);

/** The kernel takes `-` and `_` in a key for the same. */
const keyOf = (word: string): string => word.split("=", 1)[0]?.replaceAll("-", "_") ?? word;
const valueOf = (word: string): string => (word.includes("=") ? word.slice(word.indexOf("=") + 1) : "");
