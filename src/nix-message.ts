import { stripVTControlCharacters } from "node:util";
import type { NixLogLine } from "./io/ports.ts";

/**
 * What Nix says, cut to what matters. Every text here was written by the flake or by a builder: it is cleaned of control sequences and bounded, and it is still a
 * stranger's text that has to be escaped where it is shown.
 */

/** Error, in the words of its author, and where it stands (`hosts/web.nix:12:3`). */
export type NixError = {
  readonly text: string;
  readonly position?: string;
  /** `while evaluating the option …` lines, nearest last. */ readonly options: readonly string[];
  /** It came without `raw_msg`, so that it may be a builder's that spoke in Nix's name, where one was at work. */
  readonly relayed?: true;
};

const textLimit = 4000;

/** Without colours, carriage returns and other control characters; lines stay. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, (control) => (control === "\n" || control === "\t" ? control : ""));
}

/** At most `limit` characters, with the middle left out where it is longer. */
export function bounded(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const half = Math.floor((limit - 30) / 2);
  return `${text.slice(0, half)}\n[… ${text.length - 2 * half} characters …]\n${text.slice(-half)}`;
}

/** An error event of the internal-json log (`action: msg`, level 0, `raw_msg`), or a line of plain text that begins with `error:`. */
export function nixError(line: NixLogLine): NixError | undefined {
  if (line.kind === "text") {
    const text = /^\s*error: *(.*)$/.exec(plainText(line.text))?.[1];
    return text === undefined ? undefined : { text: bounded(text, textLimit), options: [] };
  }
  const { event } = line;
  if (event["action"] !== "msg" || event["level"] !== 0) return undefined;
  const whole = typeof event["msg"] === "string" ? plainText(bounded(event["msg"], 64 * 1024)) : "";
  const raw = event["raw_msg"];
  if (typeof raw !== "string")
    return whole.startsWith("error:") ? { text: bounded(lastError(whole), textLimit), options: [], relayed: true } : undefined;
  const position = positionOf(event);
  return {
    text: bounded(withoutStatement(plainText(raw).trim()), textLimit),
    ...(position === undefined ? {} : { position }),
    options: optionsOf(whole),
  };
}

/**
 * The text behind the last `error:` of what Nix wrote for people: newer versions put the trace first and the message last, 2.8 has only the message. For output
 * that did not come as internal-json.
 */
