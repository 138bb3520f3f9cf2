import { randomBytes } from "node:crypto";
import type { SessionJudgeOptions } from "../classify/session/session-judge.ts";
import { claudeSession, type Credential } from "../io/session.ts";
import { readGoal } from "./goal.ts";

export type SessionSetup = {
  readonly credential: Credential | undefined;
  /** `claude` where nothing else was said. */
  readonly program: string | undefined;
  readonly model: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly programRoot: string;
};

/** The session of a run, ready to be asked, or why there is none, as a clause. */
export function setUpSession(setup: SessionSetup): SessionJudgeOptions | string {
  const { credential, environment } = setup;
  if (credential === undefined) return "no credential for a Claude session is set";
  const baseUrl = environment["ANTHROPIC_BASE_URL"] ?? "";
  return {
    session: claudeSession({
      program: setup.program ?? "claude",
      credential,
      path: environment["PATH"] ?? "/usr/bin:/bin",
      scratch: setup.scratch,
      signal: setup.signal,
      ...(baseUrl === "" ? {} : { baseUrl }),
    }),
    goal: readGoal(setup.programRoot, "classify"),
    limits: { model: setup.model ?? "sonnet", budgetUsd: 0.5, runBudgetUsd: 3, timeoutSeconds: 240, documentCharacters: 12_000 },
    nonce: () => randomBytes(8).toString("hex"),
  };
}
