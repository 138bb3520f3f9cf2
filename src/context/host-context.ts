import { X509Certificate } from "node:crypto";
import type { RemoteRecord } from "../io/ports.ts";
import { excerpt } from "../tools/excerpt.ts";

/** What a host says of its health, besides what it runs. What could not be told is absent, and never reads as good. */
export type HostContext = {
  readonly memory:
    | { readonly totalBytes: number; readonly availableBytes: number; readonly swapTotalBytes: number; readonly swapFreeBytes: number }
    | undefined;
  /** Of one, five and fifteen minutes. */
  readonly load: readonly number[] | undefined;
  /** Share of the last ten seconds in which something waited for it, in per cent, by `memory` and `io`. */
  readonly pressure: ReadonlyMap<string, number>;
  readonly fileSystems: readonly FileSystem[];
  /** Of the last hour, at priority err and worse. */
  readonly errors: { readonly bySpeaker: readonly (readonly [speaker: string, count: number])[]; readonly last: string };
  /** Timers that are active and whose time has passed, or whose last run failed. */
  readonly timers: readonly LateTimer[];
  readonly certificates: readonly Certificate[];
  /** What a cluster, a pool or the operator's own commands say, by name; untrusted, bounded, redacted. */
  readonly said: readonly { readonly name: string; readonly text: string; readonly exit: number | undefined }[];
};

export type FileSystem = {
  readonly target: string;
  readonly type: string;
  readonly sizeBytes: number;
  readonly freeBytes: number;
  /** Share of inodes that are in use, in per cent; undefined where the file system has no such number. */
  readonly inodesUsed: number | undefined;
};

export type LateTimer = {
  readonly timer: string;
  readonly why: "overdue" | "never-fired" | "last-run-failed";
  readonly at: Date | undefined;
};

export type Certificate = { readonly path: string; readonly subject: string; readonly until: Date | undefined };

const longestSaid = 4_000;
/** systemd may delay a timer by its accuracy and a randomised delay; hours are a timer that does not fire. */
const overdueSeconds = 2 * 3_600;

/** Reads the records of the context program. Whatever a host sends, this answers with what could be understood. */
export function readHostContext(records: readonly RemoteRecord[]): HostContext {
  const values = new Map(records.map(({ name, value }) => [name, value]));
  const value = (name: string): string => values.get(name) ?? "";
  const now = whole(value("now"));
  const failedServices = new Set(
    blocks(value("results")).flatMap((block) =>
      (block.get("Result") ?? "success") !== "success" && block.get("ActiveState") !== "activating" ? [block.get("Id") ?? ""] : [],
    ),
  );
  const names = [...values.keys()];
  const said = (name: string, record: string): HostContext["said"][number] => ({
    name,
    text: excerpt(value(record).trimEnd(), { bytes: longestSaid, keep: "head" }).text,
    exit: whole(value(`${record}.exit`)),
  });
  return {
    memory: memoryOf(value("meminfo")),
    load: loadOf(value("loadavg")),
    pressure: new Map(
      ["memory", "io"].flatMap((name) => {
        const share = /^some avg10=([0-9.]{1,8})/m.exec(value(`pressure-${name}`))?.[1];
        return share === undefined ? [] : [[name, Number(share)] as const];
      }),
    ),
    fileSystems: fileSystemsOf(value("space"), value("inodes")),
    errors: {
      bySpeaker: value("speakers")
        .split("\n")
        .flatMap((line) => {
          const [, count, speaker] = /^\s*([0-9]{1,7}) (\S{1,255})$/.exec(line) ?? [];
          return speaker === undefined ? [] : [[speaker, Number(count)] as const];
        }),
      last: excerpt(value("errors"), { bytes: 6_000, keep: "tail" }).text,
    },
    timers: now === undefined ? [] : blocks(value("timers")).flatMap((block) => lateTimer(block, now, failedServices)),
    certificates: names.flatMap((name) => {
      const number = /^certificate\.([0-9]{1,2})\.path$/.exec(name)?.[1];
      return number === undefined ? [] : [certificateOf(value(name), value(`certificate.${number}`))];
    }),
    said: [
      ...["consul", "nomad-jobs", "nomad-nodes", "k3s", "zfs-health", "zfs-pools"]
        .filter((name) => values.has(name))
        .map((name) => said(name, name)),
      ...names.flatMap((name) => {
        const number = /^asked\.([0-9]{1,2})\.name$/.exec(name)?.[1];
        return number === undefined ? [] : [said(value(name).slice(0, 60), `asked.${number}`)];
      }),
    ],
  };
}

