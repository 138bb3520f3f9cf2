import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { readEvent } from "../../src/event.ts";
import { failure } from "../../src/failure.ts";
import type { HostReport } from "../../src/host-report.ts";
import { readInputs } from "../../src/inputs.ts";
import { approveAt, approveWith, inCommands, type ApproveAt } from "../../src/report/approve-command.ts";
import { comment } from "../../src/report/comment.ts";
import { needed } from "../../src/report/needed.ts";
import { outputs } from "../../src/report/outputs.ts";
import { Plan } from "../../src/report/plan.ts";
import { terminalReport } from "../../src/report/terminal.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { dispatchPayload, pushPayload } from "../forge/payloads.ts";
import { expectInert, rendered } from "./hostile.ts";
import { changed, databaseDiff, databaseFindings, sampleRun } from "./sample.ts";

const digest = "0123456789abcdef".repeat(2);
const tokenOf = (host: string): string => `${host}@${"4f2c".repeat(10)}.1795348800.${digest}`;
const held = (host: string): HostReport => ({
  ...changed(host, databaseDiff(host), judgement(databaseFindings), { action: "hold", reasons: ["postgresql: Data has to be migrated."] }),
  approval: { token: tokenOf(host), digest, issuedAt: new Date("2026-11-22T12:00:00Z") },
});
const plan = (hosts: readonly HostReport[], event: Plan["event"] = "push"): Plan => toPlan({ ...sampleRun, event, hosts });
const github: ApproveAt = {
  forge: "github",
  repositoryUrl: "https://github.com/fleet/machines",
  owner: "fleet",
  repository: "machines",
  branch: "main",
  isDefaultBranch: true,
};
const forgejo: ApproveAt = { ...github, forge: "forgejo", repositoryUrl: "https://git.example.org/sub/fleet/machines" };
const commands = (given: Plan, approve?: ApproveAt): string[] =>
  needed(given, { approve, characters: 30_000 }).flatMap((line) =>
    line.spans.flatMap((span) => (typeof span === "object" && "command" in span ? [span.command] : [])),
  );
const options = { limit: 60_000, detail: "full", links: {} } as const;

/** What a shell makes of a command: its program and its arguments. */
function words(command: string): string[] {
  const bin = mkdtempSync(join(tmpdir(), "approve-"));
  for (const name of ["gh", "curl", "nixos-deploy-gate"])
    writeFileSync(join(bin, name), `#!/bin/sh\nprintf '%s\\0' ${name} "$@"\n`, { mode: 0o755 });
  const out = execFileSync("/bin/sh", ["-c", command], {
    env: { PATH: `${bin}:/usr/bin:/bin`, FORGEJO_TOKEN: "s3cret" },
    encoding: "utf8",
  });
  return out.split("\0").slice(0, -1);
}

test("the machine's report has the token of a held host after a push, a dispatch and in a shell, and never before", () => {
  for (const event of ["push", "workflow_dispatch", "shell"] as const)
    expect(plan([held("db1")], event).hosts[0]?.approval).toEqual({ token: tokenOf("db1"), digest, issuedAt: "2026-11-22T12:00:00.000Z" });
  for (const event of ["pull_request", "schedule"] as const) expect(plan([held("db1")], event).hosts[0]).not.toHaveProperty("approval");
  expect(toPlan({ ...sampleRun, event: "push", preview: true, hosts: [held("db1")] }).hosts[0]).not.toHaveProperty("approval");
  const free: HostReport = { ...held("db1"), decision: { action: "deploy", reasons: ["Approved by alice."] } };
  expect(plan([free]).hosts[0]).not.toHaveProperty("approval");
});

test("on a pull request no token is printed, whatever the plan holds, and the words say after the merge", () => {
  const pull: Plan = { ...plan([held("db1")]), event: "pull_request" };
  const text = comment(pull, { ...options, approve: github });
  expect(text).not.toContain(digest);
  expect(text).toContain("the run after the merge prints the command that approves it");
});

