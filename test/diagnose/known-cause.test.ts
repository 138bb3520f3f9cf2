import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BuildLog } from "../../src/build/nix-log.ts";
import { knownCauses, type KnownCause } from "../../src/diagnose/known-cause.ts";
import { logLine } from "../../src/io/nix.ts";
import { describeErrors, nixError, toolWarning } from "../../src/nix-message.ts";
import { evidence, item } from "./sample.ts";

/** Real messages of three versions of Nix, and of a real systemd, each against the whole table. */
const fixtures = join(import.meta.dirname, "../fixtures/diagnose");
const versions = ["2.8.0", "2.26.3", "2.34.8"];

const lines = (version: string, stage: string, name: string) =>
  readFileSync(join(fixtures, "nix", version, stage, `${name}.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map(logLine);

/** What a failure of the evaluation says of it, as src/build/evaluate.ts puts it. */
function evaluated(version: string, name: string): KnownCause[] {
  const errors = lines(version, "evaluation", name).flatMap((line) => nixError(line) ?? []);
  return [
    ...knownCauses(evidence({ stage: "evaluation", items: [item({ kind: "message", origin: "flake", text: describeErrors(errors) })] })),
  ];
}

describe.each(versions)("Nix %s, evaluation", (version) => {
  test.each([
    ["attribute-missing", "attribute-missing", "certain", "postgressql"],
    ["infinite-recursion", "infinite-recursion", "certain", undefined],
    ["stack-overflow", "infinite-recursion", "certain", undefined],
    ["out-of-memory", "evaluation-out-of-memory", "likely", undefined],
    ["undefined-variable", "undefined-variable", "certain", "pkgs"],
    ["syntax", "syntax", "certain", undefined],
    ["wrong-type", "wrong-type", "certain", undefined],
    ["download-refused", "download-failed", "likely", "http://127.0.0.1:1/source.tar.gz"],
    ["option-does-not-exist", "option-missing", "certain", "services.nginx.enabel"],
    ["option-does-not-exist-hint", "option-missing", "certain", "services.nginx.enabel"],
    ["option-removed", "option-removed", "certain", "services.xserver.displayManager.defaultSession"],
    ["alias-renamed", "package-renamed", "certain", "mpd_clientlib"],
    ["alias-removed", "package-removed", "certain", "python2Packages"],
    ["unfree", "package-refused", "certain", "steam"],
    ["insecure", "package-refused", "certain", "python-2.7.18.6"],
    ["broken", "package-refused", "certain", "hakyll-4.14.0.0"],
    ["assertion", "assertion", "certain", undefined],
  ])("%s is %s, %s", (name, id, confidence, culprit) => {
    const [best] = evaluated(version, name);
    expect(best).toMatchObject({ id, confidence });
    if (culprit !== undefined) expect(best?.culprit).toBe(culprit);
  });

  test("a file that git does not know", () => {
    const [best] = evaluated(version, "file-not-tracked");
    expect(best).toMatchObject({ id: "file-not-in-git", confidence: "certain", remedy: { kind: "escalate" } });
    expect(best?.culprit).toMatch(/^hosts/);
  });

  test("the hint of a misspelt option is passed on", () => {
    expect(evaluated(version, "option-does-not-exist-hint")[0]?.cause).toContain("Nix suggests `services.nginx.enable'");
    expect(evaluated(version, "option-removed")[0]?.cause).toContain("Use services.displayManager.defaultSession instead.");
    expect(evaluated(version, "alias-renamed")[0]?.cause).toContain("libmpdclient");
  });
});

/** What Nix said, and apart from it the builder's own lines. */
function built(version: string, name: string): KnownCause[] {
  const log = new BuildLog();
  const errors = [];
  const warnings: string[] = [];
  for (const line of lines(version, "build", name)) {
    const event = log.add(line);
    const warning = toolWarning(line);
    if (warning !== undefined) warnings.push(warning);
    if (event?.kind === "failed") errors.push(event.error);
  }
  const error = errors.find((each) => each.derivation !== undefined) ?? errors[0];
  const derivation = error?.derivation;
  const said = lines(version, "build", name)
    .flatMap((line) => nixError(line) ?? [])
    .filter((each) => each.text.includes(derivation ?? " ") || derivation === undefined)
    .map((each) => each.text);
  return [
    ...knownCauses(
      evidence({
        stage: "build",
        derivation,
        items: [
          item({ kind: "message", origin: "tool", text: [...said, error?.reason ?? ""].join("\n") }),
          item({ kind: "trace", origin: "tool", text: warnings.join("\n") }),
          item({ kind: "build-log", origin: "program", text: derivation === undefined ? "" : log.lines(derivation).join("\n") }),
        ],
      }),
    ),
  ];
}

