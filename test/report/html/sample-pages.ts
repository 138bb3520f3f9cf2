import { judgement } from "../../../src/classify/finding.ts";
import type { ClosureView, SystemDiff } from "../../../src/diff/system-diff.ts";
import type { HostReport } from "../../../src/host-report.ts";
import { HostName } from "../../../src/discover/host.ts";
import { toPlan, type Run } from "../../../src/report/to-plan.ts";
import type { Plan } from "../../../src/report/plan.ts";
import type { PlanTimeline } from "../../../src/report/timeline.ts";
import {
  changed,
  databaseDiff,
  databaseFindings,
  kernelDiff,
  kernelFinding,
  sampleHosts,
  sampleRun,
  unchanged,
  webDiff,
} from "../sample.ts";
import { deployRun } from "../sample-outcomes.ts";

/** Plans with everything that a page shows, for tests that look at it. */

const mib = 1_048_576;
const names =
  "linux glibc systemd python3 perl nginx openssl postgresql gcc-lib icu4c coreutils bash curl git util-linux kmod llvm ncurses sqlite zlib openssh iptables nftables tzdata dbus lvm2 btrfs-progs rsync gnupg gnutls less nano man-db sudo shadow pam acl attr procps iproute2".split(
    " ",
  );

/** Forty packages, of which one came, one went, one grew and one shrank. */
export const closure: ClosureView = {
  largest: names.map((name, i) => {
    const size = Math.round((180 * mib) / (1 + i * 0.55));
    const to = name === "postgresql" ? size + 12 * mib : name === "curl" ? size - 2 * mib : name === "gnutls" ? 0 : size;
    return { name, from: name === "icu4c" ? 0 : size, to };
  }),
  others: { packages: 611, from: 212 * mib, to: 213 * mib },
  chains: [
    { name: "libxml2", side: "to", path: ["system-path", "nginx-1.28.1", "libxslt-1.1.43", "libxml2-2.14.5"] },
    { name: "zstd", side: "to", path: ["etc", "etc-systemd", "unit-nginx.service", "curl-8.17.0", "zstd-1.5.7"] },
    { name: "gnutls", side: "from", path: ["system-path", "wget-1.25.0", "gnutls-3.8.10"] },
  ],
};

const withClosure = (diff: SystemDiff): SystemDiff => ({ ...diff, closure });

const sunday = { when: "Sun 02:00–04:00 Europe/Berlin", byHand: false, next: new Date("2026-11-29T01:00:00Z") };

/** A pull request on a small fleet, with a session's opinion and reboots in windows. */
export const pullRequest: Plan = toPlan({
  ...sampleRun,
  hosts: sampleHosts.map((host): HostReport =>
    host.state !== "changed"
      ? host
      : { ...host, diff: withClosure(host.diff), ...(host.judgement.mode === "switch" ? {} : { reboot: sunday }) },
  ),
  session: {
    ran: true,
    note: "",
    model: "claude-sonnet-5",
    cliVersion: "2.1.330",
    costUsd: 0.03,
    changes: [
      {
        hosts: ["db1"],
        costUsd: 0.021,
        inputTokens: 4_100,
        outputTokens: 420,
        seconds: 9.4,
        outcome: "answered",
        cached: false,
        verdict: "risky",
        reasons: ["data-migration"],
        explanation:
          "PostgreSQL moves from 15 to 16 and the unit still points at the old data directory. Nothing in the change runs pg_upgrade, so the service will refuse to start.",
        watch: ["journalctl -u postgresql.service", "systemctl status postgresql"],
        findings: [],
        dropped: 0,
      },
    ],
  },
} as Run);

const at = (seconds: number): string => new Date(Date.parse("2026-11-22T12:00:00Z") + seconds * 1_000).toISOString();
const timeline: PlanTimeline = {
  stages: (["discover", "build", "diff", "classify", "decide", "apply"] as const).map((stage, i) => ({
    stage,
    at: at([0, 4, 30, 38, 39, 40][i] ?? 0),
  })),
  hosts: ["web1", "web2", "gateway", "proxy", "metrics", "stuck"].map((host, i) => ({
    host: HostName.parse(host),
    steps: (
      [
        ["asking", 0],
        ["copying", 3],
        ["activating", 14 + i],
        ["verifying", 25 + i * 2],
        ["ended", 28 + i * 2],
      ] as const
    ).map(([step, after]) => ({ step, at: at(40 + i * 5 + after) })),
  })),
};

/** After a push, with a host for every outcome there is. */
export const deployed: Plan = toPlan({ ...deployRun, timeline });

/** A hundred hosts: a third of them share one change, as many another, a fifth have one of their own, and the rest stay as they are. */
export const hundred: Plan = toPlan({
  ...sampleRun,
  hosts: Array.from({ length: 100 }, (_, i): HostReport => {
    const name = `host${String(i).padStart(3, "0")}`;
    if (i % 10 >= 9) return unchanged(name);
    if (i % 10 < 3) return changed(name, withClosure(webDiff("web")), judgement([]), { action: "deploy", reasons: ["No rule objects."] });
    if (i % 10 < 7)
      return {
        ...changed(name, withClosure(kernelDiff("kernel")), judgement([kernelFinding]), {
          action: "deploy-then-reboot",
          reasons: ["kernel: The new kernel runs only after a reboot."],
        }),
        reboot: sunday,
      };
    const own = withClosure(databaseDiff("db"));
    return changed(
      name,
      { ...own, settings: { ...own.settings, sysctl: [{ key: `vm.${name}`, from: "0", to: "1" }] } },
      judgement(databaseFindings),
      {
        action: "hold",
        reasons: ["postgresql.service: PostgreSQL 16 does not read the data directory of 15, so the service will not start."],
      },
    );
  }),
});
