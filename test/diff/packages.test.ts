import { describe, expect, test } from "vitest";
import { ClosureGraph } from "../../src/diff/closure.ts";
import { closureView } from "../../src/diff/closure-view.ts";
import { diffPackages } from "../../src/diff/packages.ts";
import type { PackagesDiff } from "../../src/diff/system-diff.ts";
import { why } from "../../src/diff/why.ts";
import { Random } from "./random.ts";

let count = 0;
/** A store path of that name; the same name twice gives two paths. */
function path(name: string): string {
  count += 1;
  return `/nix/store/${String(count).padStart(32, "0")}-${name}`;
}

type Entry = { readonly path: string; readonly narSize: number; readonly references: readonly string[] };

function graphOf(entries: readonly Entry[]): ClosureGraph {
  const graph = new ClosureGraph();
  for (const entry of entries) graph.sink.valid(entry);
  return graph;
}

const none = { from: new Map(), to: new Map() };

/** Two systems over these packages. */
function diff(
  from: readonly (readonly [string, number])[],
  to: readonly (readonly [string, number])[],
  shared: readonly (readonly [string, number])[] = [],
): PackagesDiff {
  const make = (list: readonly (readonly [string, number])[]): Entry[] =>
    list.map(([name, narSize]) => ({ path: path(name), narSize, references: [] }));
  const [before, after, both] = [make(from), make(to), make(shared)];
  const [a, b] = [path("nixos-system-host-26.05"), path("nixos-system-host-26.05")];
  const top = (self: string, list: readonly Entry[]): Entry => ({
    path: self,
    narSize: 100,
    references: [...list, ...both].map((entry) => entry.path),
  });
  return diffPackages(graphOf([...before, ...after, ...both, top(a, before), top(b, after)]), a, b, none);
}

describe("packages", () => {
  test("added, removed, up, down, rebuilt", () => {
    const found = diff(
      [
        ["openssl-3.0.13", 10],
        ["gone-1", 7],
        ["bash-5.3", 3],
        ["gitea-1.17.0", 4],
      ],
      [
        ["openssl-3.0.14", 12],
        ["new-2", 5],
        ["bash-5.3", 3],
        ["gitea-1.16.9", 4],
      ],
    );
    expect(found.added).toEqual([{ name: "new", versions: ["2"], size: 5, selectedBy: [] }]);
    expect(found.removed).toEqual([{ name: "gone", versions: ["1"], size: 7, selectedBy: [] }]);
    expect(found.changed.map(({ name, from, to, direction, sizeDelta }) => [name, from, to, direction, sizeDelta])).toEqual([
      ["gitea", ["1.17.0"], ["1.16.9"], "down", 0],
      ["openssl", ["3.0.13"], ["3.0.14"], "up", 2],
    ]);
    expect(found.rebuilt.map(({ name }) => name)).toEqual(["bash", "nixos-system-host"]);
    expect(found.sizeDelta).toBe(0);
    expect([found.pathsFrom, found.pathsTo]).toEqual([5, 5]);
  });

  test("a version that stays is shown beside the one that changes, and outputs are one package", () => {
    const found = diff(
      [["python3-3.12.1", 10]],
      [
        ["python3-3.12.2", 10],
        ["python3-3.12.2-dev", 2],
      ],
      [["python3-3.13.0", 10]],
    );
    expect(found.changed).toMatchObject([
      { name: "python3", from: ["3.12.1", "3.13.0"], to: ["3.12.2", "3.13.0"], direction: "up", sizeDelta: 2 },
    ]);
    expect(found.added).toEqual([]);
  });
});

/** A random system over a random store: two toplevels that share most of it. */
function randomPair(seed: number): { readonly graph: ClosureGraph; readonly from: string; readonly to: string } {
  const random = new Random(seed);
  const entries: Entry[] = [];
  for (let index = 0; index < 200; index += 1) {
    const name = `p${random.below(60)}${random.pick(["-1.0", "-1.1", "-2.0", "", "-1.0-bin", "-2.0-lib"])}`;
    entries.push({
      path: path(name),
      narSize: random.below(10_000),
      references: entries.length === 0 ? [] : random.times(0, 4, () => random.pick(entries).path),
    });
  }
  const top = (): Entry => ({
    path: path("nixos-system-h-26.05"),
    narSize: 1,
    references: random.times(20, 60, () => random.pick(entries).path),
  });
  const [from, to] = [top(), top()];
  return { graph: graphOf([...entries, from, to]), from: from.path, to: to.path };
}

