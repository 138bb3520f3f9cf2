#!/usr/bin/env node
import "./node-version.ts";

/**
 * The shell's entry. The program itself is loaded only after the check of Node's version: an old Node fails while it links imports that it does not have, before
 * the first line of ours could say so.
 */
await import("./zod-settings.ts");
const { keepCompiledCode } = await import("./io/code-cache.ts");
// The tools of a session run where that session has its home.
if (process.argv[2] !== "session-tools") keepCompiledCode(process.env);
const { shellMain } = await import("./commands/shell-main.ts");
// src/ and dist/ both lie directly below the program's directory.
const code = await shellMain(`${import.meta.dirname}/..`);
// Nothing is left to be done, and Node would still finish what it compiles in the background and take its heap apart. What was written may be on its way to a slow reader.
for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => void stream.write("", resolve));
process.exit(code);
