/** What a run that is told to stop still does: a host that was begun is brought to its end, since nobody wants to hear that it is somewhere in the middle. */
export type Finishing = {
  /** Aborted when the run was told to stop and nothing is being finished any more. */
  readonly signal: AbortSignal;
  /** Whatever `work` does on a host, it may do to its end. */
  readonly finish: <T>(work: () => Promise<T>) => Promise<T>;
};

/** `stop` is the first word of a person or a forge; the second ends the process, and then hosts go back by themselves. */
export function finishing(stop: AbortSignal): Finishing {
  const end = new AbortController();
  let busy = 0;
  const look = (): void => {
    if (stop.aborted && busy === 0) end.abort(stop.reason);
  };
  stop.addEventListener("abort", look, { once: true });
  look();
  return {
    signal: end.signal,
    finish: async (work) => {
      busy++;
      try {
        return await work();
      } finally {
        busy--;
        look();
      }
    },
  };
}
