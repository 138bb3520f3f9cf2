/** A rectangle for each size, in the order given; `x` and `y` are its upper left corner. */
export type Tile = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/**
 * Rectangles whose areas are as the sizes and whose sides are near to equal: the squarified layout of Bruls, Huizing and van Wijk (2000). Sizes are positive and in
 * descending order. Pure.
 */
export function squarified(sizes: readonly number[], width: number, height: number): Tile[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= 0) return [];
  const areas = sizes.map((size) => (size / total) * width * height);
  const tiles: Tile[] = [];
  let room = { x: 0, y: 0, width, height };
  for (let from = 0; from < areas.length;) {
    const side = Math.max(Math.min(room.width, room.height), Number.MIN_VALUE);
    let until = from + 1;
    let sum = areas[from] as number;
    let worst = ratio(sum, areas[from] as number, areas[from] as number, side);
    while (until < areas.length) {
      const more = sum + (areas[until] as number);
      const next = ratio(more, areas[from] as number, areas[until] as number, side);
      if (next > worst) break;
      [sum, worst, until] = [more, next, until + 1];
    }
    const depth = Math.min(sum / side, Math.max(room.width, room.height));
    const beside = room.width >= room.height;
    let at = 0;
    for (const area of areas.slice(from, until)) {
      const length = depth === 0 ? 0 : area / depth;
      tiles.push(
        beside ? { x: room.x, y: room.y + at, width: depth, height: length } : { x: room.x + at, y: room.y, width: length, height: depth },
      );
      at += length;
    }
    room = beside
      ? { ...room, x: room.x + depth, width: Math.max(0, room.width - depth) }
      : { ...room, y: room.y + depth, height: Math.max(0, room.height - depth) };
    from = until;
  }
  return tiles;
}

/** How far from square the worst rectangle of a row is: the row's area, its largest and its smallest, along a side. */
const ratio = (sum: number, largest: number, smallest: number, side: number): number =>
  Math.max((side * side * largest) / (sum * sum), (sum * sum) / (side * side * smallest));
