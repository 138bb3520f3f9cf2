import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { redact } from "../diff/secrets.ts";
import { type ExitCode, gateError } from "../failure.ts";
import { type AlertStore, openAlertStore } from "../io/alert-store.ts";
import { systemClock } from "../io/clock.ts";
import { startWorkflow, type WorkflowStart } from "../io/dispatch.ts";
import { ForgeClient } from "../io/forge-client.ts";
import { serveWebhooks, type WebhookAnswer } from "../io/webhook-server.ts";
import { readAlertmanager, readPlain } from "../listen/alert.ts";
import {
  accept,
  type AlertBook,
  defaultLimits,
  emptyBook,
  failed,
  type Limits,
  nextStep,
  type Pending,
  started,
} from "../listen/alert-book.ts";
import { batchOf } from "../listen/incident.ts";
import type { Options, Shell } from "./shell.ts";

/** `POST /alertmanager` and `POST /alert`. */
const readers = { "/alertmanager": readAlertmanager, "/alert": readPlain } as const;

/**
 * Listens until a signal ends it. A sender is answered 202 once its alerts are on disk; from then on they are told to a run sooner or later, whatever happens to this
 * process or to the forge. A start whose answer was lost is tried again: a run may be started twice for one incident, never not at all, and both know its id.
 */
export async function runListen(options: Options, shell: Shell): Promise<ExitCode> {
  const settings = readSettings(options, shell);
  const { limits } = settings;
  const say = (line: string): void => shell.error(`${line}\n`);
  const seconds = (): number => Math.floor(systemClock.now().getTime() / 1000);

  const store = openedStore(settings.state);
  const left = store.read();
  for (const path of left.odd) say(`${path} is not an alert of ours or was torn; it is left alone.`);
  let book: AlertBook = { ...emptyBook, ...left.book };
  /** For whoever reaches the port, so that it names nothing of this machine or of the forge; the log says the rest. */
  let trouble: string | undefined;
  if (book.pending.size > 0) say(`${book.pending.size} alerts are left from before.`);

  let wake: () => void = () => {};
  const receive = (path: string, body: unknown): WebhookAnswer => {
    const read = Object.hasOwn(readers, path) ? readers[path as keyof typeof readers] : undefined;
    if (read === undefined) return { status: 404, text: "POST to /alertmanager or /alert" };
    const alerts = read(body, systemClock.now());
    if (!alerts.ok) return { status: 400, text: alerts.problem };
    const taken = accept(book, alerts.alerts, seconds(), limits);
    try {
      store.keep(taken.book, taken.changed);
      if (taken.toldChanged) store.keepTold(taken.book);
    } catch (error) {
      // Not taken: what is on disk and what is known here stay the same, and the sender comes back.
      say(`Alerts could not be kept in ${settings.state}: ${error instanceof Error ? error.message : String(error)}`);
      return { status: 503, text: "the alerts cannot be kept now" };
    }
    book = taken.book;
    if (taken.fresh > 0 || taken.refused > 0)
      say(`${taken.fresh} new, ${taken.known} known, ${taken.resolved} resolved, ${taken.refused} refused; ${book.pending.size} pending.`);
    wake();
    return taken.refused > 0
      ? { status: 503, text: `${taken.refused} alerts more than can be kept` }
      : { status: 202, text: `${taken.fresh} new, ${taken.known} known, ${taken.resolved} resolved` };
  };
  const health = (): WebhookAnswer =>
    trouble === undefined
      ? { status: 200, text: `ok, ${book.pending.size} pending` }
      : { status: 503, text: `${book.pending.size} pending, ${trouble}` };

  const server = await serveWebhooks({
    ...settings.listen,
    secret: settings.secret,
    receive,
    health,
    debug: (message) => say(message),
  }).catch((error: unknown) => {
    throw gateError(
      "listen-address",
      { address: settings.shown, problem: error instanceof Error ? error.message : String(error) },
      undefined,
      error,
    );
  });
  say(
    `Listening on http://${server.address}; runs of ${settings.start.workflow} on ${settings.start.ref} of ${settings.start.repository}.`,
  );

  try {
    while (!shell.signal.aborted) {
      const step = nextStep(book, seconds(), limits);
      if (step.kind !== "start") {
        await new Promise<void>((done) => {
          const pause = step.kind === "idle" ? 3_600_000 : Math.max(50, step.until * 1000 - systemClock.now().getTime());
          const timer = setTimeout(done, pause);
          wake = () => {
            clearTimeout(timer);
            done();
          };
          shell.signal.addEventListener("abort", wake, { once: true });
        });
        shell.signal.removeEventListener("abort", wake);
        continue;
      }
      const batch = batchOf(step.alerts, (text) => redact(text).text);
      const ended = await startWorkflow(clientOf(settings), {
        ...settings.start,
        inputs: { goal: settings.goal, alert: batch.text },
      });
      if (ended.ok) {
        trouble = undefined;
        book = started(book, batch.fingerprints, seconds(), limits);
        try {
          // First what was told, then what is pending no more: a crash in between tells a run twice and loses nothing.
          store.keepTold(book);
          store.keep(book, batch.fingerprints);
        } catch (error) {
          // Known here all the same: ending now would start the same run again with every restart.
          trouble = "what was told cannot be kept";
          say(
            `After a restart the same run may be started again: ${trouble} in ${settings.state}: ${error instanceof Error ? error.message : String(error)}`,
          );
        }
        say(
          `A run was started for ${counted(batch.fingerprints, step.alerts)} (incident ${batch.incident.id})${ended.url === undefined ? "" : `: ${ended.url}`}.`,
        );
      } else {
        const { code, message, next } = ended.failure;
        trouble = `the forge could not be told: ${code}`;
        book = failed(book, seconds());
        say(
          `No run could be started, ${book.pending.size} alerts stay: ${message} [${code}] ${next} Next try in ${book.notBefore - seconds()} s.`,
        );
      }
    }
  } finally {
    await server.close();
  }
  return 0;
}

