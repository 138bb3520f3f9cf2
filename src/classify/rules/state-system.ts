import { changedTexts } from "../changed-texts.ts";
import type { Rule, Sighting } from "../rule.ts";
import { evidenceOf, gone, value } from "../unit-view.ts";
import { step } from "../version-step.ts";

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
    const kept = value(context.after.units.get("docker.service"), "Service", "ExecStart")?.includes("live-restore") === true;
    return ended.length === 0 || count === 0 || kept
      ? []
      : [{ subject: ended.map((change) => change.name).join(", "), evidence: [...ended.map(evidenceOf), `${count} containers run`] }];
  },
};

export const stateSystemRules: readonly Rule[] = [release, stateVersion, keeperRemoved, containerRuntime];
