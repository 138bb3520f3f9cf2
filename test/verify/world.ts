import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Mount, Observation, RunningUnit } from "../../src/target/observation.ts";
import type { Planned } from "../../src/verify/planned.ts";
import { ThrowawayStore } from "../diff/throwaway-store.ts";

/** A host as it is when all is well; tests change what they are about. */
export function observation(parts: Partial<Observation> = {}): Observation {
  return {
    identity: { name: "web", machineId: "3d1219c7c4c5404aaa1f6d2a48adfda4" },
    bootId: "baff9136-f5ac-4acb-9b11-684014e6cf12",
    at: new Date("2026-11-22T22:00:00Z"),
    uptimeSeconds: 1000,
    isNixos: true,
    current: undefined,
    specialisation: undefined,
    profile: undefined,
    generation: 7,
    booted: undefined,
    systems: { current: undefined, profile: undefined, booted: undefined },
    generations: [],
    switchLock: "free",
    activations: [],
    scheduledShutdown: undefined,
    systemState: "running",
    failedUnits: [],
    space: { store: undefined, boot: undefined, state: undefined },
    kernel: { release: "6.12.58", commandLine: "", modules: ["overlay"] },
    mounts: [mount("/", "/dev/vda1", "ext4")],
    swaps: [],
    devices: new Map(),
    listening: [{ protocol: "tcp", address: "0.0.0.0", port: 22 }],
    units: [running("sshd.service")],
    sysctl: new Map(),
    sshd: [],
    loggedIn: [],
    ledger: undefined,
    ledgerState: "absent",
    ...parts,
  };
}

export function running(unit: string, parts: Partial<RunningUnit> = {}): RunningUnit {
  return {
    unit,
    loadState: "loaded",
    activeState: "active",
    subState: "running",
    result: "success",
    needDaemonReload: false,
    fragmentPath: `/etc/systemd/system/${unit}`,
    mainPid: 417,
    executable: undefined,
    runs: [],
    restarts: 0,
    execMainStatus: 0,
    activeSince: new Date("2026-11-22T21:00:00Z"),
    ...parts,
  };
}

export const stopped = (unit: string, parts: Partial<RunningUnit> = {}): RunningUnit =>
  running(unit, { activeState: "inactive", subState: "dead", mainPid: 0, ...parts });

export function mount(target: string, source: string, type: string, options = "rw,relatime", superOptions = "rw"): Mount {
  return { target, source, root: "/", type, options: options.split(","), superOptions: superOptions.split(",") };
}

export type Parts = {
  readonly units?: Readonly<Record<string, string>>;
  /** `multi-user.target.wants/web.service` */
  readonly wants?: readonly string[];
  readonly etc?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** Parts of the toplevel by store name: `kernel: "linux-6.12.58"`. */
  readonly kernel?: string;
  readonly modules?: string;
  readonly initrd?: string;
};

/** A store in which whole toplevels stand, as files. */
export class World {
  readonly store = new ThrowawayStore();
  readonly #shared = new Map<string, string>();

  /** The same text under the same name is the same path, as in a real store. */
  path(name: string, text: string): string {
    const key = `${name}\0${text}`;
    const known = this.#shared.get(key) ?? this.store.file(name, text);
    this.#shared.set(key, known);
    return known;
  }

  toplevel(parts: Parts = {}): string {
    const root = this.store.path("nixos-system-web-26.05");
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    const link = (path: string, target: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      symlinkSync(target, join(root, path));
    };
    write("nixos-version", "26.05");
    write("bin/switch-to-configuration", "#!/bin/sh\n");
    for (const [path, text] of Object.entries(parts.files ?? {})) write(path, text);
    for (const [name, text] of Object.entries(parts.units ?? {})) link(`etc/systemd/system/${name}`, this.path(`unit-${name}`, text));
    for (const name of parts.wants ?? []) link(`etc/systemd/system/${name}`, `../${name.split("/")[1]}`);
    for (const [path, text] of Object.entries(parts.etc ?? {})) link(`etc/${path}`, this.path(`etc-${path.replaceAll("/", "-")}`, text));
    if (parts.kernel !== undefined)
      link("kernel", this.path(`${parts.kernel}-bzImage`, `Linux version ${parts.kernel.replace("linux-", "")} (nix)`));
    if (parts.modules !== undefined) link("kernel-modules", this.path(parts.modules, ""));
    if (parts.initrd !== undefined) link("initrd", this.path(parts.initrd, ""));
    return root;
  }

  /** Two observations around a switch from one toplevel to another that went well. */
  switched(
    from: string,
    to: string,
    before: Partial<Observation> = {},
    after: Partial<Observation> = {},
  ): { planned: Planned; before: Observation; after: Observation } {
    return {
      planned: { profile: to, current: to },
      before: observation({ current: from, profile: from, booted: from, ...before }),
      after: observation({ at: new Date("2026-11-22T22:10:00Z"), current: to, profile: to, booted: from, ...before, ...after }),
    };
  }

  remove(): void {
    this.store.remove();
  }
}
