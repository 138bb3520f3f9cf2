import { expect, test } from "vitest";
import { effective, parseUnitInto, unitFlag, unitWords, type UnitSections } from "../../src/diff/unit-parse.ts";

function parsed(...texts: string[]): Record<string, Record<string, string[]>> {
  const sections: UnitSections = new Map();
  for (const text of texts) parseUnitInto(sections, text);
  return Object.fromEntries([...sections].map(([name, keys]) => [name, Object.fromEntries(keys)]));
}

test.each([
  ["keys keep every value", "[Service]\nEnvironment=A=1\nEnvironment=B=2\n", { Service: { Environment: ["A=1", "B=2"] } }],
  ["blanks around = go", "[Unit]\nDescription =  A b  \n", { Unit: { Description: ["A b"] } }],
  ["comments and blank lines go", "# a\n; b\n\n[Unit]\n# c\nAfter=x\n", { Unit: { After: ["x"] } }],
  [
    "a continued line is one value",
    "[Service]\nExecStart=/bin/x \\\n  --a \\\n  --b\nType=simple\n",
    { Service: { ExecStart: ["/bin/x --a --b"], Type: ["simple"] } },
  ],
  [
    "a comment between continued lines is skipped",
    "[Service]\nExecStart=/bin/x \\\n# no\n  --a\n",
    { Service: { ExecStart: ["/bin/x --a"] } },
  ],
  ["a file that ends in a continuation", "[Service]\nExecStart=/bin/x \\", { Service: { ExecStart: ["/bin/x"] } }],
  ["an empty value is kept", "[Service]\nExecStart=\nExecStart=/b\n", { Service: { ExecStart: ["", "/b"] } }],
  [
    "a section may come twice",
    "[Unit]\nAfter=a\n[Service]\nType=x\n[Unit]\nAfter=b\n",
    { Unit: { After: ["a", "b"] }, Service: { Type: ["x"] } },
  ],
  ["lines without a section or a key are left out", "A=1\n[Unit]\nnonsense\n=x\n", { Unit: {} }],
])("%s", (_name, text, result) => {
  expect(parsed(text)).toEqual(result);
});

test("a drop-in adds, and an empty value resets", () => {
  const values = parsed("[Service]\nExecStart=/a\n", "[Service]\nExecStart=\nExecStart=/b\n")["Service"]?.["ExecStart"];
  expect(values).toEqual(["/a", "", "/b"]);
  expect(effective(values)).toEqual(["/b"]);
  expect(effective(["/a", ""])).toEqual([]);
});

test("booleans as switch-to-configuration reads them", () => {
  const flag = (value: string): boolean => unitFlag({ sections: new Map([["Service", new Map([["X", [value]]])]]) }, "Service", "X", false);
  expect(["1", "yes", "true", "on", "True", "0", "no", "maybe"].filter(flag)).toEqual(["1", "yes", "true", "on"]);
});

test("words over several assignments", () => {
  expect(unitWords({ sections: new Map([["Unit", new Map([["Wants", ["a  b", "", "c", "d e"]]])]]) }, "Unit", "Wants")).toEqual([
    "c",
    "d",
    "e",
  ]);
});