test("on GitHub it is one command of gh, that a shell reads as it stands", () => {
  const [, command = ""] = commands(plan([held("db1")]), github);
  expect(words(command)).toEqual(["gh", "workflow", "run", "approve.yml", "--repo", "fleet/machines", "-f", `approve=${tokenOf("db1")}`]);
  expect(rendered(comment(plan([held("db1")]), { ...options, approve: github }))).toContain(`<code>${command}</code>`);
});

test("on an own GitHub server and another branch the command says so", () => {
  const at = { ...github, repositoryUrl: "https://ghes.example.org/fleet/machines", branch: "release", isDefaultBranch: false };
  expect(approveWith("T", at)).toEqual([
    { command: "gh workflow run approve.yml --repo ghes.example.org/fleet/machines --ref release -f approve=T" },
  ]);
});

test("on Forgejo it is the page, with the token to paste, or a call of the API below the same address", () => {
  const [, token, call = ""] = commands(plan([held("db1")]), forgejo);
  expect(token).toBe(tokenOf("db1"));
  const argv = words(call);
  expect(argv.slice(0, 2)).toEqual(["curl", "-fsS"]);
  expect(argv).toContain("Authorization: token s3cret");
  expect(JSON.parse(argv[argv.indexOf("-d") + 1] ?? "")).toEqual({ ref: "main", inputs: { approve: tokenOf("db1") } });
  expect(argv.at(-1)).toBe("https://git.example.org/sub/api/v1/repos/fleet/machines/actions/workflows/approve.yml/dispatches");
  expectInert(comment(plan([held("db1")]), { ...options, approve: forgejo }));
});

test.each<Partial<ApproveAt>>([
  { branch: "main'; rm -rf ~; '" },
  { branch: "$(id)" },
  { branch: "--upload-pack=x" },
  { repositoryUrl: "https://git.example.org/$(id)/fleet/machines" },
  { repositoryUrl: "https://git.example.org/a;b/fleet/machines" },
  { repositoryUrl: "https://git.example.org/a'b/fleet/machines" },
  { repositoryUrl: "https://user:pass@git.example.org/fleet/machines" },
  { repositoryUrl: "https://git.example.org/mallory/other" },
  { repositoryUrl: "not an address" },
])("an event that says %j gets into no command", (odd) => {
  for (const at of [github, forgejo])
    expect(approveWith("T", { ...at, ...odd })).toEqual([expect.stringContaining("Run workflow"), { command: "T" }]);
});

test("in a shell it is the gate's own command", () => {
  expect(words(commands(plan([held("db1")], "shell")).at(-1) ?? "")).toEqual(["nixos-deploy-gate", "deploy", "--approve", tokenOf("db1")]);
  const shown = terminalReport(plan([held("db1")], "shell"), { width: 60, color: false, unicode: false });
  expect(shown).toContain(`\n    nixos-deploy-gate deploy --approve ${tokenOf("db1")}\n`);
});

test("hosts with one change are approved together, in commands that are shown whole, and every token is in one", () => {
  const names = Array.from({ length: 30 }, (_, i) => `db-${i}.${"x".repeat(40)}`);
  const made = plan(names.map(held));
  for (const at of [github, forgejo, undefined]) {
    const given = commands(made, at);
    for (const name of names) expect(given.filter((command) => command.includes(tokenOf(name))).length).toBeGreaterThan(0);
    for (const command of given) expect(command.length).toBeLessThan(1_000);
  }
  const lists = inCommands(names.map(tokenOf));
  expect(lists.flatMap((list) => readInputs({ INPUT_APPROVE: list }).approve)).toEqual(names.map(tokenOf));
});

test("a fleet of held hosts leaves a report that fits, and says how many are not in it", { timeout: 60_000 }, () => {
  const all = Array.from({ length: 60 }, (_, i): HostReport => {
    const host = held(`host${i}`);
    return host.state === "changed" ? { ...host, judgement: judgement(databaseFindings.map((one) => ({ ...one, to: `v${i}` }))) } : host;
  });
  const fleet = plan(all);
  for (const approve of [github, forgejo])
    for (const limit of [60_000, 20_000]) {
      const text = comment(fleet, { ...options, limit, approve });
      expect(text.length).toBeLessThan(60_000);
      expect(text).toMatch(/and \d+ more like these, see the details and plan\.json/);
      expect(text).toContain(tokenOf("host0"));
    }
});

