import type { Trust } from "./ports.ts";

/** What Nix may see of the gate's environment: where programs and settings are, which proxy and certificates to use. Tokens and keys are never among it. */
const passed = [
  "PATH",
  "TMPDIR",
  "NIX_CONFIG",
  "NIX_CONF_DIR",
  "NIX_REMOTE",
  "NIX_SSL_CERT_FILE",
  "SSL_CERT_FILE",
  ...["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]),
];

/**
 * Settings in NIX_CONFIG that code from a pull request must not be run beside. The first group are secrets, or name the file with them; a process reads its own
 * environment under `/proc`. The second would sign or upload what a pull request built (invariant 4). An `include` may bring any of them.
 */
const keptBack = /^\s*!?(?:include\s|(?:extra-)?(?:access-tokens|netrc-file|impure-env|secret-key-files|post-build-hook)\s*=)/;

/**
 * For the ssh with which Nix reaches its builders and stores: nobody is there to type a password, and a builder that does not answer may not hold the run up; ssh itself
 * waits for two minutes, and for ever where somebody accepts and says nothing. ssh takes what it hears first, so what the operator says stands in front.
 */
const impatient = "-oBatchMode=yes -oConnectTimeout=10 -oServerAliveInterval=15 -oServerAliveCountMax=4";

/** The environment of a Nix command, from nothing. HOME and the XDG directories are the caller's to add. */
export function nixEnvironment(own: Readonly<Record<string, string | undefined>>, trust: Trust): Record<string, string> {
  // Nix fetches with git, which waits for ever for a server that accepts and then says nothing; Nix's own downloads have the limit in the port's settings.
  const environment: Record<string, string> = { LANG: "C.UTF-8", GIT_HTTP_LOW_SPEED_LIMIT: "1", GIT_HTTP_LOW_SPEED_TIME: "30" };
  for (const name of passed) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  environment["NIX_SSHOPTS"] = `${own["NIX_SSHOPTS"] ?? ""} ${impatient}`.trim();
  if (trust === "unreviewed" && environment["NIX_CONFIG"] !== undefined)
    environment["NIX_CONFIG"] = environment["NIX_CONFIG"]
      .split("\n")
      .filter((line) => !keptBack.test(line))
      .join("\n");
  return environment;
}
