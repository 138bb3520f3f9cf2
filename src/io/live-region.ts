import { columns } from "../report/terminal-escape.ts";

/** What of a tty stream a live region needs. A terminal that does not know its size says 0. */
export type Screen = {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
};

export type LiveRegion = {
  /** Asks for a redraw soon; many calls become one. */
  readonly refresh: () => void;
  /** Writes lines that stay, above the region. */
  readonly above: (text: string) => void;
  /** Takes the region off the screen and gives the cursor back. Safe to call twice. */
  readonly close: () => void;
};

const frameMilliseconds = 80;
const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const clearToEnd = "\u001b[J";
const clearLine = "\u001b[K";

/**
 * A region at the bottom of a terminal that is redrawn in place. `draw` gives its lines for a size, each no wider than `width`.
 *
 * A frame is one write and overwrites line by line, so nothing flickers. The last column stays free, because a terminal that has just filled it is about to
 * wrap. After a resize the terminal has re-wrapped what was there, so the way back up is counted in the new width.
 */
export function liveRegion(screen: Screen, draw: (size: { width: number; height: number }) => readonly string[]): LiveRegion {
  let shown: readonly string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const width = (): number => Math.max(1, (screen.columns || 80) - 1);
  const up = (): string => {
    const rows = shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(columns(line) / Math.max(1, screen.columns || 80))), 0);
    const reachable = Math.min(rows, Math.max(0, (screen.rows || 24) - 1));
    return reachable > 0 ? `\r\u001b[${reachable}A` : "\r";
  };
  const frame = (): void => {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
    if (closed) return;
    const height = Math.max(1, Math.min(20, (screen.rows || 24) - 2));
    const back = up();
    shown = draw({ width: width(), height }).slice(0, height);
    screen.write(`${hideCursor}${back}${shown.map((line) => `${line}${clearLine}\n`).join("")}${clearToEnd}`);
  };
  const refresh = (): void => {
    if (closed || timer !== undefined) return;
    timer = setTimeout(frame, frameMilliseconds);
    timer.unref();
  };
  const above = (given: string): void => {
    const text = given.endsWith("\n") ? given : `${given}\n`;
    if (closed) {
      screen.write(text);
      return;
    }
    screen.write(`${up()}${clearToEnd}${text}`);
    shown = [];
    frame();
  };

  // A second for the elapsed time to move even where nothing happens: a run that stands still must not look like one that hangs.
  const tick = setInterval(frame, 1_000);
  tick.unref();
  const onSignal = (signal: NodeJS.Signals): void => {
    // Who else listens ends in order, which takes as long as it takes to bring hosts to their end: nobody is left before an empty screen.
    if (process.listenerCount(signal) > 1) return;
    close();
    // Where nobody does, the signal keeps the meaning that it had before we listened.
    process.kill(process.pid, signal);
  };
  const close = (): void => {
    if (closed) return;
    screen.write(`${up()}${clearToEnd}${showCursor}`);
    closed = true;
    if (timer !== undefined) clearTimeout(timer);
    clearInterval(tick);
    screen.off("resize", frame);
    process.off("exit", close).off("SIGINT", onSignal).off("SIGTERM", onSignal).off("SIGHUP", onSignal);
  };
  screen.on("resize", frame);
  process.on("exit", close).on("SIGINT", onSignal).on("SIGTERM", onSignal).on("SIGHUP", onSignal);
  frame();
  return { refresh, above, close };
}
