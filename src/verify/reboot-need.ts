import * as z from "zod";
import { modDirVersion } from "../diff/kernel.ts";
import { readSystem, toplevelFailure } from "../diff/toplevel.ts";
import type { System } from "../diff/system.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { BriefObservation, SystemParts } from "../target/observation.ts";

export type RebootReason = {
  /** `kernel`, `kernel-modules`, `kernel-params`, `initrd`, `firmware`, `init-interface`, or the key of a reboot trigger or switch inhibitor. */
  readonly part: string;
  readonly booted: string;
  readonly wanted: string;
  /** False: the reboot brings something in that nothing waits for. An initrd changes with nearly every update of systemd. */
  readonly required: boolean;
  readonly sentence: string;
};

export type RebootNeed = {
  /** One of the reasons requires it, or the boot default waits to become active. */
  readonly needed: boolean;
  /** The boot default is not what is active: only a reboot or a switch brings it in. */
  readonly staged: boolean;
  readonly reasons: readonly RebootReason[];
  /** `uname -r` now, and what it will be after the reboot where that can be read. */
  readonly release: { readonly running: string; readonly wanted: string | undefined };
  /** What could not be compared, as sentences: never taken for "no change". */
  readonly unknown: readonly string[];
};

/**
 * Why a reboot of the host is pending: what it booted against what it would boot now. Read from what the host told of its systems, and from this machine's store
 * for what only the files say.
 *
 * The rules are a superset of those of NixOS 26.05 (`reboot-triggers`), of releases before it (kernel, modules, initrd by path) and of switch-to-configuration
 * (`init-interface-version`, `switch-inhibitors`). A trigger file that one side lacks is no proof that nothing changed: there the paths alone decide.
 */
export function rebootNeed(observation: BriefObservation, store?: StoreFiles): RebootNeed {
  const { booted, profile, current } = observation;
  const unknown: string[] = [];
  const from = observation.systems.booted ?? partsIn(store, booted);
  const wantedPath = wantedSystem(observation, store);
  const to = wantedPath === profile ? (observation.systems.profile ?? partsIn(store, profile)) : partsIn(store, wantedPath);
  const staged = profile !== undefined && current !== undefined && current !== profile && observation.specialisation === undefined;
  const wanted = systemIn(store, wantedPath);
  const release = {
    running: observation.kernel.release,
    wanted: wanted === undefined || store === undefined ? undefined : modDirVersion(store, wanted.kernel, wanted.kernelModules),
  };
  if (from === undefined || to === undefined) {
    unknown.push(from === undefined ? "What the host booted cannot be told." : "What the host would boot cannot be told.");
    return { needed: staged, staged, reasons: [], release, unknown };
  }
  const same = booted !== undefined && booted === wantedPath;
  const reasons = same ? [] : [...pathReasons(from, to, unknown), ...triggerReasons(from, to, unknown)];
  if (staged) reasons.push(...inhibitorReasons(observation.systems.current, to));
  return { needed: staged || reasons.some((reason) => reason.required), staged, reasons, release, unknown };
}

/** A host that runs a specialisation is compared with the same one of the boot default. */
function wantedSystem(observation: BriefObservation, store: StoreFiles | undefined): string | undefined {
  const { specialisation, profile } = observation;
  if (specialisation === undefined) return profile;
  return systemIn(store, profile)?.specialisations.get(specialisation) ?? profile;
}

function systemIn(store: StoreFiles | undefined, path: string | undefined): System | undefined {
  return store === undefined || path === undefined || toplevelFailure(store, path) !== undefined ? undefined : readSystem(store, path);
}

function partsIn(store: StoreFiles | undefined, path: string | undefined): SystemParts | undefined {
  if (store === undefined || path === undefined || toplevelFailure(store, path) !== undefined) return undefined;
  const text = (name: string): string | undefined => store.read(`${path}/${name}`, 64 << 10)?.text;
  return {
    kernel: store.resolve(`${path}/kernel`),
    initrd: store.resolve(`${path}/initrd`),
    kernelModules: store.resolve(`${path}/kernel-modules`),
    firmware: store.resolve(`${path}/firmware`),
    systemd: store.resolve(`${path}/systemd`),
    kernelParams: text("kernel-params")?.trim(),
    initInterfaceVersion: text("init-interface-version")?.trim(),
    switchInhibitors: text("switch-inhibitors"),
    rebootTriggers: text("reboot-triggers"),
  };
}

