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
  output: { format: "esm", minify: true, entryFileNames: "[name].js", chunkFileNames: "[name].js" },
});
