import type { ExitCode } from "../failure.ts";

/** What a command is given of the shell it was started from. */
export type Shell = {
  readonly directory: string;
  /** The directory of this program, which holds `goals/`. */
  readonly programRoot: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Answers go here. */
  out(text: string): void;
  /** Progress, warnings and failures go here. */
  error(text: string): void;
  readonly terminal: {
    readonly live: boolean;
    readonly color: boolean;
    readonly unicode: boolean;
    readonly width: number;
    /** A person can be asked: both ends of the conversation are a terminal. */
    readonly asks?: boolean;
  };
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
};

export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export type Command = {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Started by this program itself: in no list that people read. */
  readonly hidden?: true;
  /** `plan [FLAKEREF] [options]` */
  readonly usage: string;
  readonly options: Readonly<Record<string, Option>>;
  /** How many words besides options: at least, at most. */
  readonly words: readonly [number, number];
  readonly examples: readonly string[];
  run(words: readonly string[], options: Options, shell: Shell): Promise<ExitCode>;
};

export type Option = { readonly type: "string" | "boolean"; readonly value?: string; readonly help: string; readonly short?: string };
