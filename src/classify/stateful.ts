/** Programs that keep data in a format of their own, and the step between versions from which on that data is changed or refused. */
export type Stateful = {
  readonly packages: RegExp;
  /** Units that run it: a program that no unit runs is only a tool. */ readonly units: RegExp;
  readonly step: "minor" | "major";
};

const entry = (packages: RegExp, units: RegExp, step: Stateful["step"]): Stateful => ({ packages, units, step });

/**
 * Majors by the projects' own upgrade notes. `minor` stands for those that migrate, or forbid the way back, with every feature release (MariaDB, HashiCorp's raft,
 * etcd through k3s, Gitea) and for those that count by calendar or by 0.x.
 */
export const statefulPrograms: readonly Stateful[] = [
  entry(/^postgresql$/, /^postgres(ql)?([-@].*)?\.service$/, "major"),
  entry(
    /^(postgresql-)?(pgvecto[-.]rs|pgvector|vectorchord|timescaledb|postgis)$|^postgresql-(pgvecto-rs|vectorchord|timescaledb|postgis|pgvector|citus|age|pg_.*)$|^(postgis|timescaledb|vectorchord|pgvecto-rs)$/,
    /^postgres(ql)?([-@].*)?\.service$/,
    "minor",
  ),
  entry(/^(mariadb(-server)?|mysql|percona-server)$/, /^(mysql|mariadb)([-@].*)?\.service$/, "minor"),
  entry(/^(mongodb(-ce)?|ferretdb)$/, /^(mongodb|ferretdb).*\.service$/, "major"),
  entry(/^(redis|valkey|keydb|dragonflydb)$/, /^(redis|valkey|keydb|dragonfly).*\.service$/, "major"),
  entry(
    /^(elasticsearch|opensearch|solr|meilisearch|typesense)$/,
    /^(elasticsearch|opensearch|solr|meilisearch|typesense).*\.service$/,
    "major",
  ),
  entry(
    /^(couchdb3?|influxdb2?(-server)?|neo4j|cassandra|scylladb|rethinkdb|arangodb|surrealdb)$/,
    /^(couchdb|influxdb2?|neo4j|cassandra|scylla|rethinkdb|arangodb|surrealdb).*\.service$/,
    "major",
  ),
  entry(/^clickhouse$/, /^clickhouse.*\.service$/, "minor"),
  entry(/^(openldap|389-ds-base|lldap|kanidm|freeipa)$/, /^(openldap|slapd|dirsrv|lldap|kanidm).*\.service$/, "minor"),
  entry(/^(nextcloud|owncloud|seafile-server)$/, /^(nextcloud|phpfpm-nextcloud|ocis|seafile).*\.(service|timer)$/, "major"),
  entry(/^(gitlab|gitlab-ee|gitaly)$/, /^(gitlab|gitaly).*\.service$/, "major"),
  entry(/^(forgejo|forgejo-lts)$/, /^forgejo(-(secrets|dump))?\.service$/, "major"),
  entry(/^gitea$/, /^gitea(-(secrets|dump))?\.service$/, "minor"),
  entry(/^(consul|nomad|vault|openbao|boundary)$/, /^(consul|nomad|vault|openbao|boundary).*\.service$/, "minor"),
  entry(/^etcd$/, /^etcd.*\.service$/, "minor"),
  entry(/^(k3s|rke2|k0s|microk8s|kubernetes)$/, /^(k3s|rke2|k0s|kube|kubelet).*\.service$/, "minor"),
  entry(/^(docker|moby|docker-containerd)$/, /^docker\.(service|socket)$/, "major"),
  entry(/^(podman|containerd|cri-o)$/, /^(podman|containerd|crio).*\.(service|socket)$/, "major"),
  entry(
    /^(ceph|glusterfs|moosefs|garage|seaweedfs|minio|juicefs|beegfs|drbd|openafs)(_\d.*)?$/,
    /^(ceph|gluster|moosefs|garage|seaweedfs|minio|juicefs|beegfs|drbd|openafs).*\.service$/,
    "major",
  ),
  entry(/^immich(-server)?$/, /^immich.*\.service$/, "minor"),
  entry(
    /^(mastodon|misskey|sharkey|pleroma|akkoma|peertube|pixelfed|lemmy(-server)?|funkwhale|writefreely|gotosocial)$/,
    /^(mastodon|misskey|sharkey|pleroma|akkoma|peertube|pixelfed|lemmy|funkwhale|writefreely|gotosocial).*\.service$/,
    "minor",
  ),
  entry(
    /^(mattermost|rocketchat|zulip|discourse|matrix-synapse|dendrite|conduit|continuwuity|tuwunel|prosody|ejabberd)$/,
    /^(mattermost|rocketchat|zulip|discourse|matrix-synapse|dendrite|conduit|continuwuity|tuwunel|prosody|ejabberd).*\.service$/,
    "major",
  ),
  entry(/^(keycloak|zitadel|dex|hydra-oauth|ory-kratos)$/, /^(keycloak|zitadel|dex|hydra|kratos).*\.service$/, "major"),
  entry(
    /^(authentik(-server)?|netbox|home-?assistant|homeassistant|paperless-ngx|headscale|netbird.*|matomo|odoo|zammad|unifi|freshrss|wallabag|firefly-iii|snipe-it|grocy|invoiceplane|kimai|moodle|mediawiki|dokuwiki|wordpress|bookstack|outline|hedgedoc|wiki-js|plausible|sonarqube|nexus|artifactory|jenkins|hydra|zabbix-server|librenms|icinga2|snapcast|vikunja|linkwarden|miniflux|tandoor-recipes|mealie|photoprism|jellyfin|plex.*|navidrome|komga|kavita|audiobookshelf|ghost.*)$/,
    /.+\.service$/,
    "major",
  ),
  entry(
    /^(authentik(-server)?|netbox|headscale|paperless-ngx|unifi)$/,
    /^(authentik|netbox|headscale|paperless|unifi).*\.service$/,
    "minor",
  ),
  entry(
    /^(rabbitmq-server|apache-kafka|zookeeper|nats-server|pulsar|activemq|mosquitto|emqx)$/,
    /^(rabbitmq|apache-kafka|kafka|zookeeper|nats|pulsar|activemq|mosquitto|emqx).*\.service$/,
    "minor",
  ),
  entry(
    /^(prometheus|grafana|loki|grafana-loki|tempo|mimir|thanos|victoriametrics|graylog|splunk)$/,
    /^(prometheus|grafana|loki|tempo|mimir|thanos|victoriametrics|graylog|splunk)\.service$/,
    "major",
  ),
  entry(
    /^(dovecot|cyrus-imapd|stalwart-mail|stalwart|maddy|rspamd|mailman)$/,
    /^(dovecot2?|cyrus|stalwart.*|maddy|rspamd|mailman.*)\.service$/,
    "minor",
  ),
  entry(
    /^(samba|samba4.*|bind|knot-dns|powerdns|pdns|freeradius|bird2?|frr|strongswan|asterisk|freeswitch|teamspeak.*|murmur|mumble.*)$/,
    /^(samba|bind|named|knot|pdns|freeradius|bird2?|frr|strongswan|asterisk|freeswitch|teamspeak|murmur).*\.service$/,
    "major",
  ),
  entry(
    /^(patroni|pgbouncer|pgbackrest|borgbackup|restic|kopia|zrepl|sanoid)$/,
    /^(patroni|pgbouncer|pgbackrest|borgbackup|restic|kopia|zrepl|sanoid).*\.service$/,
    "major",
  ),
  entry(
    /^(vaultwarden|bitwarden.*|passbolt|syncthing|radicale|baikal|davis|seafile|filebrowser|zigbee2mqtt|node-red|frigate|esphome)$/,
    /^(vaultwarden|bitwarden|passbolt|syncthing|radicale|baikal|davis|seafile|filebrowser|zigbee2mqtt|node-red|frigate|esphome).*\.service$/,
    "major",
  ),
];
