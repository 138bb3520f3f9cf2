import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./run-command.ts";

/** The version that the tests run against; what an operator without one is told to install. */
export const pinnedVersion = "2.1.330";

/** What the registry serves for it, as its own packages for glibc say: the archive's integrity and the SHA-256 of the one program in it. */
const pinned: Readonly<Record<string, { readonly package: string; readonly integrity: string; readonly sha256: string }>> = {
  "linux-x64": {
    package: "@anthropic-ai/claude-code-linux-x64",
    integrity: "sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==",
    sha256: "f390eaa0814e6a1bff74cbb47acb74cb9c89d30ced809fe0af5af00c7bfe8ebb",
  },
  "linux-arm64": {
    package: "@anthropic-ai/claude-code-linux-arm64",
    integrity: "sha512-V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA==",
    sha256: "6016f90cac783e367fb1aa97c768a2efb94a0128a5b46b70fb3d8fcbbd9dd444",
  },
};

export type InstallOptions = {
  /** A directory of this run alone. */
  readonly scratch: string;
  /** Where a runner keeps tools between jobs; nothing is kept where this is undefined. */
  readonly toolCache: string | undefined;
  /** Of this process: PATH, proxies and certificates are taken from it, and the address of a registry. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  readonly signal?: AbortSignal;
  readonly pins?: typeof pinned;
};

/** Exactly what the lock file names, nothing asked besides, and not for ever. */
const quietly = [
  ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"],
  ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"],
].flat();

/** The program's path, or why there is none, as a clause. */
export type Installed = { readonly path: string } | { readonly problem: string };

/**
 * The pinned Claude Code CLI, from the runner's tool cache or from the npm registry. No code of a package runs (no install scripts), and nothing is taken on trust: the
 * archive's integrity is in this file, npm refuses another one, and the program's own hash is looked at before every use. A tool cache outlives jobs, and a job that
 * built a stranger's code may have written there: a program that was swapped would be started with the model's credential.
 */
export async function installClaude(options: InstallOptions): Promise<Installed> {
  const pin = (options.pins ?? pinned)[options.platform];
  if (pin === undefined) return { problem: `there is no pinned Claude Code for ${options.platform}` };
  const kept =
    options.toolCache === undefined ? undefined : join(options.toolCache, "claude-code", pinnedVersion, options.platform, "claude");
  if (kept !== undefined && (await hashOf(kept)) === pin.sha256) return { path: kept };

  const directory = await mkdtemp(join(options.scratch, "claude-"));
  await writeFile(join(directory, "package.json"), JSON.stringify({ private: true, dependencies: { [pin.package]: pinnedVersion } }));
  await writeFile(join(directory, "package-lock.json"), JSON.stringify(lockOf(pin)));
  const end = await runCommand({
    program: "npm",
    arguments: [...quietly, `--cache=${join(directory, "cache")}`],
    environment: npmEnvironment(options.environment, directory),
    directory,
    timeoutSeconds: 300,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (end.missing) return { problem: "there is no npm on this machine to install it with" };
  if (end.exitCode !== 0)
    return { problem: `npm could not install it: ${end.stderr.trim().split("\n").slice(0, 3).join(" ").slice(0, 300)}` };
  const path = join(directory, "node_modules", pin.package, "claude");
  if ((await hashOf(path)) !== pin.sha256) return { problem: "what npm installed is not the program that is pinned" };
  await rm(join(directory, "cache"), { recursive: true, force: true });
  await chmod(path, 0o755);
  if (kept !== undefined) await keep(path, kept);
  return { path };
}

/** For later jobs. A cache that cannot be written is no failure of this run, which has its program; the next one installs it again. */
async function keep(path: string, to: string): Promise<void> {
  const part = `${to}.${process.pid}`;
  try {
    await mkdir(join(to, ".."), { recursive: true });
    await copyFile(path, part, constants.COPYFILE_FICLONE);
    await rename(part, to);
  } catch {
    await rm(part, { force: true }).catch(() => {});
  }
}

function lockOf(pin: { readonly package: string; readonly integrity: string }): unknown {
  const name = pin.package.split("/")[1] ?? "";
  return {
    lockfileVersion: 3,
    requires: true,
    packages: {
      "": { dependencies: { [pin.package]: pinnedVersion } },
      [`node_modules/${pin.package}`]: {
        version: pinnedVersion,
        resolved: `https://registry.npmjs.org/${pin.package}/-/${name}-${pinnedVersion}.tgz`,
        integrity: pin.integrity,
      },
    },
  };
}

/** Nothing of the job's environment but what npm needs to reach a registry; the configuration of a checkout or of a home is not read. */
function npmEnvironment(given: InstallOptions["environment"], home: string): Record<string, string> {
  const environment: Record<string, string> = {
    HOME: home,
    npm_config_userconfig: join(home, "npmrc"),
    npm_config_globalconfig: join(home, "globalrc"),
  };
  const passed = ["PATH", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "npm_config_registry", "NPM_CONFIG_REGISTRY"];
  for (const name of [...passed, ...["http_proxy", "https_proxy", "no_proxy"].flatMap((proxy) => [proxy, proxy.toUpperCase()])]) {
    const value = given[name];
    if (value !== undefined && value !== "") environment[name] = value;
  }
  return environment;
}

/** Hex SHA-256 of a regular file; undefined where there is none, for a link and for what cannot be read. */
async function hashOf(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) return undefined;
      const hash = createHash("sha256");
      for await (const chunk of createReadStream(path, { fd: file.fd, autoClose: false, highWaterMark: 1 << 20 }))
        hash.update(chunk as Buffer);
      return hash.digest("hex");
    } finally {
      await file.close();
    }
  } catch {
    // Not there, or not to be read: it is installed anew.
    return undefined;
  }
}