const counted = (told: readonly string[], all: readonly Pending[]): string =>
  told.length === all.length ? `${told.length} alerts` : `${told.length} of ${all.length} alerts, the rest follows`;

type Settings = {
  readonly listen: { readonly address: string; readonly port: number };
  readonly shown: string;
  readonly secret: string;
  readonly token: string;
  readonly apiUrl: string;
  readonly start: Omit<WorkflowStart, "inputs">;
  readonly goal: string;
  readonly state: string;
  readonly limits: Limits;
};

function readSettings(options: Options, { directory, environment }: Shell): Settings {
  const usage = (problem: string): Error => gateError("usage", { problem, command: "listen" });
  const text = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const needed = (name: string): string => {
    const value = text(name);
    if (value === undefined) throw usage(`--${name} is missing.`);
    return value;
  };
  const natural = (name: string, fallback: number, least: number): number => {
    const value = text(name);
    if (value === undefined) return fallback;
    if (!/^[0-9]{1,6}$/.test(value) || Number(value) < least)
      throw usage(`--${name} is a whole number of at least ${least}, not "${value}".`);
    return Number(value);
  };
  const credentials = environment["CREDENTIALS_DIRECTORY"];
  const secretIn = (name: string, file: string): string => {
    const path = text(name) ?? (credentials === undefined ? undefined : join(credentials, file));
    if (path === undefined) throw usage(`--${name} is missing.`);
    try {
      return readFileSync(resolve(directory, path), "utf8").trim();
    } catch (error) {
      throw gateError(
        "listen-secret",
        { file: path, problem: "it cannot be read" },
        error instanceof Error ? error.message : undefined,
        error,
      );
    }
  };

  const repository = needed("repository");
  if (!/^[\w.-]{1,100}\/[\w.-]{1,100}$/.test(repository)) throw usage(`--repository is OWNER/NAME, not "${repository}".`);
  const apiUrl = needed("api-url").replace(/\/+$/, "");
  if (!URL.canParse(apiUrl) || !/^https?:$/.test(new URL(apiUrl).protocol)) throw usage(`--api-url is an address, not "${apiUrl}".`);
  const workflow = text("workflow") ?? "goal.yml";
  if (!/^[\w.-]{1,100}\.ya?ml$/.test(workflow)) throw usage(`--workflow is the name of a file such as goal.yml, not "${workflow}".`);
  const state = text("state") ?? environment["STATE_DIRECTORY"]?.split(":", 1)[0];
  if (state === undefined) throw usage("--state is missing: alerts have to be kept somewhere.");
  const shown = text("address") ?? "127.0.0.1:9105";
  const [, address = "", port = ""] = /^\[?([0-9A-Fa-f:.]+?)\]?:([0-9]{1,5})$/.exec(shown) ?? [];
  if (isIP(address) === 0 || Number(port) > 65_535)
    throw usage(`--address is an IP address and a port such as 127.0.0.1:9105, not "${shown}".`);

  const secret = secretIn("secret-file", "secret");
  if (secret.length < 16)
    throw gateError("listen-secret", { file: text("secret-file") ?? "secret", problem: "it has fewer than 16 characters" });
  const token = secretIn("token-file", "token");
  if (token === "") throw gateError("listen-secret", { file: text("token-file") ?? "token", problem: "it is empty" });
  return {
    listen: { address, port: Number(port) },
    shown,
    secret,
    token,
    apiUrl,
    start: { repository, workflow, ref: text("ref") ?? "main" },
    goal: text("goal") ?? "incident",
    state: resolve(directory, state),
    limits: {
      ...defaultLimits,
      restSeconds: natural("rest-seconds", defaultLimits.restSeconds, 1),
      settleSeconds: natural("settle-seconds", defaultLimits.settleSeconds, 0),
      perHour: natural("per-hour", defaultLimits.perHour, 1),
    },
  };
}

function openedStore(state: string): AlertStore {
  try {
    return openAlertStore(state);
  } catch (error) {
    throw gateError("listen-state", { directory: state }, error instanceof Error ? error.message : String(error), error);
  }
}

/** A new one each time: its patience is for one task, and this program runs for months. */
const clientOf = ({ apiUrl, token }: Settings): ForgeClient =>
  new ForgeClient({
    apiUrl,
    token,
    clock: systemClock,
    log: { debug: () => {} },
    wait: async (seconds) => await new Promise((done) => setTimeout(done, seconds * 1000)),
  });
