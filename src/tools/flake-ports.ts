/** What came of evaluating or planning the copy: a text, or why not, as sentences for whoever asked. */
export type FlakeAnswer = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

/** What tools about the flake are given. Both see the copy as it is now, and evaluate it as what it is: code that nobody has reviewed. */
export type FlakePorts = {
  /** Names of the hosts that the goal is about. */
  readonly hosts: readonly string[];
  /** The value of an option of a host, as JSON. */
  readonly option: (host: string, path: readonly string[]) => Promise<FlakeAnswer>;
  /** What an option is for: type, default, description, where it is set. */
  readonly describe: (host: string, path: readonly string[]) => Promise<FlakeAnswer>;
  /** Builds those hosts, compares them with what the repository had, and judges. */
  readonly plan: (hosts: readonly string[]) => Promise<FlakeAnswer>;
};
