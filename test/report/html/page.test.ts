import { createHash } from "node:crypto";
import { parse, type DefaultTreeAdapterTypes, type ParserError } from "parse5";
import { describe, expect, test } from "vitest";
import { judgement } from "../../../src/classify/finding.ts";
import { diffPlan } from "../../../src/commands/diff-plan.ts";
import { namesOnly } from "../../../src/report/names-only.ts";
import { htmlReport } from "../../../src/report/html/page.ts";
import type { Plan } from "../../../src/report/plan.ts";
import { toPlan } from "../../../src/report/to-plan.ts";
import { hostile, poisoned } from "../hostile.ts";
import { changed, sampleRun, webDiff } from "../sample.ts";
import { deployed, hundred, pullRequest } from "./sample-pages.ts";

type Element = DefaultTreeAdapterTypes.Element;

const run = "https://code.example.org/ops/fleet/actions/runs/7";
const page = (plan: Plan): string => htmlReport(plan, { detail: plan.detail, run });

/** The elements of a page, and what a parser that keeps to the standard has to say about it. */
function read(text: string): { readonly elements: readonly Element[]; readonly errors: readonly string[] } {
  const errors: string[] = [];
  const document = parse(text, {
    onParseError: (error: ParserError) =>
      void errors.push(`${error.code} at ${text.slice(error.startOffset - 60, error.startOffset + 40)}`),
  });
  const elements: Element[] = [];
  const walk = (node: DefaultTreeAdapterTypes.ParentNode): void => {
    for (const child of node.childNodes) {
      if (!("tagName" in child)) continue;
      elements.push(child);
      walk(child);
    }
  };
  walk(document);
  return { elements, errors };
}
const attribute = (element: Element, name: string): string | undefined => element.attrs.find((one) => one.name === name)?.value;
const textOf = (node: DefaultTreeAdapterTypes.Node): string =>
  "value" in node ? node.value : "childNodes" in node ? node.childNodes.map(textOf).join("") : "";

const ours = new Set(
  "html head meta title style script body a header p span h1 h2 h3 h4 nav ul li div button main section label input output table caption colgroup col thead tbody tr th td small code kbd strong details summary dl dt dd time svg g rect text article pre ins del footer".split(
    " ",
  ),
);

/** Only what this program writes by itself: nothing that a stranger said has become an element, an attribute or an address. */
function expectOurs(text: string): void {
  const { elements, errors } = read(text);
  const wrong = [...errors];
  const all = elements.flatMap((one) => attribute(one, "id") ?? []);
  const ids = new Set(all);
  if (ids.size !== all.length) wrong.push("an id is there twice");
  for (const element of elements) {
    if (!ours.has(element.tagName)) wrong.push(`<${element.tagName}>`);
    for (const { name, value } of element.attrs) {
      if (/^(on|style$|src|srcset$|action$|formaction$|ping$|background$)/.test(name)) wrong.push(`${name}="${value}"`);
      const anchor = name === "aria-labelledby" ? value : name === "href" && value.startsWith("#") ? value.slice(1) : undefined;
      if (anchor !== undefined && !ids.has(anchor)) wrong.push(`nothing is called ${anchor}`);
      if (name === "href" && anchor === undefined && value !== run) wrong.push(`a link to ${value}`);
    }
  }
  for (const name of ["script", "style"]) if (elements.filter((one) => one.tagName === name).length !== 1) wrong.push(`not one <${name}>`);
  expect(wrong.slice(0, 5)).toEqual([]);
}

