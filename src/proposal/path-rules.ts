import type { GoalsPolicy } from "../policy-goals.ts";

/** What the operator says of proposals: where they may change something, and where goals are, which they may not. */
export type Bounds = Pick<GoalsPolicy, "paths" | "directory">;

/**
 * Which files of the repository a proposal may change. A session that reads logs and alerts may be talked into anything, so what decides over the gate, over who gets in,
 * and over what the next session is told is out of its reach: workflows run with the deploy key, keys open hosts, instructions steer sessions, attributes and hooks run
 * programs at the next checkout.
 */
const never: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/(?:^|\/)\.(?:github|forgejo|gitea|gitlab|woodpecker|circleci|buildkite)(?:\/|$)/i, "it is where workflows are"],
  [/(?:^|\/)\.(?:gitlab-ci|woodpecker|drone|travis)\.ya?ml$/i, "it is a workflow"],
  [/(?:^|\/)(?:CLAUDE|AGENTS|GEMINI|QWEN|CONVENTIONS)(?:\.local)?\.md$/i, "it instructs sessions"],
  [/(?:^|\/)\.(?:claude|cursor|codex|mcp|windsurf|cline|roo|aider|junie|kiro)(?:rules|ignore)?(?:\/|\.|$)/i, "it instructs sessions"],
  [/(?:^|\/)deploy-gate(?:\.nix$|\/)/i, "it is the gate's policy or its goals"],
  [/(?:^|\/)\.git(?:\/|modules$|attributes$|config$|-crypt(?:\/|$))/i, "it belongs to git"],
  [
    /(?:^|\/)\.(?:husky|githooks|envrc|vscode|devcontainer|pre-commit-config\.ya?ml)(?:\/|$)|(?:^|\/)\.?lefthook(?:-local)?\./i,
    "it runs programs by itself",
  ],
  [/(?:^|\/)(?:\.sops\.ya?ml|secrets\.nix)$/i, "it says who can read secrets"],
  [
    /(?:^|\/)\.ssh(?:\/|$)|(?:^|\/)(?:authorized_keys|known_hosts)[^/]*(?:\/|$)|(?:^|\/)id_(?:rsa|dsa|ecdsa|ed25519)[^/]*$/i,
    "it holds keys",
  ],
  [/\.(?:age|gpg|asc|pem|key|p12|pfx|kdbx|jks|crt|pub)$/i, "it holds keys or secrets"],
];

/** Why a path may not be changed, as a clause; undefined where it may. */
export function forbiddenPath(path: string, { paths, directory }: Bounds): string | undefined {
  if (path === "" || path.length > 400 || path.startsWith("/") || /[\p{C}\\:]/u.test(path)) return "it is not a plain path";
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) return "it is not a plain path";
  const rule = never.find(([pattern]) => pattern.test(path));
  if (rule !== undefined) return rule[1];
  // Wherever the policy reads goals from: they say what the next session is told.
  if (`${path}/`.toLowerCase().startsWith(`${directory.toLowerCase()}/`)) return "it is where goals are";
  return paths.some((glob) => globMatches(path, glob)) ? undefined : "it is outside of what the policy lets a goal change (goals.paths)";
}

/** `**` is any run of characters, `*` one without a slash, `?` one character that is none. */
function globMatches(path: string, glob: string): boolean {
  const source = glob
    .split(/(\*\*\/?|\*|\?)/)
    .map((part) =>
      part === "**/"
        ? "(?:.*/)?"
        : part === "**"
          ? ".*"
          : part === "*"
            ? "[^/]*"
            : part === "?"
              ? "[^/]"
              : part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"),
    )
    .join("");
  return new RegExp(`^${source}$`, "s").test(path);
}

/** A public key that is let in, or a line that looks like one: who gets in is for people. */
export const addsKey = (line: string): boolean =>
  /\b(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-\w+|sk-ssh-\w+@openssh\.com|sk-ecdsa-\S{1,100}) AAAA|\bage1[0-9a-z]{50,}/.test(line) ||
  /\b(?:hashedPassword|initialPassword|initialHashedPassword|passwordFile|hashedPasswordFile|authorizedKeys|authorizedKeysFiles|trustedUserCAKeys)\b/.test(
    line,
  );
