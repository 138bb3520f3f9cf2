import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { type Outcome, type OutcomeKind, outcomeKinds } from "../../src/apply/outcome.ts";
import type { HostReport } from "../../src/host-report.ts";
import { comment } from "../../src/report/comment.ts";
import { exitCode } from "../../src/report/exit-code.ts";
import { namesOnly } from "../../src/report/names-only.ts";
import { nextStep } from "../../src/report/next-step.ts";
import { compareHosts } from "../../src/report/order.ts";
import { outputs } from "../../src/report/outputs.ts";
import { headline } from "../../src/report/headline.ts";
import { Plan, planJson, planJsonSchema } from "../../src/report/plan.ts";
import { status } from "../../src/report/status.ts";
import { columns } from "../../src/report/terminal-escape.ts";
import { terminalReport } from "../../src/report/terminal.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { expectInert, hostile, poisoned } from "./hostile.ts";
import { deployRun, dryOutcomes, everyOutcome, hostOf, log, misses, now, outcome } from "./sample-outcomes.ts";
import { changed, emptyDiff, sampleHosts, sampleRun, webDiff } from "./sample.ts";

const runUrl = "https://git.example.org/ops/fleet/actions/runs/12";
const markdown = { limit: 60_000, detail: "full", links: { run: runUrl } } as const;
const plain = { width: 80, color: false, unicode: true } as const;
const after = (hosts: readonly HostReport[], detail: "full" | "names" = "full"): Plan => toPlan({ ...deployRun, hosts, detail });
const plan = after(everyOutcome);
const web = (host: string, became: Outcome): HostReport =>
  ({ ...hostOf("deployed")[0]!, ...changedWeb(host), outcome: became }) as HostReport;
const changedWeb = (host: string): HostReport => {
  const [one] = hostOf("deployed");
  return changed(host, webDiff(host), (one as HostReport & { state: "changed" }).judgement as never, { action: "deploy", reasons: ["r"] });
};

