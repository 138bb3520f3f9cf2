import { join } from "node:path";
import { gateError } from "../failure.ts";
import type { Git } from "../io/ports.ts";
import { judgeLock } from "./flake-lock.ts";
import { readPlainLock } from "./read-lock.ts";
import type { SourceRequest, Sources } from "./source.ts";

/** A directory that is copied into the store as it is. There is no earlier state to compare it with. */
export async function plainSources(request: SourceRequest, git: Git, path: string, directory: string): Promise<Sources> {
  const { git: found, symlinks } = await git.scan(path);
  if (found !== undefined)
    throw gateError("source-unusable", {
      flake: request.flake,
      problem: `all of it would be copied into the store, where everyone may read it, and with it ${found}, which may hold credentials`,
      next: "nixos-deploy-gate plan .   # without path:, so that only what git tracks is copied",
    });
  if ((await git.readFile(join(path, directory, "flake.nix"), 0)).kind === "missing")
    throw gateError("not-a-flake", { flake: request.flake });
  const lock = await readPlainLock(git, join(path, directory), request.flake);
  const escaped = path.split("/").map(encodeURIComponent).join("/");
  return {
    head: {
      url: `path:${escaped}${directory === "" ? "" : `?dir=${encodeURIComponent(directory)}`}`,
      shown: request.flake,
      rev: undefined,
      dirty: true,
      trust: request.event.kind === "pull-request" ? "unreviewed" : (request.event.trust ?? "unreviewed"),
    },
    base: undefined,
    baseMissing: "a directory without git has no earlier state",
    lockFindings: lock === undefined ? [] : judgeLock(lock, undefined, { directory, symlinks }),
    lockRead: true,
    readable: [path],
  };
}
