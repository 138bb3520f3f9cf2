import type { Planned } from "../apply/preflight.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import type { HostName } from "../discover/host.ts";
import type { Check } from "../policy-deploy.ts";
import type { Address } from "../target/address.ts";

/** What is to be done to one host, all of it decided. */
export type Change = {
  readonly host: HostName;
  readonly address: Address;
  readonly planned: Planned;
  readonly reversible: boolean;
  /** Somebody has to be there when it boots. */
  readonly attended: boolean;
  /** The policy reboots it without a person, in a window that is open or ahead. */
  readonly rebootsByItself: boolean;
  readonly repository: string | undefined;
  /** The operator's checks of the host, its group and the fleet. */
  readonly checks: readonly Check[];
  /** It carries the runner or the forge, so that nobody is left to confirm it from outside. */
  readonly carries: boolean;
  /** Of what is active and what will be; explains what is gone afterwards. */
  readonly diff: SystemDiff | undefined;
};
