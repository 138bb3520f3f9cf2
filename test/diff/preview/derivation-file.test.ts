import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseDerivationFile } from "../../../src/diff/preview/derivation-file.ts";
import { readDerivations } from "../../../src/diff/preview/read-derivations.ts";
import { showDerivations } from "../../../src/diff/preview/show-derivations.ts";
import { nixPort } from "../../../src/io/nix.ts";
import { storeFiles } from "../../../src/io/store-files.ts";

let scratch: string;
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "gate-drv-"))));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Everything that a derivation can hold: outputs of three kinds, inputs, odd bytes, structured attributes. */
const expression = `
  let
    make = more: derivation ({ system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo \\"a b\\" > $out" ]; } // more);
    fixed = make { name = "fixed"; outputHashMode = "flat"; outputHashAlgo = "sha256"; outputHash = "0000000000000000000000000000000000000000000000000000"; };
    two = make { name = "two"; outputs = [ "out" "dev" ]; odd = "tab\\tline\\nquote\\"back\\\\slash\\rend ]) ,("; src = builtins.toFile "source" "x"; };
  in make { name = "top"; inherit fixed two; dev = two.dev; empty = ""; nested = make { name = "nested"; __structuredAttrs = true; list = [ 1 "two" ]; buildCommand = "echo"; }; }`;

describe("a .drv file", () => {
  test("says the same as Nix does of it, of all that it needs", async () => {
    const top = JSON.parse(
      execFileSync("nix-instantiate", ["--eval", "--strict", "--json", "--read-write-mode", "--expr", `(${expression}).drvPath`], {
        encoding: "utf8",
      }),
    ) as string;
    const environment = { ...process.env, NIX_CONFIG: process.env["NIX_CONFIG"] ?? "experimental-features = nix-command flakes" };
    const shown = await showDerivations([top], { nix: nixPort({ environment, scratch }), trust: "deploy-branch", timeoutSeconds: 60 });
    const read = await readDerivations([top], storeFiles());
    expect(read?.size).toBe(4);
    const sorted = (all: Iterable<{ readonly path: string }>) => [...all].toSorted((a, b) => (a.path < b.path ? -1 : 1));
    expect(sorted(read?.all() ?? [])).toEqual(sorted(shown.all()));
    expect([...(read?.all() ?? [])].find(({ path }) => path.endsWith("-fixed.drv"))?.fixed).toBe(true);
  });
  test("that is not there leaves the question to Nix", async () => {
    expect(await readDerivations(["/nix/store/00000000000000000000000000000000-absent.drv"], storeFiles())).toBeUndefined();
    expect(await readDerivations(["/etc/passwd"], storeFiles())).toBeUndefined();
    expect(existsSync("/etc/passwd") && readFileSync("/etc/passwd").length).toBeGreaterThan(0);
  });
  const whole = 'Derive([("out","/nix/store/x","","")],[],[],"x86_64-linux","/bin/sh",[],[("a","b")])';
  test("of an unknown form does too, wherever it breaks off", () => {
    expect(parseDerivationFile(whole)).toMatchObject({ env: { a: "b" }, outputs: { out: { path: "/nix/store/x" } } });
    for (let length = 0; length < whole.length; length++) expect(parseDerivationFile(whole.slice(0, length))).toBeUndefined();
    expect(parseDerivationFile(`DrvWithVersion("xp-dyn-drv",${whole.slice(7)}`)).toBeUndefined();
    expect(parseDerivationFile(whole.replace('("a","b")', '("a")'))).toBeUndefined();
  });
  test("escapes are undone, an escaped backslash before a quote among them", () => {
    expect(parseDerivationFile(whole.replace('"b"', String.raw`"\\\"\n\\"`))?.env["a"]).toBe('\\"\n\\');
    expect(parseDerivationFile(whole.replace('"a"', '"__proto__"'))?.env).toEqual(Object.fromEntries([["__proto__", "b"]]));
  });
});
