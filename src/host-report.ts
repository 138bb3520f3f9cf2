import type { Outcome } from "./apply/outcome.ts";
import type { HostName } from "./discover/host.ts";
import type { SystemDiff } from "./diff/system-diff.ts";
import type { Assessment } from "./classify/preview.ts";
import type { IssuedApproval } from "./decide/approval-token.ts";
import type { HostDiagnosis } from "./diagnose/host-diagnosis.ts";
import type { Decision } from "./decide/decision.ts";
import type { HostReboot } from "./reboot/reboot-sentence.ts";
import type { Failure } from "./failure.ts";

/** Everything that one run knows of one host. The tag says how far it came; a field that a tag lacks is not known, rather than empty. */
export type HostReport = {
  readonly host: HostName;
  readonly platform?: string;
  /** Evaluation warnings, untrusted text. */ readonly warnings: readonly string[];
  readonly decision: Decision;
  /** What approves it, where it is held and may be approved. */
  readonly approval?: IssuedApproval;
  /** The reboot that its change asks for, or for which it waits. */
  readonly reboot?: HostReboot;
  /** What became of it, in a run that changes hosts. */
  readonly outcome?: Outcome;
  /** Why it failed, where that is known. */
  readonly diagnosis?: HostDiagnosis;
  /** For the repository's edge-cases file, as Markdown: a failure that a strategy resolved. Quotes a host's words. */
  readonly edgeCase?: string;
} & HostState;

export type HostState =
  | { readonly state: "unchanged"; readonly toplevel: string }
  /** `baseFailed` is set where the host cannot be compared because its old side failed; the new one is then judged as if everything were new. */
  | { readonly state: "added"; readonly to: string; readonly baseFailed?: Failure; readonly judgement: Assessment }
  | { readonly state: "removed"; readonly from: string | undefined }
  | { readonly state: "changed"; readonly from: string; readonly to: string; readonly diff: SystemDiff; readonly judgement: Assessment }
  /** `atBase`: the base fails in the same way, so this change did not break it. */
  | {
      readonly state: "failed";
      readonly stage: "evaluate" | "build" | "observe" | "diff";
      readonly failure: Failure;
      readonly atBase: boolean;
    };
