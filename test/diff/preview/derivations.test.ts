import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Derivations } from "../../../src/diff/preview/derivations.ts";
import { placeholder } from "../../../src/diff/preview/placeholder.ts";
import { GateError } from "../../../src/failure.ts";

const fixture = (version: string): Buffer => readFileSync(new URL(`../../fixtures/derivations/show-${version}.json`, import.meta.url));
const toplevel = "/nix/store/z3g1m9iygfli7s707fvgb09jjz44wr85-nixos-system-web1-24.05.test.drv";

function read(bytes: Uint8Array, piece = bytes.length): Derivations {
  const derivations = new Derivations("/nix/store");
  const reader = derivations.reader("nix derivation show");
  for (let at = 0; at < bytes.length; at += piece) reader.write(bytes.subarray(at, at + piece));
  reader.end();
  return derivations;
}
const readText = (text: string): Derivations => read(Buffer.from(text));

describe("the shapes of Nix 2.8 (and Lix), 2.26 and 2.34 say the same", () => {
  const expected = read(fixture("2.8")).byPath(toplevel);
  test("there is something to compare", () => {
    expect(expected?.outputs.get("out")).toBe("/nix/store/a3brn3z5dx625nqrh3s808vpxl6f94qi-nixos-system-web1-24.05.test");
    expect(expected?.build?.script).toContain("mkdir $out");
    expect(expected?.mentions).toContain("/nix/store/xphcvxxvm2fp8rvm5wivl8nvavy5fz1f-etc");
  });
  test.each(["2.26", "2.34"])("%s", (version) => expect(read(fixture(version)).byPath(toplevel)).toEqual(expected));
});

test.each([1, 2, 7, 64, 1000])("an answer in pieces of %i bytes is the same answer", (piece) => {
  expect([...read(fixture("2.34"), piece).all()]).toEqual([...read(fixture("2.34")).all()]);
  expect([...read(fixture("2.8"), piece).all()]).toEqual([...read(fixture("2.8")).all()]);
});

test("quotes, backslashes and braces in texts do not end a derivation", () => {
  const text = 'a "quoted\\" } ] , { [ \\\\ é\u2028 end';
  const record = {
    name: "x",
    outputs: { out: { path: "/nix/store/00000000000000000000000000000000-x" } },
    inputDrvs: {},
    env: { buildCommand: text },
    builder: "/bin/bash",
    args: ["-e"],
  };
  const bytes = Buffer.from(JSON.stringify({ "/nix/store/00000000000000000000000000000000-x.drv": record }));
  for (const piece of [1, 3, bytes.length]) expect([...read(bytes, piece).all()][0]?.build?.script).toBe(text);
});

describe("a wrong answer is an error that names the command", () => {
  test.each([
    ["nothing", "", "it is empty"],
    ["no JSON", "error: x", "it is not JSON"],
    ["a list", "[]", "it is not one JSON object"],
    ["half an answer", fixture("2.26").toString().slice(0, -40), "it ends in the middle"],
    ["a record that is a word", '{"/nix/store/x.drv": "x"}', "/nix/store/x.drv is not an object"],
    ["a record without env", '{"/nix/store/x.drv": {"outputs":{}}}', "has no outputs or no env"],
    ["two answers", '{"a":1}{"b":2}', "it is not one JSON object"],
    ["broken JSON inside", '{"/nix/store/x.drv": {"outputs" 3}}', "it is not JSON"],
  ])("%s", (_, text, problem) => {
    const run = (): unknown => readText(text);
    expect(run).toThrow(GateError);
    expect(run).toThrow("nix derivation show");
    expect(run).toThrow(problem);
  });
});

test("what stands beside the derivations is passed over", () => {
  expect(readText('{"version":4,"derivations":{},"more":{"x":[1,{"y":2}]}}').size).toBe(0);
});

test("a source is no package and mentions nothing; a compiler is no part of what it compiled", () => {
  const path = (letter: string, name: string): string => `/nix/store/${letter.repeat(32)}-${name}`;
  const record = (env: object, output: object): object => ({
    outputs: { out: output },
    env,
    builder: "/bin/bash",
    args: ["-e", "x"],
    inputDrvs: {},
  });
  const derivations = readText(
    JSON.stringify({
      [`${path("a", "src")}.drv`]: record({ url: path("b", "y") }, { path: path("a", "src"), hash: "00", hashAlgo: "sha256" }),
      [`${path("c", "pkg-1")}.drv`]: record(
        { buildInputs: path("d", "lib-1"), nativeBuildInputs: path("f", "gcc-1"), src: path("a", "src") },
        { path: path("c", "pkg-1") },
      ),
    }),
  );
  expect(derivations.byOutput(path("a", "src"))).toMatchObject({ fixed: true, mentions: [], build: undefined });
  expect(derivations.byOutput(path("c", "pkg-1"))?.mentions).toEqual([path("d", "lib-1")]);
});

test("structured attributes: variables, lists, lists of lists, in env and in a field of their own", () => {
  const out = "/nix/store/00000000000000000000000000000000-x";
  const structured = {
    buildCommand: "echo",
    enable: true,
    off: false,
    count: 3,
    names: ["a", "b"],
    chosenOutputs: [{ paths: ["/nix/store/11111111111111111111111111111111-git-2"] }],
  };
  const base = { outputs: { out: { path: out } }, builder: "/bin/bash", args: ["-e", "x"], inputDrvs: {} };
  const old = readText(JSON.stringify({ [`${out}.drv`]: { ...base, env: { __json: JSON.stringify(structured), out } } }));
  const now = readText(
    JSON.stringify({ version: 4, derivations: { [`${out.slice(11)}.drv`]: { ...base, env: { out }, structuredAttrs: structured } } }),
  );
  for (const derivations of [old, now]) {
    const found = derivations.byOutput(out);
    expect(found?.mentions).toEqual(["/nix/store/11111111111111111111111111111111-git-2"]);
    expect(found?.build?.environment.get("enable")).toBe("1");
    expect(found?.build?.environment.get("off")).toBe("");
    expect(found?.build?.environment.get("names")).toEqual(
      new Map([
        ["0", "a"],
        ["1", "b"],
      ]),
    );
  }
});

test("placeholders are what Nix makes them", () => {
  expect(placeholder("out")).toBe("/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9");
});
