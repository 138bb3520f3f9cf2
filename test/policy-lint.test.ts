import { describe, expect, test } from "vitest";
import { HostName } from "../src/discover/host.ts";
import { Policy } from "../src/policy.ts";
import { lintPolicy, type PolicyLint, type PolicyWarningCode } from "../src/policy-lint.ts";

const now = new Date("2026-11-23T12:00:00Z");
const host = (name: string): HostName => HostName.parse(name);
const on = { deploy: true };
const lint = (policy: unknown, more: Partial<PolicyLint> = {}) => lintPolicy({ policy: Policy.parse(policy), now, ...more });
const codes = (policy: unknown, more: Partial<PolicyLint> = {}): PolicyWarningCode[] => lint(policy, more).map(({ code }) => code);
const zone = "Europe/Berlin";
const nightly = [{ from: "02:00", to: "04:00", zone }];

test("a policy of which nothing is to be said", () => {
  const policy = {
    hosts: {
      a: { ...on, group: "web", canary: true },
      b: { ...on, group: "web" },
      "gw.example.org": { ...on, reboot: { windows: "any" } },
    },
    groups: { web: { reboot: { windows: nightly } } },
    approval: { by: ["ada"] },
  };
  expect(lint(policy, { hosts: ["a", "b", "gw.example.org"].map(host), forge: "forgejo" })).toEqual([]);
});

const cases: readonly (readonly [PolicyWarningCode, object, object, Partial<PolicyLint>?])[] = [
  ["no-host-deployed", { hosts: { a: {} } }, { hosts: { a: on } }],
  ["no-host-deployed", {}, { hosts: { a: on } }],
  ["host-unknown", { hosts: { a: on, wbe1: on } }, { hosts: { a: on, web1: on } }, { hosts: [host("a"), host("web1")] }],
  ["group-unknown", { hosts: { a: { ...on, group: "wbe" } } }, { hosts: { a: { ...on, group: "web" } }, groups: { web: {} } }],
  ["group-empty", { hosts: { a: on }, groups: { web: {} } }, { hosts: { a: { ...on, group: "web" } }, groups: { web: {} } }],
  [
    "group-never-allows",
    { hosts: { a: { ...on, group: "c" }, b: { ...on, group: "c" } }, groups: { c: { quorum: true } } },
    { hosts: { a: { ...on, group: "c" }, b: { group: "c" }, c: { group: "c" } }, groups: { c: { quorum: true } } },
  ],
  ["canary-not-deployed", { hosts: { a: on, b: { canary: true } } }, { hosts: { a: on, b: { ...on, canary: true } } }],
  ["approval-nobody", { hosts: { a: on }, approval: { by: [] } }, { hosts: { a: on }, approval: { by: ["ada"] } }],
  ["approval-nobody", { hosts: { a: on } }, { hosts: { a: on }, approval: { by: ["ada"] } }, { forge: "forgejo" }],
  ["approval-except-author", { hosts: { a: on }, approval: { exceptAuthor: true } }, { hosts: { a: on } }],
  [
    "window-never-opens",
    { hosts: { a: { ...on, reboot: { windows: nightly, blackout: [{ from: "2026-01-01", to: "2028-12-31" }] } } } },
    { hosts: { a: { ...on, reboot: { windows: nightly, blackout: [{ from: "2026-01-01", to: "2026-12-31" }] } } } },
  ],
  [
    "window-never-opens",
    { hosts: { a: { ...on, reboot: { windows: "any", blackout: [{ from: "2026-01-01", to: "2028-12-31" }] } } } },
    { hosts: { a: { ...on, reboot: { windows: "any" } } } },
  ],
  [
    // Ten minutes for a reboot of ten, and two of margin.
    "window-never-opens",
    { hosts: { a: { ...on, reboot: { windows: [{ from: "02:00", to: "02:10", zone }], expectedSeconds: 600 } } } },
    { hosts: { a: { ...on, reboot: { windows: [{ from: "02:00", to: "02:12", zone }], expectedSeconds: 600 } } } },
  ],
  [
    "window-unused",
    { hosts: { a: { ...on, reboot: { windows: nightly, attended: true } } } },
    { hosts: { a: { ...on, reboot: { attended: true } } } },
  ],
  [
    "isolation-waived",
    { hosts: { a: on }, evaluation: { isolation: "unreviewed code may read the secrets of this runner" } },
    { hosts: { a: on } },
  ],
];

describe.each(cases.map(([code, bad, good, more = {}]) => ({ code, bad, good, more })))("$code", ({ code, bad, good, more }) => {
  test("is said of one and not of the other", () => {
    expect(codes(bad, more)).toEqual([code]);
    expect(codes(good, more)).toEqual([]);
  });

  test("with one sentence and something to type", () => {
    for (const { sentence, next } of lint(bad, more)) {
      expect(sentence).toMatch(/^\w.*\.$/s);
      expect(next).not.toBe("");
    }
  });
});

test("windows that a group shares are said once, by their hosts", () => {
  const reboot = { windows: nightly, blackout: [{ from: "2026-01-01", to: "2028-12-31" }] };
  const hosts = Object.fromEntries(Array.from("abcdefgh").map((name) => [name, { ...on, group: "web" }]));
  const found = lint({ hosts, groups: { web: { reboot } } });
  expect(found.map(({ code }) => code)).toEqual(["window-never-opens"]);
  expect(found[0]?.sentence).toContain("a, b, c, d and 4 more");
});

test("programs that the policy names and this machine lacks", () => {
  const [found] = lint({ hosts: { a: on } }, { missing: ["/opt/it's/tell"] });
  expect(found).toMatchObject({ code: "program-missing", next: String.raw`ls -l '/opt/it'\''s/tell'` });
});

describe("ways in", () => {
  const access = (user: string, keys: Record<string, number> | undefined) => new Map([[host("a"), { user, keys }]]);
  test.each<readonly [string, string, Record<string, number> | undefined, PolicyWarningCode[]]>([
    ["two keys", "root", { root: 2 }, []],
    ["one key alone", "root", { root: 1, ada: 0 }, ["last-admin-key"]],
    ["one key of somebody else", "root", { root: 0, ada: 1 }, ["last-admin-key", "login-without-key"]],
    ["a user that the configuration does not count", "deploy", { root: 2 }, []],
    ["no key anywhere: they are somewhere else", "root", { root: 0 }, []],
    ["not known", "root", undefined, []],
  ])("%s", (_name, user, keys, wanted) => {
    expect(codes({ hosts: { a: on } }, { access: access(user, keys) })).toEqual(wanted);
  });
});
