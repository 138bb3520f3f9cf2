import { describe, expect, test } from "vitest";
import { judgement, type Finding } from "../../src/classify/finding.ts";
import { previewJudgement } from "../../src/classify/preview.ts";
import { decide, type Situation } from "../../src/decide/decide.ts";
import type { ApprovalJudgement } from "../../src/decide/approval.ts";
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

describe("approved", () => {
  const granted: ApprovalJudgement = { kind: "granted", by: "alice", digest: "0".repeat(32) };
  const refused: ApprovalJudgement = { kind: "refused", by: "alice", failure: failure("approval-ledger", { host: "db1" }) };
  const risky = finding({ verdict: "risky", subject: "sshd", hazard: "May lock out." });

  test.each([
    ["switch", "deploy"],
    ["switch-then-reboot", "deploy-then-reboot"],
    ["boot-only", "stage"],
  ] as const)("a held change of mode %s goes to %s, with who approved it and what they approved", (mode, action) => {
    const decision = decide(changed([risky, finding({ mode })], { approval: granted }));
    expect(decision.action).toBe(action);
    expect(decision.reasons.slice(0, 2)).toEqual(["Approved by alice.", "sshd: May lock out."]);
    expect(decision.approval).toEqual({ by: "alice", became: "granted" });
  });

  test("a risky change whose other finding is a reboot still reboots", () => {
    expect(decide(changed([risky, finding({ verdict: "reboot", mode: "switch" })], { approval: granted })).action).toBe(
      "deploy-then-reboot",
    );
  });

  test("a refused one stays held, and says why before anything else", () => {
    const decision = decide(changed([risky], { approval: refused }));
    expect(decision.action).toBe("hold");
    expect(decision.reasons[0]).toBe(`The approval by alice does not count: ${failure("approval-ledger", { host: "db1" }).message}`);
    expect(decision.reasons[1]).toBe("sshd: May lock out.");
    expect(decision.approval).toMatchObject({ became: "refused", failure: { code: "approval-ledger" } });
  });

  test.each([granted, refused])("one for a host that is not held changes nothing and is noted", (approval) => {
    const clean = decide(changed([], { approval }));
    expect(clean).toEqual({
      action: "deploy",
      reasons: ["No rule objects.", "The approval by alice was not used: this host is not held."],
      approval: { by: "alice", became: "unused" },
    });
    expect(decide({ ...base, state: "unchanged", approval }).action).toBe("nothing");
    expect(decide(changed([risky], { managed: false, approval })).action).toBe("observe");
    const failed = { state: "failed", stage: "build", failure: failure("no-hosts", { flake: "." }), atBase: false } as const;
    expect(decide({ ...base, ...failed, approval }).action).toBe("fail");
  });

  test("it makes up for a session that the policy requires and that gave no verdict", () => {
    const silent = { session: "missing", sessionRequired: true } as const;
    expect(decide(changed([], { ...silent, approval: granted }))).toMatchObject({
      action: "deploy",
      reasons: ["Approved by alice.", expect.stringContaining("requires"), "No rule objects."],
    });
    expect(decide(changed([], { ...silent, approval: refused })).action).toBe("hold");
  });

  test("nothing is approved before it is built", () => {
    const silent = { session: "missing", sessionRequired: true, approval: granted } as const;
    expect(decide({ ...base, ...silent, state: "changed", judgement: previewJudgement(judgement([])) }).action).toBe("hold");
  });

  test("what somebody rejected stays held and says by whom; a later approval of it counts", () => {
    const rejection = { by: "bob", at: 1 };
    expect(decide(changed([risky], { rejection })).reasons[0]).toContain("Rejected by bob");
    expect(decide(changed([risky], { rejection })).rejectedBy).toBe("bob");
    expect(decide(changed([], { rejection }))).not.toHaveProperty("rejectedBy");
    expect(decide(changed([], { rejection })).action).toBe("deploy");
    expect(decide(changed([risky], { rejection, approval: granted })).action).toBe("deploy");
  });

  test("a host that the policy hands to the gate since this push waits for a person once", () => {
    const fresh = { managed: false, newlyManaged: true } as const;
    expect(decide(changed([], fresh)).action).toBe("hold");
    expect(decide(changed([], { ...fresh, approval: granted })).action).toBe("deploy");
    expect(decide(changed([], { ...fresh, managed: true })).action).toBe("deploy");
  });
});
