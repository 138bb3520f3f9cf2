import { resolve } from "node:path";
import type { Checkout } from "../io/ports.ts";
import type { Repository } from "./git-tree.ts";
import type { Remote } from "./merge.ts";
import type { SourceRequest } from "./source.ts";

/** The remote that was given, else the checkout's origin. A password in its url becomes a token, so that it stands in no argument list. */
export async function originOf(
  repository: Repository,
  checkout: Checkout,
  given: Remote | undefined,
  forgeToken: SourceRequest["forgeToken"],
): Promise<Remote | undefined> {
  const at: Repository = { git: repository.git, directory: checkout.root };
  const asked =
    given === undefined ? await at.git.run({ directory: at.directory, arguments: ["config", "--get", "remote.origin.url"] }) : undefined;
  const url = given?.url ?? (asked?.exitCode === 0 ? asked.stdout.replace(/\n$/, "") : undefined);
  if (url === undefined || url === "") return undefined;
  if (!URL.canParse(url)) return { url: url.startsWith("/") ? url : /^[^/]+:/.test(url) ? url : resolve(checkout.root, url) };
  const parsed = new URL(url);
  const password = decodeURIComponent(parsed.password === "" ? parsed.username : parsed.password);
  const own = forgeToken !== undefined && URL.canParse(forgeToken.serverUrl) && new URL(forgeToken.serverUrl).origin === parsed.origin;
  const token = given?.token ?? (parsed.protocol.startsWith("http") && password !== "" ? password : own ? forgeToken.token : undefined);
  if (parsed.protocol.startsWith("http")) parsed.username = parsed.password = "";
  return { url: parsed.username === "" && parsed.password === "" && !url.includes("@") ? url : parsed.href, token };
}
