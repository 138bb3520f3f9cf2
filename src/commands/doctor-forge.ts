import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Check, rowsOf } from "../doctor/check.ts";
import { forgeChecks } from "../doctor/forge-checks.ts";
import { gateError } from "../failure.ts";
import { apiUrlOf, type ForgeRepository, parseRemote } from "../init/remote.ts";
import { systemClock } from "../io/clock.ts";
import { ForgeClient } from "../io/forge-client.ts";
import { askForgeKind } from "../io/forge-kind.ts";
import { askForgePowers } from "../io/forge-powers.ts";
import { checkoutOf } from "./checkout.ts";
import type { Options, Shell } from "./shell.ts";

type Environment = Shell["environment"];
export type ForgeKind = "github" | "forgejo";

/** The kind that was asked for in words. Throws the GateError `usage`. */
export function forgeOption(options: Options, command: string): ForgeKind | undefined {
  const { forge } = options;
  if (forge === undefined || forge === "github" || forge === "forgejo") return forge;
  throw gateError("usage", { problem: `--forge is github or forgejo; this is ${JSON.stringify(forge)}.`, command });
}

/** Asks the forge of the flake's origin what the token at hand may do. Without a token the forge is not asked about any. */
export async function checkForge(
  flake: string,
  options: Options,
  shell: Shell,
): Promise<{ readonly kind: ForgeKind | undefined; readonly checks: Check[] }> {
  const row = rowsOf("forge");
  const wanted = forgeOption(options, "doctor");
  const named = namedToken(options);
  const origin = (await checkoutOf(flake, shell))?.origin;
  const repository = origin === undefined ? undefined : parseRemote(origin);
  if (repository === undefined)
    return {
      kind: wanted,
      checks: [row("unknown", "forge", "The repository has no origin on a forge, so that no forge was asked.", "git remote add origin …")],
    };
  const kind = wanted ?? repository.kind ?? (await askForgeKind(repository.origin));
  const shown = `${repository.host}/${repository.owner}/${repository.name}`;
  if (kind === undefined)
    return {
      kind,
      checks: [
        row(
          "unknown",
          "forge",
          `What kind of forge ${repository.host} is cannot be told: it did not answer as Forgejo or as GitHub.`,
          "nixos-deploy-gate doctor --forge forgejo   # or github",
        ),
      ],
    };
  const token = named ?? tokenOf(repository, kind, shell.environment);
  const called = kind === "github" ? "GitHub" : "Forgejo";
  if (token === undefined)
    return {
      kind,
      checks: [
        row("ok", "forge", `${shown} is on ${called}.`),
        row(
          "unknown",
          "token",
          "No token for it is at hand; in a job the job's own is used. What one may do is asked with:",
          "nixos-deploy-gate doctor --no-hosts --token-file FILE",
        ),
      ],
    };
  const client = new ForgeClient({
    apiUrl: apiUrlOf(repository, kind),
    token: token.value,
    clock: systemClock,
    log: { debug: () => {} },
    // A table is not worth the minutes that a report is.
    wait: async (seconds) => await sleep(Math.min(seconds, 2) * 1000, undefined, { signal: shell.signal }).catch(() => {}),
    timeoutSeconds: 10,
  });
  const powers = await askForgePowers(client, kind, { owner: repository.owner, repo: repository.name });
  return { kind, checks: forgeChecks({ kind, shown, from: token.from, powers }) };
}

type Token = { readonly value: string; readonly from: string };

/** The one that was named for this run. Throws the GateError `usage`. */
function namedToken(options: Options): Token | undefined {
  const file = options["token-file"];
  if (typeof file !== "string") return undefined;
  const wrong = (problem: string, error?: unknown) =>
    gateError(
      "usage",
      { problem: `--token-file ${file} ${problem}.`, command: "doctor" },
      error instanceof Error ? error.message : undefined,
      error,
    );
  let value: string;
  try {
    value = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw wrong("cannot be read", error);
  }
  if (value === "" || /\s/.test(value)) throw wrong("does not hold one token");
  return { value, from: "--token-file" };
}

/**
 * A token goes only where it is known to belong: one that was named for this run to the origin of the checkout, one of the environment to the server that the environment
 * itself names (a job), or GitHub's to github.com. A token that lies about for another forge is never sent to whatever origin a checkout has.
 */
function tokenOf(repository: ForgeRepository, kind: ForgeKind, environment: Environment): Token | undefined {
  const server = environment["GITHUB_SERVER_URL"] ?? "";
  const here = URL.canParse(server) ? new URL(server).host === repository.host : false;
  const known = here
    ? ["FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"]
    : kind === "github" && repository.host === "github.com"
      ? ["GITHUB_TOKEN", "GH_TOKEN"]
      : [];
  for (const name of known) {
    const value = environment[name] ?? "";
    if (value !== "") return { value, from: name };
  }
  return undefined;
}
