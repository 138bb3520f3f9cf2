import { changedTexts } from "../changed-texts.ts";
import { signed, withoutComment } from "../changed-lines.ts";
import type { HostFacts } from "../host-facts.ts";
import type { Rule, Sighting } from "../rule.ts";

/** Where a host keeps what it can make again. Everything else is state until somebody says otherwise. */
const disposable = /^\/(tmp|run|var\/(tmp|cache|run|lock)|dev|proc|sys|nix\/var\/nix\/(gcroots|temproots))(\/|$)/;
const mountedPaths = (facts: HostFacts): string[] =>
  [...(facts.mountedNfs ?? []), ...(facts.mountedCifs ?? [])].map((entry) => entry.split(/[\s(]/)[0] ?? entry);
const isState = (path: string, facts: HostFacts): boolean =>
  mountedPaths(facts).some((mount) => path === mount || path.startsWith(`${mount}/`)) || !disposable.test(path);

type TmpfilesLine = { readonly type: string; readonly path: string; readonly age: string };
function tmpfilesLine(line: string): TmpfilesLine | undefined {
  const words = withoutComment(line)
    .trim()
    .match(/"[^"]*"|\S+/g);
  return words === null || words.length < 2
    ? undefined
    : { type: words[0] ?? "", path: (words[1] ?? "").replaceAll('"', ""), age: words[5] ?? "-" };
}

const units: Readonly<Record<string, number>> = {
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  sec: 1,
  "": 1,
  m: 60,
  min: 60,
  h: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  w: 604_800,
  week: 604_800,
  weeks: 604_800,
};
/** Seconds of a tmpfiles age; never where there is none. */
function seconds(age: string): number {
  const body = age.replace(/^[~a-zA-Z]*:/, "").replace(/^~/, "");
  if (body === "-" || body === "") return Number.POSITIVE_INFINITY;
  const parts = [...body.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)/g)];
  return parts.length === 0
    ? Number.POSITIVE_INFINITY
    : parts.reduce((sum, part) => sum + Number(part[1]) * (units[part[2] ?? ""] ?? 1), 0);
}

export const tmpfilesRemove: Rule = {
  id: "tmpfiles-remove",
  family: "disks",
  verdict: "risky",
  reversible: false,
  title: "tmpfiles deletes what is on the host",
  hazard: "Lines of type R or D, and a shorter age, delete files as soon as tmpfiles runs, through network mounts as well.",
  check: "What is under this path now, and is there a backup?",
  see: ({ diff, facts }): Sighting[] => {
    const removed = diff.settings.tmpfiles
      .filter((change) => change.change === "removed")
      .flatMap((change) => tmpfilesLine(change.line) ?? []);
    return diff.settings.tmpfiles
      .filter((change) => change.change === "added")
      .flatMap((change): Sighting[] => {
        const line = tmpfilesLine(change.line);
        if (line === undefined || !isState(line.path, facts)) return [];
        const letter = line.type[0] ?? "";
        const atBoot = line.type.includes("!");
        const was = removed.find((other) => other.path === line.path);
        if (/[RDr]/.test(letter) && !(was !== undefined && was.type === line.type)) {
          // A line that is only applied at boot spares the running system: it takes effect after the reboot.
          const verdict = atBoot ? "reboot" : "risky";
          return [
            {
              subject: line.path,
              evidence: [
                `+ ${change.line.trim()}`,
                ...mountedPaths(facts)
                  .filter((mount) => line.path.startsWith(mount))
                  .map((mount) => `${mount} is a network mount`),
              ],
              verdict,
            },
          ];
        }
        const before = was === undefined ? Number.POSITIVE_INFINITY : seconds(was.age);
        const cleans = /[deDQqvXx]/.test(letter) && !/[xX]/.test(letter);
        return cleans && seconds(line.age) < before
          ? [
              {
                subject: line.path,
                from: was?.age ?? "kept",
                to: line.age,
                evidence: [...(was === undefined ? [] : [`- ${was.type} ${was.path} ${was.age}`]), `+ ${change.line.trim()}`],
              },
            ]
          : [];
      });
  },
};

const deletes =
  /\brm\s+(-[a-zA-Z]*[rR][a-zA-Z]*|--recursive)\b|\bfind\b.*\s-delete\b|\bfind\b.*-exec\s+(\S*\/)?rm\b|\bfind\b.*\|\s*xargs.*\brm\b|\bshred\b|\bmkfs(\.\w+)?\b|\bwipefs\b|\bdd\s+.*of=\/dev\/|\bblkdiscard\b|\bsgdisk\s+.*(-Z|--zap)|\bzpool\s+(destroy|labelclear)|\bzfs\s+(destroy|rollback)|\bbtrfs\s+subvolume\s+delete|\blvremove\b|\bvgremove\b|\bDROP\s+(DATABASE|TABLE|SCHEMA)\b|\bTRUNCATE\s+TABLE\b|\bdropdb\b|\bFLUSHALL\b|\brsync\b.*--delete/i;
