import { afterAll, describe, expect, test } from "vitest";
import { diffToplevelScripts } from "../../src/diff/toplevel-scripts.ts";
import type { System } from "../../src/diff/system.ts";
import type { FileChange } from "../../src/diff/system-diff.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove());

type Entries = Parameters<ThrowawayStore["tree"]>[1];
/** A toplevel with these entries, as far as the scripts look at one. */
const system = (entries: Entries): System => ({
  ...store.system({}),
  toplevel: store.tree("nixos-system-host-26.05", { "nixos-version": "26.05", ...entries }),
});
const script = (name: string, text: string): string => store.file(name, `#!/bin/sh\n${text}`);
const appender = (text: string): Entries => ({ "append-initrd-secrets": { link: script("append-initrd-secrets", text) } });
/** The wrapper around switch-to-configuration as makeWrapper writes it. */
const wrapper = (check: string): Entries => ({
  "bin/switch-to-configuration": `#!/bin/sh\nexport OUT='/x'\nexport PRE_SWITCH_CHECK=${check}\nexec ng "$@"\n`,
});
const diff = (before: Entries, after: Entries): FileChange[] => diffToplevelScripts(store.files, system(before), system(after));

describe("what copies secrets into the initrd", () => {
  test("another text is a change with its diff, the same text under another path is none", () => {
    expect(diff(appender("cp /etc/key /boot\n"), appender("cp /etc/other /boot\n"))).toMatchObject([
      {
        path: "append-initrd-secrets",
        change: "changed",
        kind: "text",
        hashOnly: false,
        diff: expect.stringContaining("-cp /etc/key /boot\n+cp /etc/other /boot") as string,
      },
    ]);
    expect(diff(appender("cp /etc/key /boot\n"), appender("cp /etc/key /boot\n"))).toEqual([]);
  });

  test("it comes and goes", () => {
    expect(diff({}, appender("cp a b\n"))).toMatchObject([{ change: "added", diff: expect.stringContaining("+cp a b") as string }]);
    expect(diff(appender("cp a b\n"), {})).toMatchObject([{ change: "removed", diff: expect.stringContaining("-cp a b") as string }]);
    expect(diff({}, {})).toEqual([]);
  });

  test("only the hashes of what it names differ", () => {
    const naming = (): Entries => appender(`${store.path("busybox-1.36")}/bin/cp a b\n`);
    expect(diff(naming(), naming())).toMatchObject([{ hashOnly: true, diff: "" }]);
  });

  test("a secret in it is not shown", () => {
    const [change] = diff(appender("TOKEN=aaaaaaaa1\n"), appender("TOKEN=bbbbbbbb2\n"));
    expect(change).toMatchObject({ change: "changed", redacted: true });
    expect(change?.diff).not.toMatch(/aaaaaaaa1|bbbbbbbb2/);
  });

  test("a link that dangles, loops, or leaves the store is as if there were none", () => {
    for (const link of ["/etc/shadow", "/nix/store/none/x", "append-initrd-secrets", "../../../etc/passwd"])
      expect(diff({ "append-initrd-secrets": { link } }, {}), link).toEqual([]);
  });

  test("bytes are told as bytes", () => {
    const bytes = (last: number): Entries => ({
      "append-initrd-secrets": { link: store.file("append-initrd-secrets", new Uint8Array([0x7f, 0x45, 0, 0xff, last])) },
    });
    expect(diff(bytes(1), bytes(2))).toMatchObject([{ kind: "binary", change: "changed", sizeFrom: 5, sizeTo: 5, diff: "" }]);
    expect(diff(bytes(1), bytes(1))).toEqual([]);
  });
});

describe("what may refuse a switch", () => {
  const check = (text: string): string => script("pre-switch-checks", text);

  test.each([
    ["single quotes", (path: string) => `'${path}'`],
    ["double quotes", (path: string) => `"${path}"`],
    ["no quotes", (path: string) => path],
  ])("is found in the wrapper, in %s", (_, quoted) => {
    const [old, now] = [check("exit 0\n"), check("exit 1\n")];
    expect(diff(wrapper(quoted(old)), wrapper(quoted(now)))).toMatchObject([
      { path: "pre-switch-checks", change: "changed", diff: expect.stringContaining("-exit 0\n+exit 1") as string },
    ]);
  });

  test("appears with a system that has checks", () => {
    expect(diff({ "bin/switch-to-configuration": "#!/bin/sh\nexec ng\n" }, wrapper(`'${check("exit 1\n")}'`))).toMatchObject([
      { path: "pre-switch-checks", change: "added" },
    ]);
    expect(diff({}, {})).toEqual([]);
  });

  test("a path outside the store, or of a variable of a longer name, is not followed", () => {
    expect(diff({}, wrapper("/etc/shadow"))).toEqual([]);
    expect(diff({}, { "bin/switch-to-configuration": `NO_PRE_SWITCH_CHECK=${check("x\n")}\n` })).toEqual([]);
  });
});

test("both are told, in one order", () => {
  const changes = diff({}, { ...wrapper(`'${script("pre-switch-checks", "exit 1\n")}'`), ...appender("cp a b\n") });
  expect(changes.map(({ path }) => path)).toEqual(["append-initrd-secrets", "pre-switch-checks"]);
});
