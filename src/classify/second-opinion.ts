import type { Compared } from "../diff/compare-fleet.ts";
import type { HostName } from "../discover/host.ts";
import type { Knowledge } from "../discover/knowledge.ts";
import type { AnswerCache, Session, SessionProgram, Spending } from "../io/ports.ts";
import { observeOnly, type Policy } from "../policy.ts";
import type { Judgement } from "./finding.ts";
import type { Judged } from "./judge-fleet.ts";
import type { Phase } from "./rule.ts";
import { knowledgeNotes } from "./session/knowledge-notes.ts";
import type { ChangeOpinion, opinions, Questionable } from "./session/opinions.ts";
import type { SessionLimits } from "./session/session-judge.ts";

/** `session` is how a host was judged: by a session that answered, by one that was asked and gave no verdict, or by the rules alone. */
export type Opinion = Judged & { readonly session: "answered" | "missing" | "not-asked" };

/** A session that can be asked, before the policy is known. */
export type SessionAtHand = {
  readonly session: Session;
  readonly goal: string;
  /** What it is asked where something failed; absent where nobody asks that. */
  readonly diagnosis?: { readonly build: string; readonly deploy: string };
  /** Wins over the policy's: whoever writes the workflow or types the command. */
  readonly model: string | undefined;
  readonly nonce: () => string;
  /** Where answers and what they cost are kept between runs, where there is such a place. */
  readonly kept: { readonly cache: AnswerCache; readonly spending: Spending } | undefined;
  /** Reads the operator's knowledge at the base revision. */
  readonly knowledge: (paths: readonly string[]) => Promise<Knowledge>;
  /** Someone asks for an opinion on every host, also on those that the policy does not hand to the gate. */
  readonly everyHost: boolean;
  /** Hears what is going on: a fleet's questions take minutes. */
  readonly told: (text: string) => void;
  /** About the set-up, as sentences. */
  readonly notes: readonly string[];
};

export type SecondOpinion = {
  readonly judged: ReadonlyMap<HostName, Opinion>;
  readonly session: SessionRecord;
  readonly notes: readonly string[];
};

/** How it went: `note` is a clause in our own words, without anything that a stranger wrote; empty where `changes` tell all. */
export type SessionRecord = {
  readonly ran: boolean;
  readonly note: string;
  readonly model?: string;
  readonly cliVersion?: string;
  readonly costUsd?: number;
  readonly changes: readonly ChangeOpinion[];
};

export type SecondOpinionOptions = {
  readonly policy: Policy;
  /** Of the policy in force; undefined where it is no commit. */
  readonly policyRevision: string | undefined;
  readonly phase: Phase;
  /** The session, or why there is none, as a clause. */
  readonly session: SessionAtHand | string;
};

/** Of evidence, in one question: about 3,000 tokens. */
const documentCharacters = 12_000;

export function sessionLimits(policy: Policy, model: string | undefined): SessionLimits {
  const { questionUsd, runUsd, dayUsd, timeoutSeconds, model: usual } = policy.sessionSettings;
  return { model: model ?? usual, questionUsd, runUsd, dayUsd, timeoutSeconds, documentCharacters };
}

/**
 * Asks the session about the hosts that the policy hands to the gate, where there is a session and the policy wants one. What it says can only raise what the rules
 * said; where it is silent their verdict stands, and `session = "required"` then holds the host.
 */
