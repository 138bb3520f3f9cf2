/** Headers of an answer, names in small letters. */
export type Headers = Readonly<Record<string, unknown>>;

/**
 * True where the forge refused only because we ask too much: nothing was carried out and asking later helps. GitHub says so with 429, or with 403 and one of the
 * headers or the words below; a 403 without them is about permission. Source: "Rate limits for the REST API", docs.github.com.
 */
export function isRateLimit(status: number, headers: Headers, message: string): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  return headers["retry-after"] !== undefined || headers["x-ratelimit-remaining"] === "0" || /\brate limit\b/i.test(message);
}

/** Seconds until the forge wants to be asked again: `retry-after` (seconds or a date), else the reset of a spent limit; undefined where it does not say. */
export function waitSeconds(headers: Headers, now: Date): number | undefined {
  const after = headers["retry-after"];
  if (typeof after === "string" && /^[0-9]{1,6}$/.test(after)) return Number(after);
  if (typeof after === "string") {
    const date = Date.parse(after);
    if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - now.getTime()) / 1000));
  }
  const reset = headers["x-ratelimit-reset"];
  if (headers["x-ratelimit-remaining"] === "0" && typeof reset === "string" && /^[0-9]{1,12}$/.test(reset))
    return Math.max(1, Number(reset) - Math.floor(now.getTime() / 1000));
  return undefined;
}
