import { expect, test } from "vitest";
import type { GoalAnswer } from "../../src/goal/goal-answer.ts";
import { commitMessage, titleOf } from "../../src/proposal/proposal-text.ts";

const answer = (title: string, why: string): Omit<GoalAnswer, "nonce"> => ({
  headline: "A headline",
  findings: [],
  actions: [],
  proposal: { title, why, alternatives: [], questions: [] },
  opinion: "",
  edgeCase: { symptom: "", cause: "", strategy: "" },
});
const message = (title: string, why: string): string =>
  commitMessage({ goal: "intent", id: "0123456789abcdef", answer: answer(title, why) });

test.each(["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "[SKIP CI]", "***NO_CI***"])(
  "a session cannot keep the gate from looking at its proposal, nor a deploy from beginning: %s",
  (word) => {
    expect(titleOf(answer(`Add synapse ${word}`, ""), "intent")).not.toContain(word);
    expect(message(`Add synapse ${word}`, `Because.\n\n${word}`)).not.toContain(word);
  },
);

test("what it writes closes nothing that others have opened, and the last words are the gate's own", () => {
  const text = message("Close #9", "Fixes #12, see org/other#3. Port 8080: needed.\nSigned-off-by: Ada <ada@example.org>");
  expect(text).not.toMatch(/#\d/);
  expect(text).toContain("Port 8080: needed.");
  expect(text.trimEnd().split("\n\n").at(-1)).toBe("Proposed-by: nixos-deploy-gate goal intent (0123456789abcdef)");
});
