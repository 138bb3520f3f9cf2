import type { Address } from "../target/address.ts";
import type { CheckOutcome } from "../target/check-result.ts";
import { loginCommand } from "../target/target-failure.ts";

/** The next command to type: where the gate runs, or on the host as root. `HOST` in it stands for the host's name; no single quotes. */
export type Next = { readonly on: "gate" | "host"; readonly command: string; readonly remark?: string };

/** One question before an activation, answered. */
export type Answer = { readonly sentence: string } & (
  | { readonly outcome: "passed" }
  | { readonly outcome: Exclude<CheckOutcome, "passed">; readonly next: Next }
);

export const passed = (sentence: string): Answer => ({ outcome: "passed", sentence });
export const failed = (sentence: string, next: Next): Answer => ({ outcome: "failed", sentence, next });
/** What could not be told: never green. */
export const inconclusive = (sentence: string, next: Next): Answer => ({ outcome: "inconclusive", sentence, next });

export const atGate = (command: string, remark?: string): Next => ({ on: "gate", command, ...(remark === undefined ? {} : { remark }) });
export const onHost = (command: string, remark?: string): Next => ({ on: "host", command, ...(remark === undefined ? {} : { remark }) });

/** As it is typed where the gate runs. */
export function typed({ on, command, remark }: Next, address: Address): string {
  const named = command.replaceAll("HOST", address.host);
  const asRoot = address.sudo ? `sudo ${named.replaceAll(" && ", " && sudo ")}` : named;
  return `${on === "gate" ? named : `${loginCommand(address)} '${asRoot}'`}${remark === undefined ? "" : `   # ${remark}`}`;
}
