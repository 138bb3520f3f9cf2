/**
 * `failed` was asked and said no; `inconclusive` could not be asked or not be understood; `error` is a mistake of ours or of the policy. Only `passed` is green:
 * the other three hold, each with a sentence of its own.
 */
export type CheckOutcome = "passed" | "failed" | "inconclusive" | "error";

/** What became of one of the operator's checks. */
export type CheckResult = {
  /** The same check has the same key before and after a change; two checks of one host never share it. */
  readonly key: string;
  /** What people call it. Written by the operator. */
  readonly name: string;
  readonly outcome: CheckOutcome;
  /** One sentence. It may end with what the host or the service said: untrusted text, bounded. */
  readonly sentence: string;
  /** How often it was asked. */
  readonly tries: number;
};
