import { type OutcomeKind, outcomeKinds } from "../apply/outcome.ts";
import type { Progress, Stage } from "../io/ports.ts";
import { isWell } from "./order.ts";
import { count } from "./count.ts";
import { looks } from "./standing-look.ts";
import { clip, columns, terminalLine } from "./terminal-escape.ts";

type HostStep = Extract<Progress, { kind: "host" }>["step"];
/** Where something is; `since` in seconds of the run. */
type AtWork = { readonly step: HostStep; readonly text: string; readonly since: number };

/** So many seconds are no news. */
const worthTelling = 3;

const active: ReadonlySet<HostStep> = new Set(["evaluating", "building", "asking", "copying", "activating", "verifying"]);

const deploying: ReadonlySet<HostStep> = new Set(["asking", "copying", "activating", "verifying", "ended", "failed"]);

/** What became of a host, where an event tells: its text begins with the kind of the outcome. */
function endOf(step: HostStep, text: string): { readonly kind: OutcomeKind; readonly why: string } | undefined {
  const kind = step === "ended" ? outcomeKinds.find((one) => text === one || text.startsWith(`${one}:`)) : undefined;
  return kind === undefined ? undefined : { kind, why: text.slice(kind.length + 1).trim() };
}

const endWord = (kind: OutcomeKind): string => (kind === "not-managed" ? "not managed" : looks[kind].word);

/** A host that failed in any way: what a person looks for in a log. One that waits for somebody has not. */
export function isTrouble(event: Progress): boolean {
  if (event.kind !== "host") return event.kind === "build" && event.step === "failed";
  if (event.step !== "ended") return event.step === "failed";
  const end = endOf(event.step, event.text ?? "");
  return end === undefined || (!isWell({ outcome: end.kind }) && !["held", "not-reached", "handed-over"].includes(end.kind));
}

/** What a live terminal shows of a run so far. `apply` takes events in order; `lines` draws the state and changes nothing. */
export class ProgressView {
  #stage: { readonly name: Stage; readonly text: string } | undefined;
  readonly #hosts = new Map<string, AtWork>();
  readonly #building = new Map<string, { readonly text: string; readonly since: number }>();
  #built = 0;

  /** `seconds` since the run began, as for `lines`. */
  apply(event: Progress, seconds: number): void {
    switch (event.kind) {
      case "stage":
        this.#stage = { name: event.stage, text: event.text };
        return;
      case "host":
        this.#hosts.set(event.host, this.#at(event.host, event.step, event.text ?? "", seconds));
        return;
      case "build":
        if (event.step === "finished") this.#built += this.#building.delete(event.derivation) ? 1 : 0;
        else if (event.step === "failed") this.#building.delete(event.derivation);
        else {
          const before = this.#building.get(event.derivation);
          this.#building.set(event.derivation, { text: event.text ?? before?.text ?? "", since: before?.since ?? seconds });
        }
        return;
      case "warning":
        return;
    }
  }

