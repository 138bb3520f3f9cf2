import { expect, test } from "vitest";
import { between, sideBySide } from "../../../src/report/html/side-by-side.ts";

const shape = (unified: string): string[] =>
  sideBySide(unified).map((row) =>
    "text" in row
      ? `${row.kind} ${row.text}`
      : `${row.kind} ${row.left?.number ?? ""}:${row.left?.text ?? ""}|${row.right?.number ?? ""}:${row.right?.text ?? ""}`,
  );

test("lines that were replaced stand beside each other, with the numbers of both sides", () => {
  expect(shape("@@ -4,4 +4,5 @@\n a\n-b\n-c\n+B\n+C\n+D\n e\n")).toEqual([
    "part @@ -4,4 +4,5 @@",
    "same 4:a|4:a",
    "replaced 5:b|5:B",
    "replaced 6:c|6:C",
    "added :|7:D",
    "same 7:e|8:e",
  ]);
});

test("what was only removed, what follows a gap, and what has no numbers", () => {
  expect(shape("@@ -1,2 +1,1 @@\n-a\n b\n@@ -9,1 +8,1 @@\n-x\n+y\n")).toEqual([
    "part @@ -1,2 +1,1 @@",
    "removed 1:a|:",
    "same 2:b|1:b",
    "part @@ -9,1 +8,1 @@",
    "replaced 9:x|8:y",
  ]);
  expect(shape("+only\n+new")).toEqual(["added :|:only", "added :|:new"]);
});

test("no line of the text is lost, whatever it looks like", () => {
  expect(shape("@@ -1,1 +1,1 @@\n--- a\n+++ b\n\\ 12 more lines\n… 3 more lines\nGARBAGE")).toEqual([
    "part @@ -1,1 +1,1 @@",
    "replaced 1:-- a|1:++ b",
    "note 12 more lines",
    "note … 3 more lines",
    "note GARBAGE",
  ]);
});

test("only what is between is marked, and no character is cut in two", () => {
  expect(between("client_max 10m;", "client_max 50m;")).toEqual({ head: "client_max ", old: "1", fresh: "5", tail: "0m;" });
  expect(between("aa", "aaa")).toEqual({ head: "aa", old: "", fresh: "a", tail: "" });
  expect(between("x😀y", "x😁y")).toEqual({ head: "x", old: "😀", fresh: "😁", tail: "y" });
});
