import "./node-version.ts";

/**
 * The Action's entry. The program itself is loaded only after the check of Node's version: an old Node fails while it links imports that it does not have, before
 * the first line of ours could say so. Runs unconditionally: a runner starts it through a symbolic link, where "am I the main module?" is answered wrongly.
 */
await import("./zod-settings.ts");
const [{ actionMain }, { rootOf, runGate }] = await Promise.all([import("./commands/action-main.ts"), import("./commands/action-gate.ts")]);
const root = rootOf(import.meta.dirname);
process.exitCode = await actionMain(runGate(root), async (request, world) =>
  (await import("./commands/action-goal.ts")).goalByAction(request, world, root),
);
