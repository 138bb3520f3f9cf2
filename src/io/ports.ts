/**
 * The world, on one page. Every stage takes the ports it needs as arguments; only `main.ts` and `cli.ts` build real ones. Decisions never see a port.
 */
import type { Failure } from "../failure.ts";
import type { Address } from "../target/address.ts";
import type { HelperVerb } from "../target/helper-verb.ts";

/** A finished child process. `signal` is set where one ended it; `timedOut` where our own limit did. Output is bounded by the caller's `maxBytes`. */
export type CommandResult = {
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
};

/**
 * Who wrote the code that Nix is about to evaluate or build. `deploy-branch`: it has been merged. `unreviewed`: a pull request or a working tree; it is only
 * ever evaluated where it cannot read the gate's process or files (invariant 4).
 */
export type Trust = "deploy-branch" | "unreviewed";

/** One line of Nix's `--log-format internal-json`, which the port asks for where `onLog` is given, or a line that something else wrote to stderr. */
export type NixLogLine =
  | { readonly kind: "nix"; readonly event: Readonly<Record<string, unknown>> }
  | { readonly kind: "text"; readonly text: string };

export type NixRun = {
  /** Everything after the program's name, the sub-command first: `["eval", "--json", …]`. The port adds the flags of invariant 4. */
  readonly arguments: readonly string[];
  /** `nix` unless the old command line is needed (`nix-store`, for exit codes that tell failures apart). */
  readonly program?: "nix" | "nix-store";
  readonly trust: Trust;
  /** Wall clock, in seconds. */
  readonly timeoutSeconds: number;
  /** Called for every line of stderr as it arrives; where absent stderr is only collected. */
  readonly onLog?: (line: NixLogLine) => void;
  /** Given on stdin, which is closed where this is absent. */
  readonly input?: string;
  /** Of stdout that is collected, in bytes; 64 MiB where absent. What is longer keeps its head and its tail. */
  readonly maxBytes?: number;
  /** Called with stdout piece by piece; it is then not collected, and the result's `stdout` is empty. For answers of a hundred megabytes. */
  readonly onOutput?: (chunk: Uint8Array) => void;
  /** More variables: NIX_SSHOPTS and the agent's socket, for stores on other machines. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Ends this command as the end of the run would. */
  readonly signal?: AbortSignal;
};

export interface Nix {
  /** Which Nix this is. Throws a GateError where there is none or where it is too old. Asked once; later calls answer from memory. */
  version(): Promise<NixVersion>;
  /** Runs one Nix command to its end. Never throws for a command that failed: the result tells. Throws a GateError where the run was cancelled or Nix is missing. */
  run(run: NixRun): Promise<CommandResult>;
}

export type NixVersion = {
  readonly implementation: "nix" | "lix" | "determinate";
  readonly version: string;
  readonly major: number;
  readonly minor: number;
};

/**
 * One git command. Nothing of the machine's git comes along: no system or user configuration, no hooks, filters, credential helpers or prompts, and no protocol but
 * the one that is named.
 */
export type GitRun = {
  readonly arguments: readonly string[];
  /** Where it runs: our own repository, or a checkout, which is only ever read. */
  readonly directory: string;
  /** More variables: GIT_INDEX_FILE, GIT_AUTHOR_DATE, … */
  readonly environment?: Readonly<Record<string, string>>;
  /** Wall clock, in seconds; 60 where absent. */
  readonly timeoutSeconds?: number;
  readonly input?: string;
  /** Of stdout, in bytes; 64 MiB where absent. */
  readonly maxBytes?: number;
  /** The other repository of a fetch. The token goes to that server only, and by the environment: neither argv, nor a url, nor a file ever holds it. */
  readonly remote?: { readonly url: string; readonly token?: string | undefined };
};

/** Where a local flakeref points to, all links resolved. */
export type Place =
  | { readonly kind: "checkout"; readonly checkout: Checkout }
  | { readonly kind: "plain" | "file" | "missing" | "bare"; readonly path: string };

