import type { Finding, Judgement } from "../../src/classify/finding.ts";
import { judgement } from "../../src/classify/finding.ts";
import type { Fact, SystemDiff, SystemFacts, UnitChange } from "../../src/diff/system-diff.ts";
import { HostName } from "../../src/discover/host.ts";
import type { Failure } from "../../src/failure.ts";
import type { HostReport } from "../../src/host-report.ts";
import type { Run } from "../../src/report/to-plan.ts";

/** A fleet with one host of every kind, built from the types of the pipeline, for tests of what people read. */

const same: Fact = { from: undefined, to: undefined, changed: false };
const stay = (version: string): Fact => ({ from: version, to: version, changed: false });
const shift = (from: string, to: string): Fact => ({ from, to, changed: true });

export const quietFacts: SystemFacts = {
  kernel: { ...stay("6.12.40"), series: "same", direction: "same" },
  initrd: { ...same, modulesRemoved: [], modulesAdded: [], filesChanged: [] },
  kernelModules: { ...same, misfits: [] },
  firmware: same,
  kernelParams: { ...same, added: [], removed: [], changedKeys: [] },
  bootLoader: { ...stay("systemd-boot"), settings: [] },
  specialisations: { ...same, added: [], removed: [], changedNames: [] },
  initInterface: stay("1"),
  switchInhibitors: { ...same, known: true, keys: [] },
  rebootTriggers: { ...same, known: true, keys: [] },
  nixosVersion: shift("26.05.20261101.aaaaaaa", "26.05.20261120.bbbbbbb"),
  release: stay("26.05"),
  systemd: stay("258.2"),
  glibc: stay("2.42"),
  dbus: stay("broker"),
  switchToConfiguration: stay("ng"),
};

export const store = (name: string, letter = "a"): string => `/nix/store/${letter.repeat(32)}-${name}`;

export function emptyDiff(host: string): SystemDiff {
  return {
    from: store(`nixos-system-${host}-26.05.20261101.aaaaaaa`, "a"),
    to: store(`nixos-system-${host}-26.05.20261120.bbbbbbb`, "b"),
    packages: {
      added: [],
      removed: [],
      changed: [],
      rebuilt: [],
      sizeDelta: 0,
      sizeFrom: 1_288_490_188,
      sizeTo: 1_288_490_188,
      pathsFrom: 1482,
      pathsTo: 1482,
    },
    system: quietFacts,
    units: [],
    userUnits: [],
    files: [],
    settings: {
      mounts: [],
      swaps: [],
      users: [],
      groups: [],
      sudo: [],
      sshd: [],
      portsOpened: [],
      portsClosed: [],
      sysctl: [],
      tmpfiles: [],
      pam: [],
      nixConf: [],
      certificates: [],
      activation: [],
    },
    revisionOnly: false,
    unknown: [],
  };
}

export function unit(name: string, effect: UnitChange["effect"], reason: string, more: Partial<UnitChange> = {}): UnitChange {
  return { name, change: "changed", effect, reason, hashOnly: false, keys: [], diff: "", ...more };
}

export function finding(rule: string, verdict: Finding["verdict"], subject: string, hazard: string, more: Partial<Finding> = {}): Finding {
  return {
    rule,
    verdict,
    mode: verdict === "reboot" ? "switch-then-reboot" : "switch",
    attended: false,
    reversible: true,
    subject,
    hazard,
    evidence: [],
    ...more,
  };
}