export async function secondOpinion(
  fleet: readonly Compared[],
  rules: ReadonlyMap<HostName, Judged>,
  { policy, policyRevision, phase, session }: SecondOpinionOptions,
): Promise<SecondOpinion> {
  const without = (state: Opinion["session"], note: string): SecondOpinion => ({
    judged: new Map([...rules].map(([host, judged]) => [host, { ...judged, session: state }])),
    session: { ran: false, note, changes: [] },
    notes: [],
  });
  if (policy.session === "off") return without("not-asked", "the policy switches the session off");
  // A session that the policy requires and that cannot be had is a verdict that is missing.
  if (typeof session === "string") return without(policy.session === "required" ? "missing" : "not-asked", session);

  const questions = fleet.flatMap((host): Questionable[] => {
    const judged = rules.get(host.sides.host);
    const managed = Object.hasOwn(policy.hosts, host.sides.host) && policy.hosts[host.sides.host]?.deploy === true;
    return "comparison" in host && judged !== undefined && (managed || session.everyHost)
      ? [{ host: host.sides.host, diff: host.comparison.diff, ...judged }]
      : [];
  });
  const worthAsking = questions.some((question) => !question.diff.revisionOnly);
  if (worthAsking) session.told("asking a Claude session for a second opinion");
  const knowledge = worthAsking ? await session.knowledge(policy.sessionSettings.knowledge) : { files: [], notes: [] };
  const limits = sessionLimits(policy, session.model);
  const known = { knowledge: knowledgeNotes(knowledge.files), policyRevision: policyRevision ?? "" };
  const answers = await ask(questions, session, limits, phase, known);
  const judged = new Map<HostName, Opinion>();
  for (const [host, byRules] of rules) {
    const answer = answers.judgements.get(host);
    if (answer === undefined) judged.set(host, { ...byRules, session: "missing" });
    else judged.set(host, { ...byRules, judgement: answer.judgement, session: answer.answered ? "answered" : "missing" });
  }
  const program = worthAsking ? await session.session.program() : undefined;
  return {
    judged,
    session: record(answers.changes, limits, program?.kind === "usable" ? program.version : undefined),
    notes: [...session.notes, ...knowledge.notes, ...mend(program)],
  };
}

/** The same for one comparison that no policy and no repository belong to. */
export async function opinionOnOne(
  question: Questionable,
  session: SessionAtHand,
): Promise<{ readonly judgement: Judgement; readonly session: SessionRecord; readonly notes: readonly string[] }> {
  const limits = sessionLimits(observeOnly, session.model);
  const answers = await ask([question], session, limits, "pull-request", { knowledge: "", policyRevision: "" });
  const program = await session.session.program();
  return {
    judgement: answers.judgements.get(question.host)?.judgement ?? question.judgement,
    session: record(answers.changes, limits, program.kind === "usable" ? program.version : undefined),
    notes: [...session.notes, ...mend(program)],
  };
}

/** What belongs to questions is loaded where there are some. */
async function ask(
  questions: readonly Questionable[],
  session: SessionAtHand,
  limits: SessionLimits,
  phase: Phase,
  known: { readonly knowledge: string; readonly policyRevision: string },
): ReturnType<typeof opinions> {
  const [asked, { answersFor }] = await Promise.all([import("./session/opinions.ts"), import("./session/answers-for.ts")]);
  return await asked.opinions(questions, {
    session: session.session,
    goal: session.goal,
    limits,
    nonce: session.nonce,
    cache: answersFor(phase, session.kept?.cache),
    spending: session.kept?.spending,
    ...known,
  });
}

/** What can be mended is said once, with the command; why each change has no verdict stands with the change. */
const mend = (program: SessionProgram | undefined): string[] =>
  program === undefined || program.kind === "usable" ? [] : [`No session was asked: ${program.detail}.`];

/** The record of a session's questions. */
export function record(changes: readonly ChangeOpinion[], limits: SessionLimits, cliVersion: string | undefined): SessionRecord {
  const ran = changes.some((change) => change.outcome === "answered");
  const silent = new Set(changes.flatMap((change) => (change.outcome === "none" ? [change.reason] : [])));
  const note =
    changes.length === 0
      ? "no change had to be put before a session"
      : ran
        ? ""
        : `the session gave no verdict (${[...silent].join(", ")})`;
  return {
    ran,
    note,
    model: limits.model,
    ...(cliVersion === undefined ? {} : { cliVersion }),
    ...(changes.length === 0 ? {} : { costUsd: changes.reduce((sum, change) => sum + change.costUsd, 0) }),
    changes,
  };
}
