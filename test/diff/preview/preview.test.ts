import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { previewJudgement } from "../../../src/classify/preview.ts";
import { classify } from "../../../src/classify/classify.ts";
import { diffSystem } from "../../../src/diff/diff.ts";
import { type Preview, previewFleet } from "../../../src/diff/preview/preview-fleet.ts";
import { PreviewStore } from "../../../src/diff/preview/preview-store.ts";
import { showDerivations } from "../../../src/diff/preview/show-derivations.ts";
import type { SystemDiff } from "../../../src/diff/system-diff.ts";
import { nixPort } from "../../../src/io/nix.ts";
import type { Nix } from "../../../src/io/ports.ts";
import { storeFiles } from "../../../src/io/store-files.ts";
import { nixVersions } from "../../nix/versions.ts";

const fixture = fileURLToPath(new URL("../../fixtures/derivations/nixos-shaped.nix", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "gate-preview."));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const sides = ["before", "after", "relabelled", "rebuilt"] as const;
let drvs: Readonly<Record<(typeof sides)[number], string>>;
beforeAll(() => {
  const [before = "", after = "", relabelled = "", rebuilt = ""] = sides.map((side) =>
    execFileSync("nix-instantiate", [fixture, "-A", side], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim(),
  );
  drvs = { before, after, relabelled, rebuilt };
}, 60_000);

const store = storeFiles();
const port = (path = process.env["PATH"] ?? ""): Nix => nixPort({ environment: { ...process.env, PATH: path }, scratch });
const options = { nix: port(), trust: "deploy-branch", timeoutSeconds: 60, store } as const;

async function preview(before: string | undefined, after: string, nix = options.nix): Promise<Preview> {
  const found = (await previewFleet([{ host: "web1", before, after }], { ...options, nix })).get("web1");
  if (found === undefined || "code" in found) throw new Error(found?.message ?? "no preview");
  return found;
}

const realise = (derivation: string): string =>
  execFileSync("nix-store", ["--realise", derivation], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

describe("what is foretold is what the build makes", () => {
  test("file by file", { timeout: 120_000 }, async () => {
    const derivations = await showDerivations([drvs.before, drvs.after], options);
    const foretold = new PreviewStore(derivations, store);
    for (const side of [drvs.before, drvs.after]) realise(side);
    const wrong: string[] = [];
    const unknown: string[] = [];
    let [same, compared] = [0, 0];
    const compare = (path: string): void => {
      const [a, b] = [foretold.entry(path), store.entry(path)];
      if (a?.kind === "other") unknown.push(path.slice(44));
      else if (a?.kind === "directory" && b?.kind === "directory")
        for (const name of new Set([...foretold.list(path), ...store.list(path)])) compare(`${path}/${name}`);
      else {
        compared += 1;
        const text = (files: typeof store): string | undefined => files.read(path, 1 << 20)?.text;
        const executable = (entry: typeof a): boolean | undefined => (entry?.kind === "file" ? entry.executable : undefined);
        const equal =
          a?.kind === b?.kind &&
          (a?.kind === "symlink"
            ? b?.kind === "symlink" && a.target === b.target
            : text(foretold) === text(store) && executable(a) === executable(b));
        if (equal) same += 1;
        else wrong.push(path.slice(44));
      }
    };
    for (const derivation of derivations.all())
      for (const output of derivation.outputs.values()) if (store.entry(output) !== undefined) compare(output);
    // A formatter lays it out anew: the text is shown as it stood before.
    expect(wrong).toEqual(["nginx.conf", "nginx.conf"]);
    expect(same).toBe(compared - 2);
    expect(same).toBeGreaterThan(100);
    expect(
      [...new Set(unknown)]
        .filter(
          (path) => !/^[a-z0-9-]+-\d[\d.-]*$|^nixos-system-web1-26\.(05|11)\.1\/(init|bin\/\.switch-to-configuration-wrapped)$/.test(path),
        )
        .sort(),
    ).toEqual(["initrd-linux-6.12.58/initrd", "initrd-linux-6.18.2/initrd", "system-path"]);
  });

  test("change by change", { timeout: 120_000 }, async () => {
    const real = await diffSystem(realise(drvs.before), realise(drvs.after), options);
    if (!real.ok) throw new Error(real.failure.message);
    const { diff } = await preview(drvs.before, drvs.after);
    const meant = ({ settings, files, units }: SystemDiff): unknown => ({
      settings,
      files: files
        .filter(({ path }) => path !== "nginx.service → nginx.conf")
        .map(({ path, change, diff: text }) => ({ path, change, text })),
      units: units.filter(({ hashOnly }) => !hashOnly),
    });
    expect(meant(diff as SystemDiff)).toEqual(meant(real.value.diff));
    expect(diff?.files.find(({ path }) => path === "nginx.service → nginx.conf")?.diff).toContain("+worker_processes 4;");
  });
});

describe.each(nixVersions())("with Nix $version", ({ path }) => {
  test(
    "kernel, parameters, units, texts, users, ports, activation and packages are told before the build",
    { timeout: 60_000 },
    async () => {
      const { diff, before, after, unchanged } = await preview(drvs.before, drvs.after, port(path));
      expect(unchanged).toBe(false);
      expect(diff).toMatchObject({
        preview: true,
        revisionOnly: false,
        system: {
          kernel: { from: "6.12.58", to: "6.18.2", series: "changed" },
          kernelParams: { added: ["mitigations=off"], removed: ["quiet"], changedKeys: [{ key: "loglevel", from: "4", to: "7" }] },
          bootLoader: { from: "systemd-boot", to: "systemd-boot", changed: true },
          switchToConfiguration: { from: "ng", to: "ng" },
          release: { from: "26.05", to: "26.11" },
          systemd: { changed: true },
          glibc: { from: "2.40-66", to: "2.40-66", changed: false },
          specialisations: { changedNames: ["debug"] },
        },
        settings: {
          sshd: [{ directive: "PermitRootLogin", from: ["no"], to: ["yes"] }],
          portsOpened: ["tcp/443"],
          portsClosed: ["tcp/80"],
          mounts: [{ mountPoint: "/", change: "options", optionsAdded: ["noatime"] }],
          users: [{ name: "bob", change: "added" }],
          groups: [{ key: "wheel" }],
        },
      });
      expect(diff?.units.filter(({ hashOnly }) => !hashOnly).map(({ name, change }) => `${name} ${change}`)).toEqual([
        "new.service added",
        "old.service removed",
      ]);
      expect(diff?.units).toContainEqual(expect.objectContaining({ name: "firewall.service", effect: "reload" }));
      expect(diff?.settings.activation.map(({ snippet, change }) => `${snippet} ${change}`)).toEqual([
        "users changed",
        "binsh changed",
        "late added",
      ]);
      expect(diff?.packages.added.map(({ name }) => name)).toContain("htop");
      expect(diff?.packages.changed).toContainEqual(
        expect.objectContaining({ name: "openssl", from: ["3.6.0"], to: ["3.6.1"], direction: "up" }),
      );
      expect(diff?.packages.changed.map(({ name }) => name)).not.toContain("gcc-wrapper");
      expect(diff?.specialisations?.get("debug")?.system.kernelParams.added).toEqual(["verbose"]);
      expect(before?.units.get("getty@.service")?.path).toMatch(/-unit-getty-\.service\/getty@\.service$/);
      expect(after.users?.users.get("bob")?.uid).toBe(1001);
      expect(after.etc.get("static")?.text).toBe("from the flake's own tree\n");
    },
  );

  test("what cannot be known is said, and no sentence of it is about what cannot differ", async () => {
    const { diff } = await preview(drvs.before, drvs.after, port(path));
    expect(diff?.unknown).toEqual([
      "This is a preview from the derivations: sizes, and what packages refer to in the end, are known after the build only.",
      "Known after the build only, of system-units: which files there are in nginx 1.28.0/etc/systemd/system.",
      "What is in the initrd is known after the build only.",
      "Whether all kernel modules fit the kernel is known after the build only.",
      "Units that come with packages are known after the build only; these may change with theirs: multi-user.target, systemd-logind.service.",
    ]);
    // Another label touches no package: all that is unknown is the same unknown on both sides.
    expect((await preview(drvs.before, drvs.relabelled, port(path))).diff?.unknown).toHaveLength(1);
  });
});

test("the same derivation on both sides is unchanged, and that is certain", async () => {
  const { unchanged, diff } = await preview(drvs.before, drvs.before);
  expect(unchanged).toBe(true);
  expect(diff).toMatchObject({ units: [], files: [], unknown: [], packages: { added: [], removed: [], changed: [], rebuilt: [] } });
});

test("another label alone is not called clean: only the build can tell", async () => {
  const { diff, before, after, unchanged } = await preview(drvs.before, drvs.relabelled);
  expect([unchanged, diff?.revisionOnly]).toEqual([false, false]);
  const judged = previewJudgement(classify({ before, after, diff: diff as SystemDiff, facts: {}, phase: "pull-request" }, {}).judgement);
  expect(judged).toMatchObject({ verdict: "unknown-until-built", findings: [] });
});

test("a library that packages are built with: they are rebuilt, and no unit of theirs looks broken", async () => {
  const { diff, before, after } = await preview(drvs.before, drvs.rebuilt);
  expect(diff?.packages.rebuilt.map(({ name }) => name)).toEqual(expect.arrayContaining(["nginx", "systemd"]));
  const judged = previewJudgement(classify({ before, after, diff: diff as SystemDiff, facts: {}, phase: "pull-request" }, {}).judgement);
  expect(judged.findings.map(({ rule }) => rule)).not.toContain("service-runs-nothing");
});

test("a host with nothing to compare with has its system and no diff", async () => {
  const { before, diff, after } = await preview(undefined, drvs.after);
  expect([before, diff]).toEqual([undefined, undefined]);
  expect(after.kernelParams).toEqual(["loglevel=7", "mitigations=off"]);
});

test("one host's trouble is that host's value", async () => {
  const file = execFileSync(
    "nix-instantiate",
    ["-E", 'derivation { name = "x"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo > $out" ]; }'],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  ).trim();
  const found = await previewFleet(
    [
      { host: "a", before: drvs.before, after: file },
      { host: "b", before: drvs.before, after: drvs.after },
    ],
    options,
  );
  expect(found.get("a")).toMatchObject({ code: "preview-impossible" });
  expect(found.get("b")).toMatchObject({ diff: { preview: true } });
});

test("Nix that cannot show a derivation is an error with what Nix said", async () => {
  const gone = "/nix/store/00000000000000000000000000000000-gone.drv";
  await expect(preview(undefined, gone)).rejects.toMatchObject({
    failure: { code: "derivations-failed", detail: expect.stringContaining("gone.drv") },
  });
});

test("no host, no question", async () => {
  const nix: Nix = { version: () => Promise.reject(new Error("asked")), run: () => Promise.reject(new Error("asked")) };
  expect(await previewFleet([], { ...options, nix })).toEqual(new Map());
});
