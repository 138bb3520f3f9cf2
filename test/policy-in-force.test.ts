import { describe, expect, test } from "vitest";
import * as z from "zod";
import { HostName } from "../src/discover/host.ts";
import { directions } from "../src/policy-directions.ts";
import { stricterPolicy } from "../src/policy-in-force.ts";
import { observeOnly, Policy, parsePolicy } from "../src/policy.ts";
import { rebootPolicyOf } from "../src/reboot/window-policy.ts";

type Raw = Record<string, unknown>;
const both = (applied: Raw, pushed: Raw) => stricterPolicy(parsePolicy(applied), parsePolicy(pushed));
const host = (more: Raw = {}): Raw => ({ hosts: { db1: { deploy: true, ...more } } });
const key = (letter: string): string => `ssh-ed25519 ${letter.repeat(68)}`;

/** The value at a path whose names hold no dots. */
const at = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], value);

/** Every key of a schema, records as `*`, down to where `stop` says that it is looked at as a whole. */
function keysOf(schema: z.core.$ZodType, path: string, stop: (path: string) => boolean): string[] {
  if (stop(path)) return [path];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return keysOf(schema.unwrap(), path, stop);
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape as Record<string, z.core.$ZodType>).flatMap(([name, inner]) =>
      keysOf(inner, path === "" ? name : `${path}.${name}`, stop),
    );
  if (schema instanceof z.ZodRecord) return keysOf(schema.valueType, `${path}.*`, stop);
  return [path];
}

describe("the table of directions", () => {
  const keys = keysOf(Policy, "", (path) => Object.hasOwn(directions, path));

  test("knows every key of the policy: a new one needs a line that says which of its values is the stricter", () => {
    expect(keys.length).toBeGreaterThan(50);
    expect(keys.filter((one) => !Object.hasOwn(directions, one))).toEqual([]);
  });
  test("and no key that the policy does not have", () => {
    expect(Object.keys(directions).filter((one) => !keys.includes(one))).toEqual([]);
  });
});

