import { isBuilt, speaksForNix } from "../build/believed.ts";
import type { Repository } from "../discover/git-tree.ts";
import type { Failure } from "../failure.ts";
import type { Nix, Result, Trust } from "../io/ports.ts";
import { storedLog } from "../tools/build-log.ts";
import { wayTo } from "../tools/build-why-depends.ts";
import { changedSince } from "./changed-since.ts";
import { makeEvidence, type Evidence, type EvidenceLimits, type FailureStage, type RawItem } from "./evidence.ts";

export type BuildFailure = {
  readonly stage: Extract<FailureStage, "evaluation" | "build">;
  readonly host: string | undefined;
  readonly failure: Failure;
  /** Of the toplevel that was to be built, for the way from it to what failed. */
  readonly toplevelDrv: string | undefined;
  readonly atBase: Evidence["atBase"];
  /** Where both sides are: our own repository, commits in it, and the flake's directory below its root. */
  readonly change:
    | { readonly repository: Repository; readonly base: string | undefined; readonly head: string | undefined; readonly directory: string }
    | undefined;
  /** Warnings that Nix gave meanwhile: a cache that does not answer. */
  readonly warnings?: readonly string[];
  readonly limits?: EvidenceLimits;
};

/** Whether the same fails at the base: only where both were tried is it known. */
export function failureAtBase(base: Result<unknown> | undefined): Evidence["atBase"] {
  return base === undefined ? "unknown" : base.ok ? "works" : "fails";
}

const derivationPath = /\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+\-._?=]{1,211}\.drv/;

/** What failed, where a build says it. */
export const failedDerivation = ({ stage, failure }: Pick<BuildFailure, "stage" | "failure">): string | undefined =>
  stage === "build" ? derivationPath.exec(failure.next)?.[0] : undefined;

/**
 * Evidence of an evaluation or a build that failed, from what the failure says, Nix's stored log and git. Nothing is evaluated or built for it, and what cannot be
 * had is left out.
 */
export async function collectBuildEvidence(about: BuildFailure, nix: Pick<Nix, "run">, trust: Trust): Promise<Evidence> {
  const { failure, stage } = about;
  const derivation = failedDerivation(about);
  const stored = derivation === undefined ? undefined : await storedLog(derivation, nix, trust);
  // A builder can speak of another derivation, too: one that is there did not fail.
  const honest = stored !== undefined && derivation !== undefined && !speaksForNix(stored) && !(await isBuilt(derivation, { nix, trust }));
  const items: RawItem[] = [
    ...said(about, stored, honest),
    ...(stored === undefined
      ? []
      : [{ kind: "build-log", subject: derivation ?? "", origin: "program", text: stored, keep: "tail" } as const]),
    { kind: "trace", subject: "warnings of Nix", origin: "program", text: (about.warnings ?? []).slice(-20).join("\n"), keep: "tail" },
    ...(derivation === undefined || about.toplevelDrv === undefined || derivation === about.toplevelDrv
      ? []
      : [
          {
            kind: "dependency",
            subject: derivation,
            origin: "tool",
            // So that an operator sees which option brought it in.
            text: await wayTo(about.toplevelDrv, derivation, nix, trust),
            keep: "head",
          } as const,
        ]),
    ...(about.change === undefined ? [] : await changedSince(about.change)),
  ];
  return makeEvidence(
    {
      stage,
      host: about.host,
      failure: { code: failure.code, message: failure.message },
      exit: undefined,
      since: undefined,
      derivation,
      units: [],
      atBase: about.atBase,
      items,
    },
    about.limits,
  );
}

/**
 * `detail` of a failed build is Nix's reason in its first line and the builder's last lines behind it. A builder can write errors in Nix's name: a line `@nix {"action":
 * "msg", …}` of its output becomes one (Nix 2.8 to 2.34, LocalDerivationGoal::handleChildOutput). The stored log keeps such a line as it was, so the reason counts as
 * Nix's only where there is a log without one, or where nothing was started that could have written it.
 */
function said({ failure, stage }: BuildFailure, stored: string | undefined, honest: boolean): RawItem[] {
  const detail = failure.detail ?? "";
  if (stage === "evaluation") return [{ kind: "message", subject: "", origin: "flake", text: detail, keep: "head" }];
  const [reason = "", ...lines] = detail.split("\n");
  const nobody = ["build-platform", "build-nowhere", "build-timeout", "store-unusable"].includes(failure.code);
  const own = failure.code === "build-failed" && stored !== undefined ? "" : lines.join("\n");
  return [
    { kind: "message", subject: "", origin: honest || (stored === undefined && nobody) ? "tool" : "program", text: reason, keep: "head" },
    // Where the stored log is there, it is the better copy of them.
    ...(stored === undefined && own !== ""
      ? [{ kind: "build-log", subject: "", origin: "program", text: own, keep: "tail" } as const]
      : []),
  ];
}
