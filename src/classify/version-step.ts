/** How far apart two versions are, by their first two numbers: `16.10` → `17.6` is a major step, `1.15.4` → `1.16.0` a minor one. */
export type VersionStep = {
  readonly down: boolean;
  readonly level: "none" | "patch" | "minor" | "major";
  /** Majors that lie between and are jumped over. */ readonly skipped: number;
};

/** Leading numbers of a version. `1.33.6+k3s1` is [1, 33, 6]; a version without any (`unstable`) is empty. */
export function numbers(version: string): number[] {
  const match = /^[^\d]{0,8}(\d+(?:[.]\d+)*)/.exec(version);
  return match?.[1] === undefined ? [] : match[1].split(".").map(Number);
}

export function step(from: string, to: string): VersionStep {
  const [a, b] = [numbers(from), numbers(to)];
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index).find((index) => (a[index] ?? 0) !== (b[index] ?? 0));
  if (at === undefined) return { down: false, level: from === to ? "none" : "patch", skipped: 0 };
  const down = (b[at] ?? 0) < (a[at] ?? 0);
  const level = at === 0 ? "major" : at === 1 ? "minor" : "patch";
  return { down, level, skipped: at === 0 && !down ? (b[0] ?? 0) - (a[0] ?? 0) - 1 : 0 };
}

const levels = ["none", "patch", "minor", "major"] as const;
export const atLeast = (level: VersionStep["level"], wanted: VersionStep["level"]): boolean =>
  levels.indexOf(level) >= levels.indexOf(wanted);
