import * as z from "zod";
import type { ForgeClient } from "./forge-client.ts";
import type { Permission, Result } from "./ports.ts";

const Answer = z.object({ permission: z.string(), user: z.object({ login: z.string() }).nullish() });

/** Forgejo says `owner` besides; GitHub folds its finer roles into these four (`maintain` is write, `triage` is read). */
const words: ReadonlyMap<string, Permission> = new Map([
  ["owner", "admin"],
  ["admin", "admin"],
  ["write", "write"],
  ["read", "read"],
  ["none", "none"],
]);

/** Names of people on both forges, and of apps on GitHub. Whatever else would change the path that is asked. */
const Login = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:\[bot\])?$/;

/**
 * What a user may do in the repository, from `GET …/collaborators/{login}/permission`, on both forges the same. Forgejo answers 403 unless the token is that of an
 * administrator of the repository or of the user itself, so a job's own token never learns it there; GitHub answers 404 for what is no user, apps among them.
 * Both are `unknown`, and so is an answer about somebody else.
 */
export async function askPermission(
  client: ForgeClient,
  at: { readonly owner: string; readonly repo: string },
  login: string,
  needs: string,
): Promise<Result<Permission>> {
  const unknown = { ok: true, value: "unknown" } as const;
  if (!Login.test(login)) return unknown;
  const asked = await client.ask({
    route: "GET /repos/{owner}/{repo}/collaborators/{username}/permission",
    parameters: { ...at, username: login },
    doing: `asking what ${login} may do`,
    permission: needs,
    repeatable: true,
    answer: Answer,
  });
  if (!asked.ok) return asked.status === 403 || asked.status === 404 ? unknown : { ok: false, failure: asked.failure };
  const { permission, user } = asked.value;
  if (user?.login !== undefined && user.login.toLowerCase() !== login.toLowerCase()) return unknown;
  return { ok: true, value: words.get(permission) ?? "unknown" };
}