/** A web server: packages up, one service restarts, a text file with a small diff. */
export function webDiff(host: string): SystemDiff {
  const diff = emptyDiff(host);
  return {
    ...diff,
    packages: {
      ...diff.packages,
      changed: [
        { name: "nginx", from: ["1.28.0"], to: ["1.28.1"], direction: "up", sizeDelta: 4096, selectedBy: ["unit"] },
        { name: "curl", from: ["8.16.0"], to: ["8.17.0"], direction: "up", sizeDelta: 81_920, selectedBy: ["system-path"] },
        { name: "libxml2", from: ["2.14.6"], to: ["2.14.5"], direction: "down", sizeDelta: -12_288, selectedBy: [] },
      ],
      added: [{ name: "zstd", versions: ["1.5.7"], size: 1_572_864, selectedBy: [] }],
      rebuilt: [
        { name: "openssh", from: ["10.2p1"], to: ["10.2p1"], direction: "same", sizeDelta: 0, selectedBy: ["unit"] },
        { name: "perl", from: ["5.42.0"], to: ["5.42.0"], direction: "same", sizeDelta: 0, selectedBy: [] },
        { name: "deploy-note", from: [""], to: [""], direction: "same", sizeDelta: 0, selectedBy: ["system-path"] },
        { name: "etc", from: [""], to: [""], direction: "same", sizeDelta: 0, selectedBy: [] },
        { name: "unit-nginx.service", from: [""], to: [""], direction: "same", sizeDelta: 0, selectedBy: ["unit"] },
        { name: "nixos-system-web1", from: ["26.05"], to: ["26.05"], direction: "same", sizeDelta: 0, selectedBy: [] },
      ],
      sizeDelta: 1_646_592,
      sizeTo: diff.packages.sizeFrom + 1_646_592,
    },
    units: [
      unit("nginx.service", "reload", "reloadTriggers changed and X-ReloadIfChanged=true", {
        diff: "@@ -4,3 +4,3 @@\n [Service]\n-ExecStart=/nix/store/…-nginx-1.28.0/bin/nginx -c /etc/nginx/nginx.conf\n+ExecStart=/nix/store/…-nginx-1.28.1/bin/nginx -c /etc/nginx/nginx.conf\n Restart=always\n",
      }),
      unit("sshd.service", "restart", "ExecStart changed", { hashOnly: true }),
      unit("nscd.service", "restart", "ExecStart changed", { hashOnly: true }),
      unit("backup.timer", "start", "new and wanted by timers.target", { change: "added" }),
    ],
    files: [
      {
        path: "/etc/nginx/nginx.conf",
        change: "changed",
        kind: "text",
        hashOnly: false,
        sizeFrom: 2810,
        sizeTo: 2844,
        diff: "@@ -12,7 +12,8 @@\n http {\n   server_tokens off;\n-  client_max_body_size 10m;\n+  client_max_body_size 50m;\n+  keepalive_timeout 20s;\n   gzip on;\n",
        redacted: false,
      },
      {
        path: "/etc/ssl/certs/ca-bundle.crt",
        change: "changed",
        kind: "text",
        hashOnly: true,
        sizeFrom: 220_000,
        sizeTo: 220_000,
        diff: "",
        redacted: false,
      },
    ],
    settings: { ...diff.settings, portsOpened: ["tcp/8443"], sysctl: [{ key: "net.core.somaxconn", from: "4096", to: "8192" }] },
  };
}

/** A new kernel of the same series. */
export function kernelDiff(host: string): SystemDiff {
  const diff = webDiff(host);
  return {
    ...diff,
    system: {
      ...diff.system,
      kernel: { ...shift("6.12.40", "6.12.44"), series: "same", direction: "up" },
      initrd: {
        ...shift("initrd-linux-6.12.40", "initrd-linux-6.12.44"),
        modulesRemoved: [],
        modulesAdded: ["virtio_rng"],
        filesChanged: [],
      },
      kernelModules: { ...shift("6.12.40", "6.12.44"), misfits: [] },
      kernelParams: {
        ...shift("5 words", "6 words"),
        added: ["panic=30"],
        removed: [],
        changedKeys: [{ key: "loglevel", from: "4", to: "3" }],
      },
    },
  };
}

/** A database whose data directory the new version cannot read, with users, mounts and sshd touched as well. */
export function databaseDiff(host: string): SystemDiff {
  const diff = kernelDiff(host);
  return {
    ...diff,
    packages: {
      ...diff.packages,
      changed: [
        { name: "postgresql", from: ["15.14"], to: ["16.10"], direction: "up", sizeDelta: 3_145_728, selectedBy: ["unit"] },
        ...diff.packages.changed,
      ],
      removed: [{ name: "libossp-uuid", versions: ["1.6.2"], size: 524_288, selectedBy: [] }],
    },
    units: [
      unit("postgresql.service", "restart", "ExecStart and ExecStartPre changed"),
      ...diff.units,
      unit("dbus-broker.service", "skip", "X-RestartIfChanged=false"),
    ],
    settings: {
      ...diff.settings,
      mounts: [
        {
          mountPoint: "/var/lib/postgresql",
          change: "options",
          from: "defaults",
          to: "defaults,noatime",
          optionsAdded: ["noatime"],
          optionsRemoved: [],
        },
        {
          mountPoint: "/backup",
          change: "added",
          from: undefined,
          to: "/dev/disk/by-label/backup ext4",
          optionsAdded: [],
          optionsRemoved: [],
        },
      ],
      users: [
        {
          name: "deploy",
          change: "changed",
          fields: [{ key: "shell", from: "/run/current-system/sw/bin/bash", to: "/run/current-system/sw/bin/nologin" }],
          keysAdded: [],
          keysRemoved: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOldKey"],
        },
      ],
      sshd: [{ directive: "PasswordAuthentication", match: undefined, from: ["no"], to: ["yes"] }],
    },
  };
}

export const kernelFinding = finding("kernel-changed", "reboot", "kernel", "The new kernel runs only after a reboot.", {
  from: "6.12.40",
  to: "6.12.44",
  evidence: ["kernel 6.12.40 → 6.12.44"],
});

