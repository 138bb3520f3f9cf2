import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commit, git } from "../discover/checkout.ts";

/** Secrets of one try, each found nowhere else, so that whichever comes out is known by itself. */
export type Planted = {
  readonly file: string;
  readonly fileSecret: string;
  readonly pid: number;
  readonly processSecret: string;
  readonly repository: string;
  readonly rev: string;
  readonly repositorySecret: string;
  /** In the environment that the Nix port is given. */
  readonly environment: Readonly<Record<string, string>>;
  readonly all: readonly string[];
  remove(): void;
};

export function plant(directory: string): Planted {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [fileSecret, processSecret, repositorySecret, environmentSecret] = Array.from(
    { length: 4 },
    () => `planted${randomBytes(12).toString("hex")}`,
  ) as [string, string, string, string];
  const file = join(directory, "secret");
  writeFileSync(file, fileSecret, { mode: 0o600 });
  const child: ChildProcess = spawn("/bin/sh", ["-c", "read -r line"], {
    env: { TOKEN: processSecret },
    stdio: ["pipe", "ignore", "ignore"],
  });
  const repository = join(directory, "other");
  mkdirSync(repository);
  git(repository, "init", "--quiet");
  const rev = commit(repository, { secret: repositorySecret, "flake.nix": "{ outputs = _: { }; }" });
  return {
    file,
    fileSecret,
    pid: child.pid ?? 0,
    processSecret,
    repository,
    rev,
    repositorySecret,
    environment: { GITHUB_TOKEN: environmentSecret, ACTIONS_RUNTIME_TOKEN: environmentSecret, SECRET: environmentSecret },
    all: [fileSecret, processSecret, repositorySecret, environmentSecret],
    remove: () => child.stdin?.destroy(),
  };
}
