import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Session, SessionAnswer, SessionProgram, SessionQuestion } from "./ports.ts";
import { runCommand } from "./run-command.ts";
import { pinnedVersion, type Installed } from "./session-install.ts";
import { sessionOutcome } from "./session-outcome.ts";
import { openToolServer, type ToolServer } from "./tool-server.ts";

/** Exactly one of the two: with both set the CLI silently takes the key, and the operator would pay for what the subscription was meant to cover. */
export type Credential = { readonly kind: "api-key" | "oauth-token"; readonly value: string };

export type SessionOptions = {
  /** `claude`, or where the operator says it is. */
  readonly program: string;
  /** Brings one along where there is none that can be used. */
  readonly install?: () => Promise<Installed>;
  readonly credential: Credential | undefined;
  /** To find the program and its own helpers with; nothing else of our environment reaches the session. */
  readonly path: string;
  readonly scratch: string;
  readonly signal?: AbortSignal;
  /** Where the API is, for tests on loopback only. */
  readonly baseUrl?: string;
  /** How the session starts what carries its questions to us; without it no question has tools. */
  readonly relay?: Relay;
};

/** A command line to which the socket is added, and the variable that the secret travels in. */
export type Relay = { readonly command: string; readonly arguments: readonly string[]; readonly secretVariable: string };

/** First version whose `--restricted` and `--permission-prompts` exist; without them a session cannot be confined, and an older one says "unknown option". */
const oldest = [2, 1, 260] as const;

const install = `npm install --global @anthropic-ai/claude-code@${pinnedVersion} (on NixOS: nix profile install nixpkgs#claude-code)`;

/**
 * The `claude` command as a question that is answered once.
 *
 * What it reads was written by whoever opened the pull request. By default the CLI would run hooks, servers and key helpers that a checkout names, send the key
 * where a checkout's settings say, and attach any file that the text names with "@". So: an empty directory, no settings, no servers, no tools, no attachments, a
 * home of its own, one credential and nothing else in the environment, and a wall clock that ends the whole process group. Where a question has tools, the session may
 * start one server, ours, and call exactly those: what they do is done in this process.
 */
