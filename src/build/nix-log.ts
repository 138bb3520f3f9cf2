import type { NixLogLine } from "../io/ports.ts";
import { bounded, nixError, plainText, toolWarning } from "../nix-message.ts";
import { buildError, type BuildError } from "./build-error.ts";

/**
 * Follows a build by Nix's internal-json log. The ids of activities and results are the same from 2.8 to 2.36, on Lix and on Determinate Nix; newer ones add
 * numbers, which are passed over, as is every activity that was never seen to start.
 */
export type BuildEvent =
  /** `machine` is the builder, as nix.conf has it; absent where it is this one. */
  | { readonly kind: "started"; readonly derivation: string; readonly machine?: string }
  | { readonly kind: "finished"; readonly derivation: string }
  | { readonly kind: "line"; readonly derivation: string; readonly text: string }
  /** A download ended, well or not. */
  | { readonly kind: "fetched"; readonly url: string }
  | { readonly kind: "failed"; readonly error: BuildError }
  /** A builder of nix.conf that Nix could not use; it goes on with the next, or here. */
  | { readonly kind: "builder-lost"; readonly machine: string; readonly reason: string }
  /** A cache has it, signed by nobody whom this machine trusts; it is built instead. */
  | { readonly kind: "unsigned"; readonly cache: string }
  | { readonly kind: "warning"; readonly text: string };

/** `actBuild` of Nix's logging.hh: its first field is the derivation, its second the builder, empty for this machine. */
const activityBuild = 105;
/** `actFileTransfer`: its first field is the url. */
const activityDownload = 101;
/** `resBuildLogLine`: its first field is the line. */
const resultLine = 101;

/** What ssh writes of a connection that fails; its other lines (a new known_hosts entry) explain nothing. */
const sshTrouble =
  /^ssh: |^Connection (?:to|closed|reset|timed out)|^kex_exchange_identification|Permission denied|^Host key verification failed|^No .{1,40} host key is known/;

const keptLines = 25;
const keptMachines = 20;
const lineLimit = 500;

export class BuildLog {
  /** By activity. */
  readonly #builds = new Map<number, string>();
  readonly #downloads = new Map<number, string>();
  /** By derivation: the last lines of its log. */
  readonly #lines = new Map<string, string[]>();
  readonly #begun = new Set<string>();
  /** By builder: why it could not be used. */
  readonly #lost = new Map<string, string>();
  readonly #unsignedCaches = new Set<string>();
  #lastStopped: string | undefined;
  /** What ssh said last, which stands in front of Nix's own line about the builder and says more. */
  #sshSaid: string | undefined;

  /** Takes one line of Nix's stderr; what it means, or undefined where that is nothing to act on. */
  add(line: NixLogLine): BuildEvent | undefined {
    const lost = this.#builderLost(line);
    if (lost !== undefined) return lost;
    const warning = toolWarning(line);
    if (warning !== undefined) return this.#unsigned(warning) ?? { kind: "warning", text: warning };
    const error = nixError(line);
    if (error !== undefined) return this.#failed(buildError(error.text), error.relayed === true);
    if (line.kind === "text") return undefined;
    const { event } = line;
    const id = event["id"];
    if (typeof id !== "number") return undefined;
    if (event["action"] === "start" && event["type"] === activityBuild) return this.#start(id, event);
    if (event["action"] === "start" && event["type"] === activityDownload) return this.#download(id, field(event, 0));
    if (event["action"] === "stop") return this.#stop(id);
    if (event["action"] === "result" && event["type"] === resultLine) return this.#line(id, field(event, 0));
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

  /** Builders that could not be used, as far as Nix tried them. */
  lost(): readonly { readonly machine: string; readonly reason: string }[] {
    return Array.from(this.#lost, ([machine, reason]) => ({ machine, reason }));
  }

  /** Caches whose signatures this machine does not trust. */
  untrusted(): readonly string[] {
    return [...this.#unsignedCaches];
  }

  #download(id: number, url: string | undefined): undefined {
    if (url !== undefined) this.#downloads.set(id, bounded(plainText(url), 300));
  }

  #start(id: number, event: Readonly<Record<string, unknown>>): BuildEvent | undefined {
    const derivation = field(event, 0);
    if (derivation === undefined) return undefined;
    this.#builds.set(id, derivation);
    this.#begun.add(derivation);
    // Built a second time, after another failure ended the first: its log begins anew.
    this.#lines.delete(derivation);
    const machine = bounded(plainText(field(event, 1) ?? ""), 200);
    return { kind: "started", derivation, ...(machine === "" ? {} : { machine }) };
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

  /**
   * Of a builder that is at work this is as good as its word: it may print such a line in Nix's name. So nothing hangs on it but the words of a warning, and of a failure
   * that something else has decided.
   *
   * `cannot build on 'ssh-ng://builder': error: …`, alike from 2.8 to 2.34. Why the connection failed only ssh says, on a line of its own before it.
   */
  #builderLost(line: NixLogLine): BuildEvent | undefined {
    const said = line.kind === "text" ? line.text : line.event["action"] === "msg" ? line.event["msg"] : undefined;
    if (typeof said !== "string") return undefined;
    const text = plainText(said.slice(0, 2000)).trim();
    const found = /^cannot build on '([^']{1,200})': (?:error: )?(.*)$/s.exec(text);
    if (found === null) {
      if (line.kind === "text" && sshTrouble.test(text)) this.#sshSaid = bounded(text.replace(/^ssh: /, ""), 200);
      return undefined;
    }
    const reason = this.#sshSaid ?? bounded((found[2] ?? "").split("\n")[0] ?? "", 200);
    this.#sshSaid = undefined;
    const lost = { machine: found[1] ?? "", reason: reason.replace(/[.:;]$/, "") };
    if (this.#lost.size < keptMachines) this.#lost.set(lost.machine, lost.reason);
    return { kind: "builder-lost", ...lost };
  }

  /** Said of every single path: `the substitute for 'P' from 'URL' is not signed by any of the keys …` in 2.8, `ignoring substitute for 'P' from 'URL', as it's …` since. */
  #unsigned(warning: string): BuildEvent | undefined {
    const cache = /^(?:ignoring|the) substitute for '[^']+' from '([^']{1,300})',? (?:as it's|is) not signed by any/.exec(warning)?.[1];
    if (cache === undefined) return undefined;
    if (this.#unsignedCaches.size < keptMachines) this.#unsignedCaches.add(cache);
    return { kind: "unsigned", cache };
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

function field(event: Readonly<Record<string, unknown>>, index: number): string | undefined {
  const fields: unknown = event["fields"];
  const found: unknown = Array.isArray(fields) ? fields[index] : undefined;
  return typeof found === "string" ? found : undefined;
}
