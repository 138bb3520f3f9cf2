import type { HostName } from "../discover/host.ts";
import type { Log } from "../io/ports.ts";
import type { BuildEvent } from "./nix-log.ts";

/**
 * Tells a build as it goes. Nix says that a build ended and not how: up to 2.33 it names the error before, from 2.34 on right behind, so that an end is only told
 * with the event that follows it.
 */
export class BuildProgress {
  readonly #log: Log;
  /** By the toplevel's derivation: whose it is. */
  readonly #hosts: ReadonlyMap<string, HostName>;
  readonly #warned = new Set<string>();
  readonly #failed = new Set<string>();
  #ended: string | undefined;

  constructor(log: Log, hosts: ReadonlyMap<string, HostName>) {
    this.#log = log;
    this.#hosts = hosts;
  }

  take(event: BuildEvent): void {
    if (event.kind === "failed" && event.error.derivation !== undefined) this.#failed.add(event.error.derivation);
    this.end();
    switch (event.kind) {
      case "failed":
      case "fetched":
        return;
      case "builder-lost":
        this.#warn(`The builder ${event.machine} cannot be used: ${event.reason}.`);
        return;
      case "unsigned":
        this.#warn(`What the cache ${event.cache} has is signed by none of this machine's trusted-public-keys, so it is built instead.`);
        return;
      case "warning":
        this.#warn(event.text);
        return;
      case "line":
        this.#log.progress({ kind: "build", derivation: event.derivation, step: "log", text: event.text });
        return;
      case "started": {
        const host = this.#hosts.get(event.derivation);
        if (host !== undefined) this.#log.progress({ kind: "host", host, step: "building" });
        // After another failure ended it, a build may begin anew.
        this.#failed.delete(event.derivation);
        this.#log.progress({
          kind: "build",
          derivation: event.derivation,
          step: "started",
          ...(event.machine === undefined ? {} : { text: `on ${event.machine}` }),
        });
        return;
      }
      case "finished":
        this.#ended = event.derivation;
    }
  }

  /** Each once: Nix says it again for every derivation. */
  #warn(text: string): void {
    if (this.#warned.has(text) || this.#warned.size >= 20) return;
    this.#warned.add(text);
    this.#log.progress({ kind: "warning", text });
  }

  /** Tells the last end, which nothing may follow. */
  end(): void {
    const derivation = this.#ended;
    this.#ended = undefined;
    if (derivation !== undefined)
      this.#log.progress({ kind: "build", derivation, step: this.#failed.has(derivation) ? "failed" : "finished" });
  }
}
