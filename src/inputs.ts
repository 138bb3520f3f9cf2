import * as z from "zod";
import { gateError } from "./failure.ts";
import type { Log } from "./io/ports.ts";

/**
 * The inputs of the Action, read once.
 *
 * A runner hands an input over as the environment variable `INPUT_` and its name in capitals, `dry-run` as `INPUT_DRY-RUN`. This is the only file that knows;
 * everything behind it gets typed values in which empty means absent, since a workflow passes an unset secret or variable as the empty string.
 */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Several short words may be given on one line or on several, with commas or without. */
const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

/** Leading "-" would be read as an option by nix or git further on; control characters would forge lines of a log. */
const plain = (longest: number) =>
  z
    .string()
    .max(longest, `longer than ${longest} characters`)
    .refine((text) => !text.startsWith("-"), "it starts with a -")
    .refine((text) => !/\p{Cc}/u.test(text), "it contains a control character or a line break");

/**
 * What a goal is told, in characters. GitHub takes 65,535 for all inputs of a dispatch together, and the listener makes its incidents no longer than `alert`. A wish is a page
 * at most: what is longer is a document, and belongs into the repository.
 */
export const inputLimits = { text: 8_000, alert: 50_000 } as const;

const secret = z.string().max(65_536, "longer than 65536 characters");
const flag = z.enum(["true", "false"], `it must be "true" or "false"`).transform((text) => text === "true");
const token = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,511}$/, "it is not a token as the report prints it")
  .array()
  .max(256, "more than 256 tokens");

const schema = z.object({
  flake: plain(2048).default("."),
  base: plain(255)
    .refine((text) => !/\s/.test(text), "a revision or a branch contains no spaces")
    .optional(),
  hosts: z
    .string()
    .transform(words)
    .pipe(
      z
        .string()
        .regex(/^[A-Za-z0-9*?][A-Za-z0-9_.*?-]{0,62}$/, "a pattern is a host name in which * and ? may stand")
        .array()
        .max(256, "more than 256 patterns"),
    )
    .default([]),
  token: secret.optional(),
  approve: z.string().transform(words).pipe(token).default([]),
  reject: z.string().transform(words).pipe(token).default([]),
  "dry-run": flag.default(false),
  "anthropic-api-key": secret.optional(),
  "claude-code-oauth-token": secret.optional(),
  "claude-path": plain(4096).optional(),
  "session-cache": plain(4096)
    .refine((path) => path.startsWith("/"), "it is not an absolute path")
    .optional(),
  model: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/[\]-]{0,127}$/, "it is not the name of a model")
    .optional(),
  "ssh-private-key": secret
    .refine((text) => text.startsWith("-----BEGIN "), "it does not begin like a private key (-----BEGIN …)")
    .optional(),
  "ssh-known-hosts": z.string().max(262_144, "longer than 262144 characters").optional(),
  "deploy-branch": z
    .string()
    .transform((text) => text.replace(/^refs\/heads\//, ""))
    .pipe(plain(255).refine((text) => text !== "" && !/[\s~^:?*[\\]|\.\.|@\{/.test(text), "it is not the name of a branch"))
    .optional(),
  command: z.enum(["plan", "join", "deploy", "reboot", "goal"], "it must be plan, join, deploy, reboot or goal").optional(),
  goal: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,40}$/, "it is not the name of a goal")
    .optional(),
  text: z.string().max(inputLimits.text, `longer than ${inputLimits.text} characters`).optional(),
  alert: z.string().max(inputLimits.alert, `longer than ${inputLimits.alert} characters`).optional(),
  plans: z.string().transform(words).pipe(plain(4096).array().max(256, "more than 256 paths")).default([]),
  post: flag.default(true),
  artifact: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "it is not the name of an artifact: letters, digits, dots, dashes and underscores")
    .optional(),
});

/** The names as action.yml lists them. */
export const inputNames = Object.keys(schema.shape) as readonly (keyof typeof schema.shape)[];
const secretNames = ["token", "anthropic-api-key", "claude-code-oauth-token", "ssh-private-key"] as const;

/** What runners put beside the inputs: on Forgejo the job's token is in the environment of every step, asked for or not. */
const ambientSecrets = [
  "GITHUB_TOKEN",
  "FORGEJO_TOKEN",
  "GITEA_TOKEN",
  "ACTIONS_RUNTIME_TOKEN",
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "ANTHROPIC_API_KEY",
  "CLAUDE_CODE_OAUTH_TOKEN",
];

