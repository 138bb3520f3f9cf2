import { statfsSync } from "node:fs";

/** Bytes that an ordinary user may still write below a path; undefined where it is not there. */
export function freeBytes(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    // Not there, or not to be looked at: said as "not known".
    return undefined;
  }
}
