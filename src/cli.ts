#!/usr/bin/env node
import "./node-version.ts";

/**
 * The shell's entry. The program itself is loaded only after the check of Node's version: an old Node fails while it links imports that it does not have, before
 * the first line of ours could say so.
 */
await import("./zod-settings.ts");
const { shellMain } = await import("./commands/shell-main.ts");
// src/ and dist/ both lie directly below the program's directory.
process.exitCode = await shellMain(`${import.meta.dirname}/..`);