/** Stricter and looser value of every key that has an order. */
const pairs: readonly (readonly [key: string, strict: unknown, loose: unknown])[] = [
  ["hosts.db1.target.helper", true, false],
  ["session", "required", "optional"],
  ["session", "optional", "off"],
  ["apply.parallel", 1, 2],
  ["apply.stopAfterFailures", 1, 2],
  ["apply.soakSeconds", 60, 20],
  ["apply.copy.checkSignatures", true, false],
  ["apply.knownHosts", ["a"], ["a", "b"]],
  ["apply.knownHosts", ["@revoked * k", "a"], ["a"]],
  ["apply.checks", [{ type: "unit", unit: "a.service" }], []],
  ["approval.ttlHours", 1, 72],
  ["approval.by", ["alice"], ["alice", "mallory"]],
  ["approval.by", [], ["mallory"]],
  ["approval.by", ["alice"], undefined],
  ["approval.exceptAuthor", true, false],
  ["sessionSettings.questionUsd", 0.1, 0.5],
  ["sessionSettings.runUsd", 1, 3],
  ["sessionSettings.dayUsd", 1, 20],
  ["report.detail", "names", undefined],
  ["report.detail", "names", "full"],
  ["report.detail", undefined, "full"],
  ["evaluation.isolation", "required", "unreviewed code may read the secrets of this runner"],
  ["rules.kernel", { verdict: "risky", reason: "x" }, undefined],
  ["rules.kernel", undefined, { verdict: "clean", reason: "x" }],
  ["rules.kernel", { verdict: "clean", reason: "x" }, { verdict: "off", reason: "x" }],
  ["rules.kernel", { verdict: "reboot", reason: "it gives clean to nothing now" }, undefined],
  ["rules.to-come", undefined, { verdict: "off", reason: "x" }],
  ["groups.db.maxUnavailable", 1, 2],
  ["groups.db.maxUnavailable", "10%", "50%"],
  ["groups.db.maxUnavailable", "0%", 2],
  ["groups.db.quorum", true, false],
  ["groups.db.checks", [{ type: "unit", unit: "a.service" }], []],
  ["hosts.db1.canary", true, false],
  ["hosts.db1.checks", [{ type: "unit", unit: "a.service" }], []],
  ["hosts.db1.group", "db", undefined],
  ["hosts.db1.target.machineId", "a".repeat(32), undefined],
  ["hosts.db1.target.hostKeys", [key("a")], [key("a"), key("b")]],
  ["hosts.db1.reboot.windows", "never", "any"],
  ["hosts.db1.reboot.blackout", ["2026-12-24"], []],
  ["hosts.db1.reboot.attended", true, false],
  ["hosts.db1.reboot.trigger", "gate", "timer"],
  ["hosts.db1.reboot.inhibit", [["/bin/backup-runs"]], []],
  ["hosts.db1.reboot.notWhileLoggedIn", true, false],
  ["hosts.db1.reboot.marginSeconds", 300, 60],
  ["hosts.db1.reboot.staggerSeconds", 300, 60],
  ["hosts.db1.reboot.tryOnce", true, false],
  ["hosts.db1.reboot.bootEntry", "verify", "trust"],
  ["hosts.db1.reboot.mayBeOffline", false, true],
  ["hosts.db1.reboot.overdueHours", 24, 48],
];
/** Values of keys without an order: every change is for a person to see. */
const changes: readonly (readonly [key: string, one: unknown, other: unknown])[] = [
  ["apply.user", "root", "deploy"],
  ["apply.copy.signingKeyFile", undefined, "/etc/shadow"],
  ["notify.command", undefined, ["/bin/mallory"]],
  ["notify.command", ["ntfy"], undefined],
  ["notify.webhook", "https://example.org/a", "https://mallory.example.org/"],
  ["notify.webhook", undefined, "https://mallory.example.org/"],
  ["goals.directory", "a", "b"],
  ["goals.paths", ["hosts/**"], ["**"]],
  ["goals.by", {}, { intent: { autonomy: "propose" } }],
  ["goals.by", { incident: { autonomy: "propose" } }, { incident: { autonomy: "act" } }],
  ["context.commands", {}, { raid: { command: ["/bin/mallory"] } }],
  ["sessionSettings.model", "opus", "haiku"],
  ["sessionSettings.knowledge", ["a.md"], ["b.md"]],
  ["groups.db.maxUnavailable", 3, "50%"],
  ["groups.db.maxUnavailable", 2, "10%"],
  ["hosts.db1.target.hostname", "db1.example.org", "mallory.example.org"],
  ["hosts.db1.target.hostname", undefined, "mallory.example.org"],
  ["hosts.db1.target.user", "root", undefined],
  ["hosts.db1.target.port", 22, 2222],
  ["hosts.db1.target.jump", undefined, ["mallory.example.org"]],
  ["hosts.db1.target.name", undefined, "mallory"],
  ["hosts.db1.target.machineId", "a".repeat(32), "b".repeat(32)],
  ["hosts.db1.target.hostKeys", [key("a")], [key("b")]],
  ["hosts.db1.group", "db", "web"],
  ["hosts.db1.carries", [], ["runner"]],
  ["hosts.db1.reboot.blackoutZone", "UTC", "Europe/Berlin"],
  ["hosts.db1.reboot.windows", [{ from: "02:00", to: "04:00", zone: "UTC" }], [{ from: "14:00", to: "16:00", zone: "UTC" }]],
];
/** Values of keys of which neither guards less. */
const indifferent: readonly (readonly [key: string, one: unknown, other: unknown])[] = [
  ["apply.activationSeconds", 60, 900],
  ["apply.confirmSeconds", 60, 180],
  ["apply.loaderSeconds", 60, 300],
  ["apply.copy.store", "ssh", "ssh-ng"],
  ["apply.copy.substituteOnDestination", true, false],
  ["apply.copy.timeoutSeconds", 60, 3_600],
  ["sessionSettings.timeoutSeconds", 60, 240],
  ["evaluation.timeoutSeconds", 60, 600],
  ["build.timeoutSeconds", 60, 600],
  ["report.hostStatuses", true, false],
  ["report.deployments", "off", "groups"],
  ["groups.db.order", 1, 2],
  ["hosts.db1.reboot.commandSeconds", 10, 300],
  ["hosts.db1.reboot.expectedSeconds", 10, 300],
  ["hosts.db1.reboot.returnSeconds", 60, 1_200],
];

