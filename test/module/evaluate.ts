import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { NixAtHand } from "../nix/versions.ts";

export const root: string = resolve(import.meta.dirname, "../..");

export type Unit = {
  readonly description: string;
  readonly unitConfig: Readonly<Record<string, unknown>>;
  readonly serviceConfig: Readonly<Record<string, unknown>>;
  readonly timerConfig: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
} & Readonly<Record<"wants" | "after" | "before" | "requires" | "requiredBy" | "wantedBy" | "onFailure", readonly string[]>>;

/** What NixOS would make of the settings: texts of files, users, units, and the assertions that failed. */
export type Evaluated = {
  readonly failed: readonly string[];
  readonly warnings: readonly string[];
  readonly users: { readonly users: Readonly<Record<string, Readonly<Record<string, unknown>>>>; readonly groups: object };
  readonly systemd: { readonly services: Readonly<Record<string, Unit>>; readonly timers: Readonly<Record<string, Unit>> };
  readonly etc: Readonly<Record<string, { readonly mode: string; readonly text: string | null; readonly source: string | null }>>;
  readonly loader: unknown;
  readonly sshd: string;
  readonly sudoers: string;
  readonly authorizedKeys: Readonly<Record<string, string>>;
};

export function nixEval(nix: NixAtHand, expression: string): unknown {
  const directory = mkdtempSync(join(tmpdir(), "gate-module-"));
  try {
    const file = join(directory, "expression.nix");
    writeFileSync(file, expression);
    const out = execFileSync(
      join(nix.directory, "nix"),
      ["--extra-experimental-features", "nix-command", "eval", "--json", "--impure", "--file", file],
      { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PATH: nix.path } },
    );
    return JSON.parse(out);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Evaluates the module with `settings`, a Nix expression. Throws with Nix's own words where it does not evaluate. */
export function evaluate(nix: NixAtHand, settings: string, release: "new" | "old" = "new"): Evaluated {
  return nixEval(
    nix,
    `import ${root}/test/module/nixos.nix { module = ${root}/nix/module.nix; old = ${release === "old"}; settings = ${settings}; }`,
  ) as Evaluated;
}

/** Names of all options of the module, with dots. */
export function optionNames(nix: NixAtHand): string[] {
  return nixEval(
    nix,
    `import ${root}/test/module/nixos.nix { module = ${root}/nix/module.nix; settings = { }; names = true; }`,
  ) as string[];
}
