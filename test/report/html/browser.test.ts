import { readFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { htmlReport } from "../../../src/report/html/page.ts";
import { deployed, hundred, pullRequest } from "./sample-pages.ts";

/** The page in a real browser: what it asks for, what it says, who can use it. `.ci/setup browser` installs one where it may. */
const program = (process.env["PATH"] ?? "")
  .split(":")
  .flatMap((directory) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(directory, name)))
  .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
if (program === undefined)
  process.stderr.write("The HTML report was not looked at in a browser: there is no Chromium. Run: .ci/setup browser\n");

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const plans = { pullRequest, deployed, hundred };
type Name = keyof typeof plans;

describe.skipIf(program === undefined)("in a browser", { timeout: 120_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "report-page-"));
  const file = (name: Name): string => join(directory, `${name}.html`);
  let browser: Browser;
  beforeAll(async () => {
    for (const [name, plan] of Object.entries(plans)) writeFileSync(file(name as Name), htmlReport(plan, { detail: "full" }));
    // Its own sandbox needs user namespaces, which a container's root may not have; what it shows is our own file.
    browser = await chromium.launch({ executablePath: program ?? "", args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Opens a page and hears what it asks for and complains about. */
  async function open(
    name: Name,
    options: Parameters<Browser["newPage"]>[0] = {},
  ): Promise<{ page: Page; asked: string[]; said: string[] }> {
    const page = await browser.newPage(options);
    const [asked, said]: [string[], string[]] = [[], []];
    page.on("request", (request) => void asked.push(request.url()));
    page.on("console", (message) => void said.push(message.text()));
    page.on("pageerror", (error) => void said.push(String(error)));
    await page.goto(pathToFileURL(file(name)).href);
    return { page, asked, said };
  }
  const read = async <T>(page: Page, expression: string): Promise<T> => await page.evaluate<T>(expression);

  test.each(["pullRequest", "deployed", "hundred"] as const)(
    "%s asks for nothing, complains of nothing and is no wider than a phone",
    async (name) => {
      const { page, asked, said } = await open(name, { viewport: { width: 390, height: 800 } });
      await page.click("#unfold");
      expect(asked).toEqual([pathToFileURL(file(name)).href]);
      expect(said).toEqual([]);
      expect(await read(page, "document.documentElement.scrollWidth")).toBe(390);
      expect(await read(page, "document.querySelectorAll('*').length")).toBeLessThan(30_000);
      await page.close();
    },
  );

  test("a script or an address that got in would neither run nor be asked for", async () => {
    const heard: string[] = [];
    const server = createServer((request, response) => {
      heard.push(request.url ?? "");
      response.end("x");
    });
    await new Promise<void>((ready) => void server.listen(0, "127.0.0.1", ready));
    const there = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const evil = `<script>document.title = "evil"</script><img src="${there}/image" onerror="document.title='evil'"><style>h1 { display: none }</style><form action="${there}/form"><button id="send">x</button></form>`;
    const path = join(directory, "evil.html");
    const show = async (policy: boolean): Promise<Page> => {
      const text = readFileSync(file("pullRequest"), "utf8").replace("<footer>", `${evil}<footer>`);
      writeFileSync(path, policy ? text : text.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, ""));
      const page = await browser.newPage();
      await page.goto(pathToFileURL(path).href);
      return page;
    };
    try {
      const page = await show(true);
      expect(await page.title()).toMatch(/^Deploy gate: /);
      expect(await page.isVisible("h1")).toBe(true);
      await read(page, "document.getElementById('send').click()");
      await page.close();
      expect(heard).toEqual([]);
      // The same page without its policy shows that this test can tell.
      const open = await show(false);
      expect([await open.title(), await open.isVisible("h1"), heard]).toEqual(["evil", false, ["/image"]]);
      await open.close();
    } finally {
      server.close();
    }
  });

  test.each([
    ["pullRequest", "light", 1280, "dark"],
    ["deployed", "dark", 390, "light"],
  ] as const)("nobody is kept out of %s, %s, %i wide, nor by its colours in %s", async (name, colorScheme, width, other) => {
    const { page } = await open(name, { colorScheme, viewport: { width, height: 900 } });
    await page.click("#unfold");
    // Parts that are out of sight are not drawn, and what is not drawn has no colours to be judged.
    await read(page, "document.querySelectorAll('.change').forEach((one) => { one.style.contentVisibility = 'visible'; })");
    await read(page, axe);
    const violations = async (options: object): Promise<string[]> => {
      const found = await read<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>(
        page,
        `axe.run(document, ${JSON.stringify({ resultTypes: ["violations"], ...options })})`,
      );
      const told = (nodes: { html: string; failureSummary: string }[]): string =>
        nodes
          .slice(0, 3)
          .map((node) => `${node.html} ${node.failureSummary}`)
          .join(" | ");
      return found.violations.map(({ id, nodes }) => `${id}: ${told(nodes)}`);
    };
    expect(await violations({})).toEqual([]);
    await page.emulateMedia({ colorScheme: other });
    expect(await violations({ runOnly: ["color-contrast"] })).toEqual([]);
    await page.close();
  });

  test("all of it is there without scripts", async () => {
    const { page, said } = await open("pullRequest", { javaScriptEnabled: false });
    expect(await page.isVisible("text=Needed from you")).toBe(true);
    expect(await page.isVisible("#filter")).toBe(false);
    expect(await page.isVisible("#unfold")).toBe(false);
    // A link leads to its host, and a fold opens.
    await page.click("#hosts-table a[href='#host-web1']");
    expect(await page.locator("#host-web1").isVisible()).toBe(true);
    const article = page.locator("article", { has: page.locator("#host-web1") });
    expect(await article.locator("table.packages").isVisible()).toBe(false);
    await article.locator("details.body > summary").click();
    expect(await article.locator("table.packages").isVisible()).toBe(true);
    expect(said).toEqual([]);
    await page.close();
  });

  test("a keyboard reaches every link, button and fold, and sees where it is", async () => {
    const { page } = await open("pullRequest");
    const wanted = await read<number>(
      page,
      `Array.from(document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")).filter((one) => one.checkVisibility()).length`,
    );
    // The page itself notes where the focus goes: asking it after each key takes a hundred times as long.
    await read(
      page,
      `window.stops = []; document.addEventListener("focusin", ({ target }) => {
        window.stops.push([Array.from(document.querySelectorAll("*")).indexOf(target), getComputedStyle(target).outlineStyle !== "none"]);
      })`,
    );
    for (let i = 0; i < wanted + 5; i += 1) await page.keyboard.press("Tab");
    const stops = await read<[number, boolean][]>(page, "window.stops");
    expect({ reached: new Set(stops.map(([at]) => at)).size, unmarked: stops.filter(([, marked]) => !marked).length }).toEqual({
      reached: wanted,
      unmarked: 0,
    });
    // The first stop leads past the navigation.
    await page.reload();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await read(page, "document.activeElement.id")).toBe("main");
    await page.close();
  });

  test("a filter leaves the hosts that were asked for and says how many", async () => {
    const { page } = await open("hundred");
    const rows = "Array.from(document.querySelectorAll('#hosts-table tbody tr')).filter((row) => row.checkVisibility()).length";
    await page.fill("#filter", "then host00");
    expect(await read(page, rows)).toBe(4);
    expect(await page.textContent("#shown")).toBe("4 of 100 hosts");
    await page.fill("#filter", "");
    expect(await read(page, rows)).toBe(100);
    await page.close();
  });

  test("a link to a host behind a fold opens it", async () => {
    const { page } = await open("hundred");
    const last = page.locator("#host-host092");
    expect(await last.isVisible()).toBe(false);
    await page.click("#hosts-table a[href='#host-host092']");
    await page.waitForFunction("document.getElementById('host-host092').checkVisibility()");
    expect(await last.isVisible()).toBe(true);
    await page.close();
  });

  test("on paper everything is unfolded and nothing is in the way", async () => {
    const { page } = await open("pullRequest", { javaScriptEnabled: false });
    await page.emulateMedia({ media: "print" });
    expect(await page.isVisible("nav.contents")).toBe(false);
    const article = page.locator("article", { has: page.locator("#host-web1") });
    expect(await article.locator("table.packages").isVisible()).toBe(true);
    await page.close();
  });
});
