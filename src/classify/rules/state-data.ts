import type { UnitChange } from "../../diff/system-diff.ts";
import { changedTexts } from "../changed-texts.ts";
import { signed, withoutComment } from "../changed-lines.ts";
import type { Rule, RuleContext, Sighting } from "../rule.ts";
import { values } from "../unit-view.ts";
import { statefulPrograms } from "../stateful.ts";

const nonEmpty = (list: readonly string[]): string[] => list.flatMap((entry) => entry.split(/\s+/)).filter(Boolean);

/** Whether the unit keeps data: a state directory, or a path below the usual places. */
function keepsData(context: RuleContext, change: UnitChange): boolean {
  const unit = context.before?.units.get(change.name);
  return (
    values(unit, "Service", "StateDirectory").length > 0 ||
    /\/(var\/lib|srv|data|persist|home)\//.test(unit?.text.replaceAll(/ProtectHome|InaccessiblePaths=.*/g, "") ?? "") ||
    statefulPrograms.some((program) => program.units.test(change.name) && program.units.source !== ".+\\.service$")
  );
}

export const stateOwner: Rule = {
  id: "state-owner",
  family: "state",
  verdict: "risky",
  title: "A service with data changes its user or its state directory",
  hazard: "The data stays where it was and belongs to whom it did: the service starts empty, or cannot read its own files.",
  check: "Move or chown the data before the switch.",
  see: (context) =>
    context.diff.units
      .filter((change) => change.change === "changed" && change.name.endsWith(".service"))
      .flatMap((change): Sighting[] => {
        const bad = change.keys.filter((entry) => {
          if (entry.section !== "Service") return false;
          const [from, to] = [nonEmpty(entry.from), nonEmpty(entry.to)];
          if (entry.key === "StateDirectory") return from.some((directory) => !to.includes(directory));
          if (entry.key === "RootDirectory" || entry.key === "RootImage") return true;
          if (/^(User|Group|DynamicUser|PrivateUsers)$/.test(entry.key))
            return keepsData(context, change) && !(entry.key === "DynamicUser" && from.length === 0 && to.join("") === "false");
          return false;
        });
        return bad.length === 0
          ? []
          : [
              {
                subject: change.name,
                evidence: bad.flatMap((entry) => [`- ${entry.key}=${entry.from.join(" ")}`, `+ ${entry.key}=${entry.to.join(" ")}`]),
              },
            ];
      }),
};

/** Names by which programs call the place of their data. */
const dataKey =
  /\b(PGDATA|data[-_]?(dir(ectory)?|root|path|home)|[A-Z_]*DATA_?(DIR|PATH|HOME)|datadirectory|storage\.(tsdb\.)?path|path\.data|db[-_]?path|dbPath|db[-_]?file|repository[-_]?root|state[-_]?dir|media[-_]?(location|root|dir)|UPLOAD_LOCATION|home[-_]?dir|store[-_]?dir|spool[-_]?dir|mail_location|mail_path|log_dirs|persistence[-_]?location|library[-_]?path|volume[-_]?dir|appendDirName)\b/i;
const databaseKey =
  /\b(db[-_]?(type|engine|driver|connection|host|name|url|uri)|[A-Z_]*(DB|DATABASE)_?(TYPE|ENGINE|URL|URI|HOST|NAME|DATABASE|CONNECTION|DRIVER)|database[-_]?(type|engine|url|uri|host|name|adapter|backend|connection|provider)|dbtype|dbhost|dbname|jdbc|dsn|sqlalchemy[._]\w*|storage[-_]?(backend|type|driver)|state[-_]?backend)\b|\b(postgres(ql)?|mysql|mongodb|redis|sqlite3?):\/\//i;

