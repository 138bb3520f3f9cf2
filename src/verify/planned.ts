import type { StorePath } from "../diff/system.ts";

/** What a host was meant to end with. */
export type Planned = {
  /** The toplevel that boots from now on. */
  readonly profile: StorePath;
  /** What is active: the toplevel or its specialisation; what was active before where only the boot default was set. */
  readonly current: StorePath;
  /** Set after a reboot: what must have booted. */
  readonly booted?: StorePath;
};