type Part = {
  readonly part: string;
  readonly of: (parts: SystemParts) => string | undefined;
  readonly required: boolean;
  readonly says: string;
};
const compared: readonly Part[] = [
  { part: "kernel", of: (parts) => parts.kernel, required: true, says: "Another kernel than the one that runs would boot." },
  {
    part: "kernel-modules",
    of: (parts) => parts.kernelModules,
    required: true,
    says: "The running system loads its kernel modules from the old tree until it is rebooted.",
  },
  { part: "kernel-params", of: (parts) => parts.kernelParams, required: true, says: "Kernel parameters take effect at boot only." },
  { part: "initrd", of: (parts) => parts.initrd, required: false, says: "The initrd differs; it is used at boot only." },
  { part: "firmware", of: (parts) => parts.firmware, required: false, says: "Firmware that is loaded already stays the old one." },
  {
    part: "init-interface",
    of: (parts) => parts.initInterfaceVersion,
    required: true,
    says: "The new system cannot take over from the running init (init-interface-version).",
  },
];

function pathReasons(from: SystemParts, to: SystemParts, unknown: string[]): RebootReason[] {
  return compared.flatMap(({ part, of, required, says }): RebootReason[] => {
    const [booted, wanted] = [of(from), of(to)];
    if (booted === wanted) return [];
    // A container has no kernel of its own on either side; on one side only it is a part that could not be read.
    if (booted === undefined || wanted === undefined) {
      if (part === "kernel" || part === "initrd" || part === "kernel-modules")
        unknown.push(`The ${part} of ${booted === undefined ? "the booted system" : "the next boot"} cannot be told.`);
      return [];
    }
    return [{ part, booted, wanted, required, sentence: says }];
  });
}

const JsonMap = z.record(z.string(), z.string());

function mapOf(text: string | undefined): ReadonlyMap<string, string> | undefined {
  if (text === undefined) return undefined;
  try {
    return new Map(Object.entries(JsonMap.parse(JSON.parse(text))));
  } catch {
    return undefined;
  }
}

/** Compared by path already. */
const byPath: ReadonlySet<string> = new Set(["kernel", "kernel-params"]);

/** As NixOS 26.05 does: keys of both files. A key that one side lacks came with a new release and says nothing. */
function triggerReasons(from: SystemParts, to: SystemParts, unknown: string[]): RebootReason[] {
  const [booted, wanted] = [mapOf(from.rebootTriggers), mapOf(to.rebootTriggers)];
  if (booted === undefined || wanted === undefined) {
    if (booted !== wanted || from.rebootTriggers !== undefined || to.rebootTriggers !== undefined)
      unknown.push("The reboot triggers can be read on one side at most, so that paths alone decided.");
    return [];
  }
  return differing(booted, wanted)
    .filter(({ key }) => !byPath.has(key))
    .map(({ key, old, now }) => ({
      part: key,
      booted: old,
      wanted: now,
      required: true,
      sentence: `The system says itself that a change of ${key} needs a reboot (reboot-triggers).`,
    }));
}

function inhibitorReasons(current: SystemParts | undefined, to: SystemParts): RebootReason[] {
  const [active, wanted] = [mapOf(current?.switchInhibitors), mapOf(to.switchInhibitors)];
  if (active === undefined || wanted === undefined) return [];
  return differing(active, wanted).map(({ key, old, now }) => ({
    part: key,
    booted: old,
    wanted: now,
    required: true,
    sentence: `The new system refuses to be switched to while ${key} differs (switch-inhibitors).`,
  }));
}

function differing(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): { key: string; old: string; now: string }[] {
  return [...from].flatMap(([key, old]) => {
    const now = to.get(key);
    return now === undefined || now === old ? [] : [{ key, old, now }];
  });
}
