import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mayEvaluate, releaseCanary, type Evaluation, type Isolation } from "../../src/discover/canary.ts";
import { controlDirectory, plantBait } from "../../src/io/bait.ts";
import { openJail } from "../../src/io/jail.ts";
import { nixPort, type Wrap } from "../../src/io/nix.ts";
import type { Bait, CommandResult, Nix } from "../../src/io/ports.ts";
import { nixVersions } from "../nix/versions.ts";

const scratch = mkdtempSync(join(tmpdir(), "gate-canary-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ways = (isolation: Isolation): readonly string[] => (isolation.kind === "isolated" ? [] : isolation.ways);

describe.each(nixVersions().map((nix) => [nix.version, nix] as const))("Nix %s", (_, nix) => {
  const environment = { ...process.env, PATH: nix.path };
  const release = async (wrap: Wrap | undefined): Promise<{ isolation: Isolation; bait: Bait }> => {
    const bait = plantBait(scratch);
    try {
      return { isolation: await releaseCanary(nixPort({ environment, scratch, ...(wrap === undefined ? {} : { wrap }) }), bait, 60), bait };
    } finally {
      bait.remove();
    }
  };

  test("in the jail is isolated, and no secret is in the store", async () => {
    const before = new Set(existsSync("/nix/store") ? readdirSync("/nix/store") : []);
    const opened = await openJail({ environment, scratch, readable: [controlDirectory(scratch)], writable: [] });
    if (opened.kind !== "open") throw new Error(opened.reason);
    const { isolation, bait } = await release(opened.jail.wrap);
    await opened.jail.close();
    expect(isolation).toEqual({ kind: "isolated" });
    const brought = readdirSync("/nix/store").filter((name) => !before.has(name) && !name.endsWith(".drv"));
    const texts = brought.map((name) => join("/nix/store", name)).filter((path) => statSync(path).isFile());
    for (const path of texts) expect(readFileSync(path, "latin1")).not.toMatch(new RegExp(`${bait.process.secret}|${bait.file.text}`));
  });

  test("without one is exposed in four ways", async () => {
    expect(ways((await release(undefined)).isolation).toSorted()).toEqual([
      "a builder reads files of the gate",
      "a builder reads the environment of the gate's process",
      "evaluation reads files of the gate",
      "evaluation reads the environment of the gate's process",
    ]);
  });

  test("with half a jail says which half is missing", async () => {
    const own: Wrap = (argv, env) => ({
      argv: ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", ...argv],
      environment: env,
    });
    expect(ways((await release(own)).isolation).toSorted()).toEqual([
      "a builder reads files of the gate",
      "evaluation reads files of the gate",
    ]);
    const masked: Wrap = (argv, env) => ({
      argv: ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0"/secret-*; exec "$@"', join(scratch, "canary"), ...argv],
      environment: env,
    });
    expect(ways((await release(masked)).isolation).filter((way) => way.includes("process")).length).toBe(2);
  });

  test("where builders cannot run nothing is shown, so it is not isolated", async () => {
    const opened = await openJail({ environment, scratch, readable: [controlDirectory(scratch)], writable: [] });
    if (opened.kind !== "open") throw new Error(opened.reason);
    const { jail } = opened;
    const noBuild: Wrap = (argv, env, trust) => jail.wrap([...argv, "--option", "allow-import-from-derivation", "false"], env, trust);
    const { isolation } = await release(noBuild);
    await jail.close();
    expect(ways(isolation)[0]).toMatch(/^it could not be shown .*process/);
  });
});

describe("an answer that shows nothing is not isolation", () => {
  let bait: Bait;
  beforeAll(() => {
    bait = plantBait(scratch);
  });
  afterAll(() => bait.remove());
  const answer = (result: Partial<CommandResult>): Nix => ({
    version: () => Promise.reject(new Error("not asked")),
    run: () => Promise.resolve({ exitCode: 1, signal: undefined, timedOut: false, stdout: "", stderr: "", ...result }),
  });
  const refused = "error: unable to download 'file:///x': Couldn't read a file:// file (37)";

  test.each<[string, () => Partial<CommandResult>]>([
    ["silence", () => ({})],
    ["a time-out", () => ({ timedOut: true })],
    ["a refusal without the control", () => ({ stderr: `trace: canary-builder=ran.\n${refused}` })],
    ["a refusal with a wrong control", () => ({ stderr: `trace: canary-control=0123\ntrace: canary-builder=ran.\n${refused}` })],
    ["another error", () => ({ stderr: `trace: canary-control=${bait.control.text}\ntrace: canary-builder=ran.\nerror: out of memory` })],
    ["success", () => ({ exitCode: 0, stdout: "read" })],
    [
      "the file's secret",
      () => ({ stderr: `trace: canary-control=${bait.control.text}\ntrace: canary-builder=ran.\n${refused}\n${bait.file.text}` }),
    ],
    [
      "the process' secret",
      () => ({ stderr: `trace: canary-control=${bait.control.text}\ntrace: canary-builder=ran.\n${refused}\n${bait.process.secret}` }),
    ],
    [
      "a builder that found it",
      () => ({ stderr: `trace: canary-control=${bait.control.text}\ntrace: canary-builder=ran,process.\n${refused}` }),
    ],
  ])("%s", async (_, result) => {
    expect((await releaseCanary(answer(result()), bait, 1)).kind).toBe("exposed");
  });

  test("the right one is", async () => {
    const stderr = `trace: canary-control=${bait.control.text}\ntrace: canary-builder=ran.\n${refused}`;
    expect(await releaseCanary(answer({ stderr }), bait, 1)).toEqual({ kind: "isolated" });
  });
});

describe("whether code may be evaluated", () => {
  const exposed: Isolation = { kind: "exposed", ways: ["evaluation reads files of the gate"] };
  const worst: Evaluation = {
    trust: "unreviewed",
    isolation: exposed,
    holdsSecrets: true,
    holdsWriteToken: true,
    policyIsolation: "required",
  };

  test.each<[string, Partial<Evaluation>, boolean]>([
    ["unreviewed, exposed, with everything to lose", {}, false],
    ["with secrets only", { holdsWriteToken: false }, false],
    ["with a write token only", { holdsSecrets: false }, false],
    ["with nothing to lose", { holdsSecrets: false, holdsWriteToken: false }, true],
    ["isolated", { isolation: { kind: "isolated" } }, true],
    ["on the deploy branch", { trust: "deploy-branch" }, true],
    ["the operator said so", { policyIsolation: "unreviewed code may read the secrets of this runner" }, true],
  ])("%s", (_, change, expected) => {
    const answer = mayEvaluate({ ...worst, ...change });
    expect(answer.ok).toBe(expected);
    if (!answer.ok) {
      expect(answer.failure.code).toBe("evaluation-exposed");
      expect(answer.failure.message).toContain("evaluation reads files of the gate");
    } else expect(answer.because).not.toBe("");
  });
});