describe.each(versions)("Nix %s, build", (version) => {
  test.each([
    ["hash-mismatch", "hash-mismatch", "certain", "escalate"],
    ["builder-killed", "builder-killed", "likely", "retry"],
    ["builder-timeout", "builder-timeout", "likely", "retry"],
    ["platform", "platform", "certain", "escalate"],
    ["builder-disk-full", "builder-disk-full", "likely", "escalate"],
    ["substituter-refused", "substituter-dead", "likely", "wait-until"],
  ])("%s is %s, %s", (name, id, confidence, remedy) => {
    expect(built(version, name)[0]).toMatchObject({ id, confidence, remedy: { kind: remedy } });
  });

  test("a build that fails in a way of its own has no known cause", () => {
    expect(built(version, "builder-failed")).toEqual([]);
    expect(built(version, "builder-missing-header")).toEqual([]);
  });

  test("a full disk that the builder went on after is not why it failed", () => {
    expect(built(version, "builder-disk-long-ago")).toEqual([]);
  });

  test("nothing that a builder printed is certain, not even in Nix's own log format", () => {
    for (const cause of built(version, "builder-speaks-for-nix")) expect(cause.confidence).toBe("likely");
  });
});

describe.each(versions)("Nix %s, copy", (version) => {
  const copied = (name: string) => {
    if (!existsSync(join(fixtures, "nix", version, "copy", `${name}.jsonl`))) throw new Error("not recorded");
    const errors = lines(version, "copy", name).flatMap((line) => nixError(line) ?? []);
    return knownCauses(evidence({ stage: "copy", items: [item({ kind: "message", text: describeErrors(errors) })] }));
  };
  test("a path without a signature", () => {
    expect(copied("signature-missing")[0]).toMatchObject({ id: "signature-missing", confidence: "certain", remedy: { kind: "escalate" } });
  });
  test("a full disk", () => {
    expect(copied("store-disk-full")[0]).toMatchObject({ id: "disk-full", confidence: "certain" });
  });
});

describe("systemd", () => {
  const since = Number(readFileSync(join(fixtures, "systemd/since.txt"), "utf8"));
  const text = (unit: string, whose: string): string => readFileSync(join(fixtures, "systemd", `${unit}.${whose}.txt`), "utf8");
  const ofUnit = (unit: string, more: Parameters<typeof evidence>[0] = {}) =>
    knownCauses(
      evidence({
        stage: "verification",
        since,
        units: [unit],
        items: [
          item({ kind: "unit-manager", subject: unit, origin: "tool", text: text(unit, "manager") }),
          item({ kind: "unit-journal", subject: unit, origin: unit.endsWith(".mount") ? "tool" : "program", text: text(unit, "unit") }),
        ],
        ...more,
      }),
    );

  test("there are recordings", () => {
    expect(readdirSync(join(fixtures, "systemd")).length).toBeGreaterThan(30);
  });
  test.each([
    ["no-binary.service", "unit-exec-failed", "likely", "rollback"],
    ["no-permission.service", "unit-exec-failed", "likely", "rollback"],
    ["no-user.service", "unit-user-missing", "likely", "rollback"],
    ["bad-dir.service", "unit-directory-missing", "likely", "rollback"],
    ["slow-start.service", "unit-start-timeout", "certain", "restart-units"],
    ["slow-stop.service", "unit-stop-timeout", "certain", "restart-units"],
    ["restarts.service", "unit-restarts", "likely", "rollback"],
    ["port-b.service", "port-in-use", "likely", "restart-units"],
    ["full-disk.service", "unit-disk-full", "likely", "escalate"],
    ["state-permission.service", "unit-permission", "likely", "rollback"],
    ["mnt-busy.mount", "mount-busy", "certain", "escalate"],
    ["mnt-gone.mount", "mount-device-missing", "certain", "rollback"],
    ["mnt-wrong.mount", "mount-refused", "certain", "rollback"],
  ])("%s is %s, %s", (unit, id, confidence, remedy) => {
    expect(ofUnit(unit)[0]).toMatchObject({ id, confidence, remedy: { kind: remedy } });
  });
  test("a service that only says something of its own has no known cause", () => {
    expect(ofUnit("exits.service")).toEqual([]);
  });
  test("a unit that calls itself systemd is still a unit", () => {
    expect(ofUnit("speaks-as-systemd.service").filter((cause) => cause.confidence === "certain")).toEqual([]);
  });
  test("what the journal says of before the attempt is another story", () => {
    expect(ofUnit("full-disk.service", { since: since + 86_400 })).toEqual([]);
  });
});
