import * as z from "zod";
import { failure, type Failure } from "../failure.ts";
import type { StoreEntry, StoreFiles } from "../io/ports.ts";
import { readActivation } from "./activation.ts";
import { readBootLoader } from "./boot-loader.ts";
import { etcText, readEtc } from "./etc.ts";
import { readFirewall } from "./firewall.ts";
import { isSwap, readMounts } from "./fstab.ts";
import { readInitrd } from "./initrd.ts";
import { component, readKernel, readKernelModules } from "./kernel.ts";
import { storePathOf } from "./store-path.ts";
import type { BootLoader, EtcFile, Initrd, Mount, StorePath, System, Unit } from "./system.ts";
import { newUnitCache, readUnits, type UnitCache } from "./unit.ts";
import { readUsers } from "./users.ts";

/** Small files of a toplevel: a version, a list of kernel parameters, a JSON map of a few keys. */
const maxSmallBytes = 64 << 10;
const maxScriptBytes = 4 << 20;
const maxSpecialisations = 64;

/** What the systems of one run share. Store paths never change, so what was read for one host holds for all. */
export type SystemCache = {
  readonly systems: Map<StorePath, System>;
  readonly units: UnitCache;
  /** By where /etc ends in the store. */
  readonly etc: Map<string, ReadonlyMap<string, EtcFile>>;
  readonly initrds: Map<string, ReturnType<typeof readInitrd>>;
  /** By installer. */
  readonly bootLoaders: Map<string, BootLoader>;
  /** By where /etc/fstab ends in the store. */
  readonly mounts: Map<string, readonly Mount[]>;
  /** Small JSON maps by their text. */
  readonly maps: Map<string, ReadonlyMap<string, string> | undefined>;
};

export function newSystemCache(): SystemCache {
  return {
    systems: new Map(),
    units: newUnitCache(),
    etc: new Map(),
    initrds: new Map(),
    bootLoaders: new Map(),
    mounts: new Map(),
    maps: new Map(),
  };
}

/** Why a path cannot be compared, or undefined where it is a system in the store. */
export function toplevelFailure(store: StoreFiles, toplevel: string): Failure | undefined {
  const path = storePathOf(toplevel, store.prefix);
  if (path !== toplevel)
    return failure("toplevel-invalid", { path: toplevel, problem: `it is no path like ${store.prefix}/HASH-nixos-system-NAME` });
  const entry = store.entry(path);
  if (entry === undefined) return failure("toplevel-missing", { path });
  if (entry.kind !== "directory") return failure("toplevel-invalid", { path, problem: "it is not a directory" });
  if (store.entry(`${path}/nixos-version`) === undefined)
    return failure("toplevel-invalid", { path, problem: "it has no file nixos-version" });
  return undefined;
}

/**
 * Reads what a toplevel declares. Check it with `toplevelFailure` first: here nothing fails, and what cannot be read is named in `unread`. Everything but `glibc`,
 * which only the closure knows, is in the files.
 */
export function readSystem(store: StoreFiles, toplevel: StorePath, cache: SystemCache = newSystemCache()): System {
  const known = cache.systems.get(toplevel);
  if (known !== undefined) return known;
  const system = new Toplevel(store, toplevel, cache).read();
  cache.systems.set(toplevel, system);
  return system;
}

class Toplevel {
  readonly #store: StoreFiles;
  readonly #path: StorePath;
  readonly #cache: SystemCache;
  readonly #unread: string[] = [];

  constructor(store: StoreFiles, path: StorePath, cache: SystemCache) {
    this.#store = store;
    this.#path = path;
    this.#cache = cache;
  }

