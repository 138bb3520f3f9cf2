/**
 * Nix's order of versions, as `builtins.compareVersions` defines it: components are runs of digits or of other characters, separated by dots and dashes; `pre`
 * sorts before everything, numbers after words, and an absent component before a number. Negative where `a` is older.
 */
export function compareVersions(a: string, b: string): number {
  const left = components(a);
  const right = components(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const one = left[index] ?? "";
    const other = right[index] ?? "";
    if (isBefore(one, other)) return -1;
    if (isBefore(other, one)) return 1;
  }
  return 0;
}

function components(version: string): readonly string[] {
  return version.match(/[0-9]+|[^0-9.-]+/g) ?? [];
}

function isBefore(a: string, b: string): boolean {
  const left = integer(a);
  const right = integer(b);
  if (left !== undefined && right !== undefined) return left < right;
  if (a === "" && right !== undefined) return true;
  if (a === "pre" && b !== "pre") return true;
  if (b === "pre") return false;
  if (right !== undefined) return true;
  if (left !== undefined) return false;
  return a < b;
}

/** Nix reads a component as a C int and takes what does not fit, such as a date with a time, for a word. */
function integer(component: string): number | undefined {
  if (!/^[0-9]+$/.test(component)) return undefined;
  const value = Number(component);
  return value <= 2_147_483_647 ? value : undefined;
}

/** The first two numbers of a version, `6.12` of `6.12.58-hardened1`: what Linux calls a series. Undefined where there are no two. */
export function series(version: string): string | undefined {
  return /^(\d+\.\d+)(?!\d)/.exec(version)?.[1];
}

/** Which way a set of versions moved. `mixed` where some went up and some down. */
export type Direction = "up" | "down" | "mixed" | "same";

/**
 * Compares only what left with what came: a version that stays on both sides says nothing. Where nothing left or nothing came, what did is compared with those that stay.
 */
export function direction(from: readonly string[], to: readonly string[]): Direction {
  const left = from.filter((version) => !to.includes(version));
  const came = to.filter((version) => !from.includes(version));
  if (left.length === 0 && came.length === 0) return "same";
  if (left.length === 0) return movement(from, came);
  if (came.length === 0) return movement(left, to);
  return movement(left, came);
}

function movement(from: readonly string[], to: readonly string[]): Direction {
  const [a, b] = [from.toSorted(compareVersions), to.toSorted(compareVersions)];
  const lowest = compareVersions(b[0] ?? "", a[0] ?? "");
  const highest = compareVersions(b.at(-1) ?? "", a.at(-1) ?? "");
  if (lowest === 0 && highest === 0) return "same";
  if (lowest >= 0 && highest >= 0) return "up";
  if (lowest <= 0 && highest <= 0) return "down";
  return "mixed";
}
