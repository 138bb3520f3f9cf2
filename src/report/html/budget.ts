import type { Plan } from "../plan.ts";
import { detailGroups } from "../group.ts";
import { outcomeSections } from "../sections-outcome.ts";
import { sections } from "../sections.ts";

/** How long a text or a list of a page may be. `Infinity` where nothing has to be cut. */
export type Budget = { readonly characters: number; readonly lines: number };

/** Of all texts and of all lists of a page together; a browser shows such a page at once, and a forge keeps it. */
const most = { characters: 600_000, lines: 12_000 } as const;

/**
 * The length at which texts and lists are cut so that all of them fit: the largest give way first, and none more than it must. Pure.
 */
export function budgetOf(plan: Plan, allowed: { readonly characters: number; readonly lines: number } = most): Budget {
  const texts: number[] = [];
  const lists: number[] = [];
  const all = [
    ...detailGroups(plan).flatMap((group) => sections(plan, group)),
    ...plan.hosts.flatMap((host) => outcomeSections(plan, host)),
  ];
  for (const section of all) {
    lists.push(section.lines.length);
    for (const { text } of section.texts) texts.push(text.length);
  }
  return { characters: level(texts, allowed.characters), lines: level(lists, allowed.lines) };
}

/** The largest number to which all can be cut so that they fit into `room` together; `Infinity` where they do as they are. */
export function level(lengths: readonly number[], room: number): number {
  let left = room;
  const ascending = lengths.toSorted((a, b) => a - b);
  for (const [i, length] of ascending.entries()) {
    const share = left / (ascending.length - i);
    if (length > share) return Math.max(0, Math.floor(share));
    left -= length;
  }
  return Infinity;
}
