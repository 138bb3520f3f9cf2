import { afterEach, beforeEach, expect, test } from "vitest";
import { connectForge } from "../../src/io/forge.ts";
import type { Deployments, DeploymentStatus } from "../../src/io/ports.ts";
import { LoopbackForge, jobToken } from "../forge/loopback-forge.ts";

const sha = "1".repeat(40);
const at = { owner: "fleet", name: "machines" };
const said = (state: DeploymentStatus["state"], description = state as string): DeploymentStatus => ({
  state,
  description,
  logUrl: "http://127.0.0.1/run/50",
});

let loopback: LoopbackForge;
const connect = (): Deployments => {
  const made = connectForge("github", at, {
    apiUrl: loopback.apiUrl,
    token: jobToken,
    clock: { now: () => new Date(0) },
    log: { debug: () => undefined },
    wait: () => Promise.resolve(),
  }).deployments;
  if (made === undefined) throw new Error("GitHub has deployments");
  return made;
};
const deployment = (environment = "nixos/web", runId = 50) => ({ sha, environment, runId, attempt: 1 });
const states = () => loopback.records.deployments.map(({ environment, statuses }) => [environment, ...statuses.map(({ state }) => state)]);

beforeEach(async () => void (loopback = await new LoopbackForge("github").start()));
afterEach(async () => {
  await loopback[Symbol.asyncDispose]();
  expect(loopback.violations).toEqual([]);
});

test("one run: begun, in progress, ended; its log is the run, and GitHub neither merges nor waits for checks", async () => {
  const begun = await connect().begin(deployment(), said("in_progress", "x".repeat(200)));
  expect(begun.ok && (await connect().say(begun.value, said("success"))).ok).toBe(true);
  expect(states()).toEqual([["nixos/web", "in_progress", "success"]]);
  const [made] = loopback.records.deployments;
  expect(made?.statuses[0]).toMatchObject({ log_url: "http://127.0.0.1/run/50", description: expect.stringMatching(/^x{139}…$/) });
  expect(made?.body).toMatchObject({ ref: sha, auto_merge: false, required_contexts: [], transient_environment: false });
});

test("what an earlier run left open is ended by the next; what stands ends with the next success; other tools' and environments' stay", async () => {
  const forge = connect();
  const first = await forge.begin(deployment(), said("in_progress"));
  if (first.ok) await forge.say(first.value, said("success"));
  await forge.begin(deployment("nixos/web", 51), said("in_progress"));
  await forge.begin(deployment("nixos/db", 51), said("queued"));
  loopback.records.deployments.push({
    id: 1,
    sha,
    task: "nixos-deploy-gate",
    environment: "nixos/web",
    payload: "",
    creator: { login: "mallory", id: 666 },
    statuses: [{ state: "in_progress", description: "", log_url: "" }],
    body: {},
  });
  const third = await forge.begin(deployment("nixos/web", 52), said("queued"));
  expect(states()).toEqual([
    ["nixos/web", "in_progress", "success"],
    ["nixos/web", "in_progress", "inactive"],
    ["nixos/db", "queued"],
    ["nixos/web", "in_progress"],
    ["nixos/web", "queued"],
  ]);
  if (third.ok) await forge.say(third.value, said("success"));
  expect(states().map((one) => one.at(-1))).toEqual(["inactive", "inactive", "queued", "in_progress", "success"]);
});

test("a token that may not: a value, and nothing is tried again", async () => {
  loopback.records.mayDeploy = false;
  expect(await connect().begin(deployment(), said("in_progress"))).toMatchObject({ ok: false, failure: { code: "forge-forbidden" } });
  expect(loopback.writes.length).toBe(1);
});

test("an answer that got lost: found again by its run, not made twice; cut before it was made, it is not there", async () => {
  loopback.faults.push({ method: "POST", path: /\/deployments$/, does: "cut-after" });
  expect((await connect().begin(deployment(), said("in_progress"))).ok).toBe(true);
  expect(states()).toEqual([["nixos/web", "in_progress"]]);
  loopback.faults.push({ method: "POST", path: /\/deployments$/, does: "cut-before" });
  expect(await connect().begin(deployment("nixos/web", 51), said("in_progress"))).toMatchObject({ ok: false });
  expect(loopback.records.deployments.length).toBe(1);
});

test("Forgejo has none", () => {
  const forge = connectForge("forgejo", at, {
    apiUrl: "http://127.0.0.1:1/api/v1",
    token: jobToken,
    clock: { now: () => new Date(0) },
    log: { debug: () => undefined },
    wait: () => Promise.resolve(),
  });
  expect(forge.deployments).toBeUndefined();
});
