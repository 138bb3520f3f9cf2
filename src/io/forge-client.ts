import { getOctokit } from "@actions/github";
import { defaults } from "@actions/github/lib/utils";
import * as z from "zod";
import { failure, type Failure } from "../failure.ts";
import { ElsewhereError, guardedFetch } from "./guarded-fetch.ts";
import type { Clock, Log } from "./ports.ts";
import { isRateLimit, waitSeconds, type Headers } from "./rate-limit.ts";

export type ForgeClientOptions = {
  /** As the runner gives it: `https://api.github.com`, `https://ghes/api/v3`, `https://forgejo/sub/api/v1`. */
  readonly apiUrl: string;
  readonly token: string;
  readonly clock: Clock;
  readonly log: Pick<Log, "debug">;
  /** Waits that long. */
  readonly wait: (seconds: number) => Promise<void>;
  /** Takes known secrets out of every text that is posted: the last place where one that slipped through can be held back. */
  readonly redact?: (text: string) => string;
  /** For one request, in seconds; 30 where absent. */
  readonly timeoutSeconds?: number;
};

export type Ask<T> = {
  /** `GET /repos/{owner}/{repo}/…`, or a whole address of the same host. */
  readonly route: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** What for, as it goes into a sentence: "looking for our comment". */
  readonly doing: string;
  /** What a workflow has to grant for it. */
  readonly permission: string;
  /** True where doing it twice is the same as doing it once. Otherwise an answer that did not come is `uncertain` and the caller looks what happened. */
  readonly repeatable: boolean;
  readonly answer: z.ZodType<T>;
};

export type Answer<T> =
  | { readonly ok: true; readonly value: T; readonly headers: Headers }
  /** `uncertain`: the request may have been carried out all the same. */
  | { readonly ok: false; readonly failure: Failure; readonly status: number | undefined; readonly uncertain: boolean };

/** How long all waits of one run may take together. A report is worth minutes, not the hour that a spent limit may ask for. */
const patienceSeconds = 150;
const attempts = 4;

const Refusal = z.object({
  status: z.number(),
  message: z.string(),
  response: z.object({ headers: z.record(z.string(), z.unknown()) }).optional(),
});

/** Speaks to one forge with one token: octokit, with what it lacks for a forge that is not GitHub. Never throws for what a forge or a network does. */
export class ForgeClient {
  readonly host: string;
  readonly apiUrl: string;
  readonly #octokit: ReturnType<typeof getOctokit>;
  readonly #options: ForgeClientOptions;
  #patience = patienceSeconds;

  constructor(options: ForgeClientOptions) {
    const base = new URL(options.apiUrl);
    this.host = base.host;
    this.apiUrl = options.apiUrl;
    this.#options = options;
    const debug = (message: string): void => options.log.debug(message);
    this.#octokit = getOctokit(options.token, {
      baseUrl: options.apiUrl,
      userAgent: "nixos-deploy-gate",
      log: { debug, info: debug, warn: debug, error: debug },
      // octokit's own fetch follows redirects and Link headers to wherever they lead, token in hand.
      request: { fetch: guardedFetch(base.origin, defaults.request?.fetch ?? fetch, (options.timeoutSeconds ?? 30) * 1000) },
    });
  }

  async ask<T>(ask: Ask<T>): Promise<Answer<T>> {
    for (let attempt = 1; ; attempt++) {
      const once = await this.#once(ask, attempt);
      if (once.kind === "done") return once.answer;
      const { answer } = once;
      if (attempt === attempts || once.seconds > this.#patience) return answer;
      this.#patience -= once.seconds;
      this.#options.log.debug("The forge is asked again", {
        route: ask.route,
        attempt,
        status: answer.ok ? undefined : answer.status,
        seconds: once.seconds,
      });
      await this.#options.wait(once.seconds);
    }
  }

  async #once<T>(
    ask: Ask<T>,
    attempt: number,
  ): Promise<{ kind: "done"; answer: Answer<T> } | { kind: "again"; answer: Answer<T>; seconds: number }> {
    const context = { forge: this.host, doing: ask.doing };
    const lost = (status: number | undefined, made: Failure, uncertain: boolean): Answer<T> => ({
      ok: false,
      failure: made,
      status,
      uncertain,
    });
    let response: { data: unknown; headers: Headers };
    try {
      response = await this.#octokit.request(ask.route, this.#redacted(ask.parameters ?? {}));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const elsewhere = causes(error).find((cause) => cause instanceof ElsewhereError);
      if (elsewhere !== undefined)
        return { kind: "done", answer: lost(undefined, failure("forge-elsewhere", { ...context, to: elsewhere.to }), false) };
      const refusal = Refusal.safeParse(error);
      const message = error.message.slice(0, 500);
      // octokit gives status 500 to what never got an answer at all.
      const status = refusal.data?.response === undefined ? undefined : refusal.data.status;
      const headers = refusal.data?.response?.headers ?? {};
      if (status !== undefined && isRateLimit(status, headers, message)) {
        const seconds = waitSeconds(headers, this.#options.clock.now());
        return {
          kind: "again",
          answer: lost(status, failure("forge-busy", { ...context, seconds }, message), false),
          seconds: seconds ?? 60,
        };
      }
      if (status === undefined || status >= 500) {
        const answer = lost(status, failure("forge-unavailable", context, message), true);
        return ask.repeatable ? { kind: "again", answer, seconds: 2 ** (attempt - 1) } : { kind: "done", answer };
      }
      return { kind: "done", answer: lost(status, this.#refused(ask, status, message), false) };
    }
    const parsed = ask.answer.safeParse(response.data);
    if (parsed.success) return { kind: "done", answer: { ok: true, value: parsed.data, headers: response.headers } };
    const issue = parsed.error.issues[0];
    const problem = `${issue?.path.join(".") || "the answer"}: ${issue?.message ?? "not the expected shape"}`;
    return { kind: "done", answer: lost(undefined, failure("forge-answer", { ...context, problem }), !ask.route.startsWith("GET ")) };
  }

  #redacted(parameters: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const redact = this.#options.redact ?? ((text: string): string => text);
    const texts = ["body", "title", "description", "context"];
    return Object.fromEntries(
      Object.entries(parameters).map(([key, value]) => [key, typeof value === "string" && texts.includes(key) ? redact(value) : value]),
    );
  }

  #refused(ask: Ask<unknown>, status: number, message: string): Failure {
    const context = { forge: this.host, doing: ask.doing };
    if (status === 401) return failure("forge-unauthorised", context, message);
    if (status === 403) return failure("forge-forbidden", { ...context, permission: ask.permission }, message);
    if (status === 404 || status === 410) return failure("forge-not-found", context, message);
    const body = ask.parameters?.["body"];
    if (status === 413 || (status === 422 && /too long/i.test(message)))
      return failure("forge-too-long", { ...context, characters: typeof body === "string" ? body.length : 0 }, message);
    return failure("forge-refused", { ...context, status }, message);
  }
}

function causes(error: unknown, deep = 0): unknown[] {
  return error instanceof Error && deep < 5 ? [error, ...causes(error.cause, deep + 1)] : [];
}
