import type { Miss, Outcome, OutcomeKind } from "../../src/apply/outcome.ts";
import { judgement } from "../../src/classify/finding.ts";
import { failure } from "../../src/failure.ts";
import type { HostReport } from "../../src/host-report.ts";
import type { Run } from "../../src/report/to-plan.ts";
import {
  changed,
  databaseDiff,
  databaseFindings,
  emptyDiff,
  kernelDiff,
  kernelFinding,
  sampleHosts,
  sampleRun,
  unchanged,
  webDiff,
} from "./sample.ts";

/** A fleet after a deploy in which every outcome there is came about, in the words that the deploying half gives. */

const from = (host: string): string => emptyDiff(host).from;
const to = (host: string): string => emptyDiff(host).to;

type More = Partial<Omit<Outcome, "outcome" | "reasons">>;
export const outcome = (kind: OutcomeKind, reasons: Outcome["reasons"], more: More = {}): Outcome => ({
  outcome: kind,
  reasons,
  misses: [],
  attempts: [],
  ...more,
});

export const now = (current: string, profile: string, booted = current): NonNullable<Outcome["now"]> => ({ current, profile, booted });

export const log = [
  "stopping the following units: nginx.service",
  "activating the configuration...",
  "setting up /etc...",
  "reloading user units for deploy...",
  "starting the following units: nginx.service",
  "\u001b[31mwarning: the following units failed: nginx.service\u001b[0m",
  "× nginx.service - Nginx Web Server",
  "     Active: failed (Result: exit-code) since Sun 2026-11-22 12:00:41 UTC; 12ms ago",
  '     nginx: [emerg] unknown directive "keepalive_timeuot" in /etc/nginx/nginx.conf:14',
].join("\n");

const attempt = (strategy: Outcome["attempts"][number]["strategy"], ended: string): Outcome["attempts"][number] => ({ strategy, ended });

export const misses: readonly Miss[] = [
  {
    family: "unit",
    subject: "dbus-broker.service",
    expected: "the new process",
    found: "the old one",
    needs: "nothing",
    sentence: "dbus-broker changed and is left running by design; the next boot starts the new one.",
  },
  {
    family: "unit",
    subject: "prometheus-node-exporter.service",
    expected: "active",
    found: "failed",
    needs: "restart",
    sentence: "prometheus-node-exporter.service has failed since the deploy.",
  },
  {
    family: "mount",
    subject: "/backup",
    expected: "mounted",
    found: "not mounted",
    needs: "person",
    sentence: "/backup is no longer in fstab and is still mounted; something may hold it.",
  },
];

const web = (host: string, became: Outcome): HostReport => ({
  ...changed(host, webDiff(host), judgement([]), { action: "deploy", reasons: ["No rule objects."] }),
  outcome: became,
});
const kernel = (host: string, became: Outcome, action: "deploy-then-reboot" | "stage" = "deploy-then-reboot"): HostReport => ({
  ...changed(host, kernelDiff(host), judgement([kernelFinding]), { action, reasons: ["kernel: The new kernel runs only after a reboot."] }),
  outcome: became,
});
const held = (host: string): HostReport => ({
  ...changed(host, databaseDiff(host), judgement(databaseFindings), {
    action: "hold",
    reasons: ["postgresql.service: PostgreSQL 16 does not read the data directory of 15, so the service will not start."],
  }),
  approval: {
    token: `${host}@4f1d2c3b4a59.1795348800.0123456789abcdef0123456789abcdef`,
    digest: "0123456789abcdef0123456789abcdef",
    issuedAt: new Date("2026-11-22T12:00:00Z"),
  } as NonNullable<HostReport["approval"]>,
  outcome: outcome("held", ["postgresql.service: PostgreSQL 16 does not read the data directory of 15, so the service will not start."]),
});
const { outcome: _none, ...watched } = sampleHosts.find((host) => host.host === "laptop") as HostReport;
const broken = sampleHosts.find((host) => host.state === "failed") as HostReport & { readonly state: "failed" };

