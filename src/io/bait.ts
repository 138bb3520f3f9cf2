import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bait } from "./ports.ts";

/** The directory of the bait that a jail has to show: what is in it proves that the canary's reading works at all. */
export function controlDirectory(scratch: string): string {
  const directory = join(scratch, "canary", "control");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** Plants a secret where the gate keeps its own: in the environment of a process of its kind, and in a file that only its user may read. */
export function plantBait(scratch: string): Bait {
  const [control, file, environment] = [random(), random(), random()];
  // Names of their own, because Nix remembers by its url what a fetch once gave.
  const controlPath = join(controlDirectory(scratch), random());
  const secretPath = join(scratch, "canary", `secret-${random()}`);
  writeFileSync(controlPath, control, { mode: 0o600 });
  writeFileSync(secretPath, file, { mode: 0o600 });
  const name = "NDG_CANARY";
  // Its whole environment is the secret; it ends when its stdin does, so with this process at the latest.
  const child = spawn("/bin/sh", ["-c", "read -r line"], { env: { [name]: environment }, stdio: ["pipe", "ignore", "ignore"] });
  child.on("error", () => {});
  child.stdin.on("error", () => {});
  child.unref();
  return {
    system: `${process.arch === "x64" ? "x86_64" : process.arch === "arm64" ? "aarch64" : process.arch}-${process.platform}`,
    control: { path: controlPath, text: control },
    file: { path: secretPath, text: file },
    // Without a process (no /bin/sh) nothing was planted, and the canary says so, since its pid then leads nowhere.
    process: { pid: child.pid ?? 0, secret: environment, text: `${name}=${environment}\0` },
    remove: () => {
      child.stdin.destroy();
      rmSync(join(scratch, "canary"), { recursive: true, force: true });
    },
  };
}

function random(): string {
  return randomBytes(16).toString("hex");
}