  read(): System {
    const [store, path] = [this.#store, this.#path];
    for (const [name, entry] of store.entries(path)) this.#checkLink(`${path}/${name}`, entry);
    const switchScript = this.#text("bin/switch-to-configuration", maxScriptBytes);
    const units = readUnits(store, `${path}/etc/systemd/system`, this.#cache.units);
    const userUnits = readUnits(store, `${path}/etc/systemd/user`, this.#cache.units);
    const switchInhibitors = this.#map("switch-inhibitors");
    const etc = this.#etc();
    const mounts = this.#mounts(etc);
    const activate = this.#text("activate", maxScriptBytes) ?? "";
    return {
      toplevel: path,
      nixosVersion: this.#text("nixos-version")?.trim(),
      platform: this.#text("system")?.trim(),
      kernel: readKernel(store, `${path}/kernel`),
      kernelParams: words(this.#text("kernel-params") ?? ""),
      initrd: this.#initrd(),
      kernelModules: readKernelModules(store, `${path}/kernel-modules`),
      firmware: component(store, `${path}/firmware`)?.path,
      systemd: component(store, `${path}/systemd`),
      glibc: undefined,
      dbus: dbusOf(units, switchInhibitors),
      initInterfaceVersion: this.#text("init-interface-version")?.trim(),
      switchInhibitors,
      rebootTriggers: this.#map("reboot-triggers"),
      bootLoader: readBootLoader(store, switchScript, this.#cache.bootLoaders),
      switchToConfiguration: this.#switchKind(switchScript),
      specialisations: this.#specialisations(),
      activation: readActivation(activate),
      units,
      userUnits,
      etc,
      mounts: mounts.filter((mount) => !isSwap(mount)),
      swaps: mounts.filter(isSwap),
      users: readUsers(store, activate, etc, units),
      firewall: readFirewall(store, units, etc),
      unread: this.#unread,
    };
  }

  /** A link of a toplevel that leads nowhere is a piece that is missing, which must not pass for one that was never there. */
  #checkLink(path: string, entry: StoreEntry): void {
    if (entry.kind === "symlink" && this.#store.resolve(path) === undefined) {
      this.#unread.push(`${path} is a link to ${entry.target}, which is not in the store.`);
    } else if (entry.kind === "other") {
      this.#unread.push(`${path} is neither a file nor a directory, and was not opened.`);
    }
  }

  /** Undefined where there is no such file; a file that is there and cannot be read is told. */
  #text(name: string, maxBytes = maxSmallBytes): string | undefined {
    const path = `${this.#path}/${name}`;
    const entry = this.#store.entry(path);
    if (entry === undefined) return undefined;
    const read = this.#store.read(path, maxBytes);
    if (read === undefined || read.binary || read.truncated) {
      const why = read === undefined ? "cannot be read" : read.binary ? "is not text" : `is larger than ${maxBytes >> 10} KiB`;
      if (entry.kind !== "symlink" && !this.#unread.some((said) => said.startsWith(`${path} `))) this.#unread.push(`${path} ${why}.`);
      return undefined;
    }
    return read.text;
  }

  #map(name: string): ReadonlyMap<string, string> | undefined {
    const text = this.#text(name);
    if (text === undefined) return undefined;
    const { maps } = this.#cache;
    const known = maps.has(text) ? maps.get(text) : stringMap(text);
    maps.set(text, known);
    if (known !== undefined) return known;
    this.#unread.push(`${this.#path}/${name} is not a JSON map of texts.`);
    return undefined;
  }

  #mounts(etc: ReadonlyMap<string, EtcFile>): readonly Mount[] {
    const place = etc.get("fstab")?.target ?? "";
    const known = this.#cache.mounts.get(place) ?? readMounts(etcText(this.#store, etc, "fstab") ?? "");
    this.#cache.mounts.set(place, known);
    return known;
  }

  #etc(): ReadonlyMap<string, EtcFile> {
    const directory = this.#store.resolve(`${this.#path}/etc`);
    if (directory === undefined) return new Map();
    const known = this.#cache.etc.get(directory) ?? readEtc(this.#store, directory);
    this.#cache.etc.set(directory, known);
    return known;
  }

  #initrd(): Initrd | undefined {
    const link = `${this.#path}/initrd`;
    const found = component(this.#store, link);
    const image = this.#store.resolve(link);
    if (found === undefined || image === undefined) return undefined;
    const entry = this.#store.entry(image);
    const [store, initrds, unread] = [this.#store, this.#cache.initrds, this.#unread];
    return {
      path: found.path,
      ...(entry?.kind === "file" ? { bytes: entry.size } : {}),
      get contents() {
        let reading = initrds.get(image);
        if (reading === undefined) {
          reading = readInitrd(store, image);
          initrds.set(image, reading);
        }
        if (reading.problem !== undefined && !unread.includes(reading.problem)) unread.push(reading.problem);
        return reading.contents;
      },
    };
  }

  #switchKind(script: string | undefined): System["switchToConfiguration"] {
    const bin = `${this.#path}/bin`;
    if (this.#store.entry(`${bin}/switch-to-configuration`) === undefined) return "missing";
    if (script === undefined) {
      const target = this.#store.resolve(`${bin}/switch-to-configuration`);
      return target?.includes("switch-to-configuration-ng") === true ? "ng" : "unknown";
    }
    if (/^#!\S*\/perl\b/.test(script)) return "perl";
    const wrapped = this.#store.resolve(`${bin}/.switch-to-configuration-wrapped`);
    return wrapped !== undefined || script.includes("switch-to-configuration-ng") ? "ng" : "unknown";
  }

  #specialisations(): ReadonlyMap<string, StorePath> {
    const found = new Map<string, StorePath>();
    const directory = `${this.#path}/specialisation`;
    const names = this.#store.list(directory);
    if (names.length > maxSpecialisations)
      this.#unread.push(`${directory} holds ${names.length} specialisations; only the first ${maxSpecialisations} were read.`);
    for (const name of names.slice(0, maxSpecialisations)) {
      const target = this.#store.resolve(`${directory}/${name}`);
      const path = target === undefined ? undefined : storePathOf(target, this.#store.prefix);
      if (path === undefined) this.#unread.push(`${directory}/${name} does not lead to a path in the store.`);
      else found.set(name, path);
    }
    return found;
  }
}

const StringMap = z.record(z.string(), z.string());

function stringMap(text: string): ReadonlyMap<string, string> | undefined {
  try {
    return new Map(Object.entries(StringMap.parse(JSON.parse(text))));
  } catch {
    return undefined;
  }
}

/** Splits as the kernel does: at white space, except inside double quotes. */
function words(params: string): readonly string[] {
  return params.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
}

/** Said by the switch inhibitor of NixOS 26.05; else seen from the units: the broker's own unit exists only where it is used. */
function dbusOf(units: ReadonlyMap<string, Unit>, inhibitors: ReadonlyMap<string, string> | undefined): System["dbus"] {
  const said = inhibitors?.get("dbus-implementation");
  if (said === "dbus" || said === "broker") return said;
  const broker = units.get("dbus-broker.service");
  if (broker !== undefined && !broker.masked) return "broker";
  const daemon = units.get("dbus.service");
  if (daemon === undefined) return undefined;
  const start = daemon.sections.get("Service")?.get("ExecStart")?.join(" ") ?? "";
  return start.includes("dbus-broker") ? "broker" : "dbus";
}
