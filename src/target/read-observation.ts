import type { RemoteRecord } from "../io/ports.ts";
import { readMountTable, readSwaps } from "./mount-table.ts";
import type { Generation, Observation, Space, SystemParts } from "./observation.ts";
import { readRunningUnits, runningActivations } from "./running-units.ts";
import { readSocketTable } from "./socket-table.ts";

export type ReadObservation = { readonly ok: true; readonly value: Observation } | { readonly ok: false; readonly problem: string };

const maxLedgerBytes = 1 << 20;
const maxLedgerLines = 500;
const storePath = /^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[A-Za-z0-9+._?=-]{1,211}$/;
/** Of a file in the store as well. */
const placeInStore = /^\/nix\/store\/[0-9abcdfghijklmnpqrsvwxyz]{32}-[A-Za-z0-9+._?=-]{1,211}(?:\/[^\0]{1,1000})?$/;

/**
 * Reads what the observing program put out. Strict where a wrong belief could reach the wrong machine or the wrong system: name, machine id, boot id, clock and store
 * paths are of their shape or the whole is refused. All else is lenient: what is not understood is not known.
 */
export function readObservation(records: readonly RemoteRecord[]): ReadObservation {
  const facts = new Map<string, string>();
  for (const record of records) if (!facts.has(record.name)) facts.set(record.name, record.value);
  const text = (name: string): string => facts.get(name) ?? "";
  const refused = (problem: string): ReadObservation => ({ ok: false, problem });

  if (!facts.has("done")) return refused("it did not come to its end");
  const name = text("hostname").trim();
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}$/.test(name)) return refused("it does not say its host name");
  const bootId = text("boot-id").trim();
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(bootId)) return refused("it does not say which boot it is in");
  const at = readSeconds(text("clock").trim());
  if (at === undefined) return refused("it does not say its time");
  const machineId = text("machine-id").trim();
  for (const link of ["current", "profile", "booted"]) {
    const target = facts.get(link);
    if (target !== undefined && !storePath.test(target)) return refused(`its ${link} system is not a path of the store`);
  }

  const units = readRunningUnits(text("units"), text("executables"), text("command-lines"));
  const mounts = readMountTable(text("mounts"));
  const listening = (["tcp", "udp"] as const).flatMap((protocol) => [
    ...readSocketTable(ofTable(text("listening"), protocol), protocol),
    ...readSocketTable(text(`listening-${protocol}`), protocol),
    ...readSocketTable(text(`listening-${protocol}6`), protocol),
  ]);
  const current = facts.get("current");
  const generation = /^system-(\d{1,9})-link$/.exec(text("profile-link").trim())?.[1];
  return {
    ok: true,
    value: {
      // "uninitialized" stands there before the first boot is through.
      identity: { name, machineId: /^[0-9a-f]{32}$/.test(machineId) ? machineId : undefined },
      bootId,
      at,
      uptimeSeconds: Number(/^\d{1,12}(?:\.\d+)?/.exec(text("uptime"))?.[0] ?? 0),
      isNixos: text("nixos") === "yes",
      current,
      specialisation: readSpecialisation(current, facts),
      profile: facts.get("profile"),
      generation: generation === undefined ? undefined : Number(generation),
      booted: facts.get("booted"),
      systems: { current: readParts(facts, "current"), profile: readParts(facts, "profile"), booted: readParts(facts, "booted") },
      generations: readGenerations(text("generations")),
      switchLock: text("switch-lock") === "free" ? "free" : text("switch-lock") === "held" ? "held" : "unknown",
      activations: runningActivations(units),
      scheduledShutdown: readShutdown(text("shutdown")),
      systemState: /^[a-z-]{1,40}$/.exec(text("system-state").trim())?.[0] ?? "unknown",
      failedUnits: facts.has("failed")
        ? lines(text("failed")).map((line) => line.replace(/^[●*] /, "").split(/\s/)[0] ?? "")
        : units.filter((unit) => unit.activeState === "failed").map((unit) => unit.unit),
      space: { store: readSpace(text("space-store")), boot: readBootSpace(facts, mounts), state: readSpace(text("space-state")) },
      kernel: {
        release: text("kernel-release").trim(),
        commandLine: text("kernel-command-line").trim(),
        modules: lines(text("modules")).map((line) => line.split(" ")[0] ?? ""),
      },
      mounts,
      swaps: readSwaps(text("swaps")),
      devices: new Map(pairs(text("devices"))),
      listening: [...new Map(listening.map((socket) => [`${socket.protocol} ${socket.address} ${socket.port}`, socket])).values()],
      units,
      sysctl: readSysctl(text("sysctl")),
      sshd: lines(text("sshd")).filter((line) => /^[a-z0-9]+(?: |$)/.test(line)),
      loggedIn: readSessions(facts.get("sessions"), text("own-session")),
      ...readLedgerTail(facts),
    },
  };
}

