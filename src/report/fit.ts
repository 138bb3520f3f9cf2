/**
 * A part of a report that can be made shorter in steps: `at(0)` is all of it, `at(steps)` the least, each step no longer than the one before.
 */
export type Shrinkable = { readonly steps: number; readonly at: (step: number) => string };

/**
 * The texts of `parts` so that they fit into `room` together: the largest part gives way first, one step at a time, so that one huge host does not take the
 * details of the others; among equals the last, since the worst come first. Gives the step of each part too; null where even the least does not fit.
 */
export function fit(
  parts: readonly Shrinkable[],
  room: number,
  measure: (text: string) => number,
): { readonly texts: string[]; readonly steps: number[] } | null {
  const shown = parts.map((part) => {
    const text = part.at(0);
    return { part, step: 0, text, size: measure(text) };
  });
  let total = shown.reduce((sum, one) => sum + one.size, 0);
  while (total > room) {
    let largest: (typeof shown)[number] | undefined;
    for (const one of shown) if (one.step < one.part.steps && (largest === undefined || one.size >= largest.size)) largest = one;
    if (largest === undefined) return null;
    largest.step += 1;
    largest.text = largest.part.at(largest.step);
    const size = measure(largest.text);
    total += size - largest.size;
    largest.size = size;
  }
  return { texts: shown.map((one) => one.text), steps: shown.map((one) => one.step) };
}
