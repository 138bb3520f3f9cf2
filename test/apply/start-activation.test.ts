import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { ActivationRequest } from "../../src/apply/activation.ts";
import { followProgram } from "../../src/apply/follow-program.ts";
import { requestFiles, startActivation } from "../../src/apply/start-activation.ts";
import { startProgram } from "../../src/apply/start-program.ts";
import { supervisorProgram } from "../../src/apply/supervisor-program.ts";
import { HostName } from "../../src/discover/host.ts";
import type { RemoteResult, RemoteRun, Targets } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";
import { Attempt } from "../../src/target/ledger.ts";

const address: Address = {
  host: HostName.parse("web"),
  hostname: "web.example.org",
  port: 2222,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "web", machineId: undefined },
  hostKeys: [],
};
const system = (n: string): string => `/nix/store/${n.repeat(32)}-nixos-system-web-26.05`;
const request: ActivationRequest = {
  attempt: {
    id: "run-1234-1-web",
    host: HostName.parse("web"),
    approvedBy: 'Zoë "the\nadmin" \u2028 \ud800 \\',
    operation: "switch",
    from: { current: system("0"), profile: system("0") },
    to: system("1"),
  },
  operation: "switch",
  from: { current: system("0"), profile: system("0") },
  to: system("1"),
  activate: system("1"),
  limits: { activationSeconds: 60, confirmSeconds: 30, loaderSeconds: 40 },
  confirmation: { by: "self", program: "true", arguments: ["a b", "c\nd"], sshPort: 22 },
  reversible: false,
  stopFirst: ["a.service", "b.service"],
};
const nonce = "0".repeat(32);

function answering(answers: readonly RemoteResult[]): { targets: Targets; runs: RemoteRun[] } {
  const runs: RemoteRun[] = [];
  const run = (one: RemoteRun): Promise<RemoteResult> => {
    runs.push(one);
    return Promise.resolve(answers[Math.min(runs.length, answers.length) - 1] ?? { ok: false, trouble: "lost", detail: "", records: [] });
  };
  return { targets: { run } as unknown as Targets, runs };
}
const lost: RemoteResult = { ok: false, trouble: "lost", detail: "the connection ended", records: [] };
const put = (...records: [string, string][]): RemoteResult => ({
  ok: true,
  exitCode: 0,
  stderr: "",
  records: records.map(([name, value]) => ({ name, value })),
});

test("programs are shell to two shells", () => {
  for (const program of [supervisorProgram, startProgram, followProgram]) {
    execFileSync("dash", ["-n"], { input: program, stdio: ["pipe", "pipe", "pipe"] });
    execFileSync("bash", ["--posix", "-n"], { input: program, stdio: ["pipe", "pipe", "pipe"] });
  }
});

test("what the supervisor is told is a file each, and the attempt is one line of ASCII that means the same", () => {
  const files = new Map(requestFiles(address, request, nonce));
  expect([...files.keys()].every((name) => /^[a-z0-9-]+$/.test(name))).toBe(true);
  expect(files.get("stop-first")).toBe("a.service\nb.service");
  expect(files.get("self-argument-2")).toBe("c\nd");
  expect(files.get("ssh-port")).toBe("22");
  const attempt = files.get("attempt") ?? "";
  expect(attempt).toMatch(/^[\x20-\x7e]+$/);
  expect(Attempt.parse(JSON.parse(attempt))).toEqual(request.attempt);
  expect(new Map(requestFiles(address, { ...request, confirmation: { by: "gate" } }, nonce)).get("ssh-port")).toBe("2222");
});

test("a lost answer is asked again with the same id and nonce", async () => {
  const { targets, runs } = answering([lost, lost, put(["start", "started"])]);
  expect(await startActivation(targets, address, request, nonce)).toEqual({ kind: "started" });
  expect(runs).toHaveLength(3);
  expect(new Set(runs.map((run) => run.arguments.slice(0, 2).join(" "))).size).toBe(1);
});

test("what is not known stays unknown, and what nothing can change is not asked again", async () => {
  expect(await startActivation(answering([lost]).targets, address, request, nonce)).toMatchObject({ kind: "lost" });
  const refused = answering([{ ok: false, trouble: "access-refused", detail: "", records: [] }]);
  expect(await startActivation(refused.targets, address, request, nonce)).toMatchObject({ kind: "lost", trouble: "access-refused" });
  expect(refused.runs).toHaveLength(1);
  expect(await startActivation(answering([put(["start", "busy"], ["by", "run-1"])]).targets, address, request, nonce)).toEqual({
    kind: "busy",
    by: "run-1",
  });
  expect(await startActivation(answering([put()]).targets, address, request, nonce)).toMatchObject({ kind: "failed" });
});