/** What `systemctl show` prints of several units: `Key=value` lines, an empty line between two of them. */
function blocks(text: string): readonly ReadonlyMap<string, string>[] {
  return text.split(/\n\n+/).flatMap((part) => {
    const pairs = part.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at <= 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    });
    return pairs.length === 0 ? [] : [new Map(pairs)];
  });
}

function lateTimer(block: ReadonlyMap<string, string>, now: number, failedServices: ReadonlySet<string>): LateTimer[] {
  const timer = block.get("Id") ?? "";
  if (!/^[^\s/]{1,255}\.timer$/.test(timer) || block.get("ActiveState") !== "active") return [];
  const [next, last] = [instant(block.get("NextElapseUSecRealtime")), instant(block.get("LastTriggerUSec"))];
  const service = block.get("Unit") ?? timer.replace(/timer$/, "service");
  if (failedServices.has(service)) return [{ timer, why: "last-run-failed", at: last }];
  if (next !== undefined && now - next.getTime() / 1000 > overdueSeconds)
    return [{ timer, why: last === undefined ? "never-fired" : "overdue", at: next }];
  return [];
}

/** `Mon 2026-11-23 02:00:00 UTC` as systemd prints it with TZ=UTC. Undefined for `n/a` and for what is not understood. */
function instant(text: string | undefined): Date | undefined {
  const [, day, time] = /^[A-Z][a-z]{2} ([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) UTC$/.exec(text ?? "") ?? [];
  const at = day === undefined ? Number.NaN : Date.parse(`${day}T${time}Z`);
  return Number.isNaN(at) ? undefined : new Date(at);
}

function memoryOf(text: string): HostContext["memory"] {
  const kibibytes = (key: string): number | undefined => {
    const found = new RegExp(`^${key}: +([0-9]{1,12}) kB$`, "m").exec(text)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  const [totalBytes, availableBytes] = [kibibytes("MemTotal"), kibibytes("MemAvailable")];
  if (totalBytes === undefined || availableBytes === undefined) return undefined;
  return { totalBytes, availableBytes, swapTotalBytes: kibibytes("SwapTotal") ?? 0, swapFreeBytes: kibibytes("SwapFree") ?? 0 };
}

function loadOf(text: string): readonly number[] | undefined {
  const found = /^([0-9.]{1,9}) ([0-9.]{1,9}) ([0-9.]{1,9}) /.exec(text);
  return found === null ? undefined : found.slice(1).map(Number);
}

/** `Filesystem Type 1-blocks Used Available Capacity Mounted on`; a mount point may hold spaces, the numbers tell where it begins. */
function fileSystemsOf(space: string, inodes: string): readonly FileSystem[] {
  const rows = (text: string) =>
    text.split("\n").flatMap((line) => {
      const [, source, type, size, , free, share, target] =
        /^(\S+) +(\S+) +([0-9]{1,18}|-) +([0-9]{1,18}|-) +([0-9]{1,18}|-) +([0-9]{1,3}%|-) +(\/.*)$/.exec(line) ?? [];
      return target === undefined
        ? []
        : [{ source: source ?? "", type: type ?? "", size: whole(size), free: whole(free), share: whole(share?.replace("%", "")), target }];
    });
  const usedInodes = new Map(rows(inodes).map(({ target, share }) => [target, share]));
  const seen = new Set<string>();
  return rows(space).flatMap(({ source, type, size, free, target }) => {
    if (size === undefined || free === undefined || size === 0) return [];
    // One file system may be mounted in many places.
    const key = `${source} ${size}`;
    if (seen.has(key) && source.startsWith("/")) return [];
    seen.add(key);
    return [{ target, type, sizeBytes: size, freeBytes: free, inodesUsed: usedInodes.get(target) }];
  });
}

function certificateOf(path: string, pem: string): Certificate {
  try {
    const certificate = new X509Certificate(pem);
    const until = Date.parse(certificate.validTo);
    const subject = (certificate.subjectAltName ?? certificate.subject).replaceAll("DNS:", "").slice(0, 300);
    return { path, subject, until: Number.isNaN(until) ? undefined : new Date(until) };
  } catch {
    // A file that is no certificate: its path is told, and that no end is known.
    return { path, subject: "", until: undefined };
  }
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,18}$/.test(text.trim()) ? Number(text) : undefined;
}
