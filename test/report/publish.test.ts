import { expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { readEvent } from "../../src/event.ts";
import { failure } from "../../src/failure.ts";
import type { CommitStatus, Forge, ForgeReport, PostedStatus, Result, Written } from "../../src/io/ports.ts";
import { type Destination, publish, publishFailure, statusContext } from "../../src/report/publish.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { pullRequestPayload, pushPayload } from "../forge/payloads.ts";
import { changed, databaseDiff, sampleRun, unchanged } from "./sample.ts";
import { deployRun, outcome } from "./sample-outcomes.ts";

const head = "1".repeat(40);
const base = "2".repeat(40);
const ok: Result<Written> = { ok: true, value: { action: "created", url: "https://git.example.org/c/1", notes: [] } };

/** A destination that keeps what it is given; `refuse` answers to each report by its length. */
function destination(
  name: "pull_request" | "push",
  refuse: (report: ForgeReport) => Result<Written> = () => ok,
  more: Partial<Destination> = {},
) {
  const said = {
    reports: [] as ForgeReport[],
    statuses: [] as (CommitStatus & { sha: string })[],
    posted: new Map<string, PostedStatus>(),
    outputs: new Map<string, string>(),
    summary: "",
    files: [] as string[],
  };
  const take = (report: ForgeReport): Promise<Result<Written>> => {
    said.reports.push(report);
    return Promise.resolve(refuse(report));
  };
  const forge: Forge = {
    kind: "github",
    about: () => Promise.resolve({ version: undefined, login: "me", id: undefined, notes: [] }),
    upsertComment: (_, __, report) => take(report),
    commitReport: (_, report) => take(report),
    permission: () => Promise.resolve({ ok: true, value: "unknown" }),
    statuses: () => Promise.resolve({ ok: true, value: said.posted }),
    authorship: () => Promise.resolve({ ok: true, value: { commits: [], pushes: [] } }),
    deployments: undefined,
    postStatus: (sha, status) => {
      said.statuses.push({ sha, ...status });
      return Promise.resolve(ok);
    },
  };
  const server = "https://git.example.org";
  const payload =
    name === "push"
      ? pushPayload("github", server, { before: base, after: head })
      : pullRequestPayload("github", server, { number: 7, head, base });
  const environment = {
    GITHUB_EVENT_NAME: name,
    GITHUB_REPOSITORY: "fleet/machines",
    GITHUB_SERVER_URL: server,
    GITHUB_API_URL: `${server}/api/v3`,
    GITHUB_RUN_ID: "50",
    GITHUB_RUN_NUMBER: "5",
    GITHUB_SHA: head,
    GITHUB_REF: "refs/heads/main",
  };
  const to: Destination = {
    ...readEvent(environment, payload),
    forge,
    runner: {
      output: (key, value) => void said.outputs.set(key, value),
      summary: (text) => Promise.resolve(void (said.summary = text)),
      file: (file) => Promise.resolve(`/tmp/${said.files.push(file)}-${file}`),
    },
    scope: { flake: ".", hosts: [] },
    ...more,
  };
  return { to, said };
}

test("a plan goes to files, outputs, summary, one report and one status", async () => {
  const { to, said } = destination("pull_request");
  const published = await publish(toPlan(sampleRun), to);
  expect(said.files).toEqual(["report.html", "plan.json", "report.md"]);
  expect(said.outputs.get("plan")).toBe("/tmp/2-plan.json");
  expect(said.reports).toMatchObject([{ create: true, marker: { key: "gate", runId: 50, attempt: 1, sha: head } }]);
  expect(said.statuses).toMatchObject([
    { sha: head, context: "deploy-gate", url: "https://git.example.org/fleet/machines/actions/runs/50" },
  ]);
  expect(published).toMatchObject({ url: "https://git.example.org/c/1", notes: [] });
});

test("nothing but another revision in the name is no reason for a comment", async () => {
  const same = (rule: string) =>
    changed(
      "web1",
      databaseDiff("web1"),
      judgement([
        {
          rule,
          verdict: "clean",
          mode: "switch",
          attended: false,
          reversible: true,
          subject: "nixos-version",
          hazard: "None.",
          evidence: [],
        },
      ]),
      { action: "deploy", reasons: ["clean"] },
    );
  for (const [hosts, create] of [
    [[unchanged("web1")], false],
    [[same("revision-only")], false],
    [[same("kernel-changed")], true],
  ] as const) {
    const { to, said } = destination("push");
    await publish(toPlan({ ...sampleRun, hosts }), to);
    expect(said.reports.map((report) => report.create)).toEqual([create]);
    expect(said.statuses.length).toBe(1);
  }
});

test("a report that something in between finds too long is tried once more, shorter", async () => {
  const long: Result<Written> = { ok: false, failure: failure("forge-too-long", { forge: "x", doing: "writing", characters: 1 }) };
  const lengths: number[] = [];
  const { to } = destination("pull_request", (report) => (lengths.push(report.body.length) === 1 ? long : ok));
  expect((await publish(toPlan(sampleRun), to)).notes).toEqual([]);
  expect(lengths.length).toBe(2);
  const { to: never, said } = destination("pull_request", () => long);
  expect((await publish(toPlan(sampleRun), never)).notes.join()).toContain("The comment was not written: The text is too long");
  expect(said.statuses.length).toBe(1);
});

test("with the policy's word each host that changes has a status of its own, until nothing is new in it", async () => {
  const plan = toPlan({ ...deployRun, event: "push" });
  const { to, said } = destination("push", () => ok, { hostStatuses: true });
  await publish(plan, to);
  const [whole, ...hosts] = said.statuses;
  expect(whole?.context).toBe("deploy-gate");
  const words = Object.fromEntries(hosts.map(({ context, state, description }) => [context, `${state}: ${description}`]));
  expect(words).toMatchSnapshot();
  // What a host's log, its paths or its users are called is in none of them.
  for (const text of Object.values(words)) expect(text).not.toMatch(/\/nix\/store|nginx\.conf|\n/);

  for (const { context, state, description } of hosts) said.posted.set(context, { state, description });
  said.posted.set("nixos-deploy-gate/web1", { state: "pending", description: "held" });
  const before = said.statuses.length;
  await publish(plan, to);
  expect(said.statuses.slice(before).map(({ context }) => context)).toEqual(["deploy-gate", "nixos-deploy-gate/web1"]);
});

test("of a large fleet the worst forty hosts have a status of their own, and the run says so", async () => {
  const many = Array.from({ length: 60 }, (_, i) => ({
    ...changed(`web${i}`, databaseDiff(`web${i}`), judgement([]), { action: "deploy", reasons: ["clean"] }),
    outcome: outcome(i === 59 ? "failed" : "deployed", ["It is so."]),
  }));
  const { to, said } = destination("push", () => ok, { hostStatuses: true });
  const published = await publish(toPlan({ ...sampleRun, event: "push", hosts: many }), to);
  expect(said.statuses.length).toBe(41);
  expect(said.statuses[1]).toMatchObject({ context: "nixos-deploy-gate/web59", state: "failure" });
  expect(published.notes).toEqual(["Only the 40 worst of 60 hosts got a commit status of their own."]);
});

test("without a token nothing is posted, and everything else is there", async () => {
  const { to, said } = destination("pull_request", () => ok, { forge: undefined });
  expect((await publish(toPlan(sampleRun), to)).notes.join()).toContain("There is no token");
  expect(said.summary).toContain("There is no token");
  expect(said.outputs.size).toBe(9);
});

test("a failure's detail is shown where the repository is private and nowhere else", async () => {
  const made = failure("no-hosts", { flake: "." }, "error: /etc/secret said @everyone");
  const { to, said } = destination("pull_request");
  await publishFailure(made, to);
  await publishFailure(made, { ...to, run: { ...to.run, visibility: "public" } });
  expect(said.reports.map((report) => report.body.includes("/etc/secret"))).toEqual([true, false]);
  expect(said.statuses.map((status) => status.state)).toEqual(["failure", "failure"]);
});

test("two gates of one repository keep apart; the hosts that a job lets through after a merge do not make another check", () => {
  const { to } = destination("pull_request");
  const { to: pushed } = destination("push");
  expect(statusContext(to)).toBe("deploy-gate");
  expect(statusContext({ ...to, scope: { flake: "./nix", hosts: ["web*"] } })).toBe("deploy-gate (./nix web*)");
  expect(statusContext({ ...pushed, scope: { flake: ".", hosts: ["web1", "db1"] } })).toBe("deploy-gate");
});

test("a host that is not well is news, even where nothing about its system changed", async () => {
  const created = async (hosts: Parameters<typeof toPlan>[0]["hosts"]): Promise<boolean | undefined> => {
    const { to, said } = destination("push");
    await publish(toPlan({ ...deployRun, hosts }), to);
    return said.reports[0]?.create;
  };
  const well = { ...unchanged("mail"), outcome: outcome("unchanged", ["The same system as before."]) };
  expect(await created([well])).toBe(false);
  expect(await created([well, { ...unchanged("dns1"), outcome: outcome("failed", ["r"]) }])).toBe(true);
});
