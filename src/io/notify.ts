import type { NotifyPolicy } from "../policy-notify.ts";
import { runCommand } from "./run-command.ts";

export type Notifying = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Takes known secrets out of what leaves. */
  readonly masked: (text: string) => string;
  readonly timeoutSeconds?: number;
};

/** What a command of the operator's is given: enough to find programs and its own files, and nothing that the run holds. */
const passed = ["PATH", "HOME", "LANG", "TZ", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"] as const;

/**
 * Runs the operator's command with the JSON on its stdin and posts the same to the operator's webhook. Never throws: what did not work comes back as sentences. The
 * address of a webhook often is its password, so that no sentence shows more of it than the host.
 */
export async function notify(json: string, policy: NotifyPolicy, options: Notifying): Promise<readonly string[]> {
  const text = options.masked(json);
  const notes = await Promise.all([commanded(text, policy, options), posted(text, policy, options)]);
  return notes.flat().map((note) => `Nobody was notified: ${options.masked(note)}`);
}

async function commanded(json: string, { command }: NotifyPolicy, { environment, timeoutSeconds = 30 }: Notifying): Promise<string[]> {
  const [program, ...words] = command ?? [];
  if (program === undefined) return [];
  const given = Object.fromEntries(passed.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
  try {
    const ended = await runCommand({
      program,
      arguments: words,
      environment: given,
      // Not the checkout, where a change could have put what a program reads from its directory.
      directory: "/",
      input: json,
      timeoutSeconds,
      maxStdoutBytes: 16 * 1024,
      maxStderrBytes: 16 * 1024,
    });
    if (ended.exitCode === 0) return [];
    if (ended.missing) return [`there is no program ${program}.`];
    const how = ended.timedOut
      ? `did not end within ${timeoutSeconds} seconds`
      : `ended with ${ended.exitCode === undefined ? "a signal" : `exit code ${ended.exitCode}`}`;
    return [`${program} ${how}. ${ended.stderr.trim().split("\n").at(-1)?.slice(0, 300) ?? ""}`.trim()];
  } catch (error) {
    return [`${program} could not be run: ${error instanceof Error ? error.message : String(error)}.`];
  }
}

async function posted(json: string, { webhook }: NotifyPolicy, { timeoutSeconds = 30 }: Notifying): Promise<string[]> {
  if (webhook === undefined) return [];
  const { host } = new URL(webhook);
  try {
    const answer = await fetch(webhook, {
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "nixos-deploy-gate" },
      body: json,
      // It goes to the address that was agreed to and to no other.
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    });
    await answer.body?.cancel();
    return answer.ok ? [] : [`the webhook at ${host} answered with status ${answer.status}.`];
  } catch (error) {
    const why =
      error instanceof Error && error.name === "TimeoutError" ? `did not answer within ${timeoutSeconds} seconds` : "could not be reached";
    const code = error instanceof Error && error.cause instanceof Error && "code" in error.cause ? ` (${String(error.cause.code)})` : "";
    return [`the webhook at ${host} ${why}${code}.`];
  }
}
