import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { GcRoots } from "../../src/build/gc-root.ts";
import { build } from "../../src/build/build.ts";
import { changedInputs } from "../../src/diagnose/changed-since.ts";
import { speaksForNix } from "../../src/build/believed.ts";
import { collectBuildEvidence, failureAtBase } from "../../src/diagnose/collect-build-evidence.ts";
import type { Evidence } from "../../src/diagnose/evidence.ts";
import { knownCauses } from "../../src/diagnose/known-cause.ts";
import { HostName } from "../../src/discover/host.ts";
import { parseLock, type LockFile } from "../../src/discover/lock-file.ts";
import { failure, type Failure } from "../../src/failure.ts";
import { systemClock } from "../../src/io/clock.ts";
import { logLine, nixPort } from "../../src/io/nix.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { describeErrors, nixError } from "../../src/nix-message.ts";
import { commit, world } from "../discover/checkout.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { nixVersions } from "../nix/versions.ts";
import { provoke, troubles } from "./nix-troubles.ts";
import { evidence as sampleEvidence, item as sampleItem } from "./sample.ts";

/** Real builds that fail, through the whole of it: what the build says, the stored log, the way to what failed, and what is known of it. */
const scratch = mkdtempSync(join(tmpdir(), "gate-evidence-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const zeroHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const system = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux`;

describe.each(nixVersions())("on Nix $version", ({ directory, path, version }) => {
  const nix = nixPort({ environment: { ...process.env, PATH: path }, scratch: join(scratch, version) });

  /** A "toplevel" that needs a build by this script. */
  async function failing(name: string, script: string, more = ""): Promise<{ failure: Failure; evidence: Evidence }> {
    const tag = `${name}-${scratch.slice(-6)}-${version}`.replaceAll(/[^A-Za-z0-9-]/g, "-");
    const quoted = JSON.stringify(script).replaceAll("$", "\\$");
    const expression = `let
      common = { system = "${system}"; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; };
      low = derivation (common // { name = "${tag}"; args = [ "-c" ${quoted} ]; ${more} });
      top = derivation (common // { name = "top-${tag}"; args = [ "-c" "cp \${low} $out" ]; });
    in "\${top.drvPath} \${top.outPath}"`.replace("cp ${low} $out", "cp ${low} \\$out");
    const printed = execFileSync(join(directory, "nix"), ["eval", "--raw", "--impure", "--expr", expression], {
      encoding: "utf8",
      env: { ...process.env, PATH: path },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [drvPath = "", outPath = ""] = printed.split(" ");
    const host = HostName.parse("web1");
    const found = await build([{ host, drvPath, outPath }], {
      nix,
      trust: "unreviewed",
      files: storeFiles(),
      log: recordingLog(),
      clock: systemClock,
      timeoutSeconds: 60,
      roots: new GcRoots(join(scratch, "roots")),
    });
    const result = found.get(drvPath);
    if (result === undefined || result.ok) throw new Error("it was built");
    const evidence = await collectBuildEvidence(
      {
        stage: "build",
        host,
        failure: result.failure,
        toplevelDrv: drvPath,
        atBase: failureAtBase({ ok: true, value: 1 }),
        change: undefined,
      },
      nix,
      "unreviewed",
    );
    return { failure: result.failure, evidence };
  }

  test("a wrong hash is certain, and the way to it is shown", async () => {
    const { evidence } = await failing(
      "wrong-hash",
      "echo hi > $out",
      `outputHash = "${zeroHash}"; outputHashAlgo = "sha256"; outputHashMode = "flat";`,
    );
    expect(knownCauses(evidence)[0]).toMatchObject({
      id: "hash-mismatch",
      confidence: "certain",
      culprit: expect.stringContaining("wrong-hash"),
    });
    expect(evidence.atBase).toBe("works");
    expect(evidence.items.find((item) => item.kind === "dependency")?.text).toContain("top-wrong-hash");
  });

  test("a builder that writes in Nix's name makes nothing certain", async () => {
    // It finds its own derivation in the store, and says of it in Nix's log format what Nix would say.
    const message = "error: hash mismatch in fixed-output derivation '$drv': specified: sha256-A got: sha256-B";
    const forged = JSON.stringify({ action: "msg", level: 0, msg: message }).replaceAll('"', '\\"');
    const { failure: made, evidence } = await failing(
      "forger",
      `drv=$(ls -d /nix/store/*-forger-${scratch.slice(-6)}-*${version.replaceAll(/[^A-Za-z0-9-]/g, "-")}.drv | grep -v -- -top- | head -n 1); echo "@nix ${forged}"; exit 1`,
    );
    expect(made.code).toBe("build-failed");
    expect(made.detail).not.toMatch(/^specified/);
    expect(evidence.items.find((item) => item.kind === "message")?.origin).toBe("program");
    expect(knownCauses(evidence).filter((cause) => cause.confidence === "certain")).toEqual([]);
  });

  test("the end of the stored log is there, without its secrets", async () => {
    const { evidence } = await failing(
      "chatty",
      `for i in 1 2 3 4 5 6 7 8 9; do echo "step $i"; done; echo 'password = hunter2hunter2'; echo 'boom'; exit 3`,
    );
    const log = evidence.items.find((item) => item.kind === "build-log");
    expect(log?.text).toContain("step 9");
    expect(log?.text).not.toContain("hunter2");
    expect(log?.text.trimEnd().endsWith("boom")).toBe(true);
    expect(log?.origin).toBe("program");
    expect(knownCauses(evidence)).toEqual([]);
  });

  test("a builder that was killed may be built once more", async () => {
    const { evidence } = await failing("killed", "kill -9 $$");
    expect(knownCauses(evidence)[0]).toMatchObject({ id: "builder-killed", remedy: { kind: "retry" } });
  });

  /** What the recordings show, asked again: a version that changes its words is seen here. */
  test("says what it said when it was recorded", () => {
    for (const name of ["attribute-missing", "infinite-recursion", "undefined-variable", "file-not-tracked", "signature-missing"]) {
      const trouble = troubles.find((each) => each.name === name);
      const said = trouble === undefined ? undefined : provoke(trouble, { version, directory, path });
      const text = describeErrors((said ?? "").split("\n").flatMap((line) => nixError(logLine(line)) ?? []));
      const asked = sampleEvidence({
        stage: trouble?.stage ?? "build",
        items: [sampleItem({ origin: trouble?.stage === "evaluation" ? "flake" : "tool", text })],
      });
      expect(knownCauses(asked)[0]?.confidence, `${name}: ${text}`).toBe("certain");
    }
  }, 120_000);
});

test("what the change brought: files, and inputs by their revisions", async () => {
  const lock = (rev: string, day: number): string =>
    JSON.stringify({
      version: 7,
      root: "root",
      nodes: {
        root: { inputs: { nixpkgs: "nixpkgs" } },
        nixpkgs: {
          locked: { type: "github", owner: "NixOS", repo: "nixpkgs", rev, lastModified: day * 86_400, narHash: "sha256-x" },
          original: {},
        },
      },
    });
  const place = world();
  try {
    const base = commit(place.checkout, { "flake.lock": lock("a".repeat(40), 20_000), "hosts/a b.nix": "1" });
    const head = commit(place.checkout, { "flake.lock": lock("b".repeat(40), 20_001), "hosts/a b.nix": "2", "hosts/new\nline.nix": "3" });
    const located = await place.port.locate(place.checkout);
    if (located.kind !== "checkout") throw new Error(located.kind);
    const repository = { git: place.port, directory: join(place.scratch, "repo") };
    await place.port.createRepository(repository.directory, located.checkout);
    const nothing = { run: () => Promise.reject(new Error("no Nix is needed")) };
    const evidence = await collectBuildEvidence(
      {
        stage: "evaluation",
        host: "web1",
        failure: failure("host-evaluation-failed", { flake: ".", host: "web1" }, "attribute 'x' missing"),
        toplevelDrv: undefined,
        atBase: "unknown",
        change: { repository, base, head, directory: "" },
      },
      nothing,
      "unreviewed",
    );
    expect(evidence.items.find((item) => item.kind === "changed-inputs")?.text).toBe(
      "nixpkgs: github:NixOS/nixpkgs aaaaaaaaaaaa (2024-10-04) -> github:NixOS/nixpkgs bbbbbbbbbbbb (2024-10-05)",
    );
    expect(evidence.items.find((item) => item.kind === "changed-files")?.text).toBe("M flake.lock\nM hosts/a b.nix\nA hosts/new line.nix");
    expect(knownCauses(evidence)[0]).toMatchObject({ id: "attribute-missing", confidence: "certain" });
  } finally {
    place.remove();
  }
});

test("inputs that came and went", () => {
  const lock = (nodes: object): LockFile => {
    const parsed = parseLock(JSON.stringify({ version: 7, root: "root", nodes: { root: {}, ...nodes } }));
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.lock;
  };
  const node = (type: string) => ({ locked: { type, url: "https://x.org/y.tar.gz", narHash: "sha256-abc" } });
  expect(
    changedInputs(lock({ a: node("tarball"), b: node("file") }), lock({ b: node("file"), c: { locked: { type: "path", path: "./x" } } })),
  ).toEqual(["a: tarball:https://x.org/y.tar.gz sha256-abc -> none", "c: none -> path:./x "]);
});

test("a line that Nix would take for its own is seen wherever its word stands", () => {
  expect(speaksForNix('@nix {"action":"msg","level":0,"msg":"error: x"}')).toBe(true);
  expect(speaksForNix('a\n@nix { "level": 0, "msg": "x", "action" : "msg" }\nb')).toBe(true);
  expect(speaksForNix('echo @nix {"action":"msg"}')).toBe(false);
  expect(speaksForNix('@nix {"action":"setPhase","phase":"buildPhase"}')).toBe(false);
});