/** A working tree under git. Read, never written: no index refresh, no fetch into it, no garbage collection. */
export type Checkout = {
  readonly root: string;
  /** From the root to the directory that was named, without slashes at its ends; empty for the root. */
  readonly prefix: string;
  readonly gitDirectory: string;
  /** Its object store and, after it, those that it borrows from. */
  readonly objectDirectories: readonly string[];
  /** True where history has been cut off. */
  readonly shallow: boolean;
};

export interface Git {
  /** Never throws for a command that failed: the result tells. Throws a GateError where git is missing or the run was cancelled. */
  run(run: GitRun): Promise<CommandResult>;
  locate(path: string): Promise<Place>;
  /** An empty repository of ours that sees the checkout's objects, shallow where the checkout is, with a copy of its index. Its working tree is its own directory. */
  createRepository(directory: string, checkout: Checkout): Promise<void>;
  /** Makes a commit the HEAD of a repository that was made so. */
  pointHead(directory: string, rev: string): Promise<void>;
  /** What a directory holds that must not be copied into the store unseen: the first `.git`, and symbolic links by their path below it. */
  scan(path: string): Promise<{ readonly git: string | undefined; readonly symlinks: ReadonlySet<string> }>;
  /** A regular file's text, links not followed, at most `maxBytes`; for a flake that is not in git. */
  readFile(
    path: string,
    maxBytes: number,
  ): Promise<{ readonly kind: "text"; readonly text: string } | { readonly kind: "missing" | "symlink" | "other" | "too-long" }>;
}

/** What the canary tries to steal, planted by us. `text` is the whole content, so that its hash is known. */
export type Bait = {
  /** What Nix calls this machine, `x86_64-linux`; pure evaluation cannot ask. */
  readonly system: string;
  /** May be read by unreviewed code: shows that the reading itself works. */
  readonly control: { readonly path: string; readonly text: string };
  readonly file: { readonly path: string; readonly text: string };
  readonly process: { readonly pid: number; readonly secret: string; readonly text: string };
  remove(): void;
};

/** What stands at a path, never followed. `other` covers FIFOs, sockets and devices, which are never opened. */
export type StoreEntry =
  | { readonly kind: "file"; readonly size: number; readonly executable: boolean }
  | { readonly kind: "directory" }
  | { readonly kind: "symlink"; readonly target: string }
  | { readonly kind: "other" };

/** A file's beginning. `binary` where a NUL or invalid UTF-8 stands in what was read. `truncated` where the file is longer than what was asked for. */
export type StoreText = { readonly text: string; readonly size: number; readonly truncated: boolean; readonly binary: boolean };

/**
 * Reads the Nix store of this machine as files. Synchronous on purpose: a fleet's diff is thousands of small reads of immutable files, and a promise for each
 * costs more than the read. Nothing outside the store prefix is ever opened: a link in a toplevel that a pull request built may point anywhere.
 */
export interface StoreFiles {
  /** `/nix/store` unless the store was moved. */
  readonly prefix: string;
  entry(path: string): StoreEntry | undefined;
  /** Names in a directory, sorted by code unit; empty where it is not one. */
  list(path: string): readonly string[];
  /** All of a directory at once, by name in the order of `list`, none followed; empty where it is not one. Cheaper than to ask for each. */
  entries(path: string): ReadonlyMap<string, StoreEntry>;
  /** At most `maxBytes` of a regular file; undefined where there is none or where it cannot be read. */
  read(path: string, maxBytes: number): StoreText | undefined;
  /** At most `length` bytes from `offset` of a regular file, fewer at its end; undefined where there is none or where it cannot be read. */
  readBytes(path: string, offset: number, length: number): Uint8Array | undefined;
  /** The bytes' identity without showing them: hex SHA-256 of a regular file, read in pieces; undefined where there is none. */
  hash(path: string): string | undefined;
  /** Where a path ends after all links, inside the store; undefined where it dangles, loops or leaves the store. */
  resolve(path: string): string | undefined;
}

