import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { inPool, poolSize } from "../../src/build/pool.ts";

const gibibyte = 1024 ** 3;

test.each([
  [{ cores: 2, freeMemoryBytes: 16 * gibibyte }, 2],
  [{ cores: 64, freeMemoryBytes: 10 * gibibyte }, 10],
  [{ cores: 8, freeMemoryBytes: gibibyte / 2 }, 1],
])("a pool for %j has %i places", (machine, size) => {
  expect(poolSize(machine)).toBe(size);
});

test("runs everything once, in order, never more than fit side by side", async () => {
  let now = 0;
  let most = 0;
  const begun: number[] = [];
  await inPool([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item);
    most = Math.max(most, ++now);
    await sleep(item % 2 === 0 ? 1 : 5);
    now--;
  });
  expect([begun, most]).toEqual([[1, 2, 3, 4, 5, 6], 2]);
  await inPool([], 3, () => Promise.reject(new Error("nothing to do")));
});

test("begins nothing new after an error, and waits for what had begun", async () => {
  const ended: number[] = [];
  const run = inPool([1, 2, 3, 4], 2, async (item) => {
    if (item === 1) throw new Error("one");
    await sleep(20);
    ended.push(item);
  });
  await expect(run).rejects.toThrow("one");
  expect(ended).toEqual([2]);
});
