import { expect, test } from "vitest";
import { finishing } from "../../src/deploy/finishing.ts";

test("a run that has begun nothing ends at once", () => {
  const stop = new AbortController();
  const { signal } = finishing(stop.signal);
  expect(signal.aborted).toBe(false);
  stop.abort();
  expect(signal.aborted).toBe(true);
});

test("what was begun comes to its end first, whatever that is", async () => {
  const stop = new AbortController();
  const { signal, finish } = finishing(stop.signal);
  let end = (): void => {};
  const work = finish(() => new Promise<void>((_, reject) => (end = () => reject(new Error("its own trouble")))));
  let other = (): void => {};
  const second = finish(() => new Promise<string>((resolve) => (other = () => resolve("done"))));
  stop.abort();
  expect(signal.aborted).toBe(false);
  end();
  await expect(work).rejects.toThrow("its own trouble");
  expect(signal.aborted).toBe(false);
  other();
  expect(await second).toBe("done");
  expect(signal.aborted).toBe(true);
});

test("a run that was cancelled before it began is over", () => {
  expect(finishing(AbortSignal.abort()).signal.aborted).toBe(true);
});
