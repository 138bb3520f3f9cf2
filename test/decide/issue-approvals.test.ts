import { expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { judgeApproval } from "../../src/decide/approval.ts";
import { parseToken } from "../../src/decide/approval-token.ts";
import { issueApprovals, transitionOfReport } from "../../src/decide/issue-approvals.ts";
import { HostName } from "../../src/discover/host.ts";
import type { HostReport } from "../../src/host-report.ts";
import { approvalCase, found, issuedAt, revision, system, transition } from "./sample-transition.ts";

const report = (name: string, action: "hold" | "deploy" = "hold"): HostReport => ({
  host: HostName.parse(name),
  warnings: [],
  decision: { action, reasons: ["why"] },
  state: "added",
  to: system("b"),
  judgement: judgement([found()]),
});
const running = new Map(["db1", "db2", "web1"].map((name) => [HostName.parse(name), transition.from]));
const options = { repository: "fleet/machines", revision, running, now: new Date(issuedAt * 1000 + 999) };

test("held hosts get a token each, and what is approved by it is what was reported", () => {
  const issued = issueApprovals([report("db1"), report("db2"), report("web1", "deploy")], options);
  expect(issued.map((one) => one.approval?.issuedAt.getTime())).toEqual([issuedAt * 1000, issuedAt * 1000, undefined]);
  expect(new Set(issued.map((one) => one.approval?.digest)).size).toBe(3);
  for (const one of issued.slice(0, 2)) {
    const token = parseToken(one.approval?.token ?? "");
    const now = transitionOfReport(one, options);
    if (token === undefined || now === undefined) throw new Error("no token");
    expect(judgeApproval(approvalCase({ token, now })).kind).toBe("granted");
  }
});

test("a host that did not say what it runs has nothing that could be approved, nor has one that somebody rejected or that is not changed", () => {
  expect(issueApprovals([report("db1")], { ...options, running: new Map() })[0]).not.toHaveProperty("approval");
  const rejected: HostReport = { ...report("db1"), decision: { action: "hold", reasons: ["why"], rejectedBy: "bob" } };
  expect(issueApprovals([rejected], options)[0]).not.toHaveProperty("approval");
  const unchanged: HostReport = { ...report("db1"), state: "unchanged", toplevel: system("a") };
  expect(issueApprovals([unchanged], options)[0]).not.toHaveProperty("approval");
});
