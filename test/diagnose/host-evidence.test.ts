import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { collectHostEvidence, type HostFailure } from "../../src/diagnose/collect-host-evidence.ts";
import { evidenceProgram } from "../../src/diagnose/evidence-program.ts";
import { knownCauses } from "../../src/diagnose/known-cause.ts";
import { HostName } from "../../src/discover/host.ts";
import type { RemoteRecord, RemoteResult, RemoteRun } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";
import { RecordReader } from "../../src/target/record-reader.ts";
import { remoteInput, rootCommand } from "../../src/target/remote-program.ts";

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/diagnose/host-records.json"), "utf8")) as {
  since: number;
  records: RemoteRecord[];
};
const address: Address = {
  host: HostName.parse("web1"),
  hostname: "web1.example.org",
  port: 22,
  user: "root",
  sudo: false,
  jump: [],
  identity: { name: "web1", machineId: undefined },
  hostKeys: [],
};
const about: HostFailure = {
  stage: "activation",
  failure: undefined,
  exit: 4,
  since: recorded.since,
  units: ["mnt-busy.mount"],
  log: "activating the configuration...",
  atBase: "unknown",
};
const answering = (result: RemoteResult) => {
  const runs: RemoteRun[] = [];
  return { runs, run: (run: RemoteRun): Promise<RemoteResult> => (runs.push(run), Promise.resolve(result)) };
};

describe("evidence of a host", () => {
  test("what a real host said of its failed units becomes evidence, each in the words of whoever said it", async () => {
    const target = answering({ ok: true, exitCode: 0, records: recorded.records, stderr: "" });
    const { evidence } = await collectHostEvidence(target, address, about);
    expect(target.runs).toHaveLength(1);
    expect(target.runs[0]?.arguments).toEqual([String(recorded.since), "mnt-busy.mount"]);
    expect(evidence.units).toContain("port-b.service");
    expect(evidence.items.find((item) => item.kind === "unit-manager")?.origin).toBe("tool");
    expect(evidence.items.find((item) => item.kind === "unit-journal" && item.subject === "port-b.service")?.origin).toBe("program");
    expect(evidence.items.find((item) => item.kind === "unit-journal" && item.subject === "mnt-gone.mount")?.origin).toBe("tool");
    const causes = knownCauses(evidence);
    // A program that is not there, a mount that somebody holds: both seen by our own program.
    expect(causes.find((cause) => cause.id === "unit-program-missing")).toMatchObject({
      confidence: "certain",
      culprit: expect.stringContaining("gone-1.0"),
    });
    expect(causes.find((cause) => cause.id === "mount-busy")).toMatchObject({
      confidence: "certain",
      culprit: "/mnt/busy",
      remedy: { kind: "stop-then-switch", units: ["holder.service"] },
    });
    expect(evidence.units).toContain("holder.service");
  });

  test("what the change does to a unit that failed is shown, and nothing of those that did not or differ in hashes alone", async () => {
    const target = answering({ ok: true, exitCode: 0, records: recorded.records, stderr: "" });
    const unit = (name: string, hashOnly: boolean) => ({ name, change: "changed", diff: "-User=a\n+User=nobody-there", hashOnly }) as const;
    const unitDiffs = [unit("port-b.service", false), unit("mnt-gone.mount", true), unit("well.service", false)];
    const { evidence } = await collectHostEvidence(target, address, { ...about, unitDiffs });
    expect(evidence.items.filter((item) => item.kind === "unit-diff")).toMatchObject([
      { subject: "port-b.service", origin: "flake", text: expect.stringContaining("+User=nobody-there") },
    ]);
  });

  test("a host that does not answer is evidence, too", async () => {
    const target = answering({ ok: false, trouble: "host-key-changed", detail: "REMOTE HOST IDENTIFICATION HAS CHANGED", records: [] });
    const { evidence, now } = await collectHostEvidence(target, address, { ...about, stage: "connection" });
    expect(now).toBeUndefined();
    expect(knownCauses(evidence)[0]).toMatchObject({ id: "ssh-host-key-changed", confidence: "certain", remedy: { kind: "escalate" } });
  });

  test("records of a hostile host are bounded and name no unit that is none", async () => {
    const records = [
      { name: "failed", value: `--evil\n; rm -rf /\n$(id).service\nok.service\n${"x".repeat(300)}.service` },
      { name: "unit.0", value: "--evil" },
      { name: "unit.0.manager", value: "start operation timed out" },
      { name: "unit.1", value: "ok.service" },
      { name: "unit.1.journal", value: "z".repeat(2_000_000) },
      { name: "unit.1.holders", value: "held /x by --evil.service\nheld /x by ok2.service" },
      { name: "current", value: "/etc/shadow" },
    ];
    const { evidence, now } = await collectHostEvidence(answering({ ok: true, exitCode: 0, records, stderr: "" }), address, about);
    expect(evidence.units).toEqual(["mnt-busy.mount", "ok.service", "ok2.service"]);
    expect(JSON.stringify(evidence).length).toBeLessThan(60_000);
    expect(now?.current).toBeUndefined();
    expect(evidence.items.some((item) => item.kind === "unit-manager")).toBe(false);
  });
});

/** The program under the real prelude, in a shell of this machine; systemd need not run here. Stdin stays open until it says that it is done, as a connection's does. */
async function onThisMachine(shell: readonly string[], words: readonly string[]) {
  const nonce = "0123456789abcdef0123456789abcdef";
  const reader = new RecordReader({ nonce, maxBytes: 1024 * 1024 });
  const bootstrap = /^exec \/bin\/sh -c '(.*)'$/s.exec(rootCommand)?.[1] ?? "";
  const child = spawn(shell[0] ?? "", [...shell.slice(1), "-c", bootstrap], { detached: true });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => reader.add(chunk));
  child.stdin.write(remoteInput({ nonce, limitSeconds: 60, program: evidenceProgram, arguments: words }));
  await once(child, "close");
  return { reader, stderr };
}

describe.each([[["dash"]], [["bash", "--posix"]]])("the program in %s", (shell) => {
  test("ends well without systemd, and takes every argument as data", async () => {
    rmSync("/tmp/gate-evidence-injected", { force: true });
    const { reader, stderr } = await onThisMachine(shell, [
      "",
      "a b.service",
      "$(touch /tmp/gate-evidence-injected).service",
      "--version",
      "'; touch /tmp/gate-evidence-injected; '.service",
      "line\nend.service",
      "*.service",
      "nginx.service",
    ]);
    expect({ state: reader.state, problem: reader.problem, exit: reader.exitCode }).toEqual({
      state: "ended",
      problem: undefined,
      exit: 0,
    });
    expect(reader.records.filter((record) => /^unit\.\d+$/.test(record.name)).map((record) => record.value)).toContain("nginx.service");
    expect(
      reader.records.filter((record) => /^unit\.\d+$/.test(record.name)).every((record) => /^[A-Za-z0-9:_.\\@-]+$/.test(record.value)),
    ).toBe(true);
    expect(reader.records.find((record) => record.name === "disk")?.value).toMatch(/^\/ \d+ \d+ (\d+|-)$/m);
    expect(existsSync("/tmp/gate-evidence-injected")).toBe(false);
    expect(stderr).toBe("");
  });
});