test("strangers may read the token: it gives nobody a right, and what it hides stays hidden", () => {
  const text = comment(plan([held("db1")]), { ...options, detail: "names", approve: github });
  expect(text).toContain(tokenOf("db1"));
  expect(text).not.toContain("/nix/store/");
});

test("a plan with approvals is read back as it was written, and one without is still a plan", () => {
  const made = plan([held("db1")]);
  expect(Plan.parse(JSON.parse(JSON.stringify(made)))).toEqual(made);
});

test.each(["github", "forgejo"] as const)("where approvals are given follows from the event of %s", (kind) => {
  const server = "https://git.example.org";
  const environment = (name: string): Record<string, string> => ({
    GITHUB_EVENT_NAME: name,
    GITHUB_REPOSITORY: "fleet/machines",
    GITHUB_SERVER_URL: "http://forge:3000",
    GITHUB_API_URL: "http://forge:3000/api/v1",
    GITHUB_RUN_ID: "50",
    GITHUB_RUN_NUMBER: "5",
    GITHUB_SHA: "1".repeat(40),
    GITHUB_REF: "refs/heads/main",
    ...(kind === "forgejo" ? { FORGEJO_ACTIONS: "true" } : {}),
  });
  const push = readEvent(environment("push"), pushPayload(kind, server, { before: "2".repeat(40), after: "1".repeat(40) }));
  const dispatch = readEvent(environment("workflow_dispatch"), dispatchPayload(kind, server, { approve: tokenOf("db1") }));
  for (const { run, event } of [push, dispatch])
    expect(approveAt(run, event)).toEqual({ ...github, forge: kind, repositoryUrl: `${server}/fleet/machines` });
});

test("who approved what is told, and why an approval did not count stands before the token that would", () => {
  const approved: HostReport = {
    ...held("db1"),
    decision: { action: "deploy-then-reboot", reasons: ["Approved by alice."], approval: { by: "alice", became: "granted" } },
  };
  expect(comment(plan([approved], "workflow_dispatch"), options)).toContain("is switched, then reboots; approved by alice");
  const why = failure("approval-used", { host: "db2", at: "2026-11-22 13:00 UTC" });
  const refused: HostReport = {
    ...held("db2"),
    decision: { action: "hold", reasons: ["x"], approval: { by: "mallory @everyone", became: "refused", failure: why } },
  };
  const text = comment(plan([refused], "workflow_dispatch"), { ...options, approve: github });
  expect(text).toMatch(/The approval by `mallory @everyone` does not count: The token for db2 was used at 2026-11-22 13:00 UTC/);
  expect(text.indexOf("does not count")).toBeLessThan(text.indexOf(tokenOf("db2")));
  expectInert(text);
  const names = comment(plan([refused], "workflow_dispatch"), { ...options, detail: "names", approve: github });
  expect(names).toContain("does not count: `approval-used`");
  expect(names).not.toContain("2026-11-22 13:00");
});

test("what was rejected is told once and not asked again", () => {
  const { approval: _none, ...rest } = held("db1");
  const rejected: HostReport = { ...rest, decision: { action: "hold", reasons: ["x"], rejectedBy: "bob" } };
  const text = comment(plan([rejected]), { ...options, approve: github });
  expect(text).toContain("nothing: rejected by bob");
  expect(text).toContain("`db1` was rejected by `bob` and stays as it is until the change is another");
  expect(text).not.toContain("gh workflow run");
});

test("the output that later steps read has the token of a held host", () => {
  const hosts = JSON.parse(
    outputs(plan([held("db1"), changed("web1", databaseDiff("web1"), judgement([]), { action: "deploy", reasons: ["x"] })]), {
      plan: "",
      report: "",
      html: "",
    }).hosts,
  ) as { host: string; approval?: string }[];
  expect(hosts.map(({ host, approval }) => [host, approval])).toEqual([
    ["db1", tokenOf("db1")],
    ["web1", undefined],
  ]);
});
