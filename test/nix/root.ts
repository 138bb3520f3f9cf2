import { readFileSync } from "node:fs";

/**
 * Whether this is the machine's root. An ordinary user's tests run in a user namespace of their own, in which their number is 0 too; there everything is possible that
 * concerns their own files, and nothing that needs the machine.
 */
export const isRoot: boolean = process.getuid?.() === 0 && /^\s*0\s+0\s+4294967295\s*$/m.test(readFileSync("/proc/self/uid_map", "utf8"));
