import { isTrouble, ProgressView, progressLine } from "../report/progress-view.ts";
import { terminalLine } from "../report/terminal-escape.ts";
import { visibleText } from "../report/visible.ts";
import { liveRegion, type Screen } from "./live-region.ts";
import { masks } from "./masks.ts";
import type { Log, Progress } from "./ports.ts";

/** The Log port with what its owner, and nobody in the pipeline, may do with it. */
export type GateLog = Log & {
  /** Prints a text of ours, a report for one, on its own lines; masked. */
  print(text: string): void;
  /** The text with every secret hidden, for what is written past this log: comments, files, outputs. */
  masked(text: string): string;
  /** How much strangers may read from here on. */
  show(detail: "full" | "names"): void;
  /** Ends the live view and gives the terminal back. Nothing is lost: later lines are still written, plainly. */
  close(): void;
};

/** Where lines go. */
export type LineSink = { write(text: string): unknown };
/** Where debug lines go as JSON; see debug-log.ts. */
export type DebugSink = { write(message: string, fields: Readonly<Record<string, unknown>>, mask: (text: string) => string): void };

/** One line for every event that matters, for pipes, files and dumb terminals. */
export function plainLog(
  sink: LineSink,
  options: { readonly unicode: boolean; readonly detail?: "full" | "names"; readonly debug?: DebugSink },
): GateLog {
  const hidden = masks();
  let detail = options.detail ?? "full";
  return {
    ...common(hidden, options.debug),
    progress: (given) => {
      const event = masked(given, hidden);
      options.debug?.write(event.kind, event, hidden.apply);
      const text = event.kind === "build" && event.step === "log" ? undefined : progressLine(event, detail);
      if (text !== undefined) sink.write(hidden.apply(`${terminalLine(text, options.unicode, 1_000)}\n`));
    },
    mask: (value) => void hidden.add(value),
    print: (text) => void sink.write(hidden.apply(text)),
    show: (to) => void (detail = to),
    close: () => {},
  };
}

/** A line for each host and build at work, redrawn in place; failures and warnings stay above it. Only for a terminal that can move its cursor. */
export function terminalLog(screen: Screen, options: { readonly unicode: boolean; readonly debug?: DebugSink }): GateLog {
  const hidden = masks();
  const view = new ProgressView();
  const started = performance.now();
  const elapsed = (): number => Math.floor((performance.now() - started) / 1000);
  const region = liveRegion(screen, (size) => view.lines({ ...size, unicode: options.unicode }, elapsed()).map(hidden.apply));
  const stays = (event: Progress): boolean => event.kind === "warning" || isTrouble(event);
  return {
    ...common(hidden, options.debug),
    progress: (given) => {
      const event = masked(given, hidden);
      options.debug?.write(event.kind, event, hidden.apply);
      view.apply(event, elapsed());
      const text = stays(event) ? progressLine(event, "full") : undefined;
      if (text === undefined) region.refresh();
      else region.above(hidden.apply(`${terminalLine(text, options.unicode, 1_000)}\n`));
    },
    mask: (value) => void hidden.add(value),
    print: (text) => region.above(hidden.apply(text)),
    show: () => {},
    close: region.close,
  };
}

/**
 * The log of an Action: a group for each stage, warnings as annotations. Forgejo shows the commands as text, which is readable too.
 *
 * The runner obeys lines: `::add-mask::` or `##[command]` from a build log would be run as if it were ours. So every line that is not a command of ours is made
 * unable to be one. Until `show` says otherwise only names are written: an Action's log is as public as its repository.
 */
export function actionLog(sink: LineSink, options: { readonly detail?: "full" | "names"; readonly debug?: DebugSink } = {}): GateLog {
  const hidden = masks();
  let detail = options.detail ?? "names";
  let grouped = false;
  const write = (line: string): void => void sink.write(hidden.apply(`${line}\n`));
  const endGroup = (): void => {
    if (grouped) write("::endgroup::");
    grouped = false;
  };
  return {
    ...common(hidden, options.debug),
    progress: (given) => {
      const event = masked(given, hidden);
      options.debug?.write(event.kind, event, hidden.apply);
      const text = progressLine(event, detail);
      if (text === undefined) return;
      const line = terminalLine(text, true, 2_000);
      if (event.kind === "stage") {
        endGroup();
        write(`::group::${commandData(line)}`);
        grouped = true;
      } else if (event.kind === "warning") write(`::warning title=nixos-deploy-gate::${commandData(line)}`);
      else if (event.kind === "host" && isTrouble(event)) write(`::error title=nixos-deploy-gate::${commandData(line)}`);
      else write(inert(line));
    },
    mask: (value) => {
      // The runner's own mask covers what other steps print. It takes one line at a time; the command itself must of course show the value.
      for (const form of hidden.add(value)) if (!/[\r\n]/.test(form)) sink.write(`::add-mask::${commandData(form)}\n`);
    },
    print: (text) => {
      endGroup();
      for (const line of visibleText(hidden.apply(text)).trimEnd().split("\n")) write(inert(line));
    },
    show: (to) => void (detail = to),
    close: endGroup,
  };
}

/** A line that no runner takes for a command: GitHub's trims before it looks for "::", and finds "##[" anywhere. */
export function inert(line: string): string {
  const broken = line.replaceAll("##[", "## [");
  return broken.trimStart().startsWith("::") ? `| ${broken}` : broken;
}

/** Data of a workflow command, escaped as the runner reads it. */
const commandData = (text: string): string =>
  text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll("##[", "## [");

/** Secrets go before anything is cut or made one line: half a secret, or one without its line breaks, would no longer be known for one. */
function masked(event: Progress, hidden: ReturnType<typeof masks>): Progress {
  const text = "text" in event && event.text !== undefined ? { text: hidden.apply(event.text) } : {};
  return event.kind === "build" ? { ...event, ...text, derivation: hidden.apply(event.derivation) } : { ...event, ...text };
}

function common(hidden: ReturnType<typeof masks>, debug: DebugSink | undefined): Pick<GateLog, "debug" | "masked"> {
  return { debug: (message, fields = {}) => debug?.write(message, fields, hidden.apply), masked: hidden.apply };
}
