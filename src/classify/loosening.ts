import type { HostName } from "../discover/host.ts";

/** One thing in which a pushed policy guards less than the one that was applied last. */
export type Loosening = {
  /** As an operator would write it below `deployGate`: `hosts.db1.target.hostname`. */
  readonly key: string;
  /** JSON, short; a longer value ends in its hash. Undefined where there was or is nothing. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly sentence: string;
  /** Whom it concerns. */
  readonly hosts: "all" | readonly HostName[];
};

export const concerns = ({ hosts }: Loosening, host: HostName): boolean => hosts === "all" || hosts.includes(host);
