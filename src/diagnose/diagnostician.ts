import type { SessionAtHand } from "../classify/second-opinion.ts";
import { knowledgeNotes } from "../classify/session/knowledge-notes.ts";
import type { Policy } from "../policy.ts";
import type { diagnose, Diagnosed } from "./diagnose.ts";
import type { Evidence } from "./evidence.ts";
import type { DiagnosisOptions } from "./session/ask-diagnosis.ts";
import type { OpenToolbox } from "./session/diagnosis-tools.ts";

export type Diagnostician = {
  /**
   * `worthAsking`: a session may be asked where the table is not certain. One question at a time, so that what was spent is known before the next. `open`: what it may ask
   * while it thinks.
   */
  readonly diagnose: (evidence: Evidence, worthAsking: boolean, open?: OpenToolbox) => Promise<Diagnosed>;
  /** So far, in USD. */
  readonly costUsd: () => number;
};

export type DiagnosticianOptions = {
  readonly policy: Pick<Policy, "session" | "sessionSettings">;
  /** The session, or why there is none, as a clause. */
  readonly session: SessionAtHand | string;
  /** By this run, in USD, before the first failure was looked at. */
  readonly spentUsd: number;
  /** Said before each question. */
  readonly told: (text: string) => void;
};

/** A broken nixpkgs breaks a fleet in many places, of which a few tell it all. */
const mostQuestions = 5;

/** The known causes are loaded where something failed. */
async function diagnosed(...asked: Parameters<typeof diagnose>): Promise<Diagnosed> {
  const known = await import("./diagnose.ts");
  return await known.diagnose(...asked);
}

/** Answers why things failed within what the policy lets a run spend on sessions, and from the table alone where there is none to ask. */
export function diagnostician({ policy, session, spentUsd, told }: DiagnosticianOptions): Diagnostician {
  let spent = 0;
  let questions = 0;
  let last: Promise<unknown> = Promise.resolve();
  const asking = policy.session === "off" || typeof session === "string" || session.diagnosis === undefined ? undefined : session;

  const ask = async (evidence: Evidence, open: OpenToolbox | undefined): Promise<Diagnosed> => {
    const options = asking === undefined || questions >= mostQuestions ? undefined : await optionsOf(asking, open);
    const answered = await diagnosed(evidence, options);
    if (answered.session !== undefined) {
      questions += 1;
      spent += answered.session.use.costUsd;
    }
    return answered;
  };
  const optionsOf = async (at: SessionAtHand, open: OpenToolbox | undefined): Promise<DiagnosisOptions | undefined> => {
    const { questionUsd, runUsd, dayUsd, timeoutSeconds, model, knowledge } = policy.sessionSettings;
    const runUsdLeft = runUsd - spentUsd - spent;
    if (at.diagnosis === undefined || !(runUsdLeft > 0)) return undefined;
    told("asking a Claude session why it failed");
    const known = await at.knowledge(knowledge);
    return {
      session: at.session,
      goals: at.diagnosis,
      model: at.model ?? model,
      questionUsd,
      runUsdLeft,
      dayUsd,
      timeoutSeconds,
      nonce: at.nonce,
      knowledge: knowledgeNotes(known.files),
      spending: at.kept?.spending,
      open,
    };
  };
  return {
    diagnose: async (evidence, worthAsking, open) => {
      const table = await diagnosed(evidence, undefined);
      if (!worthAsking || asking === undefined || table.known.some((cause) => cause.confidence === "certain")) return table;
      const answer = last.then(() => ask(evidence, open));
      last = answer.catch(() => {});
      return await answer;
    },
    costUsd: () => spent,
  };
}
