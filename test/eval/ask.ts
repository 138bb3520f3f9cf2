import type { Judgement } from "../../src/classify/finding.ts";
import { record, sessionLimits } from "../../src/classify/second-opinion.ts";
import { opinions, type Questionable } from "../../src/classify/session/opinions.ts";
import { credentialOf, setUpSession, shellCache } from "../../src/commands/session-setup.ts";
import { observeOnly } from "../../src/policy.ts";

export type Asked = {
  readonly judgements: ReadonlyMap<string, Judgement>;
  /** `silent` counts the changes without a verdict by why there is none. */
  readonly summary: {
    readonly model: string | undefined;
    readonly costUsd: number;
    readonly questions: number;
    readonly cached: number;
    readonly silent: Readonly<Record<string, number>>;
  };
};

/** Puts every case before the session that the environment has a credential for, as `gate diff --session` does, with one budget for all. Throws where there is none. */
export async function askEverything(
  questions: readonly Questionable[],
  options: { readonly model: string | undefined; readonly budgetUsd: number; readonly scratch: string },
): Promise<Asked> {
  if (!(options.budgetUsd > 0)) throw new Error("--budget takes an amount in USD above nothing");
  const environment = process.env;
  const session = setUpSession({
    credential: credentialOf(environment["ANTHROPIC_API_KEY"], environment["CLAUDE_CODE_OAUTH_TOKEN"]),
    program: undefined,
    model: options.model,
    keptIn: shellCache(environment),
    everyHost: true,
    knowledge: () => Promise.resolve({ files: [], notes: [] }),
    environment,
    scratch: options.scratch,
    signal: new AbortController().signal,
    programRoot: `${import.meta.dirname}/../..`,
    log: { progress: () => {}, debug: (message) => console.error(message) },
  });
  if (typeof session === "string") throw new Error(`${session}: set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN`);
  const limits = { ...sessionLimits(observeOnly, options.model), runUsd: options.budgetUsd };
  const { judgements, changes } = await opinions(questions, {
    session: session.session,
    goal: session.goal,
    limits,
    nonce: session.nonce,
    knowledge: "",
    policyRevision: "",
    cache: session.kept?.cache,
  });
  const { model, costUsd = 0 } = record(changes, limits, undefined);
  const silent: Record<string, number> = {};
  for (const change of changes) if (change.outcome === "none") silent[change.reason] = (silent[change.reason] ?? 0) + 1;
  return {
    judgements: new Map([...judgements].map(([host, { judgement }]) => [host, judgement])),
    summary: {
      model,
      costUsd,
      questions: changes.length,
      cached: changes.filter((change) => change.outcome === "answered" && change.cached).length,
      silent,
    },
  };
}
