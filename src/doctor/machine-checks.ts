import type { Isolation } from "../discover/canary.ts";
import type { Failure } from "../failure.ts";
import type { NixVersion } from "../io/ports.ts";
import { type Check, failedCheck, rowsOf } from "./check.ts";

/** What this machine said of itself. Undefined: it could not be asked. */
export type MachineFacts = {
  readonly node: string;
  readonly nix: NixVersion | Failure;
  /** What Nix said to a write into its store; undefined where it was not asked. */
  readonly store: { readonly writable: boolean; readonly said: string } | undefined;
  readonly git: string | undefined;
  readonly ssh: string | undefined;
  readonly freeMemoryBytes: number;
  readonly storeFreeBytes: number | undefined;
  readonly scratch: { readonly path: string; readonly freeBytes: number | undefined };
};

const gibibyte = 1024 ** 3;
export const size = (bytes: number): string =>
  bytes >= 10 * gibibyte
    ? `${Math.round(bytes / gibibyte)} GiB`
    : bytes >= gibibyte
      ? `${(bytes / gibibyte).toFixed(1)} GiB`
      : `${Math.round(bytes / 1024 ** 2)} MiB`;

const called: Readonly<Record<NixVersion["implementation"], string>> = { nix: "Nix", lix: "Lix", determinate: "Determinate Nix" };

/** The machine that the gate runs on: this one. A runner is another, and its doctor is the first run there. */
export function machineChecks(facts: MachineFacts): Check[] {
  const row = rowsOf("machine");
  const { nix, store, scratch } = facts;
  return [
    "message" in nix
      ? failedCheck("machine", "nix", nix)
      : row("ok", "nix", `${called[nix.implementation]} ${nix.version}; the gate asks for nix-command and flakes itself.`),
    ...(store === undefined
      ? []
      : [
          store.writable
            ? row("ok", "store", "The store takes what this user builds.")
            : row(
                "fail",
                "store",
                `The store takes nothing from this user: ${store.said}`,
                "nix store ping   # and: systemctl status nix-daemon",
              ),
        ]),
    facts.git === undefined
      ? row("fail", "git", "There is no git, which reads the flake's repository.", "nix profile install nixpkgs#git")
      : row("ok", "git", `git ${facts.git}.`),
    facts.ssh === undefined
      ? row("fail", "ssh", "There is no ssh, which reaches the hosts.", "nix profile install nixpkgs#openssh")
      : row("ok", "ssh", `${facts.ssh}.`),
    room(row, "store-space", "the store", facts.storeFreeBytes, 10 * gibibyte, 2 * gibibyte),
    room(row, "scratch-space", scratch.path, scratch.freeBytes, gibibyte, gibibyte / 8),
    facts.freeMemoryBytes < 2 * gibibyte
      ? row(
          "warn",
          "memory",
          `${size(facts.freeMemoryBytes)} of memory are free; evaluating one host takes up to 3 GiB with nixpkgs.`,
          "nixos-deploy-gate plan --hosts NAME   # fewer at once",
        )
      : row("ok", "memory", `${size(facts.freeMemoryBytes)} of memory are free.`),
  ];
}

function room(row: ReturnType<typeof rowsOf>, code: string, where: string, free: number | undefined, much: number, little: number): Check {
  if (free === undefined) return row("unknown", code, `How much room there is on ${where} cannot be told.`, "df -h");
  const told = `${size(free)} are free on ${where}`;
  if (free >= much) return row("ok", code, `${told}.`);
  return row(
    free < little ? "fail" : "warn",
    code,
    `${told}, which a build of a few hosts can fill.`,
    "nix-collect-garbage --delete-older-than 14d",
  );
}

/** Whether code that nobody has reviewed can be shut away on this machine. It matters where the gate judges pull requests. */
export function isolationCheck(isolation: Isolation | undefined, noJail: string | undefined): Check {
  const row = rowsOf("machine");
  if (isolation === undefined) return row("unknown", "isolation", "Whether unreviewed code can be isolated was not asked.");
  if (isolation.kind === "isolated")
    return row("ok", "isolation", "Unreviewed code cannot read the gate's secrets here: planted ones did not come out.");
  return row(
    "warn",
    "isolation",
    `Unreviewed code cannot be isolated here${noJail === undefined ? "" : ` (${noJail})`}: ${isolation.ways.join("; ")}. A pull request is refused on such a runner while the job holds a secret.`,
    "sysctl kernel.unprivileged_userns_clone kernel.apparmor_restrict_unprivileged_userns user.max_user_namespaces",
  );
}
