import { describe, expect, test } from "vitest";
import { judgeLock, type LockTree } from "../../src/discover/flake-lock.ts";
import { parseLock, type LockFile } from "../../src/discover/lock-file.ts";

const hash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const rev = "0123456789abcdef0123456789abcdef01234567";
type Locked = Record<string, unknown>;

function lockText(nodes: Record<string, { locked?: Locked; inputs?: object; parent?: string[]; original?: Locked }>, version = 7): string {
  const root = { inputs: Object.fromEntries(Object.keys(nodes).map((name) => [name, name])) };
  return JSON.stringify({ version, root: "root", nodes: { root, ...nodes } });
}
function parsed(text: string): LockFile {
  const result = parseLock(text);
  if (!result.ok) throw new Error(result.problem);
  return result.lock;
}
const lock = (locked: Locked, parent?: string[]): LockFile =>
  parsed(lockText({ x: parent === undefined ? { locked } : { locked, parent } }));
const tree: LockTree = { directory: "", symlinks: new Set() };
const why = (locked: Locked, base?: Locked, at: LockTree = tree): string | undefined =>
  judgeLock(lock(locked), base === undefined ? undefined : lock(base), at)[0]?.why;

describe("a new input is refused", () => {
  test.each<[string, Locked]>([
    ["an absolute path", { type: "path", path: "/etc/shadow" }],
    ["an absolute path with a hash", { type: "path", path: "/etc/shadow", narHash: hash }],
    ["a path in a home", { type: "path", path: "~/x", narHash: hash }],
    ["a process", { type: "path", path: "/proc/self/environ" }],
    ["a path that leaves", { type: "path", path: "../../x" }],
    ["a path that leaves and comes back", { type: "path", path: "./a/../../x" }],
    ["an empty path", { type: "path", path: "" }],
    ["a path that is no text", { type: "path", path: ["/etc"] }],
    ["file+file", { type: "file", url: "file:///etc/shadow", narHash: hash }],
    ["a tarball by file", { type: "tarball", url: "file:///srv/x.tar.gz", narHash: hash }],
    ["git+file", { type: "git", url: "file:///srv/x", rev }],
    ["git by path", { type: "git", url: "/srv/x", rev }],
    ["git by relative path", { type: "git", url: "../x", rev }],
    ["git+ssh", { type: "git", url: "ssh://git@github.com/o/r", rev }],
    ["git as scp writes it", { type: "git", url: "git@github.com:o/r", rev }],
    ["git as scp writes it, without a user", { type: "git", url: "github.com:o/r", rev }],
    ["git by a helper", { type: "git", url: "ext::sh -c touch% /tmp/x", rev }],
    ["a port of this machine", { type: "tarball", url: "http://localhost:8080/x.tar.gz", narHash: hash }],
    ["a registry's name", { type: "indirect", id: "nixpkgs" }],
    ["a type that is not known", { type: "gopher", url: "https://example.org", narHash: hash }],
    ["no type", { url: "https://example.org", narHash: hash }],
    ["no hash", { type: "tarball", url: "https://example.org/x.tar.gz" }],
    ["a hash that is none", { type: "tarball", url: "https://example.org/x.tar.gz", narHash: "x" }],
    ["no revision", { type: "github", owner: "o", repo: "r" }],
    ["a branch for a revision", { type: "git", url: "https://example.org/x", rev: "main" }],
    ["credentials", { type: "tarball", url: "https://user:pw@example.org/x", narHash: hash }],
    ["a user", { type: "tarball", url: "https://token@example.org/x", narHash: hash }],
    ["github on a private host", { type: "github", owner: "o", repo: "r", rev, host: "169.254.169.254" }],
    ["a host that is none", { type: "gitlab", owner: "o", repo: "r", rev, host: "example.org/../../x" }],
    ["a host with a user", { type: "gitlab", owner: "o", repo: "r", rev, host: "example.org@localhost" }],
    ["a backslash", { type: "tarball", url: "https://example.org\\@localhost/x", narHash: hash }],
  ])("%s", (_, locked) => {
    expect(why(locked)).toBeTypeOf("string");
  });

  test.each([
    "127.0.0.1",
    "127.1",
    "0",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",

    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "100.64.0.1",
    "100.127.255.255",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[::ffff:127.0.0.1]",

    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "x.localhost",
    "printer.local",
    "metadata.google.internal",
    "forgejo",
    "git.lan",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "[::127.0.0.1]",
    "[ff02::1]",
    "255.255.255.255",
  ])("of the host %s, in every type that takes one", (host) => {
    expect(why({ type: "tarball", url: `https://${host}/x`, narHash: hash })).toBeTypeOf("string");
    expect(why({ type: "git", url: `http://${host}:3000/x`, rev })).toBeTypeOf("string");
    expect(why({ type: "github", owner: "o", repo: "r", rev, host })).toBeTypeOf("string");
  });
});