/** A policy of two hosts in one group that says this one thing besides. */
function saying(path: string, value: unknown): Policy {
  const raw: Raw = { hosts: { db1: { deploy: true, group: "db" }, web1: { deploy: true } } };
  if (value === undefined && path !== "hosts.db1.group") return parsePolicy(raw);
  const names = path.split(".");
  let place = raw;
  for (const name of names.slice(0, -1)) place = (place[name] ??= {}) as Raw;
  place[names.at(-1) ?? ""] = value;
  return parsePolicy(JSON.parse(JSON.stringify(raw)));
}

describe("a looser value that is pushed", () => {
  test.each(pairs)("%s: %j stays in force over %j, and the other way round nothing is loosened", (path, strict, loose) => {
    const down = stricterPolicy(saying(path, strict), saying(path, loose));
    expect(at(down.policy, path)).toEqual(at(saying(path, strict), path));
    expect(down.loosened.map((one) => one.key)).toEqual([path]);
    expect(down.loosened[0]?.hosts).toEqual(/^(hosts|groups)\./.test(path) ? ["db1"] : "all");
    expect(down.loosened[0]?.sentence).toContain(`deployGate.${path} `);
    expect(down.newlyManaged.size).toBe(0);

    const up = stricterPolicy(saying(path, loose), saying(path, strict));
    expect(at(up.policy, path)).toEqual(at(saying(path, strict), path));
    expect(up.loosened).toEqual([]);
  });

  test.each(changes)("%s: %j stays in force over %j, whichever it is", (path, one, other) => {
    const there = stricterPolicy(saying(path, one), saying(path, other));
    expect(there.loosened.map((found) => found.key)).toEqual([path]);
    if (Array.isArray(one) && path.endsWith("windows")) expect(at(there.policy, path)).toBe("never");
    else expect(at(there.policy, path)).toEqual(at(saying(path, one), path));
    if (one !== undefined && other !== undefined)
      expect(stricterPolicy(saying(path, other), saying(path, one)).loosened.map((found) => found.key)).toEqual([path]);
  });

  test.each(indifferent)("%s: the pushed one counts and is no loosening", (path, one, other) => {
    for (const [was, is] of [
      [one, other],
      [other, one],
    ] as const) {
      const { policy, loosened } = stricterPolicy(saying(path, was), saying(path, is));
      expect(at(policy, path)).toEqual(is);
      expect(loosened).toEqual([]);
    }
  });

  test("every key of the table that is not a host's own start is tried here", () => {
    const pattern = (path: string): string => path.replace(/^(hosts|groups|rules)\.[^.]+/, "$1.*");
    const tried = new Set([...pairs, ...changes, ...indifferent].map(([path]) => pattern(path)));
    const elsewhere = ["hosts.*.deploy", "hosts.*.facts", "groups.*.reboot", "hosts.*.reboot.drain", "hosts.*.reboot.undrain"];
    expect(Object.keys(directions).filter((path) => !tried.has(path))).toEqual(expect.arrayContaining(elsewhere));
    expect(Object.keys(directions).filter((path) => !tried.has(path) && !elsewhere.includes(path))).toEqual([]);
  });
});

