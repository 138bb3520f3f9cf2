import { expect, test } from "vitest";
import type { Progress } from "../../src/io/ports.ts";
import { timed } from "../../src/report/timeline.ts";

test("stages and the steps of contacted hosts have their times; repeats and what only builds have none", () => {
  let seconds = 0;
  const passed: Progress[] = [];
  const inner = { progress: (event: Progress) => void passed.push(event), debug: () => {}, mask: () => {} };
  const { log, timeline } = timed(inner, { now: () => new Date(Date.UTC(2026, 10, 22, 12, 0, (seconds += 1))) });
  const events: Progress[] = [
    { kind: "stage", stage: "build", text: "x" },
    { kind: "host", host: "web1", step: "building" },
    { kind: "stage", stage: "apply", text: "x" },
    { kind: "host", host: "web1", step: "copying", text: "1 of 9" },
    { kind: "host", host: "web1", step: "copying", text: "2 of 9" },
    { kind: "host", host: "web1", step: "ended", text: "deployed: secret" },
    { kind: "host", host: "-no-name", step: "asking" },
  ];
  for (const event of events) log.progress(event);
  const at = (second: number): string => `2026-11-22T12:00:0${second}.000Z`;
  expect(timeline()).toEqual({
    stages: [
      { stage: "build", at: at(1) },
      { stage: "apply", at: at(3) },
    ],
    hosts: [
      {
        host: "web1",
        steps: [
          { step: "copying", at: at(4) },
          { step: "ended", at: at(6) },
        ],
      },
    ],
  });
  expect(passed).toEqual(events);
});
