/**
 * How many evaluations run side by side. One takes a core and from 0.5 GB (a small server) to 4.5 GB (a desktop with a large package set); the guess is the low
 * end of what real fleets need, and memory is never promised twice.
 */
export function poolSize(machine: { readonly cores: number; readonly freeMemoryBytes: number }, perJobBytes = 1024 ** 3): number {
  return Math.max(1, Math.min(machine.cores, Math.floor(machine.freeMemoryBytes / perJobBytes)));
}

/** Runs `work` for every item, at most `size` at a time, in order of the items. Rejects with the first rejection, after what had begun has ended. */
export async function inPool<T>(items: readonly T[], size: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const errors: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (errors.length > 0) return;
      try {
        await work(item);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(size, items.length)) }, worker));
  if (errors.length > 0) throw errors[0];
}