describe("a new input is let through", () => {
  test.each<[string, Locked]>([
    ["github", { type: "github", owner: "NixOS", repo: "nixpkgs", rev, narHash: hash, lastModified: 1 }],
    [
      "gitlab of one's own, on the public network",
      { type: "gitlab", owner: "o", repo: "r", rev, narHash: hash, host: "gitlab.example.org" },
    ],
    ["git+https", { type: "git", url: "https://example.org/x.git", rev, narHash: hash }],
    ["a tarball", { type: "tarball", url: "https://example.org/x.tar.gz", narHash: hash }],
    ["a path inside the flake", { type: "path", path: "./modules/x", narHash: hash }],
    ["a path inside the flake that 2.26 leaves without a hash", { type: "path", path: "modules" }],
    ["a public address", { type: "tarball", url: "https://[2606:4700::1111]/x", narHash: hash }],
    ["a public IPv4 address next to a private range", { type: "tarball", url: "https://172.32.0.1/x", narHash: hash }],
  ])("%s", (_, locked) => {
    expect(why(locked)).toBeUndefined();
  });

  test("a sibling in the same repository, but not what lies beside the repository", () => {
    const deeper = { directory: "hosts/a", symlinks: new Set<string>() };
    expect(why({ type: "path", path: "../../lib" }, undefined, deeper)).toBeUndefined();
    expect(why({ type: "path", path: "../../../lib" }, undefined, deeper)).toBe("it leaves the repository");
  });
});

test("a relative path through a symbolic link is refused, wherever the link stands on the way", () => {
  const linked = { directory: "", symlinks: new Set(["a/link"]) };
  for (const path of ["./a/link", "a/link/etc", "a/link/../x", "./a/./link/x"])
    expect(why({ type: "path", path }, undefined, linked)).toContain("symbolic link");
  expect(why({ type: "path", path: "a/linked" }, undefined, linked)).toBeUndefined();
  // Unchanged in the lock file, but head has put a link in its place.
  expect(why({ type: "path", path: "a/link" }, { type: "path", path: "a/link" }, linked)).toContain("symbolic link");
});

describe("what base has", () => {
  test("is not judged again, under whatever name", () => {
    const old = { type: "path", path: "/srv/infra", narHash: hash };
    expect(why(old, old)).toBeUndefined();
    expect(judgeLock(parsed(lockText({ other: { locked: old } })), lock(old), tree)).toEqual([]);
  });

  test("does not vouch for anything but itself", () => {
    expect(why({ type: "path", path: "/etc/shadow", narHash: hash }, { type: "path", path: "/srv/infra", narHash: hash })).toBeTypeOf(
      "string",
    );
    expect(why({ type: "path", path: "/srv/infra" }, { type: "path", path: "/srv/infra", narHash: hash })).toBeTypeOf("string");
    expect(
      why({ type: "tarball", url: "file:///x", narHash: hash }, { type: "tarball", url: "https://example.org/x", narHash: hash }),
    ).toBeTypeOf("string");
    // The lock file says the truth about the content and lies about the place.
    expect(
      why(
        { type: "git", url: "https://10.0.0.1/x", rev, narHash: hash },
        { type: "git", url: "https://example.org/x", rev, narHash: hash },
      ),
    ).toBeTypeOf("string");
  });

  test("may be updated in place where it is a repository on the network", () => {
    const newer = rev.replace("0", "f");
    for (const url of ["ssh://git@example.org/x", "https://git.internal/x"]) {
      expect(why({ type: "git", url, rev: newer, ref: "x" }, { type: "git", url, rev })).toBeUndefined();
      expect(why({ type: "git", url: `${url}/y`, rev }, { type: "git", url, rev })).toBeTypeOf("string");
      expect(why({ type: "git", url }, { type: "git", url, rev })).toBe("it is not locked to a revision");
    }
    const local = "file:///srv/x";
    expect(why({ type: "git", url: local, rev: newer }, { type: "git", url: local, rev })).toBeTypeOf("string");
  });
});

