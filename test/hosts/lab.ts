import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabHost, makeKey } from "./host.ts";
import { claimPlace, clearLeftovers, clearPlace, type Place } from "./place.ts";
import { cachedRoot } from "./root.ts";
import { buildToplevels, type ToplevelSpec } from "./toplevels.ts";

/**
 * Real hosts for tests: systemd-nspawn machines with their own systemd, sshd and Nix on a network of their own, in the shape of NixOS.
 *
 *     const lab = await startLab({ hosts: ["alpha", { host: "beta", services: { hello: {} } }] });
 *     const alpha = lab.host("alpha");
 *     const to = await buildToplevel({ host: "alpha", services: { hello: { version: "2.0" } } });
 *     await alpha.copy([to]);                                  // nix copy over ssh-ng
 *     await alpha.activate(to, "switch");                      // profile, then switch-to-configuration, not by ssh
 *     await alpha.systems();                                   // { current, booted, profile, loader }
 *     const since = alpha.boots;
 *     await alpha.sh("systemctl reboot");
 *     await alpha.rebooted(since);
 *     await alpha.powerOff();                                  // pulls the plug
 *     await alpha.boot();
 *     alpha.cutNetwork(); await alpha.fillDisk("store", 4096); alpha.console();
 *     await lab.stop();                                        // in afterAll
 *
 * Log in as `root@address` or `deploy@address` (sudo without a password) with `lab.key`; `lab.knownHosts` pins the host keys. A host boots what
 * /boot/loader-oneshot names, once, or else what `bootctl set-default` pinned, or else /boot/loader-default, which only `switch-to-configuration switch|boot`
 * writes: profile and loader can differ, as on a real host. `touch /boot/loader-broken` makes the boot loader's installer fail. A poweroff stays off until
 * `boot()`, a reboot starts again by itself.
 * What a toplevel can be made to do is in toplevels.ts.
 *
 * Needs root, and a Nix store that this process may write to (.ci/with-store). Several labs may run at once. Hosts end when the process ends, however it ends.
 */
export async function startLab(options: {
  readonly hosts: readonly (string | ToplevelSpec)[];
  /** False: the hosts are installed and off. */
  readonly boot?: boolean;
  /** Directories of this machine that every host sees at the same place, read-only: the checkout, for a gate that runs on a host. */
  readonly shares?: readonly string[];
  /** How large /boot is: 16 MiB where absent, too small for kernels that boot. */
  readonly bootBytes?: number;
}): Promise<Lab> {
  if (process.getuid?.() !== 0) throw new Error("Test hosts need root.");
  const specs = options.hosts.map((host) => (typeof host === "string" ? { host } : host));
  const [base, toplevels] = [await cachedRoot(), await buildToplevels(specs)];
  const place = await claimPlace();
  const names = specs.map((spec) => spec.host);
  const lab = new Lab(place, names, options);
  try {
    clearLeftovers(place);
    await makeKey(lab.key, "lab");
    await Promise.all([...lab.hosts.values()].map((host, index) => host.install(base, toplevels[index] ?? "")));
    writeFileSync(join(place.directory, "known_hosts"), lab.knownHosts);
    if (options.boot !== false) await Promise.all([...lab.hosts.values()].map((host) => host.boot()));
  } catch (error) {
    await lab.stop();
    throw error;
  }
  return lab;
}

const ending = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export class Lab {
  readonly hosts: ReadonlyMap<string, LabHost>;
  /** Path of a private key that root and deploy accept on every host. */
  readonly key: string;
  readonly network: { readonly bridge: string; readonly address: string; readonly prefix: string };
  readonly place: Place;
  readonly #onExit = (): void => clearPlace(this.place);
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#unwatch();
    clearPlace(this.place);
    // Where nobody else listens, the signal does what it does to any program.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };

  constructor(place: Place, names: readonly string[], { shares = [], bootBytes }: { shares?: readonly string[]; bootBytes?: number }) {
    this.place = place;
    mkdirSync(join(place.directory, "key"), { mode: 0o700 });
    this.key = join(place.directory, "key", "id_ed25519");
    this.network = { bridge: place.bridge, address: `${place.network}.1`, prefix: `${place.network}.0/24` };
    this.hosts = new Map(names.map((name, index) => [name, new LabHost(place, index, name, { key: this.key, shares, bootBytes })]));
    process.once("exit", this.#onExit);
    for (const signal of ending) process.once(signal, this.#onSignal);
  }

  #unwatch(): void {
    process.off("exit", this.#onExit);
    for (const signal of ending) process.off(signal, this.#onSignal);
  }

  host(name: string): LabHost {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`This lab has no host ${name}`);
    return host;
  }

  /** In the format of known_hosts(5). */
  get knownHosts(): string {
    return [...this.hosts.values()].map((host) => `${host.address} ${host.hostKey}\n`).join("");
  }

  /** Where `knownHosts` lies as a file. */
  get knownHostsFile(): string {
    return join(this.place.directory, "known_hosts");
  }

  async stop(): Promise<void> {
    this.#unwatch();
    await Promise.all([...this.hosts.values()].map((host) => host.powerOff()));
    clearPlace(this.place);
  }
}
