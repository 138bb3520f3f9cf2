import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { readOwnGoals } from "../../src/commands/own-goal.ts";
import { goalNamed, knownGoals } from "../../src/goal/known-goals.ts";
import { occasionOf } from "../../src/goal/occasion.ts";
import { incidentText, readIncident } from "../../src/listen/incident-text.ts";

const ours = readOwnGoals(resolve(import.meta.dirname, "../.."));
const file = (name: string, more = "") => ({
  path: `deploy-gate/goals/${name}.md`,
  text: `---\nname: ${name}\ntools: hosts\n${more}---\nMine.\n`,
});

describe("the gate's own goals", () => {
  test("are five, each a whole file", () => {
    const known = knownGoals(ours, []);
    expect([...known.keys()]).toEqual(["explore", "health-check", "incident", "intent", "proactive"]);
    for (const name of known.keys()) {
      const goal = goalNamed(known, name);
      expect([goal.name, goal.tools.includes("hosts"), goal.text.length > 2_000]).toEqual([name, true, true]);
      // Whatever a session is shown, its text says that it is data, and what the answer has.
      for (const phrase of ["etween (the )?fence lines", "an instruction to you", "there are no others", "`nonce`", "questions"])
        expect(goal.text.replace(/\s+/g, " ")).toMatch(new RegExp(phrase));
    }
  });
  test.each([
    ["health-check", "act", "report", "nothing"],
    ["incident", "act", "proposal", "alert"],
    ["proactive", "propose", "proposal", "nothing"],
    ["intent", "propose", "proposal", "text"],
    ["explore", "observe", "report", "text"],
  ])("%s may %s at most, and ends as a %s", (name, autonomy, output, needs) => {
    const goal = goalNamed(knownGoals(ours, []), name);
    expect(goal).toMatchObject({ autonomy, output, needs });
    expect(goal.actions.length > 0).toBe(autonomy === "act");
    expect(goal.tools.includes("edit")).toBe(output === "proposal");
  });
});

describe("the operator's goals", () => {
  test("stand beside ours, and go before one of the same name", () => {
    const known = knownGoals(ours, [file("explore"), file("backups")]);
    expect(goalNamed(known, "explore").text).toBe("Mine.");
    expect(goalNamed(known, "backups").tools).toEqual(["hosts"]);
    expect(known.get("explore")).toMatchObject({ whose: "operator", path: "deploy-gate/goals/explore.md" });
  });
  test("one that cannot be read is never ours in its place", () => {
    const known = knownGoals(ours, [file("explore", "shell: yes\n")]);
    expect(() => goalNamed(known, "explore")).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: "goal-invalid" }) }) as Error,
    );
  });
  test("one that calls itself something else is refused", () => {
    const known = knownGoals(ours, [{ ...file("backups"), path: "g/other.md" }]);
    expect(known.get("other")).toMatchObject({ problem: expect.stringContaining("backups") as string });
  });
  test("what judges changes is no goal and nobody's to replace", () => {
    expect(knownGoals(ours, [file("classify")]).has("classify")).toBe(false);
  });
  test("a name that nobody knows is answered with those that are known", () => {
    expect(() => goalNamed(knownGoals(ours, []), "constructor")).toThrow(/There is no goal "constructor"; there are explore/);
  });
});

describe("an occasion", () => {
  const intent = { name: "intent", needs: "text" } as const;
  const incident = { name: "incident", needs: "alert" } as const;
  test("the same wish has the same id, however it is typed; another goal or wish has another", () => {
    const { id } = occasionOf(intent, { text: "Run Synapse" });
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(occasionOf(intent, { text: "  run\nsynapse. " }).id).toBe(id);
    expect(occasionOf(intent, { text: "run plex" }).id).not.toBe(id);
    expect(occasionOf({ ...intent, name: "explore" }, { text: "Run Synapse" }).id).not.toBe(id);
  });
  test("a goal that needs nothing has one standing occasion", () => {
    expect(occasionOf({ name: "proactive", needs: "nothing" }, {})).toEqual({ id: "standing", told: undefined, by: "operator" });
  });
  test("nothing to work on is said before anything is asked", () => {
    expect(() => occasionOf(intent, { text: "  " })).toThrow(/wish/);
    expect(() => occasionOf(incident, {})).toThrow(/alert/);
  });
  test("an alert is a machine's word and keeps the incident's id", () => {
    const read = readIncident(
      JSON.stringify({ unit: "nginx.service", host: "web1", details: "bind() failed" }),
      new Date("2026-11-23T03:00:00Z"),
      (text) => text,
    );
    const occasion = occasionOf(incident, { incident: read });
    expect(occasion).toMatchObject({ id: read.id, by: "alert" });
    expect(occasion.told).toContain("web1 nginx.service since 2026-11-23T03:00:00.000Z");
    expect(occasion.told).toContain("    bind() failed");
    expect(readIncident(JSON.stringify(read), new Date(0), (text) => text)).toEqual(read);
  });
  test.each([
    ["{", "not JSON"],
    ["[]", ""],
    ["null", ""],
    [JSON.stringify({ groups: [], id: "x", schema: 1 }), "id"],
    [JSON.stringify({ version: "4", alerts: [{ status: "resolved", labels: { alertname: "a" } }] }), "nothing in it is firing"],
    [JSON.stringify({ host: "web1" }), "neither"],
  ])("%s is no alert", (text, problem) => {
    expect(() => readIncident(text, new Date(0), (one) => one)).toThrow(problem === "" ? /is none/ : new RegExp(problem));
  });
  test("a storm is a text that fits", () => {
    const alerts = Array.from({ length: 900 }, (_, at) => ({
      status: "firing",
      labels: { alertname: `A${at}`, instance: `h${at}:9100` },
      annotations: { description: "x".repeat(900) },
    }));
    const read = readIncident(JSON.stringify({ version: "4", alerts }), new Date(0), (text) => text);
    expect(incidentText(read).length).toBeLessThan(20_100);
    const told = read.groups.reduce((sum, { at }) => sum + at.length, 0);
    expect(incidentText(read)).toContain(`: ${told} alerts, and ${900 - told} more that did not fit`);
    expect(readIncident(JSON.stringify(read), new Date(0), (text) => text)).toEqual(read);
  });
});
