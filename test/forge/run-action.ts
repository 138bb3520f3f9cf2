import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { jobToken, type LoopbackForge } from "./loopback-forge.ts";
import { dispatchPayload, pullRequestPayload, pushPayload, schedulePayload } from "./payloads.ts";

const root = resolve(import.meta.dirname, "../..");

export type ActionEvent =
  | {
      readonly name: "pull_request";
      readonly number: number;
      readonly head: string;
      readonly base: string;
      readonly fork?: boolean;
      readonly isPrivate?: boolean;
      /** The commit that GitHub checks out. */
      readonly merge?: string;
    }
  /** `branch` is main where absent. */
  | { readonly name: "push"; readonly before: string; readonly after: string; readonly isPrivate?: boolean; readonly branch?: string }
  | {
      readonly name: "workflow_dispatch";
      readonly sha: string;
      readonly inputs?: Readonly<Record<string, string>>;
      readonly branch?: string;
    }
  | { readonly name: "schedule"; readonly sha: string };

export type ActionOptions = {
  readonly forge: Pick<LoopbackForge, "kind" | "serverUrl" | "apiUrl">;
  readonly event: ActionEvent;
  /** `owner/name`; the loopback forge's where absent. */
  readonly repository?: string;
  /** Who caused the event; `alice` where absent. */
  readonly actor?: string;
  /** The run is cancelled, as a runner does it, as soon as its log says so. */
  readonly cancelAt?: RegExp;
  /** Wall clock, after which it is killed. */
  readonly seconds?: number;
  readonly inputs?: Readonly<Record<string, string>>;
  /** The checkout; an empty directory where absent. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly runId?: number;
  readonly attempt?: number;
  /** The program, below the checkout of the Action; `dist/main.js` as in action.yml where absent. */
  readonly main?: string;
  /** undefined runs the Node of this process. */
  readonly node?: string;
};

export type ActionResult = {
  readonly exitCode: number | null;
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly summary: string;
  /** Text of the files that the outputs `plan` and `report` name. */
  readonly files: Readonly<Record<string, string>>;
};

/**
 * Runs the Action as a runner does: its files behind a symbolic link, as below /var/run/act/actions; an event file, INPUT_* variables, GITHUB_OUTPUT,
 * GITHUB_STEP_SUMMARY and RUNNER_TEMP; an environment from nothing but what that forge's runner sets. Forgejo's sets both prefixes.
 */
