import { describe, expect, test } from "vitest";
import { outputLine, withOutput } from "../../src/init/flake-output.ts";

/** Shapes of flake.nix as people write them: the line comes where it belongs, or nowhere. */
const line = outputLine;

describe("puts the line in", () => {
  test.each<readonly [string, string, string]>([
    [
      "the plainest",
      `{\n  outputs = { self, nixpkgs }: {\n    nixosConfigurations.a = 1;\n  };\n}\n`,
      `{\n  outputs = { self, nixpkgs }: {\n    ${line}\n    nixosConfigurations.a = 1;\n  };\n}\n`,
    ],
    [
      "let … in, args@, comments and braces in strings",
      `{\n  # outputs = { }: {\n  description = "outputs = x: { \${"}"} {";\n  outputs = inputs@{ self, ... }:\n    let\n      x = let y = 1; in { inherit y; };\n      s = ''\n        } in { ''\${toString 1} \${"{"}\n      '';\n    in\n    {\n      # first\n      a = x;\n    };\n}\n`,
      `{\n  # outputs = { }: {\n  description = "outputs = x: { \${"}"} {";\n  outputs = inputs@{ self, ... }:\n    let\n      x = let y = 1; in { inherit y; };\n      s = ''\n        } in { ''\${toString 1} \${"{"}\n      '';\n    in\n    {\n      ${line}\n      # first\n      a = x;\n    };\n}\n`,
    ],
    ["one line", `{ outputs = _: { a = 1; }; }`, `{ outputs = _: { ${line} a = 1; }; }`],
    ["an empty set", `{\n  outputs = self: {\n  };\n}\n`, `{\n  outputs = self: {\n    ${line}\n  };\n}\n`],
    [
      "a comment behind the brace",
      `{\n  outputs = { self }@args: { # all of it\n      a = 1;\n  };\n  inputs.x.url = "github:a/b";\n}\n`,
      `{\n  outputs = { self }@args: { # all of it\n      ${line}\n      a = 1;\n  };\n  inputs.x.url = "github:a/b";\n}\n`,
    ],
  ])("%s", (_name, text, wanted) => {
    expect(withOutput(text)).toBe(wanted);
  });
});

describe("leaves alone", () => {
  test.each<readonly [string, string]>([
    ["a call", `{ outputs = inputs: inputs.flake-parts.lib.mkFlake { inherit inputs; } { systems = [ ]; }; }`],
    ["a join", `{ outputs = { self }: { a = 1; } // { b = 2; }; }`],
    ["a join from the left", `{ outputs = { self }: x // { b = 2; }; }`],
    ["a recursive set, where the line could change what others mean", `{ outputs = { self }: rec { a = 1; }; }`],
    ["an import", `{ outputs = import ./outputs.nix; }`],
    ["with", `{ outputs = { self }: with self.lib; { a = 1; }; }`],
    ["no outputs", `{ description = "x"; }`],
    ["outputs deeper down", `{ x = { outputs = { self }: { }; }; }`],
    ["a string that does not end", `{ outputs = { self }: { a = "; }; }`],
    ["no set at all", `let x = 1; in { outputs = { self }: { }; }`],
    ["nothing", ""],
    ["brackets that do not close", `{ outputs = { self }: { a = (1; `],
  ])("%s", (_name, text) => {
    expect(withOutput(text)).toBeUndefined();
  });

  test("a comment that is longer than what is looked at in one go", () => {
    const text = `{ # ${"x".repeat(500)}\n  outputs = { self }: { a = 1; }; # ${"} {".repeat(200)}\n}`;
    expect(withOutput(text)).toContain(`{ ${line} a = 1; }`);
  });
});