/** Closures as one graph: every path once, sorted, with the bytes of its NAR. */
export type StoreClosures = {
  readonly paths: readonly string[];
  readonly narSizes: Float64Array;
  /** What the path `n` refers to, itself left out: the places in `paths`, sorted, that stand in `targets` from `offsets[n]` to before `offsets[n + 1]`. */
  readonly offsets: Uint32Array;
  readonly targets: Uint32Array;
};

/** What Nix has written down about the store of this machine, read without asking Nix. */
export interface StoreDatabase {
  /** The closures of those of `roots` that are valid paths, and nothing of the others. Undefined where it cannot be read or understood: Nix has to be asked then. */
  closures(roots: readonly string[]): Promise<StoreClosures | undefined>;
}

export interface Clock {
  /** Now, as an instant. */
  now(): Date;
}

/** Progress, as the pipeline tells it. Terminal, Action log and tests each listen in their own way; the pipeline prints nothing itself. */
export type Progress =
  | { readonly kind: "stage"; readonly stage: Stage; readonly text: string }
  | {
      readonly kind: "host";
      readonly host: string;
      readonly step:
        | "evaluating"
        | "evaluated"
        | "building"
        | "built"
        | "failed"
        | "diffed"
        | "asking"
        | "copying"
        | "activating"
        | "verifying"
        /** What became of it stands in `text`. */
        | "ended";
      readonly text?: string;
    }
  | {
      readonly kind: "build";
      readonly derivation: string;
      readonly step: "started" | "finished" | "failed" | "log";
      readonly text?: string;
    }
  | { readonly kind: "warning"; readonly host?: string; readonly text: string };

export type Stage = "discover" | "build" | "diff" | "classify" | "decide" | "apply" | "verify" | "diagnose" | "report";

export interface Log {
  progress(event: Progress): void;
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** From here on `value` is replaced by `***` wherever this process writes. */
  mask(value: string): void;
}

/** The failure of one host or one step, as a value. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/**
 * Where the report goes. Each call is one intention and answers with a value: a read-only token on a fork's pull request is normal, and the report then stays in
 * log, summary and outputs. No text that is read back here is ever an input to a decision about a host (invariant 2).
 */
export interface Forge {
  readonly kind: "github" | "forgejo";
  /** Version and own name, asked once. */
  about(): Promise<ForgeAbout>;
  /** Our comment on a pull request; `headSha` is what the report is about, and a report about a head that has been replaced is not written. */
  upsertComment(pullRequest: number, headSha: string, report: ForgeReport): Promise<Result<Written>>;
  postStatus(sha: string, status: CommitStatus): Promise<Result<Written>>;
  /** The report of a push: a commit comment on GitHub; on Forgejo, which has none, a comment on the pull request that was merged, else an issue that is edited in place. */
  commitReport(sha: string, report: ForgeReport): Promise<Result<Written>>;
  /** What a user may do in this repository. As in `authorship`, the answer counts in a decision: it is the forge's word on a person, not a text that anyone wrote. */
  permission(login: string): Promise<Result<Permission>>;
  /**
   * Who made the commits after `base` up to `head` and who pushed to `branch`, as far as the forge knows and within bounds: the caller holds the answer against git's own list,
   * so that what is missing is seen.
   */
  authorship(base: string, head: string, branch: string): Promise<Result<Authorship>>;
  /** The latest commit status of each context. Shows only what need not be posted again: whoever may write may have posted it. */
  statuses(sha: string): Promise<Result<ReadonlyMap<string, PostedStatus>>>;
  /** Undefined on a forge that has none, which Forgejo is. */
  readonly deployments: Deployments | undefined;
}

export type Authorship = {
  /** Logins of those to whom the forge gives a commit, by the e-mail addresses in it; undefined where it knows nobody by one. */
  readonly commits: readonly { readonly sha: string; readonly author: string | undefined; readonly committer: string | undefined }[];
  /** Newest first. `by` is whom the forge let in; undefined where that is no person or is not told. */
  readonly pushes: readonly { readonly before: string; readonly after: string; readonly by: string | undefined }[];
};

