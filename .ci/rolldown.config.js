import { join } from "node:path";
import { defineConfig } from "rolldown";

/** Two entries, one program: what a runner starts and what a shell starts. The third is what a thread of both starts. Node's own modules stay outside, everything else is in. */
export default defineConfig({
  input: { main: "src/main.ts", cli: "src/cli.ts", "store-database-worker": "src/io/store-database-worker.ts" },
  platform: "node",
  external: [/^node:/],
  // Parts of dependencies that are never reached from here would be a third of what a runner loads.
  resolve: {
    alias: {
      undici$: join(import.meta.dirname, "slim/undici.js"),
      "@octokit/plugin-rest-endpoint-methods$": join(import.meta.dirname, "slim/rest-endpoint-methods.js"),
      // The same parser twice, one of them for processors with SIMD: a few requests to a forge need no second one.
      "../llhttp/llhttp_simd-wasm.js": join(import.meta.dirname, "../node_modules/undici/lib/llhttp/llhttp-wasm.js"),
      "thread-stream$": join(import.meta.dirname, "slim/thread-stream.js"),
    },
  },
  output: {
    format: "esm",
    minify: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    // A file for each stage of a run instead of one for each module that two commands share: Node takes half a millisecond for a file, however small. Each takes what it
    // needs and the ones before it do not have.
    codeSplitting: {
      groups: [
        { name: "prepare", test: /\/src\/commands\/(prepare|shell-run)\.ts$/, priority: 4 },
        { name: "gate", test: /\/src\/gate\.ts$/, priority: 3 },
        { name: "judge-and-apply", test: /\/src\/judge-and-apply\.ts$/, priority: 2 },
        { name: "show-plan", test: /\/src\/commands\/show-plan\.ts$/, priority: 1 },
      ],
    },
  },
});
