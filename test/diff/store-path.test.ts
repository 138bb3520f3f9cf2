import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { label, nameOf, packageName, storePathOf, withoutVersion } from "../../src/diff/store-path.ts";

const hash = "0a1b2c3d4f5g6h7i8j9k0l1m2n3p4q5r";

test.each([
  ["openssl-3.0.14", "openssl", "3.0.14", ""],
  ["openssl-3.0.14-bin", "openssl", "3.0.14", "bin"],
  ["glibc-2.40-66-lib32", "glibc", "2.40-66", "lib32"],
  ["gcc-14.3.0-lib", "gcc", "14.3.0", "lib"],
  ["firefox-unwrapped-133.0", "firefox-unwrapped", "133.0", ""],
  ["linux-6.12.58-modules-shrunk", "linux", "6.12.58-modules", "shrunk"],
  ["system-path", "system-path", "", ""],
  ["unit-sshd.service", "unit-sshd.service", "", ""],
  ["k3s-1.34.3+k3s1", "k3s", "1.34.3+k3s1", ""],
  ["-1", "", "1", ""],
  ["trailing-", "trailing-", "", ""],
])("%s is %s, %s, output %s", (whole, name, version, output) => {
  expect(packageName(whole)).toEqual({ name, version, output });
});

test("agrees with builtins.parseDrvName wherever there is no output", () => {
  const names = [
    "bash-5.3p3",
    "nixos-system-srv01-25.11.20251118.50a96ed",
    "etc",
    "perl5.40.0-XML-LibXML-2.0210",
    "x-",
    "a-b-",
    "a--1",
    "python3-3.13.9-env.drv",
    "lib-1",
    "1.0-2",
  ];
  const nix = `map builtins.parseDrvName (builtins.fromJSON ${JSON.stringify(JSON.stringify(names))})`;
  const said = JSON.parse(
    execFileSync("nix-instantiate", ["--eval", "--json", "--strict", "-"], { input: nix, encoding: "utf8" }),
  ) as unknown;
  expect(names.map((name) => ({ name: packageName(name).name, version: packageName(name).version }))).toEqual(said);
});

test("a store path is cut from what stands behind it, and only where it is one", () => {
  const path = `/nix/store/${hash}-linux-6.12.58`;
  expect(storePathOf(`${path}/lib/modules`, "/nix/store")).toBe(path);
  expect(storePathOf(path, "/nix/store")).toBe(path);
  for (const other of [
    "/nix/store",
    "/nix/store/",
    "/etc/passwd",
    `/nix/store/../${hash}-x`,
    `/nix/store/${hash}`,
    `/nix/store/${hash.toUpperCase()}-x`,
    `/nix/store/${hash}-a\nb`,
  ]) {
    expect(storePathOf(other, "/nix/store"), other).toBeUndefined();
  }
  expect(nameOf(path)).toBe("linux-6.12.58");
  expect(label(path)).toBe("linux 6.12.58");
});

test.each([
  ["linux-6.12.58-modules-shrunk", "linux-modules-shrunk"],
  ["stage-1-init.sh", "stage-1-init.sh"],
  ["systemd-258.2", "systemd"],
  ["glibc-2.40-66", "glibc"],
])("%s without its version is %s", (name, expected) => expect(withoutVersion(name)).toBe(expected));