export function lastError(stderr: string): string {
  const text = plainText(stderr);
  const starts = [...text.matchAll(/^[ \t]*error:[ \t]*/gm)];
  const last = starts.at(-1);
  if (last === undefined) return bounded(text.trim(), textLimit);
  const message = text.slice(last.index + last[0].length).replace(/\n?\(use '--show-trace'[^\n]*\n?/g, "\n");
  const lines = message.split("\n");
  const indent = Math.min(...lines.slice(1).flatMap((each) => (each.trim() === "" ? [] : [/^ */.exec(each)?.[0].length ?? 0])), 99);
  return bounded(
    lines
      .map((each, index) => (index === 0 ? each : each.slice(indent)))
      .join("\n")
      .trim(),
    textLimit,
  );
}

/** Errors as one text for a failure's `detail`: each once, in order, with its position and with the options that it was found in. */
export function describeErrors(errors: readonly NixError[]): string {
  const seen = new Set<string>();
  const parts = errors.flatMap((error) => {
    if (seen.has(error.text)) return [];
    seen.add(error.text);
    return [[error.text, ...(error.position === undefined ? [] : [`at ${error.position}`]), ...error.options].join("\n")];
  });
  return bounded(parts.join("\n"), textLimit);
}

/**
 * What the configuration itself wants people to read: `builtins.trace`, and `builtins.warn` of newer versions. Without the noise that reading a renamed option
 * makes.
 */
export function evaluationWarning(line: NixLogLine): string | undefined {
  const raw =
    line.kind === "text" ? line.text : line.event["action"] === "msg" && typeof line.event["msg"] === "string" ? line.event["msg"] : "";
  const text = plainText(raw.slice(0, 4000));
  const found = /^(?:trace: |evaluation warning: )(.*)$/s.exec(text)?.[1];
  if (found === undefined) return undefined;
  const warning = found.replace(/^(?:evaluation )?warning: /, "").trim();
  return warning === "" || warning.startsWith("Obsolete option ") ? undefined : bounded(warning, 1000);
}

/** Nix's own warnings (a cache that does not answer, a setting it does not know), which a run must not wait on in silence. */
export function toolWarning(line: NixLogLine): string | undefined {
  const raw =
    line.kind === "text" ? line.text : line.event["action"] === "msg" && line.event["level"] === 1 ? line.event["msg"] : undefined;
  if (typeof raw !== "string") return undefined;
  const text = /^warning: (?:error: )?(.*)$/s.exec(plainText(raw.slice(0, 2000)))?.[1]?.trim();
  return text === undefined || ownDoing.test(text) ? undefined : bounded(withoutStatement(text), 500);
}

/**
 * What the gate has seen to itself: its own repository has no branch, since only commits are named; the diff reads each answer in the shape that its version has; what
 * is kept has a root; and several processes that write one database wait for each other. A download is interrupted where the run ends or its time is up, which is told as that. Settings of flakes
 * are given to every command, where nix.conf knows no flakes to the old ones too.
 */
const ownDoing =
  /^download of '[^']*' was interrupted|^could not read HEAD ref from repo at|--json-format|did not specify '--add-root'|^SQLite database '[^']*' is busy|^Ignoring setting '(?:accept-flake-config|flake-registry)' because experimental feature/;

/** Nix quotes the SQL that it was at, thirty lines of it, in front of what went wrong. */
function withoutStatement(text: string): string {
  const [start, database] = [text.indexOf("executing SQLite statement '"), text.lastIndexOf(" (in '")];
  const end = text.lastIndexOf("': ", database === -1 ? text.length : database);
  return start === -1 || end <= start ? text : `${text.slice(0, start)}SQLite: ${text.slice(end + 3)}`;
}

/**
 * Whether the machine and not the flake is at fault. A flake can write the same words, which then only names its own failure differently: nothing but a message may
 * hang on this.
 */
export function machineTrouble(text: string): "disk" | "store" | undefined {
  if (/No space left on device|database or disk is full/.test(text)) return "disk";
  return storeTrouble.test(text) ? "store" : undefined;
}

const storeTrouble =
  /cannot connect to (?:socket|daemon)|remounting \S*\/nix\/store\S* writable|cannot open connection to remote store|readonly database|disk I.O error|unable to open database|(?:\/nix\/(?:store|var)|big-lock|db\.sqlite)[^\n]*(?:Permission denied|Read-only file system)/;

/** `file`, `line` and `column` of an event: 2.8 has the file alone, newer versions write `file:line:column` into it. */
function positionOf(event: Readonly<Record<string, unknown>>): string | undefined {
  const { file, line, column } = event;
  // A place inside Nix itself helps nobody.
  if (typeof file !== "string" || typeof line !== "number" || line === 0 || /^(?:\/\/builtin|<nix|«nix-internal»|«none»)/.test(file))
    return undefined;
  const path = plainText(file)
    .replace(/:\d+:\d+$/, "")
    .replace(/^«[^»]*»\//, "")
    .replace(/^\/nix\/store\/[0-9a-z]{32}-source\//, "");
  return bounded(`${path}:${line}${typeof column === "number" ? `:${column}` : ""}`, 300);
}

function optionsOf(message: string): string[] {
  const found = [...message.matchAll(/… (while evaluating (?:the option|definitions from) [`'][^\n]{1,200}?['´`])[:]?$/gm)].map(
    (match) => match[1] ?? "",
  );
  return [...new Set(found)].slice(-3);
}
