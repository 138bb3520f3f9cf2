import { randomBytes } from "node:crypto";
import { isAbsolute, join, resolve } from "node:path";
import type { SessionAtHand } from "../classify/second-opinion.ts";
import type { Knowledge } from "../discover/knowledge.ts";
import { cacheDirectory } from "../io/cache-directory.ts";
import { systemClock } from "../io/clock.ts";
import type { Log } from "../io/ports.ts";
import { claudeSession, type Credential } from "../io/session.ts";
import { installClaude } from "../io/session-install.ts";
import { openSessionStore } from "../io/session-store.ts";
import { readGoal } from "./own-goal.ts";
import { relaySecret } from "./session-tools.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export type SessionSetup = {
  readonly credential: Credential | undefined;
  /** `claude` where nothing else was said. */
  readonly program: string | undefined;
  /** The pinned version is brought along where no program was named and none on the PATH can be used; `toolCache` keeps it between jobs. */
  readonly install?: { readonly toolCache: string | undefined };
  readonly model: string | undefined;
  /** Where answers and what they cost are kept between runs; nothing is kept where this is undefined. */
  readonly keptIn: string | undefined;
  readonly everyHost: boolean;
  readonly knowledge: (paths: readonly string[]) => Promise<Knowledge>;
  readonly environment: Environment;
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly programRoot: string;
  readonly log: Pick<Log, "debug" | "progress">;
};

/** The session of a run, ready to be asked, or why there is none, as a clause in our own words. */
export function setUpSession(setup: SessionSetup): SessionAtHand | string {
  const { credential, environment, log } = setup;
  const program = setup.program ?? "claude";
  if (credential === undefined) return "no credential for a Claude session is set";
  // A path that starts in the working directory starts in what a pull request wrote.
  if (program.includes("/") && !isAbsolute(program)) return "the path of the claude program is not absolute";
  const baseUrl = environment["ANTHROPIC_BASE_URL"] ?? "";
  const kept = setup.keptIn === undefined ? undefined : openSessionStore(setup.keptIn, { clock: systemClock, log });
  return {
    session: claudeSession({
      program,
      credential,
      path: environment["PATH"] ?? "/usr/bin:/bin",
      scratch: setup.scratch,
      signal: setup.signal,
      ...(setup.install === undefined || setup.program !== undefined
        ? {}
        : {
            install: () =>
              installClaude({
                scratch: setup.scratch,
                toolCache: setup.install?.toolCache,
                environment,
                platform: `${process.platform}-${process.arch}`,
                signal: setup.signal,
              }),
          }),
      ...(baseUrl === "" ? {} : { baseUrl }),
      relay: { command: process.execPath, arguments: [entryOf(setup.programRoot), "session-tools"], secretVariable: relaySecret },
    }),
    goal: readGoal(setup.programRoot, "classify"),
    diagnosis: { build: readGoal(setup.programRoot, "diagnose-build"), deploy: readGoal(setup.programRoot, "diagnose-deploy") },
    model: setup.model,
    nonce: () => randomBytes(8).toString("hex"),
    kept: typeof kept === "string" ? undefined : kept,
    knowledge: setup.knowledge,
    everyHost: setup.everyHost,
    told: (text) => log.progress({ kind: "stage", stage: "classify", text }),
    notes:
      typeof kept === "string"
        ? [`No answer of a session is kept and the cap of a day is not held, since the cache directory cannot be used: ${kept}.`]
        : [],
  };
}

/** The shell's entry, from the sources as from the bundle: an Action's run starts it too. */
const entryOf = (programRoot: string): string => resolve(programRoot, import.meta.url.endsWith(".ts") ? "src/cli.ts" : "dist/cli.js");

/** Exactly one of the two reaches a session; with both given the subscription's is used, since a key that is also there costs money with every question. */
export function credentialOf(key: string | undefined, token: string | undefined): Credential | undefined {
  if (token !== undefined && token !== "") return { kind: "oauth-token", value: token };
  return key === undefined || key === "" ? undefined : { kind: "api-key", value: key };
}

/** What sessions leave for a person's later runs. */
export function shellCache(environment: Environment): string | undefined {
  const directory = cacheDirectory(environment);
  return directory === undefined ? undefined : join(directory, "session");
}
