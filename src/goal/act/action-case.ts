import type { KnownLedger } from "../../decide/rejection.ts";
import type { HostName } from "../../discover/host.ts";
import type { Address } from "../../target/address.ts";
import type { Observation } from "../../target/observation.ts";
import type { GoalAction } from "../goal-answer.ts";
import type { ActionEnd } from "../goal-report.ts";

/** One action on a host that answers, is the right one, and on which nothing else is done. */
export type ActionCase = {
  readonly action: GoalAction;
  readonly host: HostName;
  readonly address: Address;
  readonly observation: Observation;
  readonly ledger: KnownLedger;
};

export type Ended = Omit<ActionEnd, "action">;
