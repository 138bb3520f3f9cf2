import { describe, expect, test } from "vitest";
import { type Finding, judgement } from "../../src/classify/finding.ts";
import { previewJudgement } from "../../src/classify/preview.ts";

const finding = (more: Partial<Finding>): Finding => ({
  rule: "kernel-rebuilt",
  verdict: "reboot",
  mode: "switch-then-reboot",
  attended: false,
  reversible: true,
  subject: "linux",
  hazard: "The running kernel stays.",
  evidence: [],
  ...more,
});

describe("a preview", () => {
  test("never says clean", () => {
    expect(previewJudgement(judgement([])).verdict).toBe("unknown-until-built");
    expect(previewJudgement(judgement([finding({ rule: "revision-only", verdict: "clean", mode: "switch" })])).verdict).toBe(
      "unknown-until-built",
    );
  });
  test("keeps what was found", () => {
    const found = judgement([finding({}), finding({ rule: "sshd", verdict: "risky", attended: true, reversible: false })]);
    expect(previewJudgement(found)).toEqual(found);
    expect(previewJudgement(judgement([finding({})]))).toMatchObject({ verdict: "reboot", mode: "switch-then-reboot" });
  });
  test("takes what it cannot compare for what it is, and for no hazard", () => {
    const unread = finding({ rule: "not-compared", verdict: "risky", mode: "boot-only" });
    expect(previewJudgement(judgement([unread]))).toEqual({
      verdict: "unknown-until-built",
      mode: "switch",
      attended: false,
      reversible: true,
      findings: [],
    });
    expect(previewJudgement(judgement([unread, finding({})]))).toMatchObject({
      verdict: "reboot",
      mode: "switch-then-reboot",
      findings: [finding({})],
    });
  });
});