test("the same policy twice is that policy, and nothing is loosened", () => {
  const policy = parsePolicy({
    hosts: {
      db1: { deploy: true, group: "db", facts: { tags: ["consul-server"] } },
      web1: { deploy: true, reboot: { windows: "any" } },
      x: {},
    },
    groups: { db: { quorum: true, reboot: { windows: "any" } } },
    rules: { kernel: { verdict: "clean", reason: "x" } },
  });
  expect(stricterPolicy(policy, policy)).toEqual({ policy, loosened: [], newlyManaged: new Set() });
  expect(stricterPolicy(observeOnly, observeOnly).policy).toEqual(observeOnly);
});

describe("whom the gate deploys", () => {
  test("a host that is handed over by the push is not deployed by it: it is held, for that one reason", () => {
    const given = { hosts: { db1: { deploy: true, target: { hostname: "10.0.0.1" }, checks: [] } } };
    for (const before of [{}, { hosts: { db1: { deploy: false, target: { hostname: "10.0.0.9" } } } }]) {
      const { policy, loosened, newlyManaged } = both(before, given);
      expect(policy.hosts[HostName.parse("db1")]).toMatchObject({ deploy: false, target: { hostname: "10.0.0.1" } });
      expect(loosened).toEqual([
        {
          key: "hosts.db1.deploy",
          from: "false",
          to: "true",
          sentence: "deployGate.hosts.db1.deploy was false and is true now.",
          hosts: ["db1"],
        },
      ]);
      expect([...newlyManaged]).toEqual(["db1"]);
    }
  });
  test("a host that is taken back is no longer deployed at once, whatever else changed about it", () => {
    for (const after of [{}, { hosts: { db1: { deploy: false, target: { hostname: "x" } } } }]) {
      const { policy, loosened } = both(host({ checks: [{ type: "unit", unit: "a.service" }] }), after);
      expect(policy.hosts[HostName.parse("db1")]?.deploy ?? false).toBe(false);
      expect(loosened).toEqual([]);
    }
  });
  test("what one host's keys do concerns that host alone, also where one name is the beginning of another key", () => {
    const { loosened } = both(
      { hosts: { a: { deploy: true, target: { port: 1 } }, "a.target": { deploy: true } } },
      { hosts: { a: { deploy: true, target: { port: 2 } }, "a.target": { deploy: true } } },
    );
    expect(loosened).toMatchObject([{ key: "hosts.a.target.port", from: "1", to: "2", hosts: ["a"] }]);
  });
  test("what a group's keys do concerns who is or was in it; a group of nobody concerns nobody", () => {
    const was = {
      hosts: { a: { deploy: true, group: "g" }, b: { deploy: true, group: "g" }, c: { deploy: true } },
      groups: { g: { quorum: true } },
    };
    const is = { hosts: { a: { deploy: true }, b: { deploy: true, group: "g" }, c: { deploy: true } } };
    const { policy, loosened } = both(was, is);
    expect(policy.groups["g"]?.quorum).toBe(true);
    expect(loosened).toMatchObject([
      { key: "groups.g.quorum", from: "true", to: "false", hosts: ["a", "b"] },
      { key: "hosts.a.group", from: '"g"', to: undefined, hosts: ["a"] },
    ]);
    expect(both({ groups: { g: { quorum: true } } }, {}).loosened).toEqual([]);
  });
});

