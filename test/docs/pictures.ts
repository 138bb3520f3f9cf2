/**
 * Takes the pictures of docs/images: the comment on the demo's change as a forge shows it, and the page of a sample plan. Both are looked at by people, so nothing
 * compares them; take them anew when the reports have changed. Needs Chromium.
 *
 *   sh .ci/setup nix browser && .ci/with-store node test/docs/pictures.ts
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { micromark } from "micromark";
import { gfm, gfmHtml } from "micromark-extension-gfm";
import { chromium } from "playwright-core";
import { htmlReport } from "../../src/report/html/page.ts";
import { pullRequest } from "../report/html/sample-pages.ts";

const root = resolve(import.meta.dirname, "../..");
const program = (process.env["PATH"] ?? "")
  .split(":")
  .flatMap((directory) => ["chromium", "chromium-browser", "google-chrome"].map((name) => join(directory, name)))
  .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
if (program === undefined) throw new Error("There is no Chromium. Run: .ci/setup browser");

/** As forges style a comment, near enough to recognise it. */
const style = `
  body { margin: 0; padding: 18px; background: #fff; color: #1f2328; font: 14px/1.5 "DejaVu Sans", sans-serif; }
  article { border: 1px solid #d1d9e0; border-radius: 6px; } header { padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; color: #59636e; }
  header b { color: #1f2328; } main { padding: 12px 16px; } h3 { margin: 4px 0 14px; font-size: 17px; } table { border-collapse: collapse; width: 100%; }
  th, td { border: 1px solid #d1d9e0; padding: 6px 12px; } tr:nth-child(2n) td { background: #f6f8fa; }
  code { padding: 1px 5px; border-radius: 6px; background: #818b981f; font: 85% "DejaVu Sans Mono", monospace; } details { margin: 8px 0; }`;

// One host of the demo does not build, which is what exit code 0 of the demo says.
const { stdout } = await execa(process.execPath, [join(root, "examples/demo.ts"), "--markdown"], { stderr: "ignore" });
const body = micromark(stdout, { allowDangerousHtml: true, extensions: [gfm()], htmlExtensions: [gfmHtml()] });
const comment = `<!doctype html><meta charset="utf-8"><style>${style}</style><article><header><b>deploy-gate</b> commented</header><main>${body}</main></article>`;

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
try {
  for (const [name, html, width, height, deviceScaleFactor] of [
    ["comment", comment, 940, 720, 1.5],
    ["page", htmlReport(pullRequest, { detail: "full" }), 1180, 760, 1],
  ] as const) {
    const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor });
    await page.setContent(html);
    await page.screenshot({ path: join(root, "docs/images", `${name}.png`) });
  }
} finally {
  await browser.close();
}
