import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

/** One file after another: each has the machine's processors to itself, and a boot is slow enough. */
export default defineConfig({
  test: {
    root: resolve(import.meta.dirname, "../.."),
    include: ["test/hosts/**/*.hosts.ts"],
    fileParallelism: false,
    // Of the tests of one file that say so, each on hosts of its own.
    maxConcurrency: 40,
    testTimeout: 180_000,
    hookTimeout: 900_000,
    teardownTimeout: 60_000,
  },
});