/** What a forge shows of what runs where: for each environment the revision that was deployed last, and how that went. */
export interface Deployments {
  /** Makes one and says its state. What earlier runs of ours in this environment left without an end becomes `inactive`. */
  begin(deployment: Deployment, status: DeploymentStatus): Promise<Result<BegunDeployment>>;
  /** Says how it stands now; after a success, earlier ones of ours in its environment become `inactive`. */
  say(begun: BegunDeployment, status: DeploymentStatus): Promise<Result<Written>>;
}

export type Deployment = {
  readonly sha: string;
  readonly environment: string;
  /** Tells our own apart where an answer got lost. */
  readonly runId: number;
  readonly attempt: number;
};

export type BegunDeployment = { readonly id: number; readonly environment: string };

export type DeploymentStatus = {
  /** `queued` waits for a person, `inactive` left its hosts to a newer run, `error` ended without telling. */
  readonly state: "in_progress" | "queued" | "success" | "failure" | "error" | "inactive";
  /** Cut to what the forge takes. */
  readonly description: string;
  /** The run's page. */
  readonly logUrl: string;
};

/** `unknown` where the forge cannot or will not say; nothing may take it for a yes. */
export type Permission = "admin" | "write" | "read" | "none" | "unknown";

/** Whether a token may do one thing. `may-not` is the forge's own word. */
export type Power =
  | { readonly kind: "may" }
  | { readonly kind: "may-not"; readonly said: string }
  | { readonly kind: "unknown"; readonly why: string };

export type ForgePowers = {
  /** Undefined: the repository cannot even be read, and nothing else was asked. */
  readonly repository:
    | {
        readonly kind: "read";
        readonly defaultBranch: string | undefined;
        readonly visibility: "public" | "private" | "unknown";
        readonly admin: boolean;
      }
    | { readonly kind: "refused"; readonly failure: Failure };
  readonly status: Power;
  readonly comment: Power;
  /** GitHub Deployments; undefined on Forgejo, which has none. */
  readonly deployments: Power | undefined;
  /** Scopes of a classic token of GitHub, as it says them; undefined for every other kind. */
  readonly scopes: readonly string[] | undefined;
  /** Of Forgejo. */
  readonly version: string | undefined;
};

export type ForgeAbout = {
  /** As the forge says it; undefined on GitHub, which has none. */
  readonly version: string | undefined;
  /** The token's user. `id` is -2 for Forgejo's automatic token; undefined on GitHub, where an app's login is unique. */
  readonly login: string;
  readonly id: number | undefined;
  /** What a person should know, as sentences. */
  readonly notes: readonly string[];
};

/** Hidden in the first line of what we write: whose report it is and which run wrote it. Found by it *and* by its author, since anyone may copy it. */
export type Marker = {
  /** Tells several gates in one repository apart; `[a-z0-9-]{1,32}`. */
  readonly key: string;
  /** Counts up over all runs of the instance on both forges, so it orders runs of different workflows too. */
  readonly runId: number;
  readonly attempt: number;
  /** The revision that the report is about. */
  readonly sha: string;
};

export type ForgeReport = {
  readonly marker: Marker;
  /** Markdown without the marker. */
  readonly body: string;
  /** Without it nothing new is written: only what an earlier run left is brought up to date. */
  readonly create: boolean;
};

export type CommitStatus = {
  readonly context: string;
  readonly state: "pending" | "success" | "failure" | "error";
  /** Cut to what the forge takes (140 characters on GitHub). */
  readonly description: string;
  readonly url: string;
};

export type PostedStatus = { readonly state: string; readonly description: string };

export type Written = {
  /** `absent`: there was nothing to bring up to date. `superseded`: a newer run or head owns the place, so nothing was written. */
  readonly action: "created" | "updated" | "unchanged" | "absent" | "superseded";
  readonly url: string | undefined;
  /** Sentences for the log: "the comment had been edited by somebody else". */
  readonly notes: readonly string[];
};

