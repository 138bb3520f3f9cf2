import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type PathInfo, PathInfoReader } from "../../src/diff/path-info.ts";
import { GateError } from "../../src/failure.ts";

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, "..", "fixtures", "path-info", name));

function read(bytes: Uint8Array, size = bytes.length): { valid: PathInfo[]; missing: string[] } {
  const valid: PathInfo[] = [];
  const missing: string[] = [];
  const reader = new PathInfoReader("nix path-info --json", {
    valid: (info) => void valid.push(info),
    missing: (path) => void missing.push(path),
  });
  for (let at = 0; at < bytes.length; at += size) reader.write(bytes.subarray(at, at + size));
  reader.end();
  return { valid: valid.sort((a, b) => (a.path < b.path ? -1 : 1)), missing };
}

const recorded = ["nix-2.8.json", "nix-2.26.json", "nix-2.34-format-1.json", "nix-2.34-format-2.json"];

describe("every recorded shape", () => {
  test.each(recorded)("%s says the same as the first", (name) => {
    const found = read(fixture(name));
    expect(found).toEqual(read(fixture("nix-2.8.json")));
    expect(found.valid).toHaveLength(7);
    expect(found.valid.find(({ path }) => path.includes("nixos-system"))).toMatchObject({ narSize: 1496 });
    expect(found.valid.every(({ references }) => references.every((reference) => reference.startsWith("/nix/store/")))).toBe(true);
  });

  test.each(recorded)("%s in pieces of any size says the same", (name) => {
    const whole = read(fixture(name));
    for (const size of [1, 2, 3, 7, 64, 1000]) expect(read(fixture(name), size), String(size)).toEqual(whole);
  });

  test.each(["nix-2.8-missing.json", "nix-2.26-missing.json"])("%s tells the missing path", (name) => {
    const { valid, missing } = read(fixture(name));
    expect(missing).toEqual(["/nix/store/0000000000000000000000000000000a-nope"]);
    expect(valid).toHaveLength(1);
  });

  test("a missing path of format 2, whose store is named last", () => {
    const text = '{"info":{"0000000000000000000000000000000a-nope":null},"storeDir":"/nix/store","version":2}';
    expect(read(Buffer.from(text))).toEqual({ valid: [], missing: ["/nix/store/0000000000000000000000000000000a-nope"] });
  });

  test("white space, escapes and fields of the future", () => {
    const text =
      ' [ { "path" : "/nix/store/a-\\u0041\\"b\\\\" , "narSize" : 5 , "references" : [ ] , "x" : { "y" : [ 1 , { } ] , "z" : ",}" } } ] \n';
    for (const size of [1, 5, 1000])
      expect(read(Buffer.from(text), size).valid).toEqual([{ path: '/nix/store/a-A"b\\', narSize: 5, references: [] }]);
    expect(read(Buffer.from("[]"))).toEqual({ valid: [], missing: [] });
    expect(read(Buffer.from("{}"))).toEqual({ valid: [], missing: [] });
  });
});

describe("what is no answer of path-info", () => {
  test.each([
    ["nothing", ""],
    ["a sentence", "error: something"],
    ["the beginning of an answer", '[{"path":"/nix/store/a","narSize":1,"references":[]}'],
    ["a number", "5"],
    ["two answers", "[][]"],
    ["another object", '{"packages":{"a":1}}'],
    ["a record without references", '{"/nix/store/a":{"narSize":1}}'],
    ["a record that is a text", '{"/nix/store/a":"x"}'],
    ["records without a path", '[{"narSize":1,"references":[]}]'],
    ["references that are numbers", '{"/nix/store/a":{"narSize":1,"references":[1]}}'],
    ["format 2 without a store", '{"info":{"a":{"narSize":1,"references":[]}},"version":2}'],
    ["format 2 with a list", '{"info":[],"storeDir":"/nix/store","version":2}'],
    ["broken JSON", '[{"path":"/nix/store/a",,}]'],
    ["brackets that close too much", "[]]"],
  ])("%s names the command", (_, text) => {
    for (const size of [1, 1000]) {
      let thrown: unknown;
      try {
        read(Buffer.from(text), size);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(GateError);
      expect((thrown as GateError).failure.code).toBe("path-info-shape");
      expect((thrown as GateError).failure.message).toContain("nix path-info --json");
    }
  });

  test("a record without an end is not collected for ever", () => {
    const reader = new PathInfoReader("nix path-info --json", { valid: () => undefined, missing: () => undefined });
    reader.write(Buffer.from('[{"path":"'));
    const piece = Buffer.alloc(1 << 20, "a");
    expect(() => {
      for (let count = 0; count < 20; count += 1) reader.write(piece);
    }).toThrow(GateError);
  });
});
