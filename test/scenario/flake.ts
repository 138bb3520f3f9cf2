import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A repository of a scenario, with real git and nothing of this machine's settings. */
export class Repository {
  readonly directory: string;

  readonly #environment: Readonly<Record<string, string>>;

  constructor(directory: string, environment: Readonly<Record<string, string>> = {}) {
    this.directory = directory;
    this.#environment = environment;
    mkdirSync(directory, { recursive: true });
    this.git("init", "--quiet", "--initial-branch=main");
  }

  git(...words: readonly string[]): string {
    const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
    return execFileSync("git", [...identity, "-C", this.directory, ...words], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.directory, path)), { recursive: true });
      writeFileSync(join(this.directory, path), text);
    }
  }

  copy(from: string): void {
    cpSync(from, this.directory, { recursive: true });
  }

  read(path: string): string {
    return readFileSync(join(this.directory, path), "utf8");
  }

  /** Commits everything and gives the commit's id. */
  commit(message = "Test"): string {
    this.git("add", "--all");
    this.git("commit", "--quiet", "--allow-empty", "--message", message);
    return this.git("rev-parse", "HEAD");
  }
}

/** The least that counts as a NixOS system, as a function in the flake: `system { name = …; more = "shell commands in $out"; }`. */
const system = `
      system = { name, more ? "", unit ? "" }: { config.system.build.toplevel = derivation {
        name = "nixos-system-\${name}-26.05";
        system = "x86_64-linux";
        builder = "/bin/sh";
        PATH = "/usr/bin:/bin";
        args = [ "-euc" ''
          mkdir -p "$out/etc/systemd/system" "$out/bin"; cd "$out"
          printf 26.05.test > nixos-version
          printf x86_64-linux > system
          printf "systemd 2" > init-interface-version
          printf quiet > kernel-params
          echo "#!/bin/sh" > activate
          echo "#!/bin/sh" > bin/switch-to-configuration
          chmod +x activate bin/switch-to-configuration
          printf '%s' '\${unit}' > etc/systemd/system/hello.service
          \${more}
        '' ];
      }; };`;

/** A flake whose outputs are this Nix text; \`system\` is in scope. */
export const flake = (outputs: string): string => `{
  outputs = { self }:
    let${system}
    in { ${outputs} };
}
`;
