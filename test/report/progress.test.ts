import { describe, expect, test } from "vitest";
import type { Progress } from "../../src/io/ports.ts";
import { actionLog, plainLog } from "../../src/io/log.ts";
import { isTrouble, ProgressView, progressLine } from "../../src/report/progress-view.ts";

const size = { width: 79, height: 12, unicode: true };
const step = (host: string, step: Extract<Progress, { kind: "host" }>["step"], text?: string): Progress => ({
  kind: "host",
  host,
  step,
  ...(text === undefined ? {} : { text }),
});
const events: readonly Progress[] = [
  step("ci", "failed", "does not build"),
  step("mail", "built"),
  { kind: "stage", stage: "apply", text: "bringing in what was decided" },
  step("web1", "asking"),
  step("web1", "copying"),
  step("web1", "activating"),
  step("web1", "verifying"),
  step("web1", "ended", "deployed: Everything is well after the switch."),
  step("proxy", "activating"),
  step("proxy", "ended", "rolled-back: The host runs its old system: units failed."),
  step("db2", "ended", "held: Another activation has not ended."),
  step("gateway", "copying", "12 of 40 MiB"),
];

test("the live view of a deploy: hosts at work, then those that are not well, then the others; nothing of hosts that stay as they are", () => {
  const view = new ProgressView();
  for (const event of events) view.apply(event, 40);
  expect(view.lines(size, 42)).toEqual([
    "apply: bringing in what was decided, 3 hosts done, 1 not well, 1 failed (42 s)",
    "  gateway  copying  12 of 40 MiB",
    "  ci       failed  does not build",
    "  proxy    rolled back  The host runs its old system: units failed.",
    "  web1     deployed",
    "  db2      held  Another activation has not ended.",
  ]);
});

test("a narrow terminal cuts names and what is done, never how long it takes", () => {
  const view = new ProgressView();
  view.apply({ kind: "stage", stage: "apply", text: "bringing in what was decided" }, 0);
  view.apply(step("a-long-name-in-a-distant-rack.example.org", "copying"), 5);
  view.apply(step("a-long-name-in-a-distant-rack.example.org", "copying", "12 of 40 MiB"), 9);
  view.apply(step("b", "activating"), 11);
  expect(view.lines({ width: 39, height: 5, unicode: true }, 12)).toEqual(
    ["apply: bringing in what was deci… (12 s)", "  a-long-name-…  copying (7 s)  12 of …", "  b              activating"].map((line) =>
      line.replace("deci… ", "dec… "),
    ),
  );
});

test("of more hosts than there is room for the view says what they are at, and no toplevel is told twice", () => {
  const view = new ProgressView();
  view.apply({ kind: "stage", stage: "build", text: "building 30 hosts" }, 0);
  for (let i = 10; i < 40; i += 1)
    view.apply(step(`host${i}`, i < 25 ? "building" : i < 38 ? "evaluated" : "failed", i < 38 ? undefined : "no"), 1);
  const drv = (name: string): string => `/nix/store/${"a".repeat(32)}-${name}.drv`;
  for (const name of ["nixos-system-host10-26.05", "nixos-system-host11-26.05", "linux-6.12"])
    view.apply({ kind: "build", derivation: drv(name), step: "started" }, 0);
  view.apply({ kind: "build", derivation: drv("nixos-system-host11-26.05"), step: "log", text: "it says something" }, 0);
  expect(view.lines({ ...size, height: 8 }, 3)).toEqual([
    "build: building 30 hosts, 2 failed (3 s)",
    "  host10  building",
    "  host11  building",
    "  host12  building",
    "  host13  building",
    "  and 26 more: 11 building, 2 failed, 13 evaluated",
    "    nixos-system-host11-26.05 (3 s): it says something",
    "    linux-6.12 (3 s)",
  ]);
});

test("plain lines: quiet where it is well, exact where it is not", () => {
  const lines: string[] = [];
  const log = plainLog({ write: (text: string) => lines.push(text) }, { unicode: true });
  for (const event of events.slice(3)) log.progress(event);
  expect(lines.join("")).toBe(
    [
      "web1 asking",
      "web1 copying",
      "web1 activating",
      "web1 verifying",
      "web1 deployed",
      "proxy activating",
      "proxy rolled back: The host runs its old system: units failed.",
      "db2 held: Another activation has not ended.",
      "gateway copying: 12 of 40 MiB",
      "",
    ].join("\n"),
  );
});

test("a build on another machine is told with it, but not to strangers", () => {
  const derivation = `/nix/store/${"a".repeat(32)}-linux-6.12.drv`;
  const event: Progress = { kind: "build", derivation, step: "started", text: "on ssh-ng://root@big" };
  expect(progressLine(event, "full")).toBe("linux-6.12 is being built on ssh-ng://root@big");
  expect(progressLine(event, "names")).toBe("linux is being built");
});

test("the log of an Action marks what is not well as an error, and nothing else; strangers read only the word", () => {
  const lines: string[] = [];
  const log = actionLog({ write: (text: string) => lines.push(text) });
  for (const event of events.slice(7)) log.progress(event);
  expect(lines.join("")).toBe(
    "web1 deployed\nproxy activating\n::error title=nixos-deploy-gate::proxy rolled back\ndb2 held\ngateway copying\n",
  );
});

describe("an end that is not one of ours", () => {
  test.each(["", "deployedly well", "all good: deployed", "__proto__: x"])("%j counts as trouble and is shown as it is", (text) => {
    expect(isTrouble(step("x", "ended", text))).toBe(true);
    expect(progressLine(step("x", "ended", text), "full")).toBe(text === "" ? "x ended" : `x ended: ${text}`);
    expect(progressLine(step("x", "ended", text), "names")).toBe("x ended");
  });
});