/** One host of each kind, named after it. */
export const everyOutcome: readonly HostReport[] = [
  { ...unchanged("unchanged"), outcome: outcome("unchanged", ["The same system as before."]) },
  { ...watched, outcome: outcome("not-managed", ["The policy does not say deploy = true for this host, so it is only observed."]) },
  ...["web1", "web2"].map((host) =>
    web(
      host,
      outcome("deployed", ["Everything is well after the switch."], {
        now: now(to(host), to(host), from(host)),
        attempts: [attempt("switch", "Confirmed.")],
        log: "done",
      }),
    ),
  ),
  kernel(
    "staged",
    outcome("staged", ["Only a boot brings this change in."], {
      now: now(from("staged"), to("staged")),
      attempts: [attempt("boot", "Staged.")],
    }),
    "stage",
  ),
  kernel(
    "gateway",
    outcome("deployed-reboot-pending", ["Everything is well after the switch."], {
      now: now(to("gateway"), to("gateway"), from("gateway")),
    }),
  ),
  web(
    "metrics",
    outcome("deployed-with-misses", ["Everything is well after the switch."], {
      now: now(to("metrics"), to("metrics"), from("metrics")),
      misses,
      attempts: [attempt("switch", "Confirmed over a new connection.")],
    }),
  ),
  held("db1"),
  web(
    "busy",
    outcome("held", ["Another activation (nixos-rebuild, pid 812) has not ended on the host."], { now: now(from("busy"), from("busy")) }),
  ),
  { ...broken, outcome: outcome("failed", broken.decision.reasons, { failure: broken.failure }) },
  web(
    "full",
    outcome("failed", ["The system could not be copied: The disk of full is full, so the new system could not be copied."], {
      failure: failure("copy-no-space", { host: "full", login: "ssh root@full" }, "error: writing to file: No space left on device"),
      now: now(from("full"), from("full")),
    }),
  ),
  web(
    "proxy",
    outcome(
      "rolled-back",
      [
        "The host runs its old system: units failed that had not failed before.",
        "nginx.service failed on the new system and did not before.",
      ],
      {
        now: now(from("proxy"), from("proxy")),
        attempts: [
          attempt("switch", "nginx.service failed on the new system and did not before."),
          attempt("restart-units", "nginx.service failed again."),
          attempt("rollback", "The host ended it as rolled-back (returned)."),
        ],
        log,
      },
    ),
  ),
  web(
    "stuck",
    outcome(
      "failed",
      [
        "The host could not be brought back: going back failed.",
        "The host ended it as rollback-failed (returned-and-the-return-ended-with-4).",
      ],
      {
        failure: failure("activation-escalated", { host: "stuck", reason: "The host could not be brought back: going back failed." }),
        now: now(to("stuck"), from("stuck"), from("stuck")),
        attempts: [attempt("switch", "nginx.service failed."), attempt("rollback", "The host ended it as rollback-failed.")],
        log,
      },
    ),
  ),
  web(
    "loader",
    outcome("live-but-old-boots", ["The boot loader could not be set."], {
      now: now(to("loader"), from("loader"), from("loader")),
      attempts: [attempt("switch", "The host ended it as live-but-old-boots (loader-failed).")],
      log: "No space left on device: /boot/EFI",
    }),
  ),
  web(
    "migrated",
    outcome(
      "left-unconfirmed",
      [
        "The new system is active and not well: units failed that had not failed before.",
        "It may have migrated data, so it is not taken back while the host answers.",
      ],
      {
        failure: failure("activation-escalated", {
          host: "migrated",
          reason: "The new system is active and not well: units failed that had not failed before.",
        }),
        now: now(to("migrated"), from("migrated"), from("migrated")),
        attempts: [attempt("switch", "app.service failed.")],
      },
    ),
  ),
  web(
    "lost",
    outcome(
      "unreachable",
      [
        "Nothing can be done from here: the host does not answer.",
        "Its supervisor goes back by itself where nobody confirms, and the next run reads what became of it.",
      ],
      { attempts: [attempt("switch", "No new connection came about.")] },
    ),
  ),
  web(
    "forge",
    outcome("handed-over", ["The host confirms itself; the next run reads in its ledger what became of it."], {
      attempts: [attempt("switch", "The connection ended when the activation began.")],
    }),
  ),
  web("late", outcome("not-reached", ["proxy failed (rolled-back), and the policy stops at the first failure."])),
  web(
    "taken",
    outcome("superseded", ["The host runs something else than when this was decided."], {
      now: now(`${from("taken")}-other`, `${from("taken")}-other`),
    }),
  ),
];

/** What `--dry-run` says. */
export const dryOutcomes: readonly HostReport[] = [
  web("web1", outcome("would-deploy", ["Everything that was asked before the change is well."], { now: now(from("web1"), from("web1")) })),
  kernel("gateway", outcome("would-deploy", ["Everything that was asked before the change is well."])),
  kernel("staged", outcome("would-stage", ["Everything that was asked before the change is well."]), "stage"),
  held("db1"),
];

/** What a run of reboots says of hosts whose system stays the same. */
export const rebootOutcomes: readonly HostReport[] = (
  [
    ["rebooted", "It was rebooted into what it was to boot, came back after 41 s and is verified."],
    ["reboot-pending", "Its window opens on Sunday at 02:00."],
    ["reboot-held", "Someone must be there at boot."],
    ["reboot-failed", "It booted something else than it was to boot."],
    ["offline", "It does not answer, which its policy allows."],
    ["would-reboot", "Its window is open. It would be rebooted now."],
  ] as const
).map(([kind, reason]) => ({ ...unchanged(kind), outcome: outcome(kind, [reason]) }));

const { base: _base, ...revision } = sampleRun.revision;
export const deployRun: Run = { ...sampleRun, event: "push", revision, hosts: everyOutcome };
export const hostOf = (kind: OutcomeKind): HostReport[] =>
  [...everyOutcome, ...dryOutcomes, ...rebootOutcomes].filter((host) => host.outcome?.outcome === kind).slice(0, 1);
