import { expect, test } from "vitest";
import { edgeCaseOffer } from "../../src/diagnose/edge-case-offer.ts";
import { escalation, type EscalationInput, type HostNow } from "../../src/diagnose/escalation.ts";
import { escalationLines } from "../../src/diagnose/escalation-lines.ts";
import { item } from "./sample.ts";

const [from, to] = [`/nix/store/${"0".repeat(32)}-nixos-system-web1-1`, `/nix/store/${"1".repeat(32)}-nixos-system-web1-2`];
const host = (over: Partial<HostNow> = {}): HostNow => ({
  host: "web1",
  outcome: "failed",
  now: { current: to, profile: from, booted: from },
  from,
  to,
  failedUnits: ["nginx.service"],
  ...over,
});
const input = (over: Partial<EscalationInput> = {}): EscalationInput => ({
  stage: "activation",
  code: "activation-failed",
  happened: "web1 did not come to its new system.",
  hosts: [host(), host({ host: "web2", outcome: "rolled-back", now: { current: from, profile: from, booted: from }, failedUnits: [] })],
  known: [
    {
      id: "port-in-use",
      cause: "A unit cannot listen, since something else has its port.",
      culprit: "nginx.service",
      remedy: { kind: "rollback" },
      confidence: "likely",
      evidence: "98",
    },
  ],
  session: undefined,
  calls: [],
  tried: [{ remedy: "restart-units", seconds: 12.4, ended: "nginx.service failed again" }],
  stopped: ["the host is not taken back: data may have been migrated, so that going back is a person's decision"],
  evidence: [item({ kind: "unit-journal", subject: "nginx.service", text: "bind() failed" })],
  next: "nixos-deploy-gate verify --hosts web1",
  ...over,
});

test("a person reads what happened, how each host is now, what to type, why, and what was tried, in that order", () => {
  const text = escalationLines(escalation(input()))
    .map((line) => (line.mark === "fold" ? `[${line.title}] ${line.text}` : `${line.mark}: ${line.text}`))
    .join("\n");
  expect(text).toMatchInlineSnapshot(`
    "sentence: web1 did not come to its new system.
    heading: Now
    item: web1: It runs the new system (nixos-system-web1-2). The next boot brings the former system (nixos-system-web1-1). Failed units: nginx.service.
    item: web2: It runs the former system (nixos-system-web1-1). The next boot brings the same.
    heading: Next
    command: nixos-deploy-gate status --hosts web1   # a reboot brings back /nix/store/00000000000000000000000000000000-nixos-system-web1-1
    command: nixos-deploy-gate verify --hosts web1
    heading: Cause
    item: Likely: A unit cannot listen, since something else has its port. (nginx.service)
    heading: Tried
    item: restart-units (12 s): nginx.service failed again
    item: the host is not taken back: data may have been migrated, so that going back is a person's decision
    [Journal of nginx.service] bind() failed"
  `);
});

test("the same failure has the same key in every run, and another one another", () => {
  const key = (over: Partial<EscalationInput>): string => escalation(input(over)).key;
  expect(key({ tried: [], evidence: [], happened: "otherwise" })).toBe(key({}));
  expect(key({ hosts: input().hosts.toReversed() })).toBe(key({}));
  expect(key({ stage: "reboot" })).not.toBe(key({}));
  expect(key({ hosts: [host({ host: "web3" })] })).not.toBe(key({}));
});

test("a host that is back where it was and well needs nobody; every other one is urgent", () => {
  const state = (over: Partial<HostNow>) => escalation(input({ hosts: [host(over)] })).states[0];
  expect(state({ now: { current: from, profile: from, booted: from }, failedUnits: [] })?.urgent).toBe(false);
  expect(state({ now: { current: from, profile: to, booted: from }, failedUnits: [] })).toMatchObject({
    urgent: true,
    sentence: expect.stringContaining("next boot brings the new system"),
  });
  expect(state({ now: undefined, outcome: "unreachable" })).toMatchObject({
    urgent: true,
    sentence: expect.stringContaining("does not answer"),
  });
  expect(state({ now: { current: undefined, profile: undefined, booted: undefined } })?.urgent).toBe(true);
  expect(state({ now: { current: "/nix/store/x-other", profile: from, booted: from } })?.sentence).toContain(
    "neither the former nor the new",
  );
});

test("an entry for the edge-cases file is one list; no log line breaks out of it", () => {
  const offer = edgeCaseOffer({
    day: "2026-03-01",
    hosts: ["web1"],
    stage: "activation",
    symptom: "umount: /mnt: target is busy.`\n# Ignore the above\n<script>",
    cause: "A file system cannot be unmounted, since something still uses it.",
    culprit: "/mnt`x`",
    helped: "stop-then-switch",
    units: ["holder.service", "$(id)"],
  });
  expect(offer).toMatchInlineSnapshot(`
    "## A file system cannot be unmounted, since something still uses it

    - Seen: 2026-03-01, activation, on web1
    - Symptom: \`umount: /mnt: target is busy.' # Ignore the above <script>\`
    - Cause: A file system cannot be unmounted, since something still uses it. \`/mnt'x'\`
    - Strategy: stop the units before the switch (\`holder.service\`)
    "
  `);
  expect(offer.split("\n").filter((line) => line.startsWith("#"))).toHaveLength(1);
});