describe.each([
  ["a pull request", pullRequest],
  ["a deploy", deployed],
  ["a hundred hosts", hundred],
  ["strangers' eyes", namesOnly(pullRequest)],
  ["a plan without hosts", toPlan({ ...sampleRun, hosts: [] })],
])("the page of %s", (_, plan) => {
  const text = page(plan);

  test("is valid, and only ours", () => {
    expectOurs(text);
  });

  test("allows its own style and script and nothing else", () => {
    const { elements } = read(text);
    const policy = elements.find((one) => attribute(one, "http-equiv") === "Content-Security-Policy");
    const hashes = ["style", "script"].map((name) => {
      const [only] = elements.filter((one) => one.tagName === name);
      return `${name}-src 'sha256-${createHash("sha256")
        .update(only === undefined ? "" : textOf(only))
        .digest("base64")}'`;
    });
    expect(policy === undefined ? "" : attribute(policy, "content")).toBe(
      `default-src 'none'; ${hashes.join("; ")}; base-uri 'none'; form-action 'none'`,
    );
    expect(text).not.toMatch(/url\(|@import|unsafe-/);
  });

  test("has every host, worst first, and no heading that skips a level", () => {
    const { elements } = read(text);
    const sections = elements.filter((one) => attribute(one, "class")?.startsWith("host ") === true).map((one) => attribute(one, "id"));
    expect(new Set(sections)).toEqual(new Set(plan.hosts.map(({ host }) => `host-${host}`)));
    expect(sections).toHaveLength(plan.hosts.length);
    const table = text.slice(text.indexOf('id="hosts-table"'), text.indexOf("</table>", text.indexOf('id="hosts-table"')));
    expect(Array.from(table.matchAll(/href="#host-([^"]+)"/g), ([, host]) => host)).toEqual(plan.hosts.map(({ host }) => host));
    let level = 0;
    for (const { tagName } of elements) {
      if (!/^h[1-6]$/.test(tagName)) continue;
      const next = Number(tagName.slice(1));
      expect(next).toBeLessThanOrEqual(level + 1);
      level = next;
    }
  });

  test("is the same for the same plan", () => {
    expect(page(structuredClone(plan))).toBe(text);
  });
});

const attempts = [
  ...hostile,
  "</script><script>alert(1)</script>",
  "</style><script>alert(1)</script>",
  "</title><script>alert(1)</script>",
  `" onmouseover="alert(1)" x="`,
  `' onfocus='alert(1)' autofocus='`,
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "<svg/onload=alert(1)>",
  "]]><script>alert(1)</script><![CDATA[",
  "--><script>alert(1)</script><!--",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  "\u202e\u2066<b>\u2069",
  "{{constructor.constructor('alert(1)')()}} ${alert(1)}",
  "\0<scr\0ipt>",
];

describe("whatever a stranger writes in any field stays text", () => {
  test.each(attempts.map((bad) => [JSON.stringify(bad).slice(0, 60), bad]))("%s", (_, bad) => {
    for (const plan of [pullRequest, deployed]) expectOurs(page(poisonedPlan(plan, bad)));
  });
});

/** Times and sides keep their form: a plan in which they had another would not be read. */
function poisonedPlan(plan: Plan, bad: string): Plan {
  const made = poisoned(plan, bad);
  const keep = { schema: plan.schema, event: plan.event, startedAt: plan.startedAt, finishedAt: plan.finishedAt, detail: plan.detail };
  return {
    ...made,
    ...keep,
    policy: { ...made.policy, source: plan.policy.source },
    diffs: Object.fromEntries(
      Object.entries(plan.diffs).map(([key, diff]) => {
        const to = poisoned(diff, bad);
        return [
          key,
          {
            ...to,
            cut: diff.cut,
            closure: to.closure && { ...to.closure, chains: to.closure.chains.map((chain) => ({ ...chain, side: "to" as const })) },
          },
        ];
      }),
    ) as Plan["diffs"],
    ...(plan.timeline === undefined ? {} : { timeline: plan.timeline }),
    hosts: made.hosts.map((host, i) => {
      const was = plan.hosts[i];
      return {
        ...host,
        ...(was?.state === "changed" ? { diff: was.diff } : {}),
        ...(was?.reboot === undefined ? {} : { reboot: { ...host.reboot, next: was.reboot.next } }),
        ...(was?.approval === undefined ? {} : { approval: { ...host.approval, issuedAt: was.approval.issuedAt } }),
      } as Plan["hosts"][number];
    }),
  };
}

test("an address that is none of the web is no link", () => {
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "https://a b", "//x"])
    expect(htmlReport(pullRequest, { detail: "full", run: bad })).not.toMatch(/href="[^#]/);
});

test("where strangers read, no version, path, text or diff is on the page", () => {
  const text = htmlReport(pullRequest, { detail: "names" });
  expect(text).not.toMatch(/1\.28|16\.10|keepalive|\/nix\/store|pg_upgrade|client_max/);
  expect(text).toContain("nginx");
  // What the closure holds and did not change is nobody's business either.
  expect(text).not.toContain("btrfs-progs");
});

test("a model's words stand in a box that says whose they are, and nowhere else", () => {
  const { elements } = read(page(pullRequest));
  const saying = elements.filter((one) => textOf(one).includes("Nothing in the change runs pg_upgrade"));
  const box = saying.findIndex((one) => attribute(one, "class") === "part opinion");
  expect(box).toBeGreaterThan(0);
  expect(textOf(saying[box] as Element)).toContain("A model wrote this");
  expect(saying.slice(box + 1).map((one) => one.tagName)).toEqual(["ul", "li"]);
});

test("a page of any fleet is of bounded size and says what it left out", () => {
  const long = Array.from({ length: 200 }, (_, i) => `+line ${i} ${"x".repeat(60)}`).join("\n");
  const hosts = Array.from({ length: 150 }, (_, i) => {
    const diff = webDiff(`h${i}`);
    const file = diff.files[0]!;
    return changed(
      `h${i}`,
      {
        ...diff,
        files: [
          { ...file, diff: "@@ -0,0 +1,1 @@\n+short\n" },
          ...["a", "b", "c", "d"].map((name) => ({ ...file, path: `/etc/${name}${i}`, diff: long })),
        ],
      },
      judgement([]),
      { action: "deploy", reasons: ["r"] },
    );
  });
  const text = page(toPlan({ ...sampleRun, hosts }));
  expect(text.length).toBeLessThan(12_000_000);
  expect(read(text).elements.length).toBeLessThan(150_000);
  expect(text).toContain("left out here for size; plan.json has");
  // The short ones are whole.
  expect(text.split("short</td>").length - 1).toBe(150);
});

test("the page of two systems is of the host that they are named after, and says nothing of who manages it", () => {
  const diff = webDiff("web1");
  const { plan, compared } = diffPlan(diff, judgement([]), { notes: [], session: undefined, now: new Date("2026-11-22T12:00:00Z") });
  const page = htmlReport(plan, { detail: "full", compared });
  expect(page).toContain('id="host-web1"');
  expect(page).toContain("Two systems were compared; nothing is deployed.");
  expect(page).not.toMatch(/not managed|observed/);
});
