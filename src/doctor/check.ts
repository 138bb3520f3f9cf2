import type { ExitCode, Failure } from "../failure.ts";
import type { HostName } from "../discover/host.ts";

/** `unknown`: it could not be asked, which is neither good nor bad. */
export type CheckState = "ok" | "warn" | "fail" | "unknown";

export const areas = ["machine", "flake", "policy", "workflows", "forge", "session", "hosts"] as const;
export type Area = (typeof areas)[number];

/** One row of the doctor's table. */
export type Check = {
  readonly area: Area;
  /** Stable, for machines: `nix`, `isolation`, `clock`, … */
  readonly code: string;
  readonly host?: HostName;
  readonly state: CheckState;
  /** One sentence. May hold a stranger's words: escape before showing. */
  readonly sentence: string;
  /** The next command to type; where something is wrong there is one. */
  readonly next?: string;
  /** What the tool underneath said. Untrusted. */
  readonly detail?: string;
};

type Row = (state: CheckState, code: string, sentence: string, next?: string) => Check;

/** Makes the rows of one area, or of one host. */
export const rowsOf =
  (area: Area, host?: HostName): Row =>
  (state, code, sentence, next) => ({
    area,
    code,
    ...(host === undefined ? {} : { host }),
    state,
    sentence,
    ...(next === undefined || state === "ok" ? {} : { next }),
  });

/** A failure as a row of its own. */
export function failedCheck(area: Area, code: string, failure: Failure, host?: HostName): Check {
  const row = rowsOf(area, host)("fail", code, failure.message, failure.next);
  return failure.detail === undefined ? row : { ...row, detail: failure.detail };
}

/** A host that is not well is a host's failure; the rest is configuration, or a machine that the gate cannot run on. Warnings fail nothing. */
export function doctorExit(checks: readonly Check[]): ExitCode {
  const failed = checks.filter(({ state }) => state === "fail");
  if (failed.some(({ area }) => area === "machine")) return 4;
  if (failed.some(({ area }) => area !== "hosts")) return 2;
  return failed.length > 0 ? 1 : 0;
}
