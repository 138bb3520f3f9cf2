import { opinionOnOne, type SessionRecord } from "../classify/second-opinion.ts";
import type { Judgement } from "../classify/finding.ts";
import type { Questionable } from "../classify/session/opinions.ts";
import { credentialOf, setUpSession, shellCache } from "./session-setup.ts";
import type { Shell } from "./shell.ts";

/** A session's word on one comparison, with the limits of a policy that says nothing. Without a session the record says why, and the rules' judgement stands. */
export async function diffOpinion(
  question: Questionable,
  model: string | undefined,
  { environment, signal, programRoot, error }: Pick<Shell, "environment" | "signal" | "programRoot" | "error">,
  scratch: string,
): Promise<{ readonly judgement: Judgement; readonly session: SessionRecord; readonly notes: readonly string[] }> {
  const session = setUpSession({
    credential: credentialOf(environment["ANTHROPIC_API_KEY"], environment["CLAUDE_CODE_OAUTH_TOKEN"]),
    program: undefined,
    model,
    keptIn: shellCache(environment),
    everyHost: true,
    // Two toplevels belong to no repository.
    knowledge: () => Promise.resolve({ files: [], notes: [] }),
    environment,
    scratch,
    signal,
    programRoot,
    log: { progress: () => {}, debug: (message) => error(`note: ${message}\n`) },
  });
  if (typeof session === "string") return { judgement: question.judgement, session: { ran: false, note: session, changes: [] }, notes: [] };
  return await opinionOnOne(question, session);
}
