import { join } from "node:path";
import { defineConfig } from "rolldown";

/** Two entries, one program: what a runner starts and what a shell starts. Node's own modules stay outside, everything else is in. */
export default defineConfig({
  input: { main: "src/main.ts", cli: "src/cli.ts" },
  platform: "node",
  external: [/^node:/],
  resolve: { alias: { undici$: join(import.meta.dirname, "undici.js") } },
  output: { format: "esm", minify: true, entryFileNames: "[name].js", chunkFileNames: "[name].js" },
});