const alwaysDeletes =
  /\bmkfs|\bwipefs|of=\/dev\/|blkdiscard|sgdisk|\bzpool\b|\bzfs\b|\bbtrfs\b|lvremove|vgremove|DROP |TRUNCATE|dropdb|FLUSHALL/i;
const paths = (line: string): string[] =>
  [...line.matchAll(/(?<![\w.}])(\/(?!nix\/store)[\w.@%+-]+(?:\/[\w.@%+*${}-]+)*)/g)]
    .map((match) => match[1] ?? "")
    .filter((path) => !/^\/(bin|usr|dev\/null|nix\/store)/.test(path));

/** A number behind a word that says how long or how many: a smaller one keeps less. */
const retention =
  /(-mtime|-mmin|-atime|-ctime|--keep-(?:last|hourly|daily|weekly|monthly|yearly|within(?:-\w+)?)|keep[_-]?(?:hourly|daily|weekly|monthly|yearly|last|days|within)?|retention(?:[._-]?\w+)?|--older-than|--max-age|max[_-]?age|delete-older-than|autoprune|frequently|hourly|daily|weekly|monthly|yearly|--storage\.tsdb\.retention(?:\.time|\.size)?|rotate|maxage|expire(?:[_-]\w+)?)\s*[=: ]\s*["']?\+?(\d+)\s*([a-z]*)/gi;
const keeps = (lines: readonly string[]): Map<string, number> => {
  const found = new Map<string, number>();
  for (const line of lines)
    for (const match of withoutComment(line).matchAll(retention))
      found.set((match[1] ?? "").toLowerCase(), Number(match[2]) * (units[(match[3] ?? "").toLowerCase()] ?? 1));
  return found;
};
const keeper =
  /backup|borg|restic|sanoid|syncoid|zrepl|znapzend|btrbk|snapper|snapshot|kopia|duplic|rsnapshot|pgbackrest|barman|wal-g|retention|prune|clean|tmpreaper|expire|archive|sweep|purge|prometheus|loki|victoria/i;

export const scriptDeletes: Rule = {
  id: "script-deletes",
  family: "disks",
  verdict: "risky",
  reversible: false,
  title: "A script of the system deletes data",
  hazard: "A new rm, find -delete or drop in a unit or in the activation script removes data that no rollback brings back.",
  check: "Which files match on the running host? Run it with -print first.",
  see: ({ diff, facts }) =>
    changedTexts(diff).flatMap((text): Sighting[] => {
      const bad = text.lines.added.filter((raw) => {
        const line = withoutComment(raw);
        if (!deletes.test(line) || text.lines.removed.includes(raw)) return false;
        // A copy that deletes at its target did so before as well: another target is no new deletion.
        if (/\brsync\b/.test(line) && text.lines.removed.some((other) => /\brsync\b.*--del/.test(other))) return false;
        if (alwaysDeletes.test(line)) return true;
        // PGDATA, STATE_DIRECTORY and the like are state; RUNTIME and CACHE directories and what mktemp made are not.
        const named = paths(line);
        if (named.length > 0) return named.some((path) => isState(path, facts));
        return (
          /\$\{?(PGDATA|STATE_DIRECTORY|HOME|DATA\w*|\w*DATADIR|\w*_DATA|dataDir)\b/.test(line) &&
          /\brm\s+-[a-zA-Z]*[rR]/.test(line) &&
          !/\*\.conf|\.tmp|\.pid|\.lock|cache/i.test(line)
        );
      });
      return bad.length === 0 ? [] : [{ subject: text.source, evidence: bad.map((line) => `+ ${line.trim()}`) }];
    }),
};

export const retentionShorter: Rule = {
  id: "retention-shorter",
  family: "disks",
  verdict: "risky",
  reversible: false,
  title: "Backups, snapshots or files are kept for a shorter time",
  hazard: "At its next run the job deletes everything that is older than the new limit.",
  check: "Is anything in the difference still needed?",
  see: ({ diff }) =>
    changedTexts(diff).flatMap((text): Sighting[] => {
      const lines = [...text.lines.removed, ...text.lines.added];
      const deleting = keeper.test(text.source) || lines.some((line) => /-delete\b|\brm\b|prune|forget/.test(line));
      if (!deleting || /logrotate|journald|nix-gc/.test(text.source)) return [];
      const [old, now] = [keeps(text.lines.removed), keeps(text.lines.added)];
      const shorter = [...now].filter(([key, amount]) => (old.get(key) ?? Number.NEGATIVE_INFINITY) > amount);
      return shorter.length === 0
        ? []
        : [{ subject: text.source, evidence: signed(text.lines, (line) => shorter.some(([key]) => line.toLowerCase().includes(key))) }];
    }),
};

export const deletionRules: readonly Rule[] = [tmpfilesRemove, scriptDeletes, retentionShorter];
