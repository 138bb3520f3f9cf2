import { expect, test } from "vitest";
import { HostProgress } from "../../src/build/host-progress.ts";
import { BuildProgress } from "../../src/build/build-progress.ts";
import { HostName } from "../../src/discover/host.ts";
import { failure, type Failure } from "../../src/failure.ts";
import type { Progress, Result } from "../../src/io/ports.ts";
import { recordingLog } from "../nix/recording-log.ts";

const web = HostName.parse("web1");
const text = (log: { readonly events: readonly Progress[] }): string[] =>
  log.events.flatMap((event) => {
    if (event.kind === "warning") return [`warning: ${event.text}`];
    return event.kind === "host" ? [`${event.step}${event.text === undefined ? "" : `: ${event.text}`}`] : [];
  });
const begin = { kind: "host", host: web, step: "evaluating" } as const;
const good = { kind: "host", host: web, step: "evaluated" } as const;
const bad = (words: string) => ({ kind: "host", host: web, step: "failed", text: words }) as const;
const built: Result<unknown> = { ok: true, value: {} };
const broken = (made: Failure): Result<unknown> => ({ ok: false, failure: made });
const timeout = failure("build-timeout", { seconds: 5, running: [] });

function evaluated(
  sides: readonly (readonly ["before" | "after", Progress])[],
  both = true,
): { log: ReturnType<typeof recordingLog>; told: HostProgress } {
  const log = recordingLog();
  const told = new HostProgress(log, { before: both ? [web] : [], after: [web] });
  for (const [side, event] of sides) told.of(side).progress(event);
  return { log, told };
}

test.each([
  [
    "both sides are good",
    [
      ["before", begin],
      ["after", begin],
      ["after", good],
      ["before", good],
    ],
    ["evaluating", "evaluated"],
  ],
  [
    "the new side fails",
    [
      ["before", begin],
      ["after", begin],
      ["after", bad("x")],
      ["before", good],
    ],
    ["evaluating", "failed: x"],
  ],
  [
    "both fail alike",
    [
      ["before", bad("x")],
      ["after", bad("x")],
    ],
    ["failed: x"],
  ],
  [
    "both fail, each in its way",
    [
      ["before", bad("x")],
      ["after", bad("y")],
    ],
    ["failed: y", "warning: at the base: x"],
  ],
  [
    "the old side fails, first",
    [
      ["before", bad("x")],
      ["after", good],
    ],
    ["warning: at the base: x", "evaluated"],
  ],
  [
    "the old side fails, last",
    [
      ["after", good],
      ["before", bad("x")],
    ],
    ["warning: at the base: x", "evaluated"],
  ],
] as const)("a host's evaluation is told once: %s", (_, given, expected) => {
  expect(text(evaluated(given).log)).toEqual(expected);
});

test("a new host has one side to wait for", () => {
  expect(
    text(
      evaluated(
        [
          ["after", begin],
          ["after", good],
        ],
        false,
      ).log,
    ),
  ).toEqual(["evaluating", "evaluated"]);
});

test.each([
  ["both are built", built, built, ["built"]],
  ["the new side is not", built, broken(timeout), [`failed: ${timeout.message}`]],
  ["the old side is not", broken(timeout), built, [`warning: at the base: ${timeout.message}`, "built"]],
  ["neither is, for the same reason", broken(timeout), broken(timeout), [`failed: ${timeout.message}`]],
  ["nothing was evaluated", undefined, undefined, []],
] as const)("a host's build is told once: %s", (_, before, after, expected) => {
  const { log, told } = evaluated([]);
  told.built(web, { before, after });
  expect(text(log)).toEqual(expected);
});

test("a host whose evaluation failed is not called built because its old side is", () => {
  const { log, told } = evaluated([
    ["before", good],
    ["after", bad("x")],
  ]);
  told.built(web, { before: built, after: undefined });
  expect(text(log)).toEqual(["failed: x"]);
});

test("a build that fails is not called built, whether the error comes before its end or behind it", () => {
  const log = recordingLog();
  const told = new BuildProgress(log, new Map([["/a.drv", web]]));
  const error = { kind: "builder", derivation: "/a.drv", reason: "r" } as const;
  for (const derivation of ["/a.drv", "/b.drv"]) told.take({ kind: "started", derivation });
  told.take({ kind: "failed", error });
  told.take({ kind: "finished", derivation: "/a.drv" });
  told.take({ kind: "finished", derivation: "/b.drv" });
  told.take({ kind: "failed", error: { ...error, derivation: "/b.drv" } });
  told.take({ kind: "started", derivation: "/a.drv" });
  told.take({ kind: "finished", derivation: "/a.drv" });
  told.end();
  expect(log.events.map((event) => (event.kind === "build" ? `${event.derivation} ${event.step}` : event.kind))).toEqual([
    "host",
    "/a.drv started",
    "/b.drv started",
    "/a.drv failed",
    "/b.drv failed",
    "host",
    "/a.drv started",
    "/a.drv finished",
  ]);
});
