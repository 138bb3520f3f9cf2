import { describe, expect, test } from "vitest";
import { judgeApproval, judgeRejection, type ApprovalCase } from "../../src/decide/approval.ts";
import { rejectionOf } from "../../src/decide/rejection.ts";
import { transitionDigest } from "../../src/decide/transition.ts";
import { HostName } from "../../src/discover/host.ts";
import { ApprovalPolicy } from "../../src/policy-deploy.ts";
import { LedgerEntry } from "../../src/target/ledger.ts";
import { approvalCase, found, issuedAt, rejected, revision, started, system, tokenOf, transition } from "./sample-transition.ts";

const said = (over: Partial<ApprovalCase> = {}): string => {
  const judged = judgeApproval(approvalCase(over));
  return judged.kind === "granted" ? `granted to ${judged.by}` : judged.failure.code;
};
const sentence = (over: Partial<ApprovalCase>): string => {
  const judged = judgeApproval(approvalCase(over));
  return judged.kind === "granted" ? "granted" : judged.failure.message;
};
const digest = tokenOf().digest;
const alice = approvalCase().approver;
const at = (seconds: number): Date => new Date((issuedAt + seconds) * 1000);

test("an approval of this change is granted, and says by whom and of what", () => {
  expect(judgeApproval(approvalCase())).toEqual({ kind: "granted", by: "alice", digest });
});

describe("a token for something else", () => {
  test("of another repository: everything in it fits but the digest", () => {
    expect(said({ token: tokenOf({ repository: "mallory/machines" }) })).toBe("approval-changed");
  });
  test("of another host, even where its digest is put under this host's name", () => {
    const other = tokenOf({ host: HostName.parse("db2") });
    expect(said({ token: other })).toBe("approval-other-host");
    expect(said({ token: { ...other, host: transition.host } })).toBe("approval-changed");
  });
  test("of another revision, also where only a digit is another", () => {
    expect(said({ token: tokenOf({ revision: "9".repeat(40) }) })).toBe("approval-other-revision");
    expect(said({ token: { ...tokenOf(), revision: `${revision.slice(0, 39)}0` } })).toBe("approval-other-revision");
    expect(said({ token: { ...tokenOf(), revision: `${revision}00` } })).toBe("approval-other-revision");
  });
  test("the first twelve digits of the revision name it, and the digest stands for the rest", () => {
    expect(said({ token: { ...tokenOf(), revision: revision.slice(0, 12) } })).toBe("granted to alice");
    const twin = `${revision.slice(0, 12)}${"0".repeat(28)}`;
    expect(said({ token: { ...tokenOf({ revision: twin }), revision: revision.slice(0, 12) } })).toBe("approval-changed");
  });
  test("with another time of issue than its digest has, to make it younger", () => {
    expect(said({ token: { ...tokenOf(), issuedAt: issuedAt + 1800 } })).toBe("approval-changed");
  });
});

describe("branch and order", () => {
  test.each([
    [false, "approval-not-merged"],
    ["unknown", "approval-not-merged"],
  ] as const)("on the deploy branch: %s", (onDeployBranch, code) => expect(said({ onDeployBranch })).toBe(code));
  test("a host is not taken back, and where order cannot be shown it is not moved", () => {
    expect(said({ newer: false })).toBe("approval-older");
    expect(said({ newer: "unknown", ledger: [started(issuedAt - 9)] })).toBe("approval-older");
  });
  test("a host that no gate has deployed has no order to keep", () => {
    expect(said({ newer: "unknown", ledger: "none" })).toBe("granted to alice");
    expect(said({ newer: "unknown", ledger: [] })).toBe("granted to alice");
    expect(said({ newer: false, ledger: "none" })).toBe("approval-older");
    expect(said({ newer: "unknown", ledger: "unreadable" })).toBe("approval-older");
  });
});

describe("time", () => {
  const hour = 3600;
  test("it is good for 72 hours, to the second", () => {
    expect(said({ clock: at(72 * hour) })).toBe("granted to alice");
    expect(said({ clock: at(72 * hour + 1) })).toBe("approval-expired");
  });
  test("the policy's hours count", () => {
    const policy = ApprovalPolicy.parse({ ttlHours: 1 });
    expect(said({ policy, clock: at(hour) })).toBe("granted to alice");
    expect(said({ policy, clock: at(hour + 1) })).toBe("approval-expired");
    expect(sentence({ policy, clock: at(hour + 1) })).toContain("2026-11-22 12:00 UTC");
  });
  test("clocks may differ by minutes, not by more", () => {
    expect(said({ clock: at(-300) })).toBe("granted to alice");
    expect(said({ clock: at(-301) })).toBe("approval-early");
  });
  test("a clock that tells nothing grants nothing", () => expect(said({ clock: new Date(Number.NaN) })).toBe("approval-early"));
  test("the time zone of the machine has no say, nor has a change of its clocks", () => {
    const before = process.env["TZ"];
    try {
      for (const zone of ["Pacific/Kiritimati", "America/Los_Angeles", "Europe/Berlin", "UTC"]) {
        process.env["TZ"] = zone;
        expect(tokenOf().digest).toBe(digest);
        expect(said({ clock: at(72 * hour) })).toBe("granted to alice");
        expect(sentence({ clock: at(73 * hour) })).toContain("2026-11-22 12:00 UTC");
      }
    } finally {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    }
  });
});