describe("lists", () => {
  test("of checks are joined: a check that is changed counts as it was too", () => {
    const [one, other] = ["https://a.example", "https://b.example"].map((url) => ({ type: "http", url }));
    const { policy, loosened } = both({ apply: { checks: [one] } }, { apply: { checks: [other] } });
    expect(policy.apply.checks).toMatchObject([other, one]);
    expect(loosened).toMatchObject([{ key: "apply.checks", to: undefined }]);
  });
  test("of known hosts and of approvers are cut to what both have", () => {
    const { policy } = both({ apply: { knownHosts: ["a", "b"] } }, { apply: { knownHosts: ["b", "c", "@revoked * d"] } });
    expect(policy.apply.knownHosts).toEqual(["@revoked * d", "b"]);
    expect(both({ approval: { by: ["alice", "bob"] } }, { approval: { by: ["bob", "mallory"] } }).policy.approval.by).toEqual(["bob"]);
  });
  test("a replaced host key pins the old one, and never none", () => {
    expect(
      at(both(host({ target: { hostKeys: [key("a")] } }), host({ target: { hostKeys: [key("b")] } })).policy, "hosts.db1.target.hostKeys"),
    ).toEqual([key("a")]);
  });
  test.each([undefined, []])("pinned keys that are taken away (%j) stay pinned", (hostKeys) => {
    const { policy, loosened } = both(host({ target: { hostKeys: [key("a")] } }), host({ target: { hostKeys } }));
    expect(at(policy, "hosts.db1.target.hostKeys")).toEqual([key("a")]);
    expect(loosened.map((one) => one.key)).toEqual(["hosts.db1.target.hostKeys"]);
  });
  test("a first pin takes the place of known_hosts, and names the machine that is believed: a person sees it", () => {
    const { policy, loosened } = both(host(), host({ target: { hostKeys: [key("m")] } }));
    expect(loosened).toMatchObject([{ key: "hosts.db1.target.hostKeys", from: undefined, hosts: ["db1"] }]);
    expect(at(policy, "hosts.db1.target.hostKeys")).toBeUndefined();
    expect(both(host(), host({ target: { hostKeys: [] } })).loosened).toEqual([]);
  });
  test("windows that both have stay, and where there are none left nothing reboots", () => {
    const window = (from: string): Raw => ({ from, to: "23:00", zone: "UTC" });
    const windows = (...all: unknown[]): Raw => host({ reboot: { windows: all } });
    const inForce = (was: Raw, is: Raw): unknown => at(both(was, is).policy, "hosts.db1.reboot.windows");
    expect(inForce(windows(window("01:00"), window("02:00")), windows(window("02:00"), window("03:00")))).toMatchObject([window("02:00")]);
    expect(inForce(windows(window("01:00")), windows(window("02:00")))).toBe("never");
    expect(inForce(host({ reboot: { windows: "any" } }), windows(window("02:00")))).toMatchObject([window("02:00")]);
  });
});

test("facts that are said of a host are compared one by one: each can make a rule say less", () => {
  const { policy, loosened } = both(
    host({ facts: { needsPassphraseAtBoot: true, tags: ["a"] } }),
    host({ facts: { needsPassphraseAtBoot: false, tags: ["a"], hostUsesSwap: false } }),
  );
  expect(policy.hosts[HostName.parse("db1")]?.facts).toEqual({ needsPassphraseAtBoot: true, tags: ["a"] });
  expect(loosened).toMatchObject([
    { key: "hosts.db1.facts", from: '{"needsPassphraseAtBoot":true}', to: '{"hostUsesSwap":false,"needsPassphraseAtBoot":false}' },
  ]);
});

describe("reboots are compared as they count for the host", () => {
  const any = { windows: "any" };
  const member = (more: Raw = {}): Raw => ({ deploy: true, group: "db", ...more });
  test("a policy that moved from the group to the host is no change", () => {
    const { loosened, policy } = both(
      { hosts: { db1: member() }, groups: { db: { reboot: any } } },
      { hosts: { db1: member({ reboot: any }) } },
    );
    expect(loosened).toEqual([]);
    expect(rebootPolicyOf(policy, "db1").windows).toBe("any");
  });
  test("one that comes with the group is looser for its members, and for them alone", () => {
    const hosts = { db1: member(), db2: member({ reboot: { windows: "never" } }), web1: { deploy: true } };
    const { loosened, policy } = both({ hosts }, { hosts, groups: { db: { reboot: any } } });
    expect(loosened).toMatchObject([{ key: "hosts.db1.reboot.windows", from: '"never"', to: '"any"', hosts: ["db1"] }]);
    expect(rebootPolicyOf(policy, "db1").windows).toBe("never");
  });
  test("one that comes with another group is looser too, though no key of a group changed", () => {
    const groups = { quiet: {}, loud: { reboot: any } };
    const { loosened, policy } = both(
      { hosts: { db1: { deploy: true, group: "quiet" } }, groups },
      { hosts: { db1: { deploy: true, group: "loud" } }, groups },
    );
    expect(loosened.map((one) => one.key)).toEqual(["hosts.db1.group", "hosts.db1.reboot.windows"]);
    expect(rebootPolicyOf(policy, "db1").windows).toBe("never");
  });
  test("a drain that is added counts at once, one that is changed or gone does not", () => {
    const reboot = (more: Raw): Raw => host({ reboot: more });
    const drained = { drain: ["/bin/drain"], undrain: ["/bin/undrain"] };
    expect(both(reboot({}), reboot(drained)).loosened).toEqual([]);
    expect(both(reboot(drained), reboot({})).loosened.map((one) => one.key)).toEqual([
      "hosts.db1.reboot.drain",
      "hosts.db1.reboot.undrain",
    ]);
    expect(at(both(reboot(drained), reboot({ ...drained, drain: ["/bin/true"] })).policy, "hosts.db1.reboot.drain")).toEqual([
      "/bin/drain",
    ]);
  });
});

