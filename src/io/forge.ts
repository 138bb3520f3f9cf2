import { ForgeClient, type ForgeClientOptions } from "./forge-client.ts";
import { Forgejo } from "./forgejo.ts";
import { GitHub } from "./github.ts";
import type { Forge } from "./ports.ts";

/**
 * The forge that the runner belongs to. Its own word counts first (`FORGEJO_ACTIONS`, which also Gitea's kind of runner sets in its way); where it says nothing,
 * the address tells: GitHub serves its API at api.github.com or below /api/v3, Forgejo below /api/v1.
 */
export function connectForge(
  kind: "github" | "forgejo",
  repository: { readonly owner: string; readonly name: string },
  options: ForgeClientOptions,
): Forge {
  const client = new ForgeClient(options);
  return kind === "forgejo" || options.apiUrl.endsWith("/api/v1") ? new Forgejo(client, repository) : new GitHub(client, repository);
}
