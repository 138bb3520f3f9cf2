/**
 * The hunk of two texts that differ in one line, which is what most changes of a unit or a settings file are: the same lines that the general comparison gives, at a fraction of
 * its cost. Undefined where more differs, or where two comparisons could rightly say different things: beside the line stands one that is like it, or a text has no last newline.
 */
export function oneLineChange(from: readonly string[], to: readonly string[], context: number): readonly string[] | undefined {
  if (from.length !== to.length) return undefined;
  let at = 0;
  while (at < from.length && from[at] === to[at]) at += 1;
  if (at === from.length) return undefined;
  for (let rest = from.length - 1; rest > at; rest -= 1) if (from[rest] !== to[rest]) return undefined;
  const [old, now] = [from[at] as string, to[at] as string];
  // A line that also stands next to it could as well be the one that stayed.
  for (const beside of [from[at - 1], from[at + 1]]) if (beside === old || beside === now) return undefined;
  const start = Math.max(0, at - context);
  const end = Math.min(from.length, at + 1 + context);
  const range = `${start + 1},${end - start}`;
  const same = (lines: readonly string[]): string[] => lines.map((line) => ` ${line}`);
  return [`@@ -${range} +${range} @@`, ...same(from.slice(start, at)), `-${old}`, `+${now}`, ...same(from.slice(at + 1, end))];
}
