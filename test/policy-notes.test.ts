import { expect, test } from "vitest";
import type { Evaluation } from "../src/build/evaluate.ts";
import { EvaluatedFacts } from "../src/build/evaluated-facts.ts";
import { HostName } from "../src/discover/host.ts";
import { Policy } from "../src/policy.ts";
import { policyNotes, type PolicySide } from "../src/policy-notes.ts";

const now = new Date("2026-11-23T12:00:00Z");
const [a, b] = [HostName.parse("a"), HostName.parse("b")];
const on = { deploy: true };

/** A flake with the hosts a and b; `keys` are those of root on each. */
const side = (policy: unknown, keys: Readonly<Record<string, number>> = { root: 2 }): PolicySide => ({
  policy: Policy.parse(policy),
  hosts: [a, b],
  evaluated: new Map(
    [a, b].map((host) => {
      const evaluation: Evaluation = {
        host,
        drvPath: "/nix/store/x.drv",
        outPath: "/nix/store/x",
        system: "x86_64-linux",
        facts: EvaluatedFacts.parse({ keys }),
        warnings: [],
      };
      return [host, { ok: true, value: evaluation }] as const;
    }),
  ),
});
const narrow = { hosts: { a: { ...on, reboot: { windows: [{ from: "02:00", to: "02:01", zone: "UTC" }] } } } };

test("a policy of which nothing is to be said, and one under which nothing is deployed, are not mentioned", () => {
  expect(policyNotes(side({ hosts: { a: on } }), undefined, now, "whole")).toEqual([]);
  expect(policyNotes(side({}, { root: 1 }), undefined, now, "whole")).toEqual([]);
});

test("what cannot mean what its author wanted is told with the line that mends it", () => {
  expect(policyNotes(side(narrow, { root: 1 }), undefined, now, "counted")).toEqual([
    "Policy: The windows of a (daily 02:00–02:01 UTC) are shorter than a reboot takes: 420 seconds with its margin, so a pending reboot waits for ever. To mend it: deployGate.hosts.a.reboot.expectedSeconds = 120; # as long as it really takes, or a longer window",
    expect.stringMatching(
      /^Policy: One ssh key alone becomes root on a\. .* To mend it: users\.users\.root\.openssh\S+ = \[ "GATE" "YOURS" \];/,
    ),
  ]);
});

test("what the base says already is one sentence under a pull request, and whole for who types a command", () => {
  const after = side({ ...narrow, approval: { by: [] } });
  const [fresh, ...rest] = policyNotes(after, side(narrow), now, "counted");
  expect(fresh).toMatch(/approval\.by is empty/);
  expect(rest).toEqual(["Policy: 1 warning of the base stands as before; nixos-deploy-gate doctor lists them."]);
  const whole = policyNotes(after, side(narrow), now, "whole");
  expect(whole.map((note) => /approval\.by is empty|shorter than a reboot/.exec(note)?.[0])).toEqual([
    "approval.by is empty",
    "shorter than a reboot",
  ]);
});

test("a key that a change takes away is told in that change", () => {
  const policy = { hosts: { a: on } };
  expect(policyNotes(side(policy, { root: 1 }), side(policy, { root: 2 }), now, "counted")).toEqual([
    expect.stringContaining("One ssh key alone becomes root on a."),
  ]);
});