type Setting = { readonly key: string; readonly value: string };
function settings(lines: readonly string[], keys: RegExp): Setting[] {
  return lines.flatMap((raw) => {
    const line = withoutComment(raw)
      .replace(/^\s*Environment=/, "")
      .replaceAll(/\/nix\/store\/[^/\s"']+/g, "…");
    const match = /^[\s"'{,[]*(?:export\s+|set\s+)?([\w.$-]+)["'\]]*\s*(?:=>|[:=]|\s)\s*(.*?)[\s,;"']*$/.exec(line);
    const key = match?.[1] ?? "";
    if (match !== null && (keys.test(key) || (keys === databaseKey && /:\/\//.test(match[2] ?? "") && keys.test(match[2] ?? ""))))
      return [{ key: key.toLowerCase(), value: (match[2] ?? "").replaceAll(/["']/g, "") }];
    return [...line.matchAll(/--?([\w.-]+)[= ](\S+)/g)].flatMap((flag) =>
      keys.test(flag[1] ?? "") ? [{ key: (flag[1] ?? "").toLowerCase(), value: (flag[2] ?? "").replaceAll(/["']/g, "") }] : [],
    );
  });
}

/** Settings that had a value and now have another one. A first value is a new service's, and its removal the service's own. */
function moved(context: RuleContext, keys: RegExp): Sighting[] {
  return changedTexts(context.diff)
    .filter(
      (text) =>
        text.change === "changed" &&
        !/^\/etc\/(systemd\/(system|user|journald|resolved|logind|timesyncd)|pam|profile|bashrc|zsh|X11|fonts|xdg|nix\/|sysctl|udev|man)/.test(
          text.source,
        ),
    )
    .flatMap((text): Sighting[] => {
      const [old, now] = [settings(text.lines.removed, keys), settings(text.lines.added, keys)];
      const changed = old.filter((setting) => {
        const same = now.filter((other) => other.key === setting.key);
        return same.length > 0 && !same.some((other) => other.value === setting.value);
      });
      const keysChanged = changed.map((setting) => setting.key);
      return changed.length === 0
        ? []
        : [{ subject: text.source, evidence: signed(text.lines, (line) => keysChanged.some((key) => line.toLowerCase().includes(key))) }];
    });
}

export const dataMoved: Rule = {
  id: "data-directory",
  family: "state",
  verdict: "risky",
  title: "A service looks for its data in another place",
  hazard: "It starts with an empty directory, and what is written there from then on has to be merged by hand.",
  check: "Is the data already in the new place?",
  see: (context) => moved(context, dataKey),
};

export const databaseMoved: Rule = {
  id: "database-changed",
  family: "state",
  verdict: "risky",
  title: "A service uses another database",
  hazard: "The old data is left behind: the service starts against an empty or a foreign database.",
  check: "Was the data copied, and can the service log in to the new one?",
  see: (context) => moved(context, databaseKey),
};

const weaker: readonly (readonly [RegExp, RegExp])[] = [
  [/\bfsync\s*[=:]\s*'?"?(off|false|0|no)\b/i, /\bfsync\b/i],
  [/\bsynchronous_commit\s*[=:]\s*'?"?(off|false|local|0)\b/i, /\bsynchronous_commit\b/i],
  [/\bfull_page_writes\s*[=:]\s*'?"?(off|false|0)\b/i, /\bfull_page_writes\b/i],
  [/\binnodb[_-]flush[_-]log[_-]at[_-]trx[_-]commit\s*[=:]\s*'?"?[02]\b/i, /innodb[_-]flush/i],
  [/\binnodb[_-]doublewrite\s*[=:]\s*'?"?(off|0)\b/i, /doublewrite/i],
  [/\bsync[_-]binlog\s*[=:]\s*'?"?0\b/i, /sync[_-]binlog/i],
  [/\b(skip[-_]log[-_]bin|disable[-_]log[-_]bin)\b/i, /log[-_]bin/i],
  [/\bappendonly\s*[=: ]\s*"?no\b/i, /appendonly/i],
  [/\bappendfsync\s*[=: ]\s*"?no\b/i, /appendfsync/i],
  [/^\s*save\s+""/i, /save/i],
  [/\bsync=disabled\b|\b(nobarrier|barrier=0)\b|\beatmydata\b|--unsafe-no-fsync|--no-fsync\b/i, /./],
  [/\b(archive_mode|wal_level)\s*[=:]\s*'?"?(off|minimal)\b/i, /archive_mode|wal_level/i],
  [/\bjournal[._]enabled\s*[=:]\s*false|--nojournal\b/i, /journal/i],
];

export const durability: Rule = {
  id: "durability-lowered",
  family: "state",
  verdict: "risky",
  title: "A database promises less",
  hazard: "After a crash or a power cut committed data is missing, or the whole database cannot be read.",
  check: "May this data be lost?",
  see: ({ diff }) =>
    changedTexts(diff).flatMap((text): Sighting[] => {
      const bad = text.lines.added.filter(
        (line) => weaker.some(([pattern]) => pattern.test(withoutComment(line))) && !text.lines.removed.includes(line),
      );
      const lost = text.lines.removed.filter(
        (line) => /^\s*(appendonly\s+yes|save\s+\d)/.test(line) && !text.lines.added.some((other) => /^\s*(appendonly|save)\b/.test(other)),
      );
      return bad.length + lost.length === 0
        ? []
        : [{ subject: text.source, evidence: [...lost.map((line) => `- ${line.trim()}`), ...bad.map((line) => `+ ${line.trim()}`)] }];
    }),
};

export const stateDataRules: readonly Rule[] = [stateOwner, dataMoved, databaseMoved, durability];
