import { bump, file, store, unit, unitChange, units } from "../literals.ts";
import { known, type Examples } from "./example.ts";

const running = (...names: readonly string[]) => ({ after: { units: units("sshd.service", ...names) } });
const stateful = units(unit("app.service", `[Service]\nExecStart=${store("app-2.0")}/bin/app\nStateDirectory=app\n`));
const key = (name: string, from: readonly string[], to: readonly string[]) => ({
  before: { units: stateful },
  after: { units: stateful },
  units: [unitChange("app.service", "restart", { keys: [{ section: "Service", key: name, from, to }] })],
});
const conf = (...lines: readonly string[]) => ({ files: [file("app.service → app.conf", lines)] });
const consul = { before: { units: units("consul.service") }, after: { units: units("consul.service") } };
const nomadTls = {
  before: { units: units("nomad.service") },
  after: { units: units("nomad.service") },
  files: [file("/etc/nomad.json", ['-  "rpc_upgrade_mode": true,'])],
};
const consulBump = { ...consul, packages: [bump("consul", "1.15.4", "1.16.0")] };
const consulRestart = { ...consul, units: [unitChange("consul.service", "restart")] };

export const stateExamples: Examples = {
  "stateful-upgrade": {
    fires: [
      { ...running("postgresql.service"), packages: [bump("postgresql", "16.10", "17.6")] },
      { ...running("mysql.service"), packages: [bump("mariadb", "10.11.14", "11.4.8")] },
      { ...running("gitea.service"), packages: [bump("gitea", "1.23.1", "1.24.6")] },
      { ...running("docker.service"), packages: [bump("docker", "20.10.25", "24.0.5")] },
      { ...consulBump, facts: { ...known, tags: ["consul-server"] } },
    ],
    misses: [
      { ...running("postgresql.service"), packages: [bump("postgresql", "16.9", "16.10")] },
      { packages: [bump("postgresql", "16.10", "17.6")] },
      { ...consulBump, facts: { ...known, tags: ["consul-client"] } },
      { ...running("nginx.service"), packages: [bump("nginx", "1.28.0", "2.0.0")] },
      {
        before: { units: units(unit("postgresql.service", `[Service]\nExecStart=${store("postgresql-16.10")}/bin/postgres\n`)) },
        after: { units: units(unit("postgresql.service", `[Service]\nExecStart=${store("postgresql-16.10")}/bin/postgres\n`)) },
        packages: [{ ...bump("postgresql", "16.10", "17.6"), to: ["16.10", "17.6"] }],
      },
    ],
    unknown: { ...consulBump, facts: {}, fact: "tags", plain: "clean", careful: "risky" },
  },
  "stateful-downgrade": {
    fires: [
      { ...running("gitea.service"), packages: [bump("gitea", "1.17.0", "1.16.9", "down")] },
      { after: { units: stateful }, packages: [bump("app", "2.1", "2.0", "down")] },
    ],
    misses: [
      { packages: [bump("htop", "3.4.1", "3.4.0", "down")] },
      { ...running("gitea.service"), packages: [bump("gitea", "1.24.5", "1.24.6")] },
    ],
  },
  "state-owner": {
    fires: [key("StateDirectory", ["app"], ["app2"]), key("User", ["app"], ["other"]), key("DynamicUser", [], ["true"])],
    misses: [
      key("StateDirectory", ["app"], ["app app/extra"]),
      key("ProtectSystem", [], ["strict"]),
      { units: [unitChange("stateless.service", "restart", { keys: [{ section: "Service", key: "User", from: ["a"], to: ["b"] }] })] },
    ],
  },
  "data-directory": {
    fires: [
      {
        units: [
          unitChange("postgresql.service", "restart", {
            diff: "@@ @@\n-Environment=PGDATA=/var/lib/postgresql/16\n+Environment=PGDATA=/var/lib/postgresql/17\n",
          }),
        ],
      },
      conf("-ExecStart=/bin/app --datadir /var/lib/app", "+ExecStart=/bin/app --datadir /mnt/app"),
    ],
    misses: [conf("+data_dir = /var/lib/app"), conf("-log_dir = /var/log/a", "+log_dir = /var/log/b")],
  },
  "database-changed": {
    fires: [
      conf("-  'dbtype' => 'sqlite',", "+  'dbtype' => 'pgsql',"),
      conf("-DB_TYPE = sqlite3", "+DB_TYPE = postgres"),
      conf("-DATABASE_URL=postgres://old/app", "+DATABASE_URL=postgres://new/app"),
    ],
    misses: [conf("-APP_NAME = Gitea", "+APP_NAME = Our code"), conf("+DB_TYPE = postgres")],
  },
  "durability-lowered": {
    fires: [
      conf("+fsync = off"),
      conf("-innodb_flush_log_at_trx_commit = 1", "+innodb_flush_log_at_trx_commit = 2"),
      conf("-appendonly yes", "+appendonly no"),
    ],
    misses: [conf("+# fsync = off"), conf("-shared_buffers = 2GB", "+shared_buffers = 4GB"), conf("-fsync = off", "+fsync = on")],
  },
  "nixos-release": {
    fires: [{ system: { release: { from: "25.11", to: "26.05", changed: true } } }],
    misses: [{ system: { nixosVersion: { from: "25.11.1", to: "25.11.2", changed: true } } }],
  },
  "state-version": {
    fires: [{ facts: { stateVersion: { before: "25.05", after: "25.11" } } }],
    misses: [{ facts: { stateVersion: { before: "25.05", after: "25.05" } } }],
  },
  "data-unit-removed": {
    fires: [
      { units: [unitChange("postgresql.service", "stop", { change: "removed" })] },
      { units: [unitChange("restic-backups-home.timer", "stop", { change: "removed" })] },
    ],
    misses: [
      { units: [unitChange("autofs.service", "stop", { change: "removed" }), unitChange("cron.service", "stop", { change: "removed" })] },
    ],
  },
  "container-runtime": {
    fires: [
      { files: [file("docker.service → daemon.json", ['-{"live-restore": true}', '+{"live-restore": true, "data-root": "/mnt/docker"}'])] },
      { units: [unitChange("docker.service", "restart")], facts: { runningContainers: 3 } },
    ],
    misses: [
      {
        files: [
          file("docker.service → daemon.json", [
            '-{"live-restore": true, "log-driver": "journald"}',
            '+{"live-restore": true, "log-driver": "json-file"}',
          ]),
        ],
      },
      { units: [unitChange("docker.service", "restart")], facts: { runningContainers: [] } },
    ],
  },
  "cluster-settings": {
    fires: [
      nomadTls,
      { ...consul, files: [file("/etc/consul.json", ['-  "retry_join": ["10.0.0.1"],', '+  "retry_join": ["10.0.9.1"],'])] },
      {
        before: { units: units("nomad.service") },
        after: { units: units("nomad.service") },
        files: [file("/etc/nomad.json", ['-  "host_volume": {"data": {"path": "/mnt"}}'])],
        facts: { ...known, tags: ["nomad-client"] },
      },
    ],
    misses: [
      { ...consul, files: [file("/etc/consul.d/web.json", ['-  "port": 80', '+  "port": 8080'])] },
      { files: [file("/etc/app.json", ['-  "retry_join": []'])] },
    ],
  },
  "cluster-node-name": {
    fires: [{ ...consul, files: [file("/etc/hostname", ["-a", "+b"])] }],
    misses: [{ files: [file("/etc/hostname", ["-a", "+b"])] }],
  },
  "cluster-members-together": {
    fires: [{ ...consulRestart, facts: { ...known, tags: ["consul-server"], peersInSameDeploy: ["c2", "c3"] } }],
    misses: [
      { ...consulRestart, facts: { ...known, tags: ["consul-server"], peersInSameDeploy: [] } },
      { ...consulRestart, facts: { ...known, tags: ["consul-client"], peersInSameDeploy: ["c2"] } },
    ],
    unknown: { ...consulRestart, facts: { tags: ["consul-server"] }, fact: "peersInSameDeploy", plain: "clean", careful: "risky" },
  },
  "cluster-unit-removed": {
    fires: [{ units: [unitChange("k3s.service", "stop", { change: "removed" })] }],
    misses: [{ units: [unitChange("k3s.service", "restart")] }],
  },
};