/** No honest fact takes a line as long as this. */
const maxLine = 8192;
const lines = (text: string): string[] => text.split("\n").filter((line) => line.length <= maxLine && line.trim() !== "");

const pairs = (text: string): [string, string][] =>
  lines(text).flatMap((line): [string, string][] => {
    const tab = line.indexOf("\t");
    return tab <= 0 ? [] : [[line.slice(0, tab), line.slice(tab + 1)]];
  });

/** `net/ipv4/conf/eth0.1/forwarding` for `net.ipv4.conf.eth0/1.forwarding`, and the other way: each separator stands for the other. */
const swapped = (name: string): string => name.replace(/[./]/g, (separator) => (separator === "/" ? "." : "/"));
const keyOfPath = swapped;

/** The path below /proc/sys of a sysctl key with dots, undefined for one that is none: the host is only asked for what can be a setting. */
export function pathOfKey(key: string): string | undefined {
  return /^[A-Za-z0-9_.:/@-]{1,200}$/.test(key) && !/(^|[./])[./]|[./]$/.test(key) ? swapped(key) : undefined;
}

/** `./net/ipv4/tcp_rmem`, a tab and the value; a line for each line of the value. */
function readSysctl(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [path, line] of pairs(text)) {
    const key = keyOfPath(path.replace(/^\.\//, ""));
    values.set(key, `${values.get(key) ?? ""} ${line}`.trim().replace(/\s+/g, " "));
  }
  return values;
}

/** Lines that grep found in several tables, each behind the name of its table: those of one protocol, without the names. */
const ofTable = (text: string, protocol: "tcp" | "udp"): string =>
  text
    .split("\n")
    .flatMap((line) => {
      const colon = line.indexOf(":");
      const table = line.slice(0, colon);
      return table === protocol || table === `${protocol}6` ? [line.slice(colon + 1)] : [];
    })
    .join("\n");

function readSeconds(text: string): Date | undefined {
  return /^\d{1,11}$/.test(text) ? new Date(Number(text) * 1000) : undefined;
}

function readSpecialisation(current: string | undefined, facts: ReadonlyMap<string, string>): string | undefined {
  if (current === undefined || current === facts.get("profile")) return undefined;
  const link = pairs(facts.get("specialisations") ?? "").find(([, target]) => target === current)?.[0];
  return link === undefined ? undefined : /\/specialisation\/([A-Za-z0-9+._-]{1,64})$/.exec(link)?.[1];
}

/** What is said once counts for every name of the same system. */
function readParts(facts: ReadonlyMap<string, string>, name: string): SystemParts | undefined {
  const toplevel = facts.get(name);
  if (toplevel === undefined) return undefined;
  const system = ["current", "booted", "profile"].find((one) => facts.get(one) === toplevel) ?? name;
  const target = (part: string): string | undefined => {
    const place = facts.get(`${system}-${part}`);
    return place !== undefined && placeInStore.test(place) ? place : undefined;
  };
  return {
    kernel: target("kernel"),
    initrd: target("initrd"),
    kernelModules: target("kernel-modules"),
    firmware: target("firmware"),
    systemd: target("systemd"),
    kernelParams: facts.get(`${system}-kernel-params`)?.trim(),
    initInterfaceVersion: facts.get(`${system}-init-interface-version`)?.trim(),
    switchInhibitors: facts.get(`${system}-switch-inhibitors`),
    rebootTriggers: facts.get(`${system}-reboot-triggers`),
  };
}

/** Newest first. */
function readGenerations(text: string): Generation[] {
  const found = lines(text).flatMap((line): Generation[] => {
    const [link = "", seconds = "", toplevel = ""] = line.split("\t");
    const number = /(?:^|\/)system-(\d{1,9})-link$/.exec(link)?.[1];
    if (number === undefined || !storePath.test(toplevel)) return [];
    return [{ number: Number(number), toplevel, at: readSeconds(seconds) }];
  });
  return found.sort((a, b) => b.number - a.number);
}

/** systemd's `/run/systemd/shutdown/scheduled`: `USEC=…` since 1970 and `MODE=…`, which begins with `dry-` where only the warning is meant. */
function readShutdown(text: string): Date | undefined {
  const microseconds = /^USEC=(\d{1,17})$/m.exec(text)?.[1];
  if (microseconds === undefined || /^MODE=dry-/m.test(text)) return undefined;
  return new Date(Math.floor(Number(microseconds) / 1000));
}

/** `stat -f`: block size, blocks, blocks free for anybody, inodes, inodes free. File systems without a fixed number of inodes say 0. */
function readSpace(text: string): Space | undefined {
  const match = /^(\d{1,9}) (\d{1,16}) (\d{1,16}) (\d{1,16}) (\d{1,16})\s*$/.exec(text);
  if (match === null) return undefined;
  const [size = 0, blocks = 0, free = 0, inodes = 0, freeInodes = 0] = match.slice(1).map(Number);
  return { sizeBytes: size * blocks, freeBytes: size * free, freeInodes: inodes === 0 ? undefined : freeInodes };
}

/** Where kernels go: /boot where that is a file system of its own, else the ESP, else whatever holds /boot. */
function readBootSpace(facts: ReadonlyMap<string, string>, mounts: Observation["mounts"]): Observation["space"]["boot"] {
  const mounted = new Set(mounts.map((mount) => mount.target));
  const places = [
    ["/boot", "space-boot"],
    ["/efi", "space-efi"],
    ["/boot/efi", "space-boot-efi"],
  ] as const;
  const [mountPoint, record] = places.find(([place]) => mounted.has(place)) ?? places[0];
  const space = readSpace(facts.get(record) ?? "");
  return space === undefined ? undefined : { ...space, mountPoint };
}

/** Sessions of people: user managers and greeters are none, nor is one that is closing or the one that asks. */
function readSessions(text: string | undefined, own: string): string[] | undefined {
  if (text === undefined) return undefined;
  const names = new Set<string>();
  for (const block of text.split(/\n\n+/)) {
    const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(block)?.[1] ?? "";
    const name = value("Name");
    if (name === "" || value("Id") === own || value("State") === "closing") continue;
    if (value("Class").startsWith("user")) names.add(name);
  }
  return [...names].sort();
}

function readLedgerTail(facts: ReadonlyMap<string, string>): Pick<Observation, "ledger" | "ledgerState"> {
  const text = facts.get("ledger");
  const state = facts.get("ledger-state");
  if (state === "absent") return { ledger: undefined, ledgerState: "absent" };
  if (state !== "read" || text === undefined) return { ledger: undefined, ledgerState: "unreadable" };
  const all = text.split("\n");
  // Cut at its bound, the first line is only the end of one.
  if (Buffer.byteLength(text) >= maxLedgerBytes - 1) all.shift();
  return { ledger: all.filter((line) => line !== "").slice(-maxLedgerLines), ledgerState: "read" };
}