describe("for any two systems", () => {
  const seeds = Array.from({ length: 60 }, (_, seed) => seed);

  test("a system compared with itself has no differences", () => {
    for (const seed of seeds) {
      const { graph, from } = randomPair(seed);
      expect(diffPackages(graph, from, from, none)).toMatchObject({ added: [], removed: [], changed: [], rebuilt: [], sizeDelta: 0 });
    }
  });

  test("swapping the sides swaps added and removed, up and down", () => {
    const opposite = { up: "down", down: "up", mixed: "mixed", same: "same" } as const;
    for (const seed of seeds) {
      const { graph, from, to } = randomPair(seed);
      const [there, back] = [diffPackages(graph, from, to, none), diffPackages(graph, to, from, none)];
      expect(back.added).toEqual(there.removed);
      expect(back.removed).toEqual(there.added);
      expect(back.changed).toEqual(
        there.changed.map((change) => ({
          ...change,
          from: change.to,
          to: change.from,
          direction: opposite[change.direction],
          sizeDelta: 0 - change.sizeDelta,
        })),
      );
      expect(back.rebuilt.map(({ name }) => name)).toEqual(there.rebuilt.map(({ name }) => name));
      expect(back.sizeDelta).toBe(0 - there.sizeDelta);
    }
  });

  test("sizes add up to the difference of the closures", () => {
    for (const seed of seeds) {
      const { graph, from, to } = randomPair(seed);
      const found = diffPackages(graph, from, to, none);
      const sum = (list: readonly number[]): number => list.reduce((total, size) => total + size, 0);
      const parts =
        sum(found.added.map(({ size }) => size)) -
        sum(found.removed.map(({ size }) => size)) +
        sum([...found.changed, ...found.rebuilt].map(({ sizeDelta }) => sizeDelta));
      expect(parts).toBe(found.sizeDelta);
      expect(found.sizeTo - found.sizeFrom).toBe(found.sizeDelta);
      expect(found.sizeFrom).toBe(sum([...graph.closure(from)].map((id) => graph.narSize(id))));
    }
  });

  test("why is a chain of references, and none is shorter", () => {
    for (const seed of seeds.slice(0, 20)) {
      const { graph, from } = randomPair(seed);
      const depth = new Map([[graph.id(from) as number, 0]]);
      for (const id of graph.closure(from))
        for (const next of graph.references(id)) depth.set(next, Math.min(depth.get(next) ?? Infinity, (depth.get(id) ?? Infinity) + 1));
      for (const id of graph.closure(from)) {
        const chain = why(graph, from, graph.path(id));
        expect(chain[0]).toBe(from);
        expect(chain.at(-1)).toBe(graph.path(id));
        expect(chain).toHaveLength((depth.get(id) as number) + 1);
        for (let index = 1; index < chain.length; index += 1) {
          expect(graph.references(graph.id(chain[index - 1] as string) as number)).toContain(graph.id(chain[index] as string));
        }
      }
    }
  });

  test("why is empty for what is not there", () => {
    const { graph, from } = randomPair(1);
    expect(why(graph, from, "/nix/store/nothing")).toEqual([]);
  });
});

test("a closure as people look at it: the largest first, and the shortest chain to what moved", () => {
  const [lib, oldLib, tool, old, fresh] = [
    path("lib-2"),
    path("lib-1"),
    path("tool-7"),
    path("nixos-system-h-26.05"),
    path("nixos-system-h-26.05"),
  ];
  const [oldTool, etc] = [path("tool-7"), path("etc")];
  const graph = graphOf([
    { path: lib, narSize: 5, references: [lib] },
    { path: oldLib, narSize: 9, references: [] },
    { path: tool, narSize: 100, references: [lib] },
    { path: oldTool, narSize: 100, references: [oldLib] },
    { path: etc, narSize: 1, references: [tool, etc] },
    { path: old, narSize: 1, references: [oldTool] },
    { path: fresh, narSize: 1, references: [etc, tool] },
  ]);
  expect(closureView(graph, old, fresh, diffPackages(graph, old, fresh, none))).toEqual({
    largest: [
      { name: "tool", from: 100, to: 100 },
      { name: "lib", from: 9, to: 5 },
      { name: "etc", from: 0, to: 1 },
    ],
    others: { packages: 1, from: 1, to: 1 },
    chains: [{ name: "lib", side: "to", path: ["tool-7", "lib-2"] }],
  });
});
