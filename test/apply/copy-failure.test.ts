import { expect, test } from "vitest";
import { copyClosure } from "../../src/apply/copy.ts";
import { copyFailure, worthAnotherTry } from "../../src/apply/copy-failure.ts";
import { CopyProgress } from "../../src/apply/copy-progress.ts";
import { HostName } from "../../src/discover/host.ts";
import type { CopyResult, NixLogLine } from "../../src/io/ports.ts";
import { Policy } from "../../src/policy.ts";
import type { Address } from "../../src/target/address.ts";

const address: Address = {
  host: HostName.parse("web"),
  hostname: "web.example.org",
  port: 22,
  user: "deploy",
  sudo: true,
  jump: [],
  identity: { name: "web", machineId: undefined },
  hostKeys: [],
};
const path = `/nix/store/${"a".repeat(32)}-nixos-system-web`;
const ended: CopyResult = { exitCode: 1, signal: undefined, timedOut: false, stdout: "", stderr: "" };
const told = (said: string, result: Partial<CopyResult> = {}, checkSignatures = false) =>
  copyFailure({ address, store: "ssh-ng", checkSignatures, timeoutSeconds: 60, path, result: { ...ended, ...result }, said });

test.each([
  [`cannot add path '${path}' because it lacks a valid signature`, "copy-unsigned"],
  [`cannot add path '${path}' because it lacks a signature by a trusted key`, "copy-unsigned"],
  ["writing to file: No space left on device\nunexpected end-of-file", "copy-no-space"],
  ["setting journal mode: database or disk is full, database or disk is full (in '/nix/var/nix/db/db.sqlite')", "copy-no-space"],
  ["bash: line 1: nix-daemon: command not found", "copy-no-nix"],
  ["sh: 1: nix-store: not found", "copy-no-nix"],
  ["fish: Unknown command: nix-daemon", "copy-no-nix"],
  ["zsh:1: command not found: nix-daemon", "copy-no-nix"],
  ["sudo: nix-daemon: command not found", "target-sudo-refused"],
  ["sudo: a password is required", "target-sudo-refused"],
  ["cannot connect to socket at '/nix/var/nix/daemon-socket/socket': Connection refused", "copy-daemon"],
  [`path '${path}' is not valid`, "copy-path-missing"],
  [`path '${path}' is required, but there is no substituter that can build it`, "copy-path-missing"],
  [`hash mismatch importing path '${path}';\n  specified: sha256:a\n  got: sha256:b`, "copy-corrupt"],
  ["something that no version says", "copy-failed"],
])("%s", (said, code) => {
  expect(told(said)).toMatchObject({ code, detail: said });
});

test("the cure for unsigned paths depends on what is asked for", () => {
  const said = `cannot add path '${path}' because it lacks a signature by a trusted key`;
  expect(told(said).next).toContain('trusted-users = [ "deploy" ]');
  expect(told(said, {}, true).next).toContain("signingKeyFile");
});

test("a connection that broke is told as that, and a full disk that broke it as a full disk", () => {
  const lost = { trouble: "lost", detail: "client_loop: send disconnect: Broken pipe" } as const;
  expect(told("unexpected end-of-file", lost)).toMatchObject({ code: "target-lost", detail: lost.detail });
  expect(told("writing to file: No space left on device", lost)).toMatchObject({ code: "copy-no-space" });
  expect(told("", { timedOut: true })).toMatchObject({ code: "copy-timed-out" });
  expect([worthAnotherTry({ ...ended, ...lost }), worthAnotherTry(ended)]).toEqual([true, false]);
});

const line = (event: Record<string, unknown>): NixLogLine => ({ kind: "nix", event });
test("progress counts what other versions leave out, and survives what none says", () => {
  const progress = new CopyProgress();
  const add = (event: Record<string, unknown>) => progress.add(line(event));
  expect(add({ action: "start", id: 1, type: 103, text: "copying 2 paths" })).toEqual({
    paths: { done: 0, total: 2 },
    bytes: { done: 0, total: 0 },
  });
  add({ action: "result", id: 1, type: 106, fields: [100, 300] });
  add({ action: "start", id: 2, type: 100, fields: [path, "local", "ssh-ng://web"] });
  expect(add({ action: "result", id: 2, type: 105, fields: [100, 100, 0, 0] })?.bytes).toEqual({ done: 100, total: 300 });
  expect(add({ action: "stop", id: 2 })?.paths).toEqual({ done: 1, total: 2 });
  add({ action: "start", id: 3, type: 100, fields: [] });
  expect(add({ action: "result", id: 3, type: 105, fields: [200, 200] })?.bytes).toEqual({ done: 300, total: 300 });
  expect(add({ action: "result", id: 1, type: 105, fields: [2, 2, 0, 0] })?.paths).toEqual({ done: 2, total: 2 });
  for (const odd of [
    {},
    { action: "stop", id: 99 },
    { action: "result", id: 3, type: 105, fields: "x" },
    { action: "start", id: 4, type: 103, text: 7 },
  ])
    expect(() => add(odd)).not.toThrow();
  expect(progress.state.paths).toEqual({ done: 2, total: 2 });
});

test("what else stands in the log is kept for the failure, bounded and without escapes", async () => {
  const { policy } = { policy: Policy.parse({}).apply.copy };
  const copied = await copyClosure({
    targets: {
      copyTo: (run) => {
        for (let n = 0; n < 5000; n++) run.onLog?.({ kind: "text", text: `\u001b[31mline ${n}\u0007` });
        run.onLog?.(line({ action: "msg", level: 0, msg: "", raw_msg: `lacks a signature by a trusted key` }));
        return Promise.resolve(ended);
      },
    },
    nix: { run: () => Promise.reject(new Error("Nobody asks.")) },
    address,
    paths: [path],
    policy,
  });
  expect(copied).toMatchObject({ ok: false, tries: 1, failure: { code: "copy-unsigned" } });
  const detail = copied.ok ? "" : (copied.failure.detail ?? "");
  expect(detail).toContain("line 0\n");
  expect(detail).toContain("line 4999");
  expect(detail).not.toMatch(/(?!\n)\p{Cc}/u);
  expect(detail.length).toBeLessThanOrEqual(4100);
});