describe("what people read", () => {
  test("the comment after a deploy in which everything came about", async () => {
    await expect(comment(plan, markdown)).toMatchFileSnapshot("__snapshots__/comment-deployed.md.snap");
    expectInert(comment(plan, markdown), runUrl);
  });
  test("the same where strangers read", async () => {
    await expect(comment(after(everyOutcome, "names"), { ...markdown, detail: "names" })).toMatchFileSnapshot(
      "__snapshots__/comment-deployed-names.md.snap",
    );
  });
  test("a terminal of 80 columns, and one of 120", async () => {
    await expect(terminalReport(plan, plain)).toMatchFileSnapshot("__snapshots__/terminal-deployed.txt");
    await expect(terminalReport(plan, { ...plain, width: 120, verbose: true })).toMatchFileSnapshot(
      "__snapshots__/terminal-deployed-verbose.txt",
    );
  });
  test("a dry run says what would be done", async () => {
    await expect(terminalReport(toPlan({ ...deployRun, event: "shell", hosts: dryOutcomes }), plain)).toMatchFileSnapshot(
      "__snapshots__/terminal-dry.txt",
    );
    expect(comment(after(dryOutcomes), markdown)).toContain("| What would be done |");
  });
  test("a run in which all went well is a headline and a table", () => {
    const text = terminalReport(after([...hostOf("deployed"), ...hostOf("staged"), ...hostOf("unchanged")]), plain);
    expect(text.split("\n")[0]).toBe("1 staged (reboot pending) · 1 deployed · 1 unchanged");
    expect(text).not.toMatch(/Needed from you|What happened|Tried/);
  });
  test("colour adds nothing but colour", () => {
    expect(stripVTControlCharacters(terminalReport(plan, { ...plain, color: true }))).toBe(terminalReport(plan, plain));
  });
  test.each([40, 80, 120])("no line but a command is wider than %i columns", (width) => {
    for (const verbose of [false, true])
      for (const line of terminalReport(plan, { ...plain, width, verbose }).split("\n"))
        if (!/^ {4,6}(nix|ssh|nixos-deploy-gate) /.test(line)) expect(columns(line), line).toBeLessThanOrEqual(width);
  });
  test("worst first, and a host that needs a person before all others", () => {
    expect(plan.hosts.map((host) => host.host)).toEqual(
      "stuck migrated loader ci full proxy lost taken metrics db1 busy late forge laptop gateway staged web1 web2 unchanged".split(" "),
    );
    expect(plan.hosts.toSorted(compareHosts)).toEqual(plan.hosts);
  });
  test("every kind of outcome has words of its own in the table, with sign and word", () => {
    const rows = outcomeKinds.map((kind) => {
      const text = comment(after(hostOf(kind)), markdown);
      return kind === "unchanged" ? text : text.split("\n").find((line) => /^\| [^| -]/.test(line) && !line.includes("| Host |"));
    });
    const words = rows.map((row) => /\*\*(.*?)\*\*/.exec(row ?? "")?.[1] ?? "none");
    // Two that wait for a reboot wait for the same thing.
    expect(new Set(words).size).toBe(outcomeKinds.length - 1);
    for (const [i, row] of rows.entries()) if (outcomeKinds[i] !== "unchanged") expect(row, outcomeKinds[i]).toMatch(/^\| \S+ \| `/);
  });
});

describe("what machines read", () => {
  // Exit code, status on a push, `decision`.
  const expected: Readonly<Record<OutcomeKind, readonly [number, string, string]>> = {
    unchanged: [0, "success", "nothing"],
    "not-managed": [0, "success", "observe"],
    deployed: [0, "success", "deploy"],
    staged: [0, "success", "deploy"],
    "deployed-reboot-pending": [0, "success", "deploy"],
    "deployed-with-misses": [1, "failure", "failed"],
    held: [3, "pending", "held"],
    failed: [1, "failure", "failed"],
    "rolled-back": [1, "failure", "failed"],
    "live-but-old-boots": [1, "failure", "failed"],
    "left-unconfirmed": [1, "failure", "failed"],
    unreachable: [1, "failure", "failed"],
    "handed-over": [0, "success", "deploy"],
    "not-reached": [1, "failure", "failed"],
    superseded: [1, "failure", "failed"],
    "would-deploy": [0, "success", "deploy"],
    "would-stage": [0, "success", "deploy"],
    rebooted: [0, "success", "nothing"],
    offline: [0, "success", "nothing"],
    "reboot-pending": [0, "success", "nothing"],
    "reboot-held": [3, "pending", "held"],
    "reboot-failed": [1, "failure", "failed"],
    "would-reboot": [0, "success", "nothing"],
  };
  test.each(outcomeKinds)("%s: exit code, status and decision", (kind) => {
    const one = after(hostOf(kind));
    expect(one.hosts).toHaveLength(1);
    const [exit, state, decision] = expected[kind];
    expect(exitCode(one)).toBe(exit);
    expect(status(one)).toEqual({ state, description: headline(one.hosts) });
    const out = outputs(one, { plan: "", report: "", html: "" });
    expect(out.decision).toBe(decision);
    expect(JSON.parse(out.hosts)).toMatchObject([{ outcome: kind }]);
    if (exit === 1 && one.hosts[0]?.state !== "failed") expect(out["reason-code"]).toBe(one.hosts[0]?.outcome?.failure?.code ?? kind);
  });

  test("a host behind one that is held waits too; behind one that failed it is part of the failure", () => {
    expect(exitCode(after([...hostOf("held"), ...hostOf("not-reached")]))).toBe(3);
    expect(status(after([...hostOf("held"), ...hostOf("not-reached")])).state).toBe("pending");
    expect(exitCode(after([...hostOf("rolled-back"), ...hostOf("held"), ...hostOf("not-reached")]))).toBe(1);
    expect(status(after([...hostOf("rolled-back"), ...hostOf("held")])).state).toBe("failure");
  });

  test("in a run with outcomes a managed host without one fails the run", () => {
    const { outcome: _gone, ...forgotten } = hostOf("deployed")[0] as HostReport;
    const one = after([...hostOf("staged"), forgotten as HostReport]);
    expect(exitCode(one)).toBe(1);
    expect(one.hosts[0]).toMatchObject({ host: "web1", outcome: { outcome: "failed" } });
    expect(headline(one.hosts)).toBe("1 host failed · 1 staged (reboot pending)");
    // A host that nobody manages, and one that is gone from the flake, owe none; and a plan is no deploy.
    const bystanders = sampleHosts.filter((host) => host.host === "laptop" || host.host === "old1");
    expect(exitCode(after([...hostOf("staged"), ...bystanders]))).toBe(0);
    expect(toPlan(sampleRun).hosts.every((host) => host.outcome === undefined)).toBe(true);
  });

  test("what is written is what is read back, and the schema tells of it", () => {
    for (const one of [plan, after(dryOutcomes), after(everyOutcome, "names")]) expect(Plan.parse(JSON.parse(planJson(one)))).toEqual(one);
    expect(JSON.stringify(planJsonSchema())).toContain('"live-but-old-boots"');
  });

  test("what it runs and boots is called old or new only where it is the very path", () => {
    const at = (current: string, profile: string): object | undefined =>
      after([web("x", outcome("failed", ["r"], { now: now(current, profile) }))]).hosts[0]?.outcome?.now;
    const { from, to } = emptyDiff("x");
    expect(at(to, from)).toMatchObject({ runs: "new", boots: "old" });
    expect(at(from, to)).toMatchObject({ runs: "old", boots: "new" });
    const other = at(`${to}/specialisation/x`, `${to}x`);
    expect(other).not.toHaveProperty("runs");
    expect(other).not.toHaveProperty("boots");
    // The headline claims it of a host that went back only where the host said so.
    const back = (path: string): string => headline(after([web("x", outcome("rolled-back", ["r"], { now: now(path, from) }))]).hosts);
    expect(back(from)).toBe("1 rolled back: it runs what it ran before");
    expect(back(to)).toBe("1 rolled back");
  });

  test("a host that says too much gets a record of bounded size that says how much there was", () => {
    const long = "漢".repeat(50_000);
    const [record] = after([
      web(
        "x",
        outcome("failed", [long, ...Array.from({ length: 500 }, () => long)], {
          log: `${`${long.slice(0, 200)}\n`.repeat(2_000)}the last line`,
          misses: Array.from({ length: 5_000 }, () => ({ ...misses[1]!, subject: long, expected: long, found: long, sentence: long })),
          attempts: Array.from({ length: 500 }, () => ({ strategy: "switch", ended: long })),
          now: now(long, long),
        }),
      ),
    ]).hosts;
    const became = record?.outcome;
    expect(Buffer.byteLength(became?.log ?? "")).toBeLessThanOrEqual(16_384);
    expect(became?.log).toMatch(/the last line$/);
    expect(became?.misses.length).toBeLessThan(5_000);
    expect(became?.missesTotal).toBe(5_000);
    expect(JSON.stringify(became).length).toBeLessThan(700_000);
  });

  test("a secret that an activation prints is not in the record", () => {
    const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    const one = after([
      web(
        "x",
        outcome("failed", [`token=${secret}`], {
          log: `+ curl -H 'Authorization: token ${secret}'`,
          misses: [{ ...misses[1]!, found: secret, sentence: `It says ${secret}.` }],
          attempts: [{ strategy: "switch", ended: secret }],
        }),
      ),
    ]);
    expect(planJson(one)).not.toContain(secret);
  });
});

describe("where strangers read", () => {
  test("only kinds, strategies, codes and names of units are left in the record", () => {
    const secret = "PLANTED-1.2.3";
    const names = toPlan({ ...deployRun, hosts: poisoned(everyOutcome, secret), detail: "names" });
    for (const host of names.hosts) expect(JSON.stringify(host.outcome ?? {}), host.host).not.toContain(secret);
    expect(namesOnly(names)).toEqual(names);
    const said = after(everyOutcome, "names").hosts.find((host) => host.host === "metrics")?.outcome;
    expect(said?.misses.map(({ family, subject, needs }) => [family, subject, needs])).toEqual([
      ["unit", "dbus-broker.service", "nothing"],
      ["unit", "prometheus-node-exporter.service", "restart"],
      ["mount", "", "person"],
    ]);
    for (const text of [planJson(after(everyOutcome, "names")), comment(plan, { ...markdown, detail: "names" })])
      for (const hidden of ["keepalive_timeuot", "/backup", "nixos-rebuild", "No space left"]) expect(text).not.toContain(hidden);
  });
  test("a unit that systemd makes out of a path is no name", () => {
    const one = (subject: string): string | undefined =>
      namesOnly(after([web("x", outcome("failed", ["r"], { misses: [{ ...misses[1]!, subject }] }))])).hosts[0]?.outcome?.misses[0]
        ?.subject;
    expect(one("nginx.service")).toBe("nginx.service");
    expect(one("srv-customers-acme.mount")).toBe("");
    expect(one("nginx.service; more")).toBe("");
  });
});

describe("a host that lies", () => {
  test.each(hostile)(
    "a run full of %j gives reports that do nothing",
    (bad) => {
      const made = after(poisoned(everyOutcome, bad));
      expectInert(comment(made, markdown), runUrl);
      for (const verbose of [false, true]) {
        expect(terminalReport(made, { ...plain, verbose })).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}\u2028\u2029]/u);
        expect(terminalReport(made, { ...plain, unicode: false, verbose })).toMatch(/^[\x20-\x7e\n]*$/);
      }
      expect(planJson(made)).not.toMatch(/[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/u);
    },
    20_000,
  );

  test.each(["$(reboot).service", "a.service; reboot", "-f", "`id`", "a b.service", "x'y.service", "\nreboot"])(
    "the name %j of a unit gets into no command",
    (subject) => {
      const one = after([web("x", outcome("deployed-with-misses", ["r"], { misses: [{ ...misses[1]!, subject }] }))]);
      expect(nextStep(one, one.hosts)?.command).toBe("ssh x systemctl --failed");
    },
  );
});

describe("length", () => {
  const many = (n: number): HostReport[] => [
    ...Array.from({ length: n }, (_, i) =>
      web(
        `node-${i}`,
        outcome("rolled-back", [`The host runs its old system: unit-${i}.service failed.`], {
          now: now(emptyDiff(`node-${i}`).from, emptyDiff(`node-${i}`).from),
          attempts: [{ strategy: "switch", ended: `unit-${i}.service failed.` }],
          log: `${"a line of a long log of this host\n".repeat(400)}the end of node-${i}`,
        }),
      ),
    ),
    ...hostOf("held"),
  ];
  test.each([1, 8, 60, 400])(
    "%i hosts that went back fit, each in the table, and the approval of the held one is whole",
    (n) => {
      const text = comment(after(many(n)), markdown);
      expect(text.length).toBeLessThanOrEqual(59_700);
      expectInert(text, runUrl);
      expect(text).toContain("deploy --approve db1@4f1d2c3b4a59.1795348800.0123456789abcdef0123456789abcdef");
      const rows = text.split("\n").filter((line) => /^\| [^| -]/.test(line) && !line.includes("| Host |"));
      const counted = rows.reduce((sum, row) => sum + Number(/(\d+) hosts/.exec(row)?.[1] ?? row.match(/`node-|`db1`/g)?.length ?? 0), 0);
      expect(counted).toBe(n + 1);
      if (n <= 60) expect(text).toContain("the end of node-0");
      if (n >= 8) expect(text).toMatch(/Left out here for length: all but the end of|left out here for length/);
    },
    20_000,
  );
  test("a log's beginning goes first and its end stays", () => {
    const text = comment(after(many(8)), { ...markdown, limit: 30_000 });
    for (let i = 0; i < 8; i += 1) expect(text).toContain(`the end of node-${i}`);
  });
});

