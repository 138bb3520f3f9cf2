import { expect, test } from "vitest";
import { evidenceLimits, makeEvidence, oneLine, type RawEvidence, type RawItem } from "../../src/diagnose/evidence.ts";
import { Random } from "../diff/random.ts";

const raw = (items: readonly RawItem[], over: Partial<RawEvidence> = {}): RawEvidence => ({
  stage: "activation",
  host: "web1",
  failure: undefined,
  exit: undefined,
  since: undefined,
  derivation: undefined,
  units: [],
  atBase: "unknown",
  items,
  ...over,
});
const log = (text: string, over: Partial<RawItem> = {}): RawItem => ({
  kind: "build-log",
  subject: "",
  origin: "program",
  text,
  keep: "tail",
  ...over,
});
const bytes = (text: string): number => new TextEncoder().encode(text).length;

test("a log keeps its end and a message its beginning, at whole lines, and what was left out is counted", () => {
  const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index}`).join("\n");
  const made = makeEvidence(raw([log(lines), log(lines, { kind: "message", keep: "head" })]));
  const [message, tail] = made.items;
  expect(message?.text.startsWith("line 0\n")).toBe(true);
  expect(tail?.text.endsWith("line 4999")).toBe(true);
  expect(tail?.text).toMatch(/^line \d+\n/);
  for (const item of made.items) {
    expect(bytes(item.text)).toBeLessThanOrEqual(evidenceLimits.itemBytes);
    expect(bytes(item.text) + item.leftOut).toBe(bytes(lines));
  }
});

test("what matters comes first, whatever the order it was collected in, and all of it fits", () => {
  const random = new Random(7);
  const kinds = ["unit-file", "message", "build-log", "unit-manager", "disk", "changed-files", "activation-log"] as const;
  for (let round = 0; round < 50; round++) {
    const items = random.times(0, 80, () =>
      log(random.pick(["ü", "x", "\n", "😀", "a b "]).repeat(random.below(20_000)), {
        kind: random.pick(kinds),
        keep: random.pick(["head", "tail"] as const),
      }),
    );
    const made = makeEvidence(raw(items));
    expect(made.items.reduce((sum, item) => sum + bytes(item.text), 0)).toBeLessThanOrEqual(evidenceLimits.totalBytes);
    expect(made.items.length).toBeLessThanOrEqual(evidenceLimits.items);
    for (const item of made.items) expect(item.text).not.toContain("\uFFFD");
    expect(makeEvidence(raw(items))).toEqual(made);
  }
  expect(makeEvidence(raw([log("b"), log("a", { kind: "message" })])).items.map((item) => item.kind)).toEqual(["message", "build-log"]);
});

test("secrets are taken out before anything is cut", () => {
  const secret = `AGE-SECRET-KEY-1${"Q".repeat(58)}`;
  const made = makeEvidence(
    raw([log(`${"x\n".repeat(2_000)}${secret}\n${"y\n".repeat(3_040)}`), log(`password = hunter2hunter2\n${secret}`)]),
  );
  const text = made.items.map((item) => item.text).join("\n");
  expect(text).not.toContain("QQQQ");
  expect(text).not.toContain("hunter2");
  expect(made.redacted).toBeGreaterThanOrEqual(2);
});

test("control characters and endless lines do not get through", () => {
  const made = makeEvidence(raw([log(`a\u001b[31mred\u0007\u001b]0;title\u0007\r\n${"z".repeat(5_000)}`)]));
  expect(made.items[0]?.text).toMatch(/^ared\nz{1000}…$/);
  expect(oneLine("a\n\u001b[1mb\u001b[0m   c", 100)).toBe("a b c");
});