  /** A step that is told again, with more bytes copied for one, has not begun anew. */
  #at(host: string, step: HostStep, text: string, seconds: number): AtWork {
    const before = this.#hosts.get(host);
    return { step, text, since: before?.step === step ? before.since : seconds };
  }

  /** At most `height` lines of at most `width` columns: the stage, hosts at work, then failed ones, then the others as far as there is room. */
  lines(size: { readonly width: number; readonly height: number; readonly unicode: boolean }, elapsedSeconds: number): string[] {
    if (this.#stage === undefined) return [];
    const safe = (text: string): string => terminalLine(text, size.unicode, 400);
    // Once hosts are changed, those that nothing is done to are no news any more.
    const changing = this.#stage.name === "apply" || this.#stage.name === "verify";
    const rows = [...this.#hosts]
      .filter(([, { step }]) => !changing || deploying.has(step))
      .toSorted(([, a], [, b]) => urgency(a) - urgency(b));
    const nameWidth = Math.min(Math.max(12, Math.floor(size.width / 3)), Math.max(4, ...rows.map(([host]) => columns(host))));
    const lasting = (since: number): string => (elapsedSeconds - since < worthTelling ? "" : ` (${elapsedSeconds - since} s)`);
    // How far it is and how long it takes shows that it goes on; of the head only the words before that are cut.
    const so = `${this.#tally(changing)} (${elapsedSeconds} s)`;
    const head = `${clip(`${this.#stage.name}: ${safe(this.#stage.text)}`, Math.max(0, size.width - columns(so)), size.unicode)}${so}`;
    // What has something to say comes first: a toplevel may wait for long before it does, and both sides of a host have the same name.
    const building = [...this.#building]
      // A toplevel that says nothing is told by the row of its host.
      .filter(
        ([derivation, { text }]) => text !== "" || !rows.some(([host]) => derivationName(derivation).startsWith(`nixos-system-${host}-`)),
      )
      .toSorted(([, a], [, b]) => Number(a.text === "") - Number(b.text === ""))
      .map(
        ([derivation, { text, since }]) =>
          `    ${safe(derivationName(derivation))}${lasting(since)}${text === "" ? "" : `: ${safe(text)}`}`,
      )
      .filter((text, index, all) => all.indexOf(text) === index);
    const hosts = rows.map(([host, { step, text, since }]) => {
      const end = endOf(step, text);
      const [word, more] = end === undefined ? [step, text] : [endWord(end.kind), isWell({ outcome: end.kind }) ? "" : end.why];
      const name = clip(safe(host), nameWidth, size.unicode);
      const shown = `${word}${active.has(step) ? lasting(since) : ""}`;
      return `  ${name}${" ".repeat(nameWidth - columns(name))}  ${shown}${more === "" ? "" : `  ${safe(more)}`}`;
    });
    const room = Math.max(0, size.height - 1);
    const shownBuilding = building.slice(0, Math.min(4, Math.floor(room / 2)));
    const roomHosts = room - shownBuilding.length;
    const kept = hosts.length > roomHosts ? Math.max(0, roomHosts - 1) : hosts.length;
    const shownHosts =
      kept === hosts.length ? hosts : [...hosts.slice(0, kept), `  and ${hosts.length - kept} more: ${tally(rows.slice(kept))}`];
    return [head, ...shownHosts.slice(0, roomHosts), ...shownBuilding].map((text) => clip(text, size.width, size.unicode));
  }

  #tally(changing: boolean): string {
    const steps = [...this.#hosts.values()].map((host) => host.step);
    const failed = steps.filter((step) => step === "failed").length;
    const done = steps.filter((step) => step === "built" || step === "diffed").length;
    const ended = [...this.#hosts.values()].filter(({ step }) => step === "ended");
    const ill = ended.filter(({ step, text }) => isTrouble({ kind: "host", host: "", step, text })).length;
    if (ended.length > 0)
      return `, ${count(ended.length, "host")} done${ill > 0 ? `, ${ill} not well` : ""}${failed > 0 ? `, ${failed} failed` : ""}`;
    // What was built is no news any more.
    if (changing) return failed > 0 ? `, ${failed} failed` : "";
    const parts = [
      // All hosts are known to be built at once, at the end: Nix does not say it of each.
      ...(done > 0 ? [`${done} of ${count(steps.length, "host")} built`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(this.#built > 0 ? [`${count(this.#built, "derivation")} done`] : []),
    ];
    return parts.length === 0 ? "" : `, ${parts.join(", ")}`;
  }
}

/** What hosts that are not shown are at: "12 building, 4 evaluated". */
function tally(rows: readonly (readonly [string, { readonly step: HostStep; readonly text: string }])[]): string {
  const words = Map.groupBy(rows, ([, { step, text }]) => {
    const end = endOf(step, text);
    return end === undefined ? step : endWord(end.kind);
  });
  return Array.from(words, ([word, { length }]) => `${length} ${word}`).join(", ");
}

const urgency = ({ step, text }: { readonly step: HostStep; readonly text: string }): number =>
  active.has(step) ? 0 : isTrouble({ kind: "host", host: "", step, text }) ? 1 : 2;

/** `/nix/store/<hash>-linux-6.12.44.drv` → `linux-6.12.44` */
export const derivationName = (derivation: string): string => derivation.replace(/^.*\/[0-9a-z]{32}-/, "").replace(/\.drv$/, "");

const ends = { started: "is being built", finished: "is built", failed: "failed" } as const;

/**
 * An event as one line for a log that only grows; undefined for what would be noise there. With `names` only what strangers may read is left: no texts of Nix or
 * of the flake, no versions.
 */
export function progressLine(event: Progress, detail: "full" | "names"): string | undefined {
  const full = detail === "full";
  const text = event.kind !== "build" && full && event.text !== undefined && event.text !== "" ? `: ${event.text}` : "";
  switch (event.kind) {
    case "stage":
      return `${event.stage}${text}`;
    case "host": {
      const end = endOf(event.step, event.text ?? "");
      // Quiet where it is well, exact where it is not. The kind of an outcome is a word of ours and may be shown to anyone.
      if (end !== undefined)
        return `${event.host} ${endWord(end.kind)}${isWell({ outcome: end.kind }) || !full || end.why === "" ? "" : `: ${end.why}`}`;
      return event.step === "evaluating" || event.step === "building" ? undefined : `${event.host} ${event.step}${text}`;
    }
    case "build": {
      const name = derivationName(event.derivation);
      const shown = full ? name : name.replace(/-[^A-Za-z].*$/s, "");
      if (event.step === "log") return full && event.text !== undefined ? `${shown}> ${event.text}` : undefined;
      // Units, etc, system-path and the toplevel: a fleet has hundreds, each takes a moment, and the host's own line says what came of them.
      if (event.step !== "failed" && (!/-[^A-Za-z]/.test(name) || name.startsWith("nixos-system-"))) return undefined;
      // Where: a builder's address is nothing for strangers.
      return `${shown} ${ends[event.step]}${full && event.step === "started" && event.text !== undefined ? ` ${event.text}` : ""}`;
    }
    case "warning":
      return `warning${event.host === undefined ? "" : ` for ${event.host}`}${text}`;
  }
}
