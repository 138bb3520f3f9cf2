import { describe, expect, test } from "vitest";
import * as z from "zod";
import { gateError } from "../../src/failure.ts";
import { tool, type ToolAnswer } from "../../src/tools/tool.ts";
import { toolbox, toolLimits, type ToolLimits } from "../../src/tools/toolbox.ts";

/** Whatever a model asks: checked, counted, bounded, redacted and written down. */
let now = 0;
const clock = { now: () => new Date(now) };
const opened = (answer: (word: string) => ToolAnswer | Promise<ToolAnswer>, limits: Partial<ToolLimits> = {}) => {
  const ran: string[] = [];
  const row = tool({
    name: "look",
    description: "looks",
    input: z.strictObject({ word: z.string().max(20), lines: z.int().min(1).max(300).default(100) }),
    call: async (_: object, { word, lines }) => {
      ran.push(`${word} ${lines}`);
      return await answer(word);
    },
  });
  const box = toolbox([row], {}, { clock, limits: { ...toolLimits, ...limits } });
  const call = async (given: unknown) => await (box.tools[0] as (typeof box.tools)[number]).call(given);
  return { box, call, ran };
};

describe("arguments", () => {
  test("are parsed before anything runs, with defaults, and their schema is what a session is told", async () => {
    const { box, call, ran } = opened((word) => ({ text: `saw ${word}`, keep: "head" }));
    expect(await call({ word: "a" })).toEqual({ text: "saw a", refused: false });
    expect(ran).toEqual(["a 100"]);
    expect(box.tools[0]?.inputSchema).toMatchObject({ type: "object", required: ["word"], additionalProperties: false });
  });

  test.each([
    [{}],
    [{ word: 1 }],
    [{ word: "x".repeat(21) }],
    [{ word: "a", lines: 301 }],
    [{ word: "a", lines: 1.5 }],
    [{ word: "a", command: "reboot" }],
    [null],
    ["a"],
    [[]],
    [undefined],
  ])("%j is refused with the reason, and nothing runs", async (given) => {
    const { box, call, ran } = opened(() => ({ text: "no", keep: "head" }));
    expect(await call(given)).toMatchObject({ refused: true, text: expect.stringMatching(/^These arguments do not fit: /) });
    expect(ran).toEqual([]);
    expect(box.calls()).toMatchObject([{ tool: "look", ended: "refused" }]);
  });
});

describe("answers", () => {
  test("five megabytes become the end of a log, with a word on what was left out", async () => {
    const { call } = opened(() => ({ text: `${"line of a log\n".repeat(400_000)}the last line`, keep: "tail" }));
    const { text } = await call({ word: "a" });
    expect(text.length).toBeLessThanOrEqual(toolLimits.answerBytes + 100);
    expect(text).toMatch(/^\(\d+ bytes before this were left out\)\n/);
    expect(text.endsWith("the last line")).toBe(true);
  });

  test("secrets, control characters and what hides are taken out, in what was asked as well", async () => {
    const key = `ghp_${"a1B2".repeat(9)}`;
    const { box, call } = opened(() => ({ text: `token=${key}\n\u001b[31mred\u202E`, keep: "head" }));
    const { text } = await call({ word: "a" });
    expect(text).not.toContain(key);
    expect(text).toContain("red<U+202E>");
    await call({ word: "b", token: key });
    expect(JSON.stringify(box.calls())).not.toContain(key);
  });

  test("an empty one says so, and one that breaks off is told without what broke", async () => {
    expect(await opened(() => ({ text: " \n", keep: "head" })).call({ word: "a" })).toEqual({ text: "(nothing)", refused: false });
    const broken = opened(() => {
      throw new Error("/root/.ssh/id_ed25519: no such file");
    });
    expect(await broken.call({ word: "a" })).toEqual({ text: "It could not be asked.", refused: true });
    const ours = opened(() => {
      throw gateError("cancelled", {});
    });
    expect((await ours.call({ word: "a" })).text).toMatch(/cancelled/i);
    expect(ours.box.calls()).toMatchObject([{ ended: "failed" }]);
  });
});

describe("the budget", () => {
  test("counts refused calls, too, and an endless row of them stays short in the report", async () => {
    const { box, call, ran } = opened(() => ({ text: "x", keep: "head" }), { calls: 3 });
    for (let n = 0; n < 500; n += 1) await call(n % 2 === 0 ? { word: "a" } : {});
    expect(ran.length).toBe(2);
    expect(box.calls().length).toBe(6);
    expect(box.calls().at(-1)).toMatchObject({ ended: "refused", note: expect.stringMatching(/^All 3 calls are used up/) });
  });

  test("of bytes: the last answer is cut to what is left, and then there is none", async () => {
    const { box, call, ran } = opened(() => ({ text: "y".repeat(900), keep: "head" }), { totalBytes: 1_500, answerBytes: 1_000 });
    const texts = [await call({ word: "a" }), await call({ word: "b" }), await call({ word: "c" })].map(({ text }) => text);
    expect(texts[0]?.length).toBe(900);
    expect(texts[1]).toContain("bytes after this were left out");
    expect(texts[2]).toMatch(/^All 1500 bytes/);
    expect(ran.length).toBe(2);
    expect(box.heard().length).toBeLessThan(1_700);
  });

  test("of time, from the first call on", async () => {
    now = 1_000_000;
    const { call } = opened(() => ({ text: "x", keep: "head" }), { seconds: 60 });
    await call({ word: "a" });
    now += 61_000;
    expect((await call({ word: "a" })).text).toMatch(/^The 60 seconds/);
  });
});