export type Inputs = {
  readonly flake: string;
  /** A revision, branch or tag to compare with; the event's own base where absent. */
  readonly base: string | undefined;
  /** Globs; all hosts where empty. */
  readonly hosts: readonly string[];
  readonly token: string | undefined;
  readonly approve: readonly string[];
  readonly reject: readonly string[];
  readonly dryRun: boolean;
  readonly anthropicApiKey: string | undefined;
  readonly claudeCodeOauthToken: string | undefined;
  readonly claudePath: string | undefined;
  /** A directory that outlives the job. */
  readonly sessionCache: string | undefined;
  readonly model: string | undefined;
  readonly sshPrivateKey: string | undefined;
  readonly sshKnownHosts: string | undefined;
  /** A branch's short name; the repository's default branch where absent. */
  readonly deployBranch: string | undefined;
  /** Under which name a later step uploads the report's page; reports link to no artifact where absent. */
  readonly artifact: string | undefined;
  /** By event where absent. */
  readonly command: "plan" | "join" | "deploy" | "reboot" | "goal" | undefined;
  readonly goal: string | undefined;
  /** A wish in words. */
  readonly text: string | undefined;
  /** JSON, not parsed yet: written by machines, and by whoever makes one print a line. */
  readonly alert: string | undefined;
  /** Files, or directories with them; of `join` alone. */
  readonly plans: readonly string[];
  /** False: nothing is written to the forge. */
  readonly post: boolean;
};

const variable = (name: string): string => `INPUT_${name.replaceAll(" ", "_").toUpperCase()}`;

function given(environment: Environment, name: string): string | undefined {
  const value = environment[variable(name)]?.trim();
  return value === "" ? undefined : value;
}

/** Has every secret in the environment replaced wherever this process writes. Called before anything else may speak, a refusal of the inputs included. */
export function maskSecrets(environment: Environment, log: Pick<Log, "mask">): void {
  const values = [...secretNames.map((name) => given(environment, name)), ...ambientSecrets.map((name) => environment[name]?.trim())];
  for (const value of new Set(values)) if (value !== undefined && value !== "") log.mask(value);
}

/** Reads the inputs. Throws the GateError `input-invalid` that names the input; the value itself is never repeated, it may be a secret in the wrong place. */
export function readInputs(environment: Environment): Inputs {
  const parsed = schema.safeParse(Object.fromEntries(inputNames.map((name) => [name, given(environment, name)])));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw gateError("input-invalid", { input: String(issue?.path[0] ?? "?"), problem: issue?.message ?? "not the expected shape" });
  }
  const { "dry-run": dryRun, ...all } = parsed.data;
  if (all.approve.length > 0 && all.reject.length > 0)
    throw gateError("input-invalid", { input: "reject", problem: `"approve" is given as well, and one run does one of the two` });
  return {
    flake: all.flake,
    base: all.base,
    hosts: all.hosts,
    token: all.token,
    approve: all.approve,
    reject: all.reject,
    dryRun,
    anthropicApiKey: all["anthropic-api-key"],
    claudeCodeOauthToken: all["claude-code-oauth-token"],
    claudePath: all["claude-path"],
    sessionCache: all["session-cache"],
    model: all.model,
    sshPrivateKey: all["ssh-private-key"] === undefined ? undefined : `${all["ssh-private-key"]}\n`,
    sshKnownHosts: all["ssh-known-hosts"],
    artifact: all.artifact,
    deployBranch: all["deploy-branch"],
    command: all.command,
    goal: all.goal,
    text: all.text,
    alert: all.alert,
    plans: all.plans,
    post: all.post,
  };
}

/** Inputs that the workflow gives and the gate does not know: a misspelt `dry-run` must not go unnoticed, and Forgejo's runner says nothing of it. Sorted. */
export function unknownInputs(environment: Environment): string[] {
  const known = new Set(inputNames.map(variable));
  return Object.keys(environment)
    .filter((name) => name.startsWith("INPUT_") && !known.has(name))
    .map((name) => name.slice("INPUT_".length).toLowerCase())
    .toSorted();
}