describe("the host's ledger", () => {
  test("a token is good for one attempt, however that ended", () => {
    expect(said({ ledger: [started(issuedAt + 60, { digest })] })).toBe("approval-used");
    const ended: LedgerEntry = { v: 1, event: "ended", at: issuedAt + 90, id: "attempt-1", outcome: "rolled-back", reason: "checks" };
    expect(said({ ledger: [started(issuedAt + 60, { digest }), ended] })).toBe("approval-used");
  });
  test("attempts under other digests or none do not count", () => {
    expect(said({ ledger: [started(issuedAt - 60), started(issuedAt - 50, { digest: "0".repeat(32) })] })).toBe("granted to alice");
  });
  test("a used token stays used where the change has moved on since: that is what its person wants to know", () => {
    const now = { ...transition, from: { current: system("b"), profile: system("b") } };
    expect(said({ now, ledger: [started(issuedAt + 60, { digest })] })).toBe("approval-used");
  });
  test("a rejected token stays rejected", () => expect(said({ ledger: [rejected(digest)] })).toBe("approval-rejected"));
  test("a no to one token is a no to every token that was there by then, and not to one that was asked for afterwards", () => {
    const earlier = tokenOf({}, issuedAt - 1800);
    const no = rejected(earlier.digest, { issuedAt: earlier.issuedAt, at: issuedAt + 60 });
    expect(said({ ledger: [no] })).toBe("approval-rejected");
    expect(said({ ledger: [{ ...no, at: issuedAt - 60 } as LedgerEntry] })).toBe("granted to alice");
  });
  test("what cannot be read refuses; a host that has none yet may get its first", () => {
    expect(said({ ledger: "unreadable" })).toBe("approval-ledger");
    expect(said({ ledger: "none" })).toBe("granted to alice");
  });
  test("lies in it cost the host an approval at most: none turns a refusal into a grant", () => {
    const lies: LedgerEntry[] = [
      started(2 ** 40, { digest: "f".repeat(32), approvedBy: "<!-- @everyone -->", from: { current: system("c") } }),
      rejected("0".repeat(32), { by: "\u001b[31mroot", at: -5, issuedAt: 0 }),
      { v: 1, event: "rebooted", at: 0, id: "attempt-1", seconds: 9, ok: true },
    ];
    for (const lie of lies) expect(LedgerEntry.safeParse(lie).success).toBe(true);
    for (const refused of [
      { onDeployBranch: false },
      { newer: false },
      { clock: at(90 * 3600) },
      { token: tokenOf({ to: system("z") }) },
      { approver: { ...alice, permission: "read" } },
    ] as const)
      expect(said({ ...refused, ledger: lies })).toBe(said(refused));
  });
});

describe("who", () => {
  const by = (over: Partial<ApprovalCase["approver"]>, policy: Record<string, unknown> = {}): string =>
    said({ approver: { ...alice, ...over }, policy: ApprovalPolicy.parse(policy) });

  test.each([
    ["admin", "granted to alice"],
    ["write", "granted to alice"],
    ["read", "approval-nobody"],
    ["none", "approval-nobody"],
    ["unknown", "approval-nobody"],
  ] as const)("permission %s: %s", (permission, answer) => expect(by({ permission })).toBe(answer));

  test("the policy's list decides where there is one, in whatever case, and an unknown permission is then no obstacle", () => {
    expect(by({ permission: "unknown" }, { by: ["Alice"] })).toBe("granted to alice");
    expect(by({ permission: "admin" }, { by: ["bob"] })).toBe("approval-nobody");
    expect(by({ permission: "admin" }, { by: [] })).toBe("approval-nobody");
    expect(by({ permission: "read" }, { by: ["alice"] })).toBe("approval-nobody");
  });
  test("the list holds people: an app cannot be named in it", () => {
    expect(ApprovalPolicy.safeParse({ by: ["github-actions[bot]"] }).success).toBe(false);
  });
  test("a run that was started again approves nothing, whoever is said to have done it", () => {
    expect(by({ attempt: 2 })).toBe("approval-rerun");
    expect(by({ triggeredBy: "mallory" })).toBe("approval-nobody");
    expect(by({ triggeredBy: "ALICE" })).toBe("granted to alice");
  });
  test("one's own work only where the policy leaves it open; not known is own", () => {
    expect(by({ isAuthor: true })).toBe("granted to alice");
    expect(by({ isAuthor: true }, { exceptAuthor: true })).toBe("approval-author");
    expect(by({ isAuthor: "unknown" }, { exceptAuthor: true })).toBe("approval-author");
    expect(by({ isAuthor: false }, { exceptAuthor: true })).toBe("granted to alice");
  });
});

