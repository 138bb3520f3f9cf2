import { describe, expect, test } from "vitest";
import { leaveOf, readGoalFile, type Goal } from "../../src/goal/goal.ts";
import { goalPolicy, GoalsPolicy } from "../../src/policy-goals.ts";

const file = (front: string, text = "Look."): string => `---\n${front}\n---\n${text}\n`;
const full = "name: incident\ntools: hosts, repository\nactions: restart-unit redeploy\nautonomy: act\nusd: 2\nminutes: 10\nneeds: alert";
const read = (text: string): Goal => {
  const found = readGoalFile(text);
  if (!found.ok) throw new Error(found.problem);
  return found.goal;
};

describe("a goal's file", () => {
  test("is read", () => {
    expect(read(file(full))).toEqual({
      name: "incident",
      tools: ["hosts", "repository"],
      actions: ["restart-unit", "redeploy"],
      autonomy: "act",
      usd: 2,
      minutes: 10,
      output: "report",
      needs: "alert",
      text: "Look.",
    });
  });
  test("observes where it says nothing", () => {
    expect(read(file("name: a\ntools: none"))).toMatchObject({ autonomy: "observe", actions: [], tools: [], output: "report" });
  });
  test.each([
    ["Look.", "does not begin"],
    [file("name: A\ntools: none"), "name: it is not the name of a goal"],
    [file("name: a"), "tools"],
    [file("name: a\ntools: shell"), "tools"],
    [file("name: a\ntools: none\nactions: rm"), "actions"],
    [file("name: a\ntools: none\nautonomy: root"), "autonomy"],
    [file("name: a\ntools: none\nusd: -1"), "usd"],
    [file("name: a\ntools: none\nbudget: 5"), "budget"],
    [file("name: a\nname: b\ntools: none"), "twice"],
    [file("name: a\ntools: none\n- x"), "is not"],
    [file("name: a\ntools: none", "  "), "asks nothing"],
  ])("%j is refused", (text, problem) => {
    expect(readGoalFile(text)).toMatchObject({ ok: false, problem: expect.stringContaining(problem) as string });
  });
});

describe("what a run may do", () => {
  const leave = (policy: unknown, front = full) => leaveOf(read(file(front)), goalPolicy(GoalsPolicy.parse(policy), "incident"));
  test("is nothing where nobody said more", () => {
    expect(leave({})).toMatchObject({ autonomy: "observe", actions: [], usd: 2, minutes: 10, hosts: ["*"] });
    expect(leave({ by: { other: { autonomy: "act" } } })).toMatchObject({ autonomy: "observe", actions: [] });
  });
  test("is the lesser of what the goal asks for and what the policy allows", () => {
    expect(leave({ by: { incident: { autonomy: "act", usd: 0.5, actions: ["restart-unit", "collect-garbage"] } } })).toMatchObject({
      autonomy: "act",
      actions: ["restart-unit"],
      usd: 0.5,
    });
    expect(leave({ by: { incident: { autonomy: "act" } } }, full.replace("autonomy: act", "autonomy: propose"))).toMatchObject({
      autonomy: "propose",
      actions: [],
    });
    expect(leave({ by: { incident: { autonomy: "propose" } } })).toMatchObject({ autonomy: "propose", actions: [] });
  });
  test("an observer edits nothing", () => {
    const front = "name: incident\ntools: hosts edit\nautonomy: propose\noutput: proposal";
    expect(leave({}, front).tools).toEqual(["hosts"]);
    expect(leave({ by: { incident: { autonomy: "propose" } } }, front).tools).toEqual(["hosts", "edit"]);
  });
  test("a name that every object has is no policy", () => {
    expect(leaveOf(read(file(full)), goalPolicy(GoalsPolicy.parse({}), "constructor")).autonomy).toBe("observe");
  });
  test.each(["../x", "/etc", "a//b", "a/../b", ""])("goals are not read from %j", (directory) => {
    expect(GoalsPolicy.safeParse({ directory }).success).toBe(false);
  });
});
