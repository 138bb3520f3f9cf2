/**
 * Nix's order of versions, as `builtins.compareVersions` defines it: components are runs of digits or of other characters, separated by dots and dashes; `pre`
 * sorts before everything, numbers after words, and an absent component before a number. Negative where `a` is older.
 */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [new Components(a), new Components(b)];
  while (!left.ended || !right.ended) {
    const [one, other] = [left.next(), right.next()];
    if (isBefore(one, other)) return -1;
    if (isBefore(other, one)) return 1;
  }
  return 0;
}

/** The components of a version, one after the other; empty at its end. By hand, because a fleet asks ten thousand times. */
class Components {
  readonly #version: string;
  #at = 0;

  constructor(version: string) {
    this.#version = version;
  }

  get ended(): boolean {
    return this.#at >= this.#version.length;
  }

  next(): string {
    const version = this.#version;
    while (this.#at < version.length && isSeparator(version.charCodeAt(this.#at))) this.#at += 1;
    const start = this.#at;
    const digits = isDigit(version.charCodeAt(start));
    while (this.#at < version.length) {
      const code = version.charCodeAt(this.#at);
      if (isSeparator(code) || isDigit(code) !== digits) break;
      this.#at += 1;
    }
    return version.slice(start, this.#at);
  }
}

const isSeparator = (code: number): boolean => code === 0x2d || code === 0x2e;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

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
  if (!isDigit(component.charCodeAt(0))) return undefined;
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
  if (from.length === 1 && to.length === 1) {
    const order = compareVersions(to[0] ?? "", from[0] ?? "");
    return order > 0 ? "up" : order < 0 ? "down" : "same";
  }
  const [a, b] = [from.toSorted(compareVersions), to.toSorted(compareVersions)];
  const lowest = compareVersions(b[0] ?? "", a[0] ?? "");
  const highest = compareVersions(b.at(-1) ?? "", a.at(-1) ?? "");
  if (lowest === 0 && highest === 0) return "same";
  if (lowest >= 0 && highest >= 0) return "up";
  if (lowest <= 0 && highest <= 0) return "down";
  return "mixed";
}
