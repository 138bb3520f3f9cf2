import type { UnitChange } from "../../diff/system-diff.ts";
import { changedTexts } from "../changed-texts.ts";
import { signed, withoutComment } from "../changed-lines.ts";
import type { Rule, RuleContext, Sighting } from "../rule.ts";
import { evidenceOf, gone, value, values } from "../unit-view.ts";
import { statefulPrograms } from "../stateful.ts";
import { step } from "../version-step.ts";

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

export const release: Rule = {
  id: "nixos-release",
  family: "state",
  verdict: "risky",
  title: "Another release of NixOS",
  hazard: "A release changes defaults of modules, major versions of services and the way accounts are made, all at once.",
  check: "Read the release notes of every service of this host, and take a backup.",
  see: ({ diff }): Sighting[] => {
    const { release: change } = diff.system;
    const short = (text: string | undefined): string | undefined => /^\d+\.\d+/.exec(text ?? "")?.[0];
    const [from, to] = [short(change.from), short(change.to)];
    return !change.changed || from === undefined || to === undefined || from === to
      ? []
      : [{ subject: "NixOS", from, to, evidence: [`${from} → ${to}`], reversible: step(from, to).down }];
  },
};

export const stateVersion: Rule = {
  id: "state-version",
  family: "state",
  verdict: "risky",
  reversible: false,
  title: "system.stateVersion changes",
  hazard:
    "It is no version of the system but the promise which data is on it: modules now expect data in the newer layout, which nobody converted.",
  check: "Set it back. It never has to be raised.",
  see: ({ facts }): Sighting[] => {
    const said = facts.stateVersion;
    return said === undefined || said.before === said.after
      ? []
      : [{ subject: "system.stateVersion", from: said.before, to: said.after, evidence: [`${said.before} → ${said.after}`] }];
  },
};

/** Data that is served, backed up or watched over by these goes with the unit. */
const keepers =
  /^(postgres(ql)?.*|mysql|mariadb|mongodb|redis.*|valkey.*|couchdb|influxdb2?|clickhouse.*|cassandra|elasticsearch|opensearch|openldap|slapd|kanidm.*|minio|garage|gluster.*|ceph.*|rabbitmq|apache-kafka|zookeeper|neo4j|memcached-data|.*backup.*|restic-.*|borg.*|zrepl|sanoid|syncoid.*|znapzend|btrbk.*|kopia.*|duplicity|duplicati|rsnapshot|bacula.*|pgbackrest.*|barman.*|wal-g.*|zfs-(auto-)?snapshot.*|zfs-scrub|snapper-.*|vault|openbao|etcd|docker|libvirtd|podman-.*|docker-.*|nfs-server|samba-smbd|smbd|iscsi.*|target|drbd.*|mdmonitor)\.(service|timer)$/;

export const keeperRemoved: Rule = {
  id: "data-unit-removed",
  family: "state",
  verdict: "risky",
  title: "A database, a backup or a store of data goes",
  hazard: "What used it fails at once, and nobody keeps or copies its data any more.",
  check: "Is the data copied, and does nothing ask for it any more?",
  see: (context) => gone(context, keepers).map((change) => ({ subject: change.name, evidence: [evidenceOf(change)] })),
};

const dockerKeys =
  /data-root|graph|storage-driver|storage-opts|live-restore|userns-remap|exec-opts|cgroup|iptables|bip|default-address-pools|hosts|containerd/;
/** Single settings of changed lines: small JSON stands on one line, and only what differs in it counts. */
const members = (lines: readonly string[]): string[] =>
  lines
    .flatMap((line) =>
      /^\s*\{.*\}\s*$/.test(line)
        ? line
            .trim()
            .slice(1, -1)
            .split(/,(?=\s*")/)
        : [line],
    )
    .map((entry) => entry.trim().replace(/,$/, ""))
    .filter((entry) => dockerKeys.test(entry) && !/^(Environment|Description)=/.test(entry));

export const containerRuntime: Rule = {
  id: "container-runtime",
  family: "state",
  verdict: "risky",
  title: "The container runtime changes its storage, or restarts its containers",
  hazard:
    "With another storage driver or data root no image and no container is there; without live-restore a restart ends every container.",
  check: "Which containers run now, and where is their data?",
  see: (context): Sighting[] => {
    const { diff, facts } = context;
    const files = changedTexts(diff).filter(
      (text) =>
        text.change === "changed" &&
        /daemon\.json|docker\.service|containers\/storage\.conf|registries\.conf|containerd.*config\.toml/.test(text.source),
    );
    const keys = files.flatMap((text) => {
      const [was, is] = [members(text.lines.removed), members(text.lines.added)];
      return [
        ...was.filter((entry) => !is.includes(entry)).map((entry) => `- ${entry}`),
        ...is.filter((entry) => !was.includes(entry)).map((entry) => `+ ${entry}`),
      ];
    });
    if (keys.length > 0) return [{ subject: files.map((text) => text.source).join(", "), evidence: keys }];
    const running = facts.runningContainers;
    const count = typeof running === "number" ? running : (running?.length ?? 0);
    const ended = diff.units.filter(
      (change) =>
        /^(docker|containerd)\.service$/.test(change.name) &&
        (change.effect === "restart" || change.effect === "stop-start" || change.effect === "stop") &&
        !change.hashOnly,
    );
    const kept = [
      ...(context.after.units.get("docker.service") === undefined
        ? []
        : [value(context.after.units.get("docker.service"), "Service", "ExecStart") ?? ""]),
    ].some((line) => line.includes("live-restore"));
    return ended.length === 0 || count === 0 || kept
      ? []
      : [{ subject: ended.map((change) => change.name).join(", "), evidence: [...ended.map(evidenceOf), `${count} containers run`] }];
  },
};

export const stateDataRules: readonly Rule[] = [
  stateOwner,
  dataMoved,
  databaseMoved,
  durability,
  release,
  stateVersion,
  keeperRemoved,
  containerRuntime,
];