describe("a policy that plays tricks", () => {
  test("its rule against itself stays: what is said of it has no direction, since it is never followed", () => {
    expect(both({}, { rules: { "policy-loosened": { verdict: "off", reason: "x" } } }).loosened).toEqual([]);
  });
  test("names of the language are names", () => {
    const odd = JSON.parse(
      '{"rules":{"__proto__":{"verdict":"off","reason":"x"},"constructor":{"verdict":"off","reason":"x"}},"groups":{"constructor":{}}}',
    ) as Raw;
    const { policy, loosened } = both({}, odd);
    expect(loosened.map((one) => one.key)).toContain("rules.constructor");
    expect(Object.hasOwn(policy.rules, "constructor")).toBe(false);
    expect(policy.rules["__proto__"]?.verdict).not.toBe("off");
    expect(Object.getPrototypeOf(policy.rules)).toBe(Object.prototype);
  });
  test("a key that this program does not know takes no change by itself", () => {
    const strange = (value: unknown): Policy => ({ ...parsePolicy(host()), apply: Object.assign({ toCome: value }, observeOnly.apply) });
    const { policy, loosened } = stricterPolicy(strange({ a: 1 }), strange({ a: 2 }));
    expect(at(policy, "apply.toCome")).toEqual({ a: 1 });
    expect(loosened).toMatchObject([{ key: "apply.toCome", from: '{"a":1}', to: '{"a":2}', hosts: "all" }]);
  });
  test("long values that differ only where nobody looks are shown apart", () => {
    const long = (end: string): Raw => ({ type: "command", command: ["x".repeat(500) + end] });
    const shown = (end: string): string | undefined => both({ apply: { checks: [long(end)] } }, {}).loosened[0]?.from;
    expect(shown("a")).not.toBe(shown("b"));
    expect(shown("a")?.length).toBeLessThanOrEqual(210);
    expect(shown("a")).toMatch(/… sha256:[0-9a-f]{16}$/);
  });
  test("every key loosened at once is every key told", () => {
    const all = pairs.filter(([path], i) => pairs.findIndex(([other]) => other === path) === i);
    let strict: Raw = {};
    let loose: Raw = {};
    for (const [path, one, other] of all) {
      strict = put(strict, path, one);
      loose = put(loose, path, other);
    }
    const given = { deploy: true };
    const merged = both(put(strict, "hosts.db1.deploy", given.deploy), put(loose, "hosts.db1.deploy", given.deploy));
    expect(merged.loosened.map((one) => one.key)).toEqual(all.map(([path]) => path).toSorted());
  });
});

function put(raw: Raw, path: string, value: unknown): Raw {
  const [name = "", ...rest] = path.split(".");
  if (rest.length > 0) return { ...raw, [name]: put((raw[name] as Raw | undefined) ?? {}, rest.join("."), value) };
  return value === undefined ? raw : { ...raw, [name]: value };
}