/** What a runner reads back from a step: outputs and the step summary. */
export interface Runner {
  output(name: string, value: string): void;
  /** Replaces this step's summary, of at most 1 MiB. */
  summary(markdown: string): Promise<void>;
  /** Writes a file that later steps of the job may read; answers with its path. Each name once. */
  file(name: string, text: string): Promise<string>;
}

/**
 * One thing that a session may ask the gate while it thinks. A call is checked, made and bounded by this process: the session's has no key, no connection and no say in
 * what its arguments mean.
 */
export type SessionTool = {
  /** `[a-z_]{1,40}` */
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments; its top level is an object. */
  readonly inputSchema: Readonly<Record<string, unknown>>;
  /** Never rejects. `text` is bounded, redacted and a stranger's. */
  readonly call: (given: unknown) => Promise<{ readonly text: string; readonly refused: boolean }>;
};

/** One question to a Claude Code session that may only answer: no tools but those of the gate that are named, an empty directory, an environment from nothing. */
export type SessionQuestion = {
  /** The goal: what is asked. Ours or the operator's, never the change's. */
  readonly system: string;
  /** Given on stdin; its first line is our own, since a first character "/" would be a command of the session. */
  readonly prompt: string;
  /** Draft-07 JSON Schema of the answer; its top level is an object. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** What it may ask meanwhile; nothing where absent. */
  readonly tools?: readonly SessionTool[];
  readonly model: string;
  readonly maxTurns: number;
  readonly budgetUsd: number;
  /** Wall clock for everything, tries included. */
  readonly timeoutSeconds: number;
};

export type SessionUse = {
  readonly costUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly seconds: number;
};

/** `value` has the shape that the session claims; it is parsed again by whoever asked. No verdict is a value like any other: it frees nobody and ends nothing. */
export type SessionAnswer =
  | { readonly kind: "answered"; readonly value: unknown; readonly use: SessionUse }
  | { readonly kind: "none"; readonly reason: SessionSilence; readonly detail: string; readonly use: SessionUse; readonly retryAt?: Date };

/** Why there is no answer. */
export type SessionSilence =
  | "not-installed"
  | "too-old"
  | "no-credential"
  | "credential-refused"
  | "usage-limit"
  | "unavailable"
  | "timed-out"
  | "cancelled"
  | "over-budget"
  | "over-turns"
  | "too-large"
  | "refused"
  | "invalid-answer"
  | "did-not-answer"
  | "failed";

/** The program that holds the sessions, looked at once. `detail` says what to do about it, with the command to type. */
export type SessionProgram =
  | { readonly kind: "usable"; readonly version: string }
  | { readonly kind: "too-old" | "not-installed"; readonly detail: string };

export interface Session {
  program(): Promise<SessionProgram>;
  ask(question: SessionQuestion): Promise<SessionAnswer>;
}

/** Answers of earlier runs, by the hash of all that they depend on. What is read is parsed and checked again by whoever asked; what cannot be read or kept is no error. */
export interface AnswerCache {
  read(key: string): unknown;
  write(key: string, answer: unknown): void;
}

/** What sessions have cost on this day (UTC), over all runs that share it. */
export interface Spending {
  /** In USD; undefined where it cannot be told. */
  today(): number | undefined;
  add(usd: number): void;
}

/** Why a host cannot be spoken to. */
export type TargetTrouble =
  | "unreachable"
  | "host-key-unknown"
  | "host-key-changed"
  | "access-refused"
  | "sudo-refused"
  | "jump-failed"
  /** Something answered that is not our program: a forced command, a shell that prints before it runs. */
  | "not-understood"
  /** The connection ended before the program said that it was done. What it did is unknown. */
  | "lost"
  | "timed-out"
  | "no-ssh";

/** A named value that a remote program put out. Untrusted, bounded. */
export type RemoteRecord = { readonly name: string; readonly value: string };

