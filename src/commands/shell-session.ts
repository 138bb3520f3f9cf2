import type { SessionAtHand } from "../classify/second-opinion.ts";
import type { Prepared } from "./prepare.ts";
import { credentialOf, setUpSession, shellCache } from "./session-setup.ts";
import type { Options, Shell } from "./shell.ts";

/** The session that `--session` asks for, or why there is none. */
export function sessionOf(options: Options, shell: Shell, { scratch, knowledge, ports }: Prepared): SessionAtHand | string {
  const { environment, signal, programRoot } = shell;
  return setUpSession({
    credential: credentialOf(environment["ANTHROPIC_API_KEY"], environment["CLAUDE_CODE_OAUTH_TOKEN"]),
    program: undefined,
    model: typeof options["model"] === "string" ? options["model"] : undefined,
    keptIn: shellCache(environment),
    // Whoever types --session wants to hear of every host.
    everyHost: true,
    knowledge,
    environment,
    scratch,
    signal,
    programRoot,
    log: ports.log,
  });
}
