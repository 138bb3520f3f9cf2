import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openAlertStore } from "../../src/io/alert-store.ts";
import { accept, emptyBook } from "../../src/listen/alert-book.ts";
import { readPlain } from "../../src/listen/alert.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gate-alerts-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const source = resolve(import.meta.dirname, "../../src");
/** Hears one alert in a process that may write 4096 bytes to a file and no more, which is how a disk that fills up looks: a write takes a part, and the next one fails. */
const keepWithin4096 = (details: string): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(
    "sh",
    [
      "-c",
      `trap '' XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2" "$3"`,
      process.execPath,
      `import { openAlertStore } from ${JSON.stringify(`${source}/io/alert-store.ts`)};
import { accept, emptyBook } from ${JSON.stringify(`${source}/listen/alert-book.ts`)};
import { readPlain } from ${JSON.stringify(`${source}/listen/alert.ts`)};
const taken = accept(emptyBook, readPlain({ name: "x", details: process.argv[2] }, new Date(0)).alerts, 0);
try { openAlertStore(process.argv[1]).keep(taken.book, taken.changed); console.log("kept"); } catch (error) { console.log(error.code); }`,
      directory,
      details,
    ],
    { encoding: "utf8" },
  );

test("an alert of which only a part can be written is not taken, and what was kept of it before stays", () => {
  expect(keepWithin4096("small")).toMatchObject({ status: 0, stdout: "kept\n" });
  const [name = ""] = readdirSync(join(directory, "pending")).filter((file) => file.endsWith(".json"));
  const before = readFileSync(join(directory, "pending", name), "utf8");
  expect(keepWithin4096("d".repeat(7_000))).toMatchObject({ status: 0, stdout: "EFBIG\n" });
  expect(readFileSync(join(directory, "pending", name), "utf8")).toBe(before);
});

test("what was kept is read again, and a torn file is named", () => {
  const read = readPlain({ name: "x", host: "web1" }, new Date(0));
  if (!read.ok) throw new Error(read.problem);
  const { book, changed } = accept(emptyBook, read.alerts, 7);
  const store = openAlertStore(directory);
  store.keep(book, changed);
  store.keepTold({ ...book, told: new Map([["0".repeat(32), { at: 3, resolved: true }]]), starts: [3] });
  const { book: again, odd } = openAlertStore(directory).read();
  expect(odd).toEqual([]);
  expect([...again.pending.values()]).toMatchObject([{ since: 7, alert: { name: "x", host: "web1" } }]);
  expect([...again.told]).toEqual([["0".repeat(32), { at: 3, resolved: true }]]);
});