describe("what moved is told apart", () => {
  const moved = (now: Partial<typeof transition>, ledger: ApprovalCase["ledger"] = []): string => {
    const over = { now: { ...transition, ...now }, ledger };
    expect(said(over)).toBe("approval-changed");
    return sentence(over);
  };
  test("mode, attendance, reversibility", () => {
    expect(moved({ mode: "boot-only" })).toContain("was to be brought in by switch and is by boot-only now");
    expect(moved({ attended: true })).toContain("someone has to be there at boot now");
    expect(moved({ reversible: false, mode: "switch-then-reboot" })).toMatch(/switch-then-reboot now, and it cannot be undone now/);
  });
  test("what the session said", () => {
    expect(moved({ sessionRaise: "risky" })).toContain("the session had raised nothing and raises it to risky now");
  });
  test("a finding that was added between plan and approval, one or several of a rule", () => {
    const one = found({ rule: "policy-loosened", subject: "apply.parallel" });
    expect(moved({ findings: [...transition.findings, one] })).toContain("the rule policy-loosened found apply.parallel since");
    expect(moved({ findings: [one, ...transition.findings, found({ rule: "policy-loosened", subject: "session" })] })).toContain(
      "the rule policy-loosened objects since",
    );
  });
  test("what the host runs, boots or is a specialisation of", () => {
    const ledger = [started(issuedAt + 5, { from: { current: system("a"), profile: system("a") }, to: system("c") })];
    expect(moved({ from: { current: system("c"), profile: system("c") } }, ledger)).toContain(`the host ran ${system("a")} then`);
    expect(moved({ from: { current: system("a"), profile: system("c") } })).toContain(`booted into ${system("a")} by default then`);
    expect(moved({ from: { ...transition.from, specialisation: "quiet" } })).toContain("in the specialisation quiet now");
  });
  test("what it would get", () => {
    expect(moved({ to: system("c") }, [started(issuedAt - 5, { to: system("b") })])).toContain(`was to become ${system("b")}`);
  });
  test("where it cannot be told apart, all that it may be is named, and what the ledger hints at", () => {
    const now = { from: { current: system("x"), profile: system("x") }, findings: [] };
    expect(moved(now)).toMatch(/what the host runs, what it would get, .* is not as it was\.$/);
    expect(moved(now, [started(issuedAt + 5)])).toContain("tells of an attempt since");
  });
  test("two thousand findings and a ledger of five hundred lines are not searched for long", () => {
    const findings = Array.from({ length: 2_000 }, (_, i) => found({ subject: `unit-${i}` }));
    const ledger = Array.from({ length: 500 }, (_, i) => started(i, { to: system("c", `s-${i}`) }));
    expect(moved({ findings, to: system("z") }, ledger)).toContain("is not as it was");
  });
});

describe("reject", () => {
  test("gives a line for the ledger, which then stands for the change under any other token", () => {
    const judged = judgeRejection(approvalCase());
    if (judged.kind !== "rejected") throw new Error(judged.failure.message);
    expect(LedgerEntry.parse(judged.entry)).toEqual({ v: 1, event: "rejected", at: issuedAt + 3600, digest, issuedAt, by: "alice" });
    expect(said({ ledger: [judged.entry] })).toBe("approval-rejected");
    expect(rejectionOf(transition, [judged.entry])).toEqual({ by: "alice", at: issuedAt + 3600 });
    expect(rejectionOf({ ...transition, to: system("c") }, [judged.entry])).toBeUndefined();
    expect(rejectionOf(transition, "none")).toBeUndefined();
    expect(rejectionOf(transition, "unreadable")).toBeUndefined();
  });
  test("needs the same right as an approval, and the change that the token is for", () => {
    const no = (over: Partial<ApprovalCase>): string => {
      const judged = judgeRejection(approvalCase(over));
      return judged.kind === "rejected" ? "rejected" : judged.failure.code;
    };
    expect(no({ approver: { ...alice, permission: "read" } })).toBe("approval-nobody");
    expect(no({ approver: { ...alice, attempt: 2 } })).toBe("approval-rerun");
    expect(no({ now: { ...transition, to: system("c") } })).toBe("approval-changed");
    expect(no({ token: tokenOf({ host: HostName.parse("db2") }) })).toBe("approval-other-host");
    expect(no({ ledger: [started(issuedAt, { digest })] })).toBe("approval-used");
    expect(no({ ledger: "unreadable" })).toBe("approval-ledger");
  });
  test("age, branch, order and one's own work do not matter to a no", () => {
    const policy = ApprovalPolicy.parse({ exceptAuthor: true });
    const over = { clock: at(9e6), onDeployBranch: false, newer: false, policy, approver: { ...alice, isAuthor: true } } as const;
    expect(judgeRejection(approvalCase(over)).kind).toBe("rejected");
  });
  test("a name that is too long for the ledger is cut", () => {
    const judged = judgeRejection(approvalCase({ approver: { ...alice, login: "a".repeat(300) } }));
    expect(judged.kind === "rejected" && LedgerEntry.safeParse(judged.entry).success).toBe(true);
    expect(transitionDigest({ ...transition, issuedAt })).toBe(digest);
  });
});