test("the log of a host that is not well stands in a fold; colours of tools are gone", () => {
  const text = comment(plan, markdown);
  expect(text).toContain('unknown directive "keepalive_timeuot"');
  expect(text).not.toContain("\u001b");
  expect(log).toContain("\u001b");
});

test("what a question before the change says to type is what every reader is told to type, and strangers are not", () => {
  const next = "ssh -p 2222 deploy@web1.example 'sudo fuser -v /run/nixos/switch-to-configuration.lock'";
  const given = [web("web1", outcome("held", ["Something holds the lock of switch-to-configuration."], { next }))];
  expect(terminalReport(after(given), { ...plain, width: 200 })).toContain(next);
  expect(comment(after(given), markdown)).toContain(next);
  expect(JSON.stringify(after(given))).toContain(next);
  expect(JSON.stringify(namesOnly(after(given)))).not.toContain("deploy@");
  const logAt = "/var/lib/nixos-deploy-gate/attempts/switch-0123/log";
  const back = [
    web("web1", outcome("rolled-back", ["It was taken back."], { logAt, attempts: [{ strategy: "switch", ended: "failed" }] })),
  ];
  expect(terminalReport(after(back), { ...plain, width: 200 })).toContain(`The whole log is kept on the host: ${logAt}`);
  expect(comment(after(back), markdown)).toContain(logAt);
  const secret = { next: "curl -H 'Authorization: Bearer ghp_abcdefghijklmnopqrstuvwxyz0123456789'" };
  expect(JSON.stringify(after([web("web1", outcome("held", ["r"], secret))]))).not.toContain("ghp_abcdefghijklmnopqrstuvwxyz0123456789");
});