export const databaseFindings: readonly Finding[] = [
  finding(
    "postgresql-major",
    "risky",
    "postgresql.service",
    "PostgreSQL 16 does not read the data directory of 15, so the service will not start.",
    {
      from: "15.14",
      to: "16.10",
      reversible: false,
      evidence: ["ExecStart=/nix/store/…-postgresql-16.10/bin/postgres", "-postgresql-15.14", "+postgresql-16.10"],
      check: "Has pg_upgrade been run, and is there a backup from today?",
    },
  ),
  finding(
    "last-key-removed",
    "risky",
    "deploy",
    "The last SSH key of the user that deploys is removed: the host may not be reached again.",
    {
      evidence: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOldKey"],
      settledBy: { fact: "deployVia", otherwise: "clean", when: "the host is reached in another way" },
    },
  ),
  kernelFinding,
];

export const buildFailure = {
  code: "usage",
  message: "ci does not build: the derivation runner-3.2.1 failed with exit code 2.",
  next: `nix log ${store("runner-3.2.1.drv", "f")}`,
  detail:
    "building '/nix/store/…-runner-3.2.1.drv'...\nunpacking source\nmake: Entering directory '/build/source'\ncc -O2 -o runner main.c\nmain.c:42:10: fatal error: curl/curl.h: No such file or directory\ncompilation terminated.\nmake: *** [Makefile:12: runner] Error 1",
} satisfies Failure;

const clean = judgement([]);
const name = (host: string): HostName => HostName.parse(host);

export function changed(
  host: string,
  diff: SystemDiff,
  judged: Judgement,
  decision: HostReport["decision"],
  warnings: readonly string[] = [],
): HostReport {
  return {
    host: name(host),
    platform: "x86_64-linux",
    warnings,
    decision,
    state: "changed",
    from: diff.from,
    to: diff.to,
    diff,
    judgement: judged,
  };
}

export const unchanged = (host: string): HostReport => ({
  host: name(host),
  platform: "x86_64-linux",
  warnings: [],
  decision: { action: "nothing", reasons: ["The same system as before."] },
  state: "unchanged",
  toplevel: store(`nixos-system-${host}-26.05`, "c"),
});

export const sampleHosts: readonly HostReport[] = [
  unchanged("mail"),
  unchanged("dns1"),
  changed("web2", webDiff("web2"), clean, { action: "deploy", reasons: ["No rule objects."] }),
  changed("web1", webDiff("web1"), clean, { action: "deploy", reasons: ["No rule objects."] }),
  changed(
    "gateway",
    kernelDiff("gateway"),
    judgement([kernelFinding]),
    { action: "deploy-then-reboot", reasons: ["kernel: The new kernel runs only after a reboot."] },
    ["The option services.foo has been renamed to services.bar."],
  ),
  changed("db1", databaseDiff("db1"), judgement(databaseFindings), {
    action: "hold",
    reasons: ["postgresql.service: PostgreSQL 16 does not read the data directory of 15, so the service will not start."],
  }),
  changed("laptop", kernelDiff("laptop"), judgement([kernelFinding]), {
    action: "observe",
    reasons: ["The policy does not say deploy = true for this host, so it is only observed."],
  }),
  {
    host: name("ci"),
    platform: "x86_64-linux",
    warnings: [],
    decision: { action: "fail", reasons: ["Its build fails: ci does not build."] },
    state: "failed",
    stage: "build",
    failure: buildFailure,
    atBase: false,
  },
  {
    host: name("new1"),
    platform: "aarch64-linux",
    warnings: [],
    decision: { action: "observe", reasons: ["The policy does not say deploy = true for this host, so it is only observed."] },
    state: "added",
    to: store("nixos-system-new1-26.05", "d"),
    judgement: clean,
  },
  {
    host: name("old1"),
    warnings: [],
    decision: { action: "nothing", reasons: ["No longer in the flake; the gate leaves the machine as it is."] },
    state: "removed",
    from: store("nixos-system-old1-26.05", "e"),
  },
];

export const sampleRun: Run = {
  tool: { version: "0.1.0", nix: "2.34.1" },
  repository: "ops/fleet",
  flake: ".",
  event: "pull_request",
  revision: { head: "4f1d2c3b4a5968778695a4b3c2d1e0f001122334", base: "0a1b2c3d4e5f60718293a4b5c6d7e8f900112233" },
  startedAt: new Date("2026-11-22T12:00:00Z"),
  finishedAt: new Date("2026-11-22T12:01:42Z"),
  policy: { source: "deployGate", revision: "0a1b2c3d4e5f60718293a4b5c6d7e8f900112233" },
  session: { ran: false, note: "no credential for a Claude session is set" },
  detail: "full",
  hosts: sampleHosts,
};
