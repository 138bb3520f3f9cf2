import { guardedFetch } from "./guarded-fetch.ts";

/**
 * What kind of forge answers at an address, by asking it without any token: `/api/forgejo/v1/version` is Forgejo's alone, `/api/v1/version` also Gitea's, and
 * `/api/v3/meta` is GitHub Enterprise Server's. Undefined where nothing answers in time, or something else does.
 */
export async function askForgeKind(origin: string, timeoutSeconds = 5): Promise<"github" | "forgejo" | undefined> {
  const get = guardedFetch(new URL(origin).origin, fetch, timeoutSeconds * 1000);
  const has = async (path: string, key: string): Promise<boolean> => {
    try {
      const response = await get(`${origin}${path}`, { headers: { accept: "application/json", "user-agent": "nixos-deploy-gate" } });
      const said: unknown = response.ok ? await response.json() : undefined;
      return typeof said === "object" && said !== null && key in said;
    } catch {
      // No route, no answer, no JSON, somewhere else: it is not known, and the caller asks a person.
      return false;
    }
  };
  const [forgejo, gitea, enterprise] = await Promise.all([
    has("/api/forgejo/v1/version", "version"),
    has("/api/v1/version", "version"),
    has("/api/v3/meta", "installed_version"),
  ]);
  if (forgejo || gitea) return "forgejo";
  return enterprise ? "github" : undefined;
}
