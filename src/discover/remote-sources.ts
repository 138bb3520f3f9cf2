import { gateError } from "../failure.ts";
import { parseFlakeref } from "./flakeref.ts";
import type { Source, SourceRequest, Sources } from "./source.ts";

/** Fetched by Nix, so both sides are flakerefs and nothing is known of them yet. */
export function remoteSources(request: SourceRequest, url: string): Sources {
  if (request.event.kind !== "shell")
    throw gateError("source-unusable", {
      flake: request.flake,
      problem: "on a forge the gate looks at what is checked out",
      next: `Set the input "flake" to a path in the repository.`,
    });
  const source = (ref: string): Source => ({ url: ref, shown: ref, rev: undefined, dirty: false, trust: "unreviewed" });
  const { base } = request.event;
  if (base !== undefined && parseFlakeref(base).kind !== "remote")
    throw gateError("source-unusable", {
      flake: request.flake,
      problem: "its base has to be a flakeref too",
      next: `nixos-deploy-gate plan ${request.flake} --base github:OWNER/REPO/REV`,
    });
  return {
    head: source(url),
    base: base === undefined ? undefined : source(base),
    ...(base === undefined ? { baseMissing: "no base was named" } : {}),
    lockFindings: [],
    lockRead: false,
    readable: [],
  };
}