export async function runAction(options: ActionOptions): Promise<ActionResult> {
  const temp = mkdtempSync(join(tmpdir(), "gate-runner-"));
  try {
    for (const name of ["work", "temp", "home"]) mkdirSync(join(temp, name));
    const paths = { event: join(temp, "event.json"), output: join(temp, "output"), summary: join(temp, "summary") };
    writeFileSync(paths.event, JSON.stringify(payload(options)));
    writeFileSync(paths.output, "");
    writeFileSync(paths.summary, "");
    symlinkSync(root, join(temp, "action"));
    const environment: Record<string, string | undefined> = {
      PATH: process.env["PATH"],
      HOME: join(temp, "home"),
      NIX_CONFIG: process.env["NIX_CONFIG"],
      ...runnerEnvironment(options, paths, temp),
      ...Object.fromEntries(
        Object.entries({ flake: ".", token: jobToken, "dry-run": "false", ...options.inputs }).map(([name, value]) => [
          `INPUT_${name.toUpperCase()}`,
          value,
        ]),
      ),
      ...options.env,
    };
    const child = spawn(options.node ?? process.execPath, [join(temp, "action", options.main ?? "dist/main.js")], {
      cwd: options.cwd ?? join(temp, "work"),
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: (options.seconds ?? 120) * 1000,
      killSignal: "SIGKILL",
    });
    let log = "";
    let cancelled = false;
    child.stdout.on("data", (piece) => {
      log += String(piece);
      if (cancelled || options.cancelAt?.test(log) !== true) return;
      cancelled = true;
      child.kill("SIGTERM");
    });
    child.stderr.on("data", (piece) => (log += String(piece)));
    const exitCode = await new Promise<number | null>((ended, broken) => child.on("error", broken).on("close", ended));
    const outputs = readOutputs(readFileSync(paths.output, "utf8"));
    const files = Object.fromEntries(
      ["plan", "report"].flatMap((name) => ((outputs[name] ?? "") === "" ? [] : [[name, readFileSync(outputs[name] ?? "", "utf8")]])),
    );
    return { exitCode, log, outputs, summary: readFileSync(paths.summary, "utf8"), files };
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

function payload({ forge, event, repository, actor }: ActionOptions): unknown {
  switch (event.name) {
    case "pull_request":
      return pullRequestPayload(forge.kind, forge.serverUrl, event, repository);
    case "push":
      return pushPayload(forge.kind, forge.serverUrl, event, repository);
    case "workflow_dispatch":
      return dispatchPayload(forge.kind, forge.serverUrl, event.inputs ?? {}, event.branch, repository, actor);
    case "schedule":
      return schedulePayload(forge.kind, forge.serverUrl, repository);
  }
}

function runnerEnvironment(
  { forge, event, cwd, runId = 50, attempt = 1, repository = "fleet/machines", inputs, actor = "alice" }: ActionOptions,
  paths: { event: string; output: string; summary: string },
  temp: string,
): Record<string, string> {
  const pull = event.name === "pull_request";
  // GitHub checks out the merge of the pull request, Forgejo its head.
  const ref = pull
    ? `refs/pull/${event.number}/${forge.kind === "github" ? "merge" : "head"}`
    : event.name === "schedule" && forge.kind === "forgejo"
      ? "main"
      : `refs/heads/${("branch" in event ? event.branch : undefined) ?? "main"}`;
  const sha = pull
    ? forge.kind === "github"
      ? (event.merge ?? "c".repeat(40))
      : event.head
    : event.name === "push"
      ? event.after
      : event.sha;
  const both: Record<string, string> = {
    ACTIONS: "true",
    ACTION: "__self",
    ACTION_PATH: join(temp, "action"),
    ACTION_REPOSITORY: "",
    ACTOR: event.name === "schedule" && forge.kind === "forgejo" ? "forgejo-actions" : actor,
    API_URL: forge.apiUrl,
    BASE_REF: pull ? "main" : "",
    EVENT_NAME: event.name,
    EVENT_PATH: paths.event,
    HEAD_REF: pull ? "update" : "",
    JOB: "gate",
    OUTPUT: paths.output,
    REF: ref,
    REF_NAME: ref.replace(/^refs\/(heads|pull)\//, ""),
    REF_TYPE: "branch",
    REPOSITORY: repository,
    REPOSITORY_OWNER: repository.split("/")[0] ?? "",
    RUN_ATTEMPT: String(attempt),
    RUN_ID: String(runId),
    RUN_NUMBER: String(runId - 40),
    SERVER_URL: forge.serverUrl,
    SHA: sha,
    STEP_SUMMARY: paths.summary,
    WORKFLOW: "deploy gate",
    WORKSPACE: cwd ?? join(temp, "work"),
  };
  const prefixed = (prefix: string): Record<string, string> =>
    Object.fromEntries(Object.entries(both).map(([name, value]) => [`${prefix}_${name}`, value]));
  const common = {
    CI: "true",
    RUNNER_OS: "Linux",
    RUNNER_ARCH: "X64",
    RUNNER_TEMP: join(temp, "temp"),
    ACTIONS_RUNTIME_TOKEN: "a-runtime-token-of-the-runner",
    ...prefixed("GITHUB"),
  };
  if (forge.kind === "github")
    return {
      ...common,
      GITHUB_TRIGGERING_ACTOR: actor,
      GITHUB_GRAPHQL_URL: `${forge.serverUrl}/api/graphql`,
      RUNNER_ENVIRONMENT: "github-hosted",
    };
  // Forgejo puts the token into every step's environment, asked for or not.
  const token = inputs?.["token"] ?? jobToken;
  return { ...common, ...prefixed("FORGEJO"), GITEA_ACTIONS: "true", GITHUB_TOKEN: token, FORGEJO_TOKEN: token };
}

/** GITHUB_OUTPUT as the runner reads it: `name<<DELIMITER`, lines, `DELIMITER`. */
function readOutputs(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const match of text.matchAll(/^([^<\n]+)<<(.+)\n([\s\S]*?)\n?\2$/gm)) found[match[1] ?? ""] = match[3] ?? "";
  return found;
}
