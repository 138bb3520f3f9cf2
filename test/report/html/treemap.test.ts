import { expect, test } from "vitest";
import { level } from "../../../src/report/html/budget.ts";
import { squarified } from "../../../src/report/html/treemap.ts";

test.each([[[6, 6, 4, 3, 2, 2, 1]], [[1]], [Array.from({ length: 121 }, (_, i) => 1e9 / (i + 1) ** 2)], [[Number.MAX_SAFE_INTEGER, 1, 1]]])(
  "areas are as the sizes, inside the picture and apart from each other",
  (sizes) => {
    const [width, height] = [960, 420];
    const tiles = squarified(sizes, width, height);
    const total = sizes.reduce((a, b) => a + b, 0);
    expect(tiles).toHaveLength(sizes.length);
    for (const [i, tile] of tiles.entries()) {
      expect(tile.width * tile.height).toBeCloseTo(((sizes[i] ?? 0) / total) * width * height, 3);
      expect(tile.x + tile.width).toBeLessThanOrEqual(width + 1e-6);
      expect(tile.y + tile.height).toBeLessThanOrEqual(height + 1e-6);
      for (const other of tiles.slice(0, i)) {
        const across = Math.min(tile.x + tile.width, other.x + other.width) - Math.max(tile.x, other.x);
        const down = Math.min(tile.y + tile.height, other.y + other.height) - Math.max(tile.y, other.y);
        expect(Math.min(across, down)).toBeLessThan(1e-6);
      }
    }
  },
);

test("the example of the paper: rows of rectangles that are near to squares", () => {
  const tiles = squarified([6, 6, 4, 3, 2, 2, 1], 6, 4);
  expect(tiles.slice(0, 2)).toEqual([
    { x: 0, y: 0, width: 3, height: 2 },
    { x: 0, y: 2, width: 3, height: 2 },
  ]);
  expect(Math.max(...tiles.map(({ width, height }) => Math.max(width / height, height / width)))).toBeLessThan(4);
});

test("nothing has no rectangles", () => {
  expect(squarified([], 10, 10)).toEqual([]);
});

test("the longest give way first, and none where all fit", () => {
  expect(level([10, 20, 30], 60)).toBe(Infinity);
  expect(level([10, 100, 100], 110)).toBe(50);
  expect(level([1, 1, 1_000], 12)).toBe(10);
  expect(level([], 0)).toBe(Infinity);
});