export function claudeSession(options: SessionOptions): Session {
  let known: Promise<SessionProgram> | undefined;

  let path = options.program;
  const program = async (): Promise<SessionProgram> => {
    const found = await look();
    if (found.kind === "usable" || options.install === undefined || options.signal?.aborted === true) return found;
    const installed = await options.install();
    if ("problem" in installed) return { ...found, detail: `${found.detail}; the gate could not install it: ${installed.problem}` };
    path = installed.path;
    const brought = await look();
    if (brought.kind === "usable") return brought;
    return {
      ...brought,
      detail: `${brought.detail}; what the gate installed needs glibc at its usual place: on NixOS and on musl give "claude-path" another one`,
    };
  };
  const look = async (): Promise<SessionProgram> => {
    const home = homeIn(options.scratch);
    try {
      const end = await runCommand({
        program: path,
        arguments: ["--version"],
        environment: confined(options, home),
        timeoutSeconds: 20,
        directory: home,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      if (end.missing) return { kind: "not-installed", detail: `there is no program ${path} on this machine; to install it: ${install}` };
      const match = /^(\d+)\.(\d+)\.(\d+)\b/.exec(end.stdout.trim());
      if (end.exitCode !== 0 || match === null) {
        const said = (end.stderr || end.stdout).trim().slice(0, 200);
        return {
          kind: "not-installed",
          detail: `${path} does not say its version${said === "" ? "" : ` (${said})`}; to install it: ${install}`,
        };
      }
      if (newEnough(match.slice(1).map(Number))) return { kind: "usable", version: match[0] };
      return {
        kind: "too-old",
        detail: `${path} is version ${match[0]}, and a session can be confined from ${oldest.join(".")} on; to update it: ${install}`,
      };
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  };

  const ask = async (question: SessionQuestion): Promise<SessionAnswer> => {
    const use = { costUsd: 0, inputTokens: 0, outputTokens: 0, seconds: 0 };
    if (options.credential === undefined)
      return { kind: "none", reason: "no-credential", detail: "no API key and no subscription token was given", use };
    const home = homeIn(options.scratch);
    let server: ToolServer | undefined;
    try {
      const tools = question.tools ?? [];
      server = options.relay === undefined || tools.length === 0 ? undefined : await openToolServer(tools);
      const goal = join(home, "goal.md");
      writeFileSync(goal, question.system);
      const end = await runCommand({
        program: path,
        arguments: [...argumentsFor(question, goal), ...toolArguments(question, server, options.relay, join(home, "tools.json"))],
        environment: { ...confined(options, home), ...(server === undefined ? {} : toolEnvironment(question.timeoutSeconds)) },
        directory: join(home, "empty"),
        input: question.prompt,
        timeoutSeconds: question.timeoutSeconds,
        graceSeconds: 5,
        maxStdoutBytes: 4 * 1024 * 1024,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      return sessionOutcome(end);
    } finally {
      await server?.close();
      rmSync(home, { recursive: true, force: true });
    }
  };

  return {
    program: () => (known ??= program()),
    ask: async (question) => {
      const found = await (known ??= program());
      if (found.kind === "usable") return await ask(question);
      return { kind: "none", reason: found.kind, detail: found.detail, use: { costUsd: 0, inputTokens: 0, outputTokens: 0, seconds: 0 } };
    },
  };
}

/** Measured with 2.1.330: each of these closes a way in which what the session reads could act, or in which it could act itself. */
function argumentsFor(question: SessionQuestion, goal: string): string[] {
  return [
    ["--print", "--output-format", "json", "--no-session-persistence"],
    ["--restricted", "--setting-sources", "", "--strict-mcp-config", "--disable-slash-commands"],
    ["--permission-prompts", "none", "--permission-mode", "dontAsk", "--tools", ""],
    ["--model", question.model, "--max-turns", String(question.maxTurns), "--max-budget-usd", String(question.budgetUsd)],
    ["--system-prompt-file", goal, "--json-schema", JSON.stringify(question.schema)],
  ].flat();
}

/**
 * The one server that the session may start: ours. Its configuration is a file of the session's home, since it holds the secret. The server is a child of the session's
 * program and inherits the model's credential, which it has no use for.
 */
function toolArguments(question: SessionQuestion, server: ToolServer | undefined, relay: Relay | undefined, file: string): string[] {
  if (server === undefined || relay === undefined) return [];
  const env = { [relay.secretVariable]: server.secret, ANTHROPIC_API_KEY: "", CLAUDE_CODE_OAUTH_TOKEN: "" };
  const gate = { type: "stdio", command: relay.command, args: [...relay.arguments, server.socket], env };
  writeFileSync(file, JSON.stringify({ mcpServers: { gate } }), { mode: 0o600 });
  return ["--mcp-config", file, "--allowedTools", ...(question.tools ?? []).map(({ name }) => `mcp__gate__${name}`)];
}

/** Milliseconds: to start the relay, and for one call. A host may take its time, and a plan takes what the session has: one that is given up goes on here all the same. */
const toolEnvironment = (seconds: number) => ({ MCP_TIMEOUT: "20000", MCP_TOOL_TIMEOUT: String(Math.max(120, seconds) * 1000) });

function newEnough(version: readonly number[]): boolean {
  for (const [index, least] of oldest.entries()) {
    const part = version[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

/** A fresh home for one session: what one leaves behind, the next does not find. The working directory is empty and apart from the goal's file. */
function homeIn(scratch: string): string {
  const home = mkdtempSync(join(scratch, "session-"));
  for (const directory of ["tmp", "empty", ".claude"]) mkdirSync(join(home, directory), { mode: 0o700 });
  return home;
}

function confined(options: SessionOptions, home: string): Record<string, string> {
  const { credential, baseUrl } = options;
  return {
    PATH: options.path,
    HOME: home,
    CLAUDE_CONFIG_DIR: join(home, ".claude"),
    TMPDIR: join(home, "tmp"),
    CLAUDE_CODE_TMPDIR: join(home, "tmp"),
    LANG: "C.UTF-8",
    ...(credential === undefined
      ? {}
      : { [credential.kind === "api-key" ? "ANTHROPIC_API_KEY" : "CLAUDE_CODE_OAUTH_TOKEN"]: credential.value }),
    ...(baseUrl === undefined ? {} : { ANTHROPIC_BASE_URL: baseUrl }),
    // No telemetry, no updates, nothing but the one conversation leaves the process.
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_ERROR_REPORTING: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_UPDATES: "1",
    // "@/etc/shadow" in a unit's description must stay text.
    CLAUDE_CODE_DISABLE_ATTACHMENTS: "1",
    CLAUDE_CODE_DISABLE_CLAUDE_MDS: "1",
    CLAUDE_CODE_DISABLE_AUTO_MEMORY: "1",
    CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: "1",
    CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS: "1",
    CLAUDE_CODE_DISABLE_BUNDLED_SKILLS: "1",
    CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: "1",
    // By default a dead API is tried for three minutes and a silent stream for five.
    CLAUDE_CODE_MAX_RETRIES: "2",
    API_TIMEOUT_MS: "120000",
    CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS: "60000",
    MAX_STRUCTURED_OUTPUT_RETRIES: "3",
  };
}