export type RemoteRun = {
  readonly address: Address;
  /** POSIX shell of ours without any data in it. `$1`, `$2` … are `arguments`; `put NAME VALUE`, `put_file NAME PATH BYTES` make records (src/target/remote-program.ts). */
  readonly program: string;
  /** What this program is called on a host with the helper, which has its own copy; absent where such a host has nothing that does it. */
  readonly verb?: HelperVerb;
  /** Any text without NUL; travels length-framed on stdin. */
  readonly arguments: readonly string[];
  /** `new` shows that a fresh login works; `shared` rides on the connection that is there. */
  readonly connection: "shared" | "new";
  /** Wall clock. */
  readonly timeoutSeconds: number;
  /** Of all records together; 8 MiB where absent. */
  readonly maxBytes?: number;
  /** Called for every record as it arrives. */
  readonly onRecord?: (record: RemoteRecord) => void;
};

export type RemoteResult =
  /** The program ran to its end and said so. `stderr` is what it and its children wrote there, bounded. */
  | { readonly ok: true; readonly exitCode: number; readonly records: readonly RemoteRecord[]; readonly stderr: string }
  /** `records` are those that came before the trouble. */
  | { readonly ok: false; readonly trouble: TargetTrouble; readonly detail: string; readonly records: readonly RemoteRecord[] };

export type CopyRun = {
  readonly address: Address;
  readonly paths: readonly string[];
  readonly store: "ssh-ng" | "ssh";
  readonly substituteOnDestination: boolean;
  readonly checkSignatures: boolean;
  readonly timeoutSeconds: number;
  readonly onLog?: (line: NixLogLine) => void;
};

/** `trouble`, with what ssh said in `detail`, where the connection and not Nix is at fault. */
export type CopyResult = CommandResult & { readonly trouble?: TargetTrouble; readonly detail?: string };

/** The hosts, over OpenSSH. Nothing is thrown for a host that fails: the result tells. Throws the GateError `cancelled` where the run was. */
export interface Targets {
  run(run: RemoteRun): Promise<RemoteResult>;
  /** `nix copy` to the host over the same connection settings. */
  copyTo(run: CopyRun): Promise<CopyResult>;
  /** The other way: closures of the host into this machine's store. */
  copyFrom(run: CopyRun): Promise<CopyResult>;
  /** How often a host was spoken to, for the bench. */
  roundTrips(address: Address): number;
  /** Ends shared connections and removes the key. */
  close(): Promise<void>;
}

/** Why there is no answer. `name`, `no-route` and `local` may lie with the gate's own machine, so that they say nothing about the service. */
export type ProbeTrouble = "refused" | "timed-out" | "certificate" | "broken" | "name" | "no-route" | "local" | "cancelled";

export type HttpAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** The header of that name, as it came; no redirect is followed. Untrusted text. */
      readonly location: string | undefined;
      /** The head of the body where it was asked for. */
      readonly body: Uint8Array;
      /** There was more than `maxBytes`. */
      readonly cut: boolean;
      /** The body is compressed although nobody asked for that. */
      readonly encoded: boolean;
    }
  | { readonly kind: "none"; readonly why: ProbeTrouble; readonly detail: string };

export type TcpAnswer = { readonly kind: "connected" } | { readonly kind: "none"; readonly why: ProbeTrouble; readonly detail: string };

/** Services, asked from the gate's own machine: one request, no redirects, no proxy of the environment. Nothing is thrown. */
export interface Probe {
  http(ask: {
    readonly url: string;
    /** Wall clock for name, connection, TLS and answer together. */
    readonly timeoutSeconds: number;
    /** Of the body; 0 reads none. */
    readonly maxBytes: number;
    readonly signal?: AbortSignal;
  }): Promise<HttpAnswer>;
  /** Connects and hangs up. */
  tcp(ask: {
    readonly address: string;
    readonly port: number;
    readonly timeoutSeconds: number;
    readonly signal?: AbortSignal;
  }): Promise<TcpAnswer>;
}
