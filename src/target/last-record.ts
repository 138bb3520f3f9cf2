import type { RemoteRecord } from "../io/ports.ts";

/** The value of the last record of that name. */
export function lastRecord(records: readonly RemoteRecord[], name: string): string | undefined {
  return records.findLast((record) => record.name === name)?.value;
}
