/** A repository on a forge, as the url of a git remote names it. */
export type ForgeRepository = {
  /** `https://git.example.org`, with the port where the url is one of http(s). */
  readonly origin: string;
  readonly host: string;
  readonly owner: string;
  readonly name: string;
  /** What the host's name alone tells. */
  readonly kind: "github" | "forgejo" | undefined;
};

const word = /^[A-Za-z0-9_.-]{1,100}$/;

/**
 * Reads the url of a remote: `https://host/owner/name.git`, `ssh://git@host:2222/owner/name`, `git@host:owner/name.git`. Undefined for what names no forge: a path, a
 * bundle, a url with more or fewer words. A forge below a path (`https://host/git/owner/name`) keeps that path in its origin. Credentials in it are dropped.
 */
export function parseRemote(url: string): ForgeRepository | undefined {
  const text = url.trim();
  const scp = /^(?:[A-Za-z0-9_.-]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)\/?(.+)$/.exec(text);
  if (!/^[a-z+]+:\/\//i.test(text)) return scp === null ? undefined : repositoryOf(`https://${scp[1] ?? ""}`, scp[2] ?? "");
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, host, pathname } = new URL(text);
  if (hostname === "") return undefined;
  if (protocol === "https:" || protocol === "http:") return repositoryOf(`${protocol}//${host}`, pathname);
  // The port of ssh is none of the web's.
  if (protocol === "ssh:" || protocol === "git+ssh:") return repositoryOf(`https://${hostname}`, pathname);
  return undefined;
}

function repositoryOf(origin: string, path: string): ForgeRepository | undefined {
  const words = path
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split("/")
    .filter((one) => one !== "");
  const [owner, name] = words.slice(-2);
  if (owner === undefined || name === undefined || !words.every((one) => word.test(one) && one !== "." && one !== "..")) return undefined;
  const below = words.slice(0, -2);
  if (!URL.canParse(origin)) return undefined;
  const { host, hostname } = new URL(origin);
  // GitHub's ssh by way of its https port.
  const known = hostname === "ssh.github.com" ? "github.com" : hostname;
  const shown = known === hostname ? origin : "https://github.com";
  return {
    origin: below.length === 0 ? shown : `${shown}/${below.join("/")}`,
    host: known === hostname ? host : known,
    owner,
    name,
    kind: known === "github.com" || known.endsWith(".ghe.com") ? "github" : known === "codeberg.org" ? "forgejo" : undefined,
  };
}

/** Where a forge's API is. */
export function apiUrlOf({ origin, host }: Pick<ForgeRepository, "origin" | "host">, kind: "github" | "forgejo"): string {
  if (kind === "forgejo") return `${origin}/api/v1`;
  if (host === "github.com") return "https://api.github.com";
  return host.endsWith(".ghe.com") ? `https://api.${host}` : `${origin}/api/v3`;
}
