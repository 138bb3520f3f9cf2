import type { NixLogLine } from "../io/ports.ts";
import { bounded, nixError, plainText, toolWarning } from "../nix-message.ts";
import { buildError, type BuildError } from "./build-error.ts";

/**
 * Follows a build by Nix's internal-json log. The ids of activities and results are the same from 2.8 to 2.36, on Lix and on Determinate Nix; newer ones add
 * numbers, which are passed over, as is every activity that was never seen to start.
 */
export type BuildEvent =
  | { readonly kind: "started" | "finished"; readonly derivation: string }
  | { readonly kind: "line"; readonly derivation: string; readonly text: string }
  /** A download ended, well or not. */
  | { readonly kind: "fetched"; readonly url: string }
  | { readonly kind: "failed"; readonly error: BuildError }
  | { readonly kind: "warning"; readonly text: string };

/** `actBuild` of Nix's logging.hh: its first field is the derivation. */
const activityBuild = 105;
/** `actFileTransfer`: its first field is the url. */
const activityDownload = 101;
/** `resBuildLogLine`: its first field is the line. */
const resultLine = 101;

const keptLines = 25;
const lineLimit = 500;

export class BuildLog {
  /** By activity. */
  readonly #builds = new Map<number, string>();
  readonly #downloads = new Map<number, string>();
  /** By derivation: the last lines of its log. */
  readonly #lines = new Map<string, string[]>();
  readonly #begun = new Set<string>();
  #lastStopped: string | undefined;

  /** Takes one line of Nix's stderr; what it means, or undefined where that is nothing to act on. */
  add(line: NixLogLine): BuildEvent | undefined {
    const warning = toolWarning(line);
    if (warning !== undefined) return { kind: "warning", text: warning };
    const error = nixError(line);
    if (error !== undefined) return this.#failed(buildError(error.text), error.relayed === true);
    if (line.kind === "text") return undefined;
    const { event } = line;
    const id = event["id"];
    if (typeof id !== "number") return undefined;
    if (event["action"] === "start" && event["type"] === activityBuild) return this.#start(id, firstField(event));
    if (event["action"] === "start" && event["type"] === activityDownload) return this.#download(id, firstField(event));
    if (event["action"] === "stop") return this.#stop(id);
    if (event["action"] === "result" && event["type"] === resultLine) return this.#line(id, firstField(event));
    return undefined;
  }

  /** The end of a derivation's log as far as it passed by here, at most 25 lines. */
  lines(derivation: string): readonly string[] {
    return this.#lines.get(derivation) ?? [];
  }

  /** Derivations that are being built now. */
  running(): readonly string[] {
    return [...new Set(this.#builds.values())];
  }

  /** Derivations whose builders were started. No builder can say that of another: of what it reports as begun, Nix takes downloads only. */
  begun(): ReadonlySet<string> {
    return this.#begun;
  }

  #download(id: number, url: string | undefined): undefined {
    if (url !== undefined) this.#downloads.set(id, bounded(plainText(url), 300));
  }

  #start(id: number, derivation: string | undefined): BuildEvent | undefined {
    if (derivation === undefined) return undefined;
    this.#builds.set(id, derivation);
    this.#begun.add(derivation);
    // Built a second time, after another failure ended the first: its log begins anew.
    this.#lines.delete(derivation);
    return { kind: "started", derivation };
  }

  #stop(id: number): BuildEvent | undefined {
    const url = this.#downloads.get(id);
    if (url !== undefined) {
      this.#downloads.delete(id);
      return { kind: "fetched", url };
    }
    const derivation = this.#builds.get(id);
    if (derivation === undefined) return undefined;
    this.#builds.delete(id);
    this.#lastStopped = derivation;
    return { kind: "finished", derivation };
  }

  #line(id: number, text: string | undefined): BuildEvent | undefined {
    const derivation = this.#builds.get(id);
    if (derivation === undefined || text === undefined) return undefined;
    const shown = bounded(plainText(text), lineLimit);
    const lines = this.#lines.get(derivation) ?? [];
    lines.push(shown);
    if (lines.length > keptLines) lines.shift();
    this.#lines.set(derivation, lines);
    return { kind: "line", derivation, text: shown };
  }

  /** 2.34 does not name what timed out: the only build that ran is meant, or the one that just ended. */
  #failed(said: BuildError, relayed: boolean): BuildEvent {
    const during = relayed ? this.running() : [];
    const error = during.length === 0 ? said : { ...said, during };
    if (error.derivation !== undefined) return { kind: "failed", error };
    const running = this.running();
    const derivation = error.kind === "timeout" ? (running.length === 1 ? running[0] : this.#lastStopped) : undefined;
    return { kind: "failed", error: derivation === undefined ? error : { ...error, derivation } };
  }
}

function firstField(event: Readonly<Record<string, unknown>>): string | undefined {
  const fields = event["fields"];
  return Array.isArray(fields) && typeof fields[0] === "string" ? fields[0] : undefined;
}
