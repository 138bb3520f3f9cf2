import type { ForgePowers, Power } from "../io/ports.ts";
import { type Check, failedCheck, rowsOf } from "./check.ts";

export type ForgeQuestion = {
  readonly kind: "github" | "forgejo";
  /** `git.example.org/ada/fleet` */
  readonly shown: string;
  /** Where the token was found: "GITHUB_TOKEN", "--token-file". */
  readonly from: string;
  readonly powers: ForgePowers;
};

/** What the token that was given can do, of what the gate does with one. Pure. */
export function forgeChecks({ kind, shown, from, powers }: ForgeQuestion): Check[] {
  const row = rowsOf("forge");
  const { repository, version } = powers;
  if (repository.kind === "refused") return [failedCheck("forge", "repository", repository.failure)];
  const major = Number(/^(\d+)/.exec(version ?? "")?.[1] ?? Number.NaN);
  const grants = (github: string, forgejo: string): string =>
    kind === "github"
      ? `permissions: { ${github}: write }   # on the job in the workflow; of a token of your own: the same permission`
      : `${shown.split("/")[0] ?? ""}: Settings, Applications, a token with ${forgejo}   # a job's own token has it, but on a fork's pull request`;
  const power = (code: string, what: string, one: Power, next: string): Check => {
    if (one.kind === "may") return row("ok", code, `The token may ${what}.`);
    if (one.kind === "may-not") return row("fail", code, `The token may not ${what} (${one.said}).`, next);
    return row(
      "unknown",
      code,
      `Whether the token may ${what} cannot be told: ${one.why}.`,
      "nixos-deploy-gate doctor   # again, once there is one",
    );
  };
  return [
    ...(kind !== "forgejo"
      ? []
      : [
          version === undefined
            ? row("unknown", "version", "Which version of Forgejo it is cannot be told.", "nixos-deploy-gate doctor")
            : major >= 15
              ? row("ok", "version", `Forgejo ${version}.`)
              : row(
                  "warn",
                  "version",
                  `This is ${version}; the gate is made for Forgejo 15 and newer.`,
                  "https://forgejo.org/docs/latest/admin/upgrade/",
                ),
        ]),
    row(
      "ok",
      "repository",
      `The token of ${from} reads ${shown}${repository.visibility === "unknown" ? "" : `, which is ${repository.visibility}`}.`,
    ),
    power("status", "set commit statuses", powers.status, grants("statuses", "write:repository")),
    power("comment", "comment on pull requests", powers.comment, grants("pull-requests", "write:issue")),
    ...(powers.deployments?.kind !== "may-not"
      ? []
      : [
          row(
            "warn",
            "deployments",
            "The token may not write GitHub Deployments, so that none are made; everything else goes on.",
            'permissions: { deployments: write }   # or deployGate.report.deployments = "off";',
          ),
        ]),
    ...(powers.scopes !== undefined &&
    powers.scopes.some((scope) => ["admin:org", "delete_repo", "admin:enterprise", "workflow"].includes(scope))
      ? [
          row(
            "warn",
            "scopes",
            `The token can do far more than the gate needs (${powers.scopes.join(", ")}).`,
            "A job's own token, or a fine-grained one for this repository alone, is enough.",
          ),
        ]
      : []),
  ];
}
