import type { HttpAnswer, ProbeTrouble, TcpAnswer } from "../io/ports.ts";
import type { Check } from "../policy-deploy.ts";
import type { CheckResult } from "../target/check-result.ts";

/** What one try of a check showed. `impossible` could not be asked, which is never health and never illness. */
export type Try =
  | { readonly kind: "healthy"; readonly sentence: string }
  | { readonly kind: "ill"; readonly sentence: string }
  | { readonly kind: "impossible"; readonly sentence: string }
  /** Asked again elsewhere, by the same try. */
  | { readonly kind: "redirected"; readonly url: string };

export type HttpCheck = Extract<Check, { type: "http" }>;
export type TcpCheck = Extract<Check, { type: "tcp" }>;

/** How much of an answer is looked through for `contains`. */
export const bodyBytes = 1024 * 1024;
export const redirectsFollowed = 5;

/** What people call a check. A URL is shown without its credentials and its query: both may hold what is nobody's business. */
export function checkName(check: Check): string {
  if (check.name !== undefined) return check.name;
  switch (check.type) {
    case "http":
      return `http ${shownUrl(check.url)}`;
    case "tcp":
      return `tcp ${check.address} port ${check.port}`;
    case "command":
      return `command ${check.command[0] ?? ""}`;
    case "unit":
      return `unit ${check.unit}`;
  }
}

/** Keys of checks in their order: the name, numbered where several have the same. */
export function checkKeys(checks: readonly Check[]): string[] {
  const seen = new Map<string, number>();
  return checks.map((check) => {
    const name = checkName(check);
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name} (${times})`;
  });
}

/** Where the question comes from. Commands and units are the host's own. */
export const askedFrom = (check: Check): "gate" | "host" => (check.type === "http" || check.type === "tcp" ? check.from : "host");

/** The longest that all tries of one check can take, in seconds. */
export const longestSeconds = (check: Check): number => (check.retries + 1) * check.timeoutSeconds + check.retries * check.intervalSeconds;

/** What to do after these tries: ask once more after so many seconds, or say what became of the check. The first healthy try ends it. */
export function afterTries(
  check: Check,
  key: string,
  tries: readonly Try[],
): { readonly again: true; readonly afterSeconds: number } | { readonly again: false; readonly result: CheckResult } {
  const last = tries.at(-1);
  if (last?.kind !== "healthy" && tries.length <= check.retries)
    return { again: true, afterSeconds: tries.length === 0 ? 0 : check.intervalSeconds };
  const ended = (outcome: CheckResult["outcome"], sentence: string): { readonly again: false; readonly result: CheckResult } => ({
    again: false,
    result: { key, name: checkName(check), outcome, sentence, tries: tries.length },
  });
  if (last === undefined) return ended("error", "It was never asked.");
  if (last.kind === "healthy") return ended("passed", last.sentence);
  if (last.kind === "redirected") return ended("failed", "It leads from one redirect to the next.");
  return ended(last.kind === "ill" ? "failed" : "inconclusive", last.sentence);
}

/** What an answer says about an http check; `url` is what was asked, which is not the check's own after a redirect. */
export function judgeHttp(check: HttpCheck, url: string, answer: HttpAnswer): Try {
  const shown = shownUrl(url);
  if (answer.kind === "none") return silence(shown, answer.why, answer.detail, check.timeoutSeconds);
  if (!check.status.includes(answer.status)) {
    const wanted = `${check.status.join(" or ")} is wanted`;
    if (answer.status < 300 || answer.status > 399 || answer.location === undefined)
      return { kind: "ill", sentence: `${shown} answered ${answer.status}; ${wanted}.` };
    const to = within(url, answer.location);
    if (to !== undefined) return { kind: "redirected", url: to };
    // A service that sends us elsewhere would have us vouch for it with somebody else's health, or ask what only the gate can reach.
    return {
      kind: "ill",
      sentence: `${shown} answered ${answer.status} and points elsewhere, to ${shownUrl(answer.location)}; ${wanted}, and no redirect to another origin is followed.`,
    };
  }
  if (check.contains === undefined) return { kind: "healthy", sentence: `${shown} answered ${answer.status}.` };
  if (Buffer.from(answer.body).includes(check.contains))
    return { kind: "healthy", sentence: `${shown} answered ${answer.status} with the text that is wanted.` };
  if (answer.encoded) return { kind: "impossible", sentence: `${shown} answered compressed, so that its text cannot be looked for.` };
  if (answer.cut) return { kind: "impossible", sentence: `The text that is wanted is not in the first MiB of what ${shown} answered.` };
  return { kind: "ill", sentence: `${shown} answered ${answer.status} without the text that is wanted.` };
}

export function judgeTcp(check: TcpCheck, answer: TcpAnswer): Try {
  const shown = `${check.address} port ${check.port}`;
  if (answer.kind === "connected") return { kind: "healthy", sentence: `${shown} accepts connections.` };
  return silence(shown, answer.why, answer.detail, check.timeoutSeconds);
}

function silence(shown: string, why: ProbeTrouble, detail: string, seconds: number): Try {
  const said = detail === "" ? "" : ` (${detail})`;
  switch (why) {
    case "refused":
      return { kind: "ill", sentence: `${shown} refuses connections${said}.` };
    case "timed-out":
      return { kind: "ill", sentence: `${shown} did not answer within ${seconds} s${said}.` };
    case "certificate":
      return { kind: "ill", sentence: `The certificate of ${shown} is not to be trusted${said}.` };
    case "broken":
      return { kind: "ill", sentence: `${shown} broke off the connection or answered what is no answer${said}.` };
    case "name":
      return { kind: "impossible", sentence: `The name of ${shown} cannot be looked up here${said}.` };
    case "no-route":
      return { kind: "impossible", sentence: `There is no way from here to ${shown}${said}.` };
    case "local":
      return { kind: "impossible", sentence: `${shown} could not be asked from here${said}.` };
    case "cancelled":
      return { kind: "impossible", sentence: `The run was cancelled before ${shown} had answered.` };
  }
}

/** Where a redirect leads, if it stays with the same scheme, host and port. */
function within(url: string, location: string): string | undefined {
  if (!URL.canParse(location, url)) return undefined;
  const to = new URL(location, url);
  return to.origin === new URL(url).origin ? to.href : undefined;
}

function shownUrl(text: string): string {
  if (!URL.canParse(text)) return text.slice(0, 200);
  const url = new URL(text);
  return `${url.origin}${url.pathname}`.slice(0, 300);
}
