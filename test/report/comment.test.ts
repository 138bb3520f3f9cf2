import { describe, expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import type { HostReport } from "../../src/host-report.ts";
import { comment } from "../../src/report/comment.ts";
import { code, fence, link, prose, summaryCode } from "../../src/report/markdown-escape.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { expectInert, hostile, poisoned, rendered } from "./hostile.ts";
import { changed, databaseDiff, databaseFindings, sampleHosts, sampleRun, unchanged, unit, webDiff } from "./sample.ts";

const runUrl = "https://git.example.org/ops/fleet/actions/runs/12";
const options = { limit: 60_000, detail: "full", links: { run: runUrl } } as const;
const render = (hosts: readonly HostReport[], limit = 60_000): string => comment(toPlan({ ...sampleRun, hosts }), { ...options, limit });

test("a fleet with a host of every kind", async () => {
  await expect(render(sampleHosts)).toMatchFileSnapshot("__snapshots__/comment.md.snap");
});

test("the same where strangers read", async () => {
  await expect(comment(toPlan(sampleRun), { ...options, detail: "names" })).toMatchFileSnapshot("__snapshots__/comment-names.md.snap");
});

test("only the names of hosts, rules, units and packages are left for strangers", () => {
  const text = comment(toPlan({ ...sampleRun, hosts: poisoned(sampleHosts, "PLANTED") }), { ...options, detail: "names" });
  const lines = text.split("\n").filter((line) => line.includes("PLANTED"));
  for (const line of lines) expect(line).toMatch(/rule |^- (up|down|added|removed|restarts|reloads|starts|keeps|\d+ rebuilt)|^\| /);
  expect(text).not.toContain("PLANTED` → `PLANTED");
});

describe("escaping", () => {
  test.each(hostile)("%j is shown and does nothing, wherever it stands", (bad) => {
    for (const one of [
      prose(bad),
      `- ${prose(bad)}`,
      `| ${prose(bad)} | ${code(bad)} |\n| - | - |\n| ${code(bad)} | ${prose(bad)} |`,
      `- ${code(bad)}`,
      fence(bad, "text"),
    ])
      expectInert(one);
    expectInert(`<details><summary>${summaryCode(bad)}</summary>\n\n${fence(bad, "diff")}\n\n</details>`);
  });

  test.each(hostile)("a plan full of %j gives a comment that does nothing", (bad) => {
    expectInert(render(poisoned(sampleHosts, bad)), runUrl);
  });

  test("a table row keeps its cells whatever stands in them", () => {
    for (const bad of hostile) {
      const html = rendered(`| a | b | c |\n| - | - | - |\n| ${code(bad)} | ${prose(bad)} | END |`);
      expect(html.match(/<td>/g)).toHaveLength(3);
      expect(html).toContain("<td>END</td>");
    }
  });

  test("a name is shown as it is", () => {
    for (const name of ["linux-6.12.40", "a|b", "x`y", "back\\slash", "<tag>", "a&amp;b", "@user", "#12", "-rf"]) {
      const html = rendered(`| ${code(name)} |\n| - |`);
      const shown = html
        .match(/<code>(.*?)<\/code>/s)?.[1]
        ?.replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&quot;", '"')
        .replaceAll("&amp;", "&");
      expect(shown).toBe(name);
    }
  });

  test("only http and https become links", () => {
    expect(link("run", "javascript:alert(1)")).toBe("run");
    expect(link("run", "https://x.example/a b")).toBe("run");
    expect(rendered(link("run", "https://x.example/a)>(b"))).toBe('<p><a href="https://x.example/a)%3E(b">run</a></p>');
  });
});

describe("length", () => {
  const huge = (host: string, lines: number): HostReport => {
    const diff = databaseDiff(host);
    const text = Array.from({ length: 60 }, (_, i) => `+line ${i} of ${host}`).join("\n");
    return changed(
      host,
      {
        ...diff,
        files: Array.from({ length: lines }, (_, i) => ({
          path: `/etc/${host}/${i}`,
          change: "changed" as const,
          kind: "text" as const,
          hashOnly: false,
          sizeFrom: 1,
          sizeTo: 2,
          diff: text,
          redacted: false,
        })),
        units: Array.from({ length: lines }, (_, i) => unit(`${host}-${i}.service`, "restart", "ExecStart changed")),
      },
      judgement(databaseFindings),
      { action: "hold", reasons: ["x: y"] },
    );
  };

  test("the largest host gives way first, and the text says what was left out", () => {
    const text = render([huge("big", 400), huge("small", 3), ...sampleHosts.slice(2, 4)]);
    expect(text.length).toBeLessThanOrEqual(59_700);
    expect(text).toContain("+line 0 of small");
    expect(text).not.toContain("+line 0 of big");
    expect(text).toMatch(/Left out here for length: .*The whole is in \[the run\]/);
    expectInert(text, runUrl);
  });

  test.each([2_000, 5_000, 12_000, 30_000, 60_000])("at %i characters the table, what is needed and the structure are whole", (limit) => {
    const text = render([huge("big", 200), huge("other", 100), ...sampleHosts], limit);
    expectInert(text, runUrl);
    for (const host of ["big", "other", "ci", "db1", "gateway", "web1"]) expect(text).toContain(`\`${host}\``);
    expect(text).toContain("**Needed from you**");
    if (limit >= 12_000) expect(text.length).toBeLessThanOrEqual(limit - 300);
  });

  test.each([300, 1_000])("%i different hosts fit, each at least counted in a row", (n) => {
    const hosts = Array.from({ length: n }, (_, i) => {
      const name = `host-with-a-rather-long-name-${String(i).padStart(4, "0")}`;
      const diff = { ...webDiff(name), portsOpened: [], unknown: [`${i}`] };
      return changed(name, diff, i % 3 === 0 ? judgement([{ ...databaseFindings[0]!, subject: `service-${i}` }]) : judgement([]), {
        action: i % 3 === 0 ? "hold" : "deploy",
        reasons: ["r"],
      });
    });
    const text = render(hosts);
    expect(text.length).toBeLessThanOrEqual(59_700);
    const rows = text.split("\n").filter((line) => /^\| [^| -]/.test(line));
    const counted = rows.reduce((sum, row) => sum + Number(/(\d+) hosts/.exec(row)?.[1] ?? row.match(/`host-/g)?.length ?? 0), 0);
    expect(counted).toBe(n);
    expectInert(text, runUrl);
  });

  test("hosts with the same change share a row and their details; unchanged hosts are only counted", () => {
    const text = render(sampleHosts);
    expect(text).toContain("| `web1`, `web2` |");
    expect(text.match(/<summary><b><code>web1/g)).toHaveLength(1);
    expect(text).toContain("2 unchanged");
    expect(text).not.toContain("dns1");
  });
});

test("a fleet in which nothing changed says so in one line and lists nobody", () => {
  const text = render([unchanged("a"), unchanged("b")]);
  expect(text).toContain("### Deploy gate: 2 unchanged");
  expect(text).not.toContain("| Host |");
});
