import { describe, expect, test } from "vitest";
import { judgement, type Finding } from "../../src/classify/finding.ts";
import { decide, type Situation } from "../../src/decide/decide.ts";
import { failure } from "../../src/failure.ts";

const finding = (over: Partial<Finding>): Finding => ({
  rule: "kernel",
  verdict: "clean",
  mode: "switch",
  attended: false,
  reversible: true,
  subject: "linux",
  hazard: "A new kernel runs after a boot.",
  evidence: [],
  ...over,
});
const base = { managed: true, session: "not-asked", sessionRequired: false } as const;
const changed = (findings: readonly Finding[], over: Partial<Situation> = {}): Situation =>
  ({ ...base, state: "changed", judgement: judgement(findings), ...over }) as Situation;

describe("decide", () => {
  test("a clean change of a managed host is deployed", () => {
    expect(decide(changed([]))).toEqual({ action: "deploy", reasons: ["No rule objects."] });
  });

  test("nothing is deployed unasked", () => {
    expect(decide(changed([], { managed: false })).action).toBe("observe");
    expect(decide(changed([finding({ verdict: "risky" })], { managed: false })).action).toBe("observe");
  });

  test("a risky change waits for a person, and every risk is named", () => {
    const decision = decide(
      changed([
        finding({ verdict: "risky", subject: "sshd", hazard: "May lock out." }),
        finding({ verdict: "risky", subject: "fstab", hazard: "May not boot." }),
      ]),
    );
    expect(decision.action).toBe("hold");
    expect(decision.reasons).toEqual(["sshd: May lock out.", "fstab: May not boot."]);
  });

  test("a risky change that also needs a reboot is held, not rebooted", () => {
    expect(decide(changed([finding({ verdict: "risky" }), finding({ verdict: "reboot", mode: "boot-only" })])).action).toBe("hold");
  });

  test("a kernel is switched and rebooted, an inhibited switch is staged", () => {
    expect(decide(changed([finding({ verdict: "reboot", mode: "switch-then-reboot" })])).action).toBe("deploy-then-reboot");
    expect(decide(changed([finding({ verdict: "reboot", mode: "boot-only" })])).action).toBe("stage");
  });

  test("a reboot verdict is a reboot even where the mode forgot to say so", () => {
    expect(decide(changed([finding({ verdict: "reboot", mode: "switch" })])).action).toBe("deploy-then-reboot");
  });

  test("a required session that gave no verdict holds a clean change; an optional one does not", () => {
    expect(decide(changed([], { session: "missing", sessionRequired: true })).action).toBe("hold");
    expect(decide(changed([], { session: "missing", sessionRequired: false })).action).toBe("deploy");
    expect(decide(changed([], { session: "answered", sessionRequired: true })).action).toBe("deploy");
  });

  test("someone who must unlock the disk is told so", () => {
    expect(decide(changed([finding({ verdict: "reboot", mode: "switch-then-reboot", attended: true })])).reasons).toContain(
      "Someone has to be there at boot.",
    );
  });

  test("a failure says at which stage, and whether the base fails too", () => {
    const failed = failure("no-hosts", { flake: "." });
    const own = decide({ ...base, state: "failed", stage: "build", failure: failed, atBase: false });
    expect(own.action).toBe("fail");
    expect(own.reasons[0]).toContain("build");
    expect(decide({ ...base, state: "failed", stage: "build", failure: failed, atBase: true }).reasons).toHaveLength(2);
  });

  test("unchanged and removed hosts are left alone", () => {
    expect(decide({ ...base, state: "unchanged" }).action).toBe("nothing");
    expect(decide({ ...base, state: "removed" }).action).toBe("nothing");
  });
});