test("a finding names the way to the input and what it asks for, without passwords", () => {
  const nodes = {
    root: { inputs: { a: "n1" } },
    n1: { inputs: { b: "n2" }, locked: { type: "github", owner: "o", repo: "r", rev } },
    n2: { locked: { type: "tarball", url: "https://u:pw@example.org/\u0007", narHash: hash } },
  };
  const [finding] = judgeLock(parsed(JSON.stringify({ version: 7, root: "root", nodes })), undefined, tree);
  expect(finding).toEqual({ input: ["a", "b"], reference: "tarball https://***@example.org/?", why: "its url cannot be read" });
});

test("relative inputs of other inputs stay in their own source", () => {
  const nodes = (path: string): LockFile =>
    parsed(
      lockText({
        far: { locked: { type: "github", owner: "o", repo: "r", rev, dir: "sub" }, inputs: { near: "near" } },
        near: { locked: { type: "path", path }, parent: ["far"] },
      }),
    );
  expect(judgeLock(nodes("../x"), undefined, tree)).toEqual([]);
  expect(judgeLock(nodes("../../x"), undefined, tree)[0]?.why).toBe("it leaves the repository");
  expect(judgeLock(lock({ type: "path", path: "x" }, ["nowhere"]), undefined, tree)[0]?.why).toBe(
    "the flake that it is relative to cannot be told",
  );
});

test("chains of follows that lead in circles or grow without end are cut", () => {
  const inputs = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`i${index}`, Array.from({ length: 40 }, (__, inner) => `i${(index + inner + 1) % 40}`)]),
  );
  const text = JSON.stringify({
    version: 7,
    root: "root",
    nodes: { root: { inputs: { ...inputs, x: "x" } }, x: { locked: { type: "path", path: "a" }, parent: ["i0"] } },
  });
  expect(judgeLock(parsed(text), undefined, tree)[0]?.why).toBe("the flake that it is relative to cannot be told");
});

describe("a lock file", () => {
  test.each([4, 5, 6, 7])("of version %d is read, with keys that are not known", (version) => {
    const text = lockText({ x: { locked: { type: "github", owner: "o", repo: "r", rev, __final: true } } }, version);
    expect(parsed(text.replace('"version"', '"later":{},"version"')).version).toBe(version);
  });

  test.each([
    ["a newer version", lockText({}, 8)],
    ["nothing", ""],
    ["no JSON", "{"],
    ["a list", "[]"],
    ["a mark before it", `\uFEFF${lockText({})}`],
    ["no root", JSON.stringify({ version: 7, root: "x", nodes: {} })],
    ["a key twice", lockText({ x: { locked: { type: "github", rev } } }).replace('"type":"github"', '"type":"path","type":"github"')],
    [
      "a key twice, once in another spelling",
      lockText({ x: { locked: { type: "github", rev } } }).replace('"type":"github"', '"typ\\u0065":"path","type":"github"'),
    ],
    [
      "a node twice",
      lockText({ x: { locked: { type: "github" } } }).replace('"x":{"locked"', '"x":{"locked":{"type":"path"}},"x":{"locked"'),
    ],
    ["__proto__ as a node", lockText({}).replace('"nodes":{', '"nodes":{"__proto__":{"locked":{"type":"path","path":"/etc"}},')],
    ["locked that is a text", lockText({}).replace('"nodes":{', '"nodes":{"x":{"locked":"path:/etc"},')],
    ["too deep", lockText({ x: { locked: { type: JSON.parse(`${"[".repeat(50)}${"]".repeat(50)}`) as unknown } } })],
    ["too long", lockText({ x: { locked: { type: "x".repeat(9_000_000) } } })],
  ])("with %s is a problem", (_, text) => {
    expect(parseLock(text).ok).toBe(false);
  });

  test("with quotes, colons and braces in its texts is no problem", () => {
    expect(parseLock(lockText({ 'x":{"y': { locked: { type: '"a":', rev: '\\":' } } })).ok).toBe(true);
  });
});
