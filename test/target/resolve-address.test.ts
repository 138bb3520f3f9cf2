import { describe, expect, test } from "vitest";
import { HostName } from "../../src/discover/host.ts";
import { Policy } from "../../src/policy.ts";
import { addressOf, type KnownTarget } from "../../src/target/resolve-address.ts";

const web = HostName.parse("web");
const key = `ssh-ed25519 ${"A".repeat(68)}`;
const policy = (target: object = {}, apply: object = {}) => Policy.parse({ hosts: { web: { target } }, apply });
const resolve = (target: object = {}, known: KnownTarget = {}) => {
  const result = addressOf(web, policy(target), known);
  return result.ok ? result.value.address : result.failure;
};

test("a host of which nothing is said is reached by its own name, as root", () => {
  expect(addressOf(HostName.parse("db"), policy())).toEqual({
    ok: true,
    value: {
      address: {
        host: "db",
        hostname: "db",
        port: 22,
        user: "root",
        sudo: false,
        jump: [],
        identity: { name: "db", machineId: undefined },
        hostKeys: [],
      },
      notes: [],
    },
  });
});

test("the policy's words go first, key by key", () => {
  const target = {
    hostname: "10.0.0.1",
    user: "deploy",
    port: 2222,
    jump: ["j@bastion:1"],
    name: "web1",
    machineId: "0".repeat(32),
    hostKeys: [key],
  };
  const known = {
    deployNode: { hostname: "other", sshUser: "x", sshOpts: ["-p", "1"] },
    hive: { targetHost: "third" },
    systemHostName: "fourth",
  };
  expect(resolve(target, known)).toEqual({
    host: "web",
    hostname: "10.0.0.1",
    port: 2222,
    user: "deploy",
    sudo: true,
    jump: ["j@bastion:1"],
    identity: { name: "web1", machineId: "0".repeat(32) },
    hostKeys: [key],
  });
  expect(resolve({ port: 2222 }, known)).toMatchObject({ hostname: "other", user: "x", port: 2222, identity: { name: "fourth" } });
});

test("deploy-rs goes before colmena and the two are never mixed", () => {
  const hive = { targetHost: "hive", targetUser: "h", targetPort: 7 };
  expect(resolve({}, { deployNode: { hostname: "node" }, hive })).toMatchObject({ hostname: "node", user: "root", port: 22 });
  expect(resolve({}, { hive })).toMatchObject({ hostname: "hive", user: "h", port: 7, sudo: true });
  expect(resolve({}, { hive: { targetUser: null, targetPort: null } })).toMatchObject({ hostname: "web", user: "root", port: 22 });
});

test("what everybody is deployed as is the policy's user where nothing else says so", () => {
  const result = addressOf(web, policy({}, { user: "deploy" }), { deployNode: { hostname: "n" } });
  expect(result).toMatchObject({ ok: true, value: { address: { user: "deploy", sudo: true } } });
});

test("colmena's null is a host that is not deployed from here, unless the policy says where it is", () => {
  expect(resolve({}, { hive: { targetHost: null } })).toMatchObject({ code: "target-address", message: expect.stringContaining("null") });
  expect(resolve({ hostname: "here" }, { hive: { targetHost: null } })).toMatchObject({ hostname: "here" });
});

describe("sshOpts of deploy-rs", () => {
  const read = (...sshOpts: string[]) => addressOf(web, policy(), { deployNode: { hostname: "n", sshOpts } });
  test.each([
    [["-p", "2222"], { port: 2222 }],
    [["-p2222"], { port: 2222 }],
    [["-p 2222"], { port: 2222 }],
    [["-o", "Port=2222"], { port: 2222 }],
    [["-oPort 2222"], { port: 2222 }],
    [["-J", "a@b:1,c"], { jump: ["a@b:1", "c"] }],
    [["-o", "ProxyJump=b"], { jump: ["b"] }],
    [["-l", "deploy"], { user: "deploy", sudo: true }],
  ])("%j leads there", (words, expected) => {
    expect(read(...words)).toMatchObject({ ok: true, value: { address: expected, notes: [] } });
  });
  test("what says how and not where to is passed over, and said", () => {
    const result = read("-A", "-i", "~/.ssh/id", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p", "1");
    expect(result).toMatchObject({ ok: true, value: { address: { port: 1 } } });
    expect(result.ok && result.value.notes).toHaveLength(4);
  });
  test.each([
    [["-o", "ProxyCommand=curl evil"]],
    [["-oProxyCommand=curl evil"]],
    [["-o", "HostName=evil"]],
    [["-o", "HostKeyAlias=other"]],
    [["-F", "config"]],
    [["-W", "a:1"]],
    [["elsewhere"]],
    [["-p", "99999"]],
    [["-p", "x"]],
    [["-p"]],
    [["-o", "Port=22;id"]],
    [["-J", "a b"]],
    [["-J", "a:99999"]],
    [["-J", "-oProxyCommand=id"]],
    [["-l", "-x"]],
    [["-o", "\u001b[31m"]],
  ])("%j is refused", (words) => {
    const result = read(...words);
    expect(result).toMatchObject({ ok: false, failure: { code: "target-address" } });
    expect(JSON.stringify(result)).not.toContain("\\u001b");
  });
});

test.each([
  { deployNode: { hostname: "-oProxyCommand=id" } },
  { deployNode: { hostname: "a b" } },
  { deployNode: { hostname: "root@host" } },
  { deployNode: { hostname: "a\nProxyCommand id" } },
  { deployNode: { hostname: "%h" } },
  { deployNode: { hostname: "" } },
  { deployNode: { hostname: "n", sshUser: "a b" } },
  { deployNode: { hostname: "n", sshUser: "-l" } },
  { hive: { targetHost: "$(id)" } },
  { hive: { targetUser: "a\nb" } },
  { hive: { targetPort: 0 } },
  { hive: { targetPort: 1.5 } },
  { systemHostName: "a\nb" },
])("a foreign value that is none is refused: %j", (known) => {
  expect(resolve({}, known)).toMatchObject({ code: "target-address" });
});
