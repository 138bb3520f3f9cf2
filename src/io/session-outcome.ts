import * as z from "zod";
import type { CommandEnd } from "./run-command.ts";
import type { SessionAnswer, SessionSilence, SessionUse } from "./ports.ts";

/**
 * What a finished `claude -p --output-format json` run amounts to.
 *
 * Exit code 0 and `subtype: "success"` prove nothing: a model that answers in prose instead of calling the tool for structured answers ends that way too, and so
 * does an API error. An answer counts only where all of exit code, subtype, error flag and a structured output agree; everything else is silence, typed. Measured
 * with version 2.1.330.
 */
const Usage = z.object({
  input_tokens: z.number().default(0),
  output_tokens: z.number().default(0),
  cache_read_input_tokens: z.number().default(0),
  cache_creation_input_tokens: z.number().default(0),
});
const ResultLine = z.object({
  type: z.literal("result"),
  subtype: z.string(),
  is_error: z.boolean().default(false),
  result: z.string().optional(),
  structured_output: z.unknown().optional(),
  api_error: z.string().nullish(),
  api_error_status: z.number().nullish(),
  terminal_reason: z.string().nullish(),
  stop_reason: z.string().nullish(),
  errors: z.array(z.string()).optional(),
  total_cost_usd: z.number().default(0),
  duration_ms: z.number().default(0),
  usage: Usage.optional(),
});
type ResultLine = z.infer<typeof ResultLine>;

const nothing: SessionUse = { costUsd: 0, inputTokens: 0, outputTokens: 0, seconds: 0 };
const bounded = (text: string): string => text.trim().slice(0, 500);

const limits: Readonly<Record<string, SessionSilence>> = {
  error_max_turns: "over-turns",
  error_max_budget_usd: "over-budget",
  error_max_structured_output_retries: "invalid-answer",
};

export function sessionOutcome(end: CommandEnd): SessionAnswer {
  const none = (reason: SessionSilence, detail: string, use: SessionUse = nothing): SessionAnswer => ({
    kind: "none",
    reason,
    detail: bounded(detail),
    use,
  });
  if (end.missing) return none("not-installed", end.stderr);
  if (end.cancelled) return none("cancelled", "the run was cancelled");
  if (end.timedOut) return none("timed-out", "no answer within the time limit");
  if (end.truncated) return none("failed", "the answer was longer than what is read");

  const line = lastResult(end.stdout);
  if (line === undefined)
    return none(/unknown option/.test(end.stderr) ? "too-old" : "failed", end.stderr || `exit ${end.exitCode ?? end.signal}, no result`);
  const use: SessionUse = {
    costUsd: line.total_cost_usd,
    inputTokens:
      (line.usage?.input_tokens ?? 0) + (line.usage?.cache_read_input_tokens ?? 0) + (line.usage?.cache_creation_input_tokens ?? 0),
    outputTokens: line.usage?.output_tokens ?? 0,
    seconds: line.duration_ms / 1000,
  };
  const limit = limits[line.subtype];
  if (limit !== undefined) return none(limit, line.errors?.join("; ") ?? line.subtype, use);
  if (line.subtype !== "success" || line.is_error || end.exitCode !== 0)
    return none(apiSilence(line), line.result ?? line.errors?.join("; ") ?? line.subtype, use);
  if (line.structured_output === undefined) return none("did-not-answer", line.result ?? "no structured answer", use);
  return { kind: "answered", value: line.structured_output, use };
}

function apiSilence(line: ResultLine): SessionSilence {
  const status = line.api_error_status ?? 0;
  if (line.api_error === "usage_limit_reached") return "usage-limit";
  if (line.result?.startsWith("Not logged in") === true) return "no-credential";
  if (status === 401 || status === 403 || /credit balance/i.test(line.result ?? "")) return "credential-refused";
  if (line.stop_reason === "refusal") return "refused";
  if (line.terminal_reason === "blocking_limit" || status === 413) return "too-large";
  if (
    status === 429 ||
    status >= 500 ||
    line.api_error === "connection_failed" ||
    line.api_error === "stream_idle_timeout" ||
    line.api_error === "request_timed_out"
  )
    return "unavailable";
  if (line.api_error === "max_output_tokens") return "invalid-answer";
  return /timed out/i.test(line.result ?? "") ? "unavailable" : "failed";
}

/** The last line that is a result; what a hook or a wrapper prints around it is passed over. */
function lastResult(stdout: string): ResultLine | undefined {
  for (const text of stdout.trimEnd().split("\n").toReversed()) {
    try {
      const parsed = ResultLine.safeParse(JSON.parse(text));
      if (parsed.success) return parsed.data;
    } catch {
      // Not a line of JSON.
    }
  }
  return undefined;
}
