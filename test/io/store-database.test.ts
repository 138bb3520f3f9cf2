import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ClosureGraph } from "../../src/diff/closure.ts";
import { readClosures } from "../../src/diff/read-closures.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { Nix, StoreDatabase } from "../../src/io/ports.ts";
import { loadSqlite } from "../../src/io/sqlite.ts";
import { storeDatabase } from "../../src/io/store-database.ts";
import { Random } from "../diff/random.ts";
import { nixVersions } from "../nix/versions.ts";

const scratch = mkdtempSync(join(tmpdir(), "store-database."));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const unasked: Nix = {
  version: () => Promise.reject(new Error("Nix was asked")),
  run: () => Promise.reject(new Error("Nix was asked")),
};
const database = (): StoreDatabase =>
  storeDatabase({
    environment: process.env,
    onUnusable: (reason) => {
      throw new Error(reason);
    },
  });
const missing = `/nix/store/${"0".repeat(32)}-missing`;

/** All that a graph knows, references in its order. */
function told(graph: ClosureGraph, roots: readonly string[]): unknown {
  return roots.map((root) => ({
    root,
    missing: graph.isMissing(root),
    closure: [...graph.closure(root)].map((id) => [
      graph.path(id),
      graph.narSize(id),
      graph.references(id).map((reference) => graph.path(reference)),
    ]),
  }));
}

/** Derivations of one shape: the one of `number` refers to some before it, every third to itself, and the first to nothing. */
const shape = (salt: string, count: number, seconds = 0): string => `
  let
    needs = n: if n == 0 then [ ] else [ (at (n - 1)) (at (n / 2)) (at (n / 3)) ];
    at = n: builtins.elemAt all n;
    all = builtins.genList (n: derivation {
      name = "part-\${toString n}-1.\${toString n}";
      system = builtins.currentSystem;
      builder = "/bin/sh";
      PATH = "/usr/bin:/bin";
      needs = needs n;
      args = [ "-euc" ''echo ${salt} $needs > $out; ${seconds > 0 ? `sleep ${seconds};` : ""} \${if n == 0 || n - n / 3 * 3 != 0 then "" else "echo $out >> $out"}'' ];
    }) ${count};
  in all`;

describe.each(nixVersions())("on Nix $version", ({ version, path }) => {
  const environment = { ...process.env, PATH: path };
  const nix = nixPort({ environment, scratch: join(scratch, version) });
  const build = (expression: string): string[] =>
    execFileSync("nix-build", ["--no-out-link", "-j2", "-"], {
      input: expression,
      env: environment,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
    })
      .trim()
      .split("\n");
  let built: string[];
  beforeAll(() => {
    built = build(shape(`${version} ${scratch}`, 24));
  }, 120_000);

  test("what was just built is told as Nix tells it", async () => {
    const random = new Random(Number(version.replace(/\D/g, "")));
    for (let round = 0; round < 5; round += 1) {
      const roots = random.times(1, 12, () => random.pick(built));
      const [ours, theirs] = [await readClosures(unasked, roots, { database: database() }), await readClosures(nix, roots)];
      expect(told(ours, roots)).toEqual(told(theirs, roots));
      expect(ours.size).toBe(theirs.size);
    }
    const whole = await readClosures(unasked, built, { database: database() });
    // The shape holds what the comparison is to be about.
    expect(built.map((root) => whole.references(whole.id(root) as number).length)).toContain(0);
    expect(Math.max(...built.map((root) => whole.closure(root).length))).toBe(built.length);
    const self = new DatabaseSync("/nix/var/nix/db/db.sqlite", { readOnly: true });
    expect(
      self
        .prepare("select count(*) as count from Refs join ValidPaths on id = referrer where referrer = reference and path = ?")
        .get(built[3] as string),
    ).toEqual({ count: 1 });
    self.close();
  });

  test("Nix is asked for what is not in it, and for nothing else", async () => {
    const asked: string[][] = [];
    const recording: Nix = {
      ...nix,
      run: (run) => {
        asked.push(run.arguments.filter((word) => word.startsWith("/nix/store/")));
        return nix.run(run);
      },
    };
    const graph = await readClosures(recording, [built[2] as string, missing], { database: database() });
    expect(asked.flat().filter((word) => word !== missing)).toEqual([]);
    expect(asked.length).toBeGreaterThan(0);
    expect([graph.isMissing(missing), graph.isMissing(built[2] as string)]).toEqual([true, false]);
  });

  test("what stands only in the write-ahead log is seen", async () => {
    // While somebody has it open, nobody moves the log into the database.
    const open = new DatabaseSync("/nix/var/nix/db/db.sqlite");
    try {
      open.prepare("select count(*) from ValidPaths").get();
      const fresh = build(
        `derivation { name = "fresh"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo ${version} ${scratch} > $out" ]; }`,
      );
      expect(statSync("/nix/var/nix/db/db.sqlite-wal").size).toBeGreaterThan(0);
      const graph = await readClosures(unasked, fresh, { database: database() });
      expect(graph.isMissing(fresh[0] as string)).toBe(false);
    } finally {
      open.close();
    }
  });

  test("while another Nix builds, a closure is whole or not there", { timeout: 120_000 }, async () => {
    const expression = shape(`${version} ${scratch} later`, 30, 0.02);
    const derivations = execFileSync("nix-instantiate", ["-"], {
      input: expression,
      env: environment,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
    })
      .trim()
      .split("\n");
    const outputs = execFileSync("nix-store", ["-q", "--outputs", ...derivations], { env: environment, encoding: "utf8" })
      .trim()
      .split("\n");
    const snapshots: ClosureGraph[] = [];
    const writer = spawn("nix-store", ["--realise", "-j2", ...derivations], { env: environment, stdio: "ignore" });
    const done = new Promise<number | null>((resolve) => void writer.once("exit", resolve));
    let running = true;
    void done.finally(() => (running = false));
    while (running) {
      const read = await database().closures([...outputs, ...built]);
      if (read === undefined) throw new Error("the database was not read");
      const graph = new ClosureGraph();
      graph.add(read);
      snapshots.push(graph);
      await new Promise((resolve) => void setTimeout(resolve, 10));
    }
    expect(await done).toBe(0);
    const after = await readClosures(nix, [...outputs, ...built]);
    const seen = snapshots.map((graph) => outputs.filter((path) => !graph.isMissing(path)));
    // It was read while there was some and not all of it.
    expect(seen.some((paths) => paths.length > 0 && paths.length < outputs.length)).toBe(true);
    for (const [at, graph] of snapshots.entries()) {
      const present = [...(seen[at] as string[]), ...built];
      expect(told(graph, present)).toEqual(told(after, present));
    }
  });
});

describe("what cannot be relied on is not read", () => {
  const tables =
    "create table ValidPaths (id integer primary key, path text unique, narSize integer); create table Refs (referrer integer, reference integer, primary key (referrer, reference));";
  const paths = `insert into ValidPaths values (1, '/nix/store/a', 10), (2, '/nix/store/b', null); insert into Refs values (1, 2), (2, 2);`;
  const directory = (name: string, script: string | undefined, schema = "10"): string => {
    const path = join(scratch, name);
    mkdirSync(path);
    writeFileSync(join(path, "schema"), schema);
    if (script !== undefined) {
      const made = new DatabaseSync(join(path, "db.sqlite"));
      made.exec(script);
      made.close();
    }
    return path;
  };
  const read = async (path: string, environment: Readonly<Record<string, string>> = {}) => {
    const reasons: string[] = [];
    const from = storeDatabase({ environment, directory: path, onUnusable: (reason) => reasons.push(reason) });
    // Few are read here, many in a thread.
    const many = ["/nix/store/a", ...Array.from({ length: 100 }, (_, n) => `/nix/store/none${n}`)];
    const answers = [await from.closures(["/nix/store/a"]), await from.closures(many)];
    return { answers, reasons };
  };

  test("a plain one is", async () => {
    const { answers, reasons } = await read(directory("plain", tables + paths));
    expect(answers[0]).toEqual({
      paths: ["/nix/store/a", "/nix/store/b"],
      narSizes: Float64Array.of(10, 0),
      offsets: Uint32Array.of(0, 1, 1),
      targets: Uint32Array.of(1),
    });
    expect(answers[1]).toEqual(answers[0]);
    expect(reasons).toEqual([]);
  });

  test.each([
    ["an older schema", () => directory("older", tables + paths, "7\n"), 'has schema "7"'],
    ["a newer schema", () => directory("newer", tables + paths, "11"), 'has schema "11"'],
    ["no database", () => directory("none", undefined), "ENOENT"],
    ["no directory", () => join(scratch, "nothing"), "ENOENT"],
    [
      "a view in place of a table",
      () => directory("view", `${tables.replace("ValidPaths", "Valid")} create view ValidPaths as select * from Valid;`),
      "ValidPaths is not a table",
    ],
    [
      "a view in place of references",
      () =>
        directory(
          "view2",
          `${tables.replace("table Refs", "table R")} create view Refs as with recursive r (referrer, reference) as (select 1, 1 union all select referrer + 1, 1 from r) select * from r;`,
        ),
      "Refs is not a table",
    ],
    [
      "a computed column",
      () => directory("computed", `${tables.replace("narSize integer", "narSize integer as (length(zeroblob(100000000)))")}`),
      "columns that are computed",
    ],
    ["a reference to what is not valid", () => directory("dangling", `${tables}${paths} insert into Refs values (2, 7);`), "not valid"],
    [
      "a path of two lines",
      () => directory("lines", `${tables}${paths} update ValidPaths set path = '/nix/store/b' || char(10) || 'x' where id = 2;`),
      "more than one line",
    ],
    [
      "a size that is a text",
      () => directory("text", `${tables}${paths} update ValidPaths set narSize = 'x' where id = 2;`),
      "not a number",
    ],
    [
      "a size that is too large",
      () => directory("large", `${tables}${paths} update ValidPaths set narSize = 9223372036854775807;`),
      "9223372036854775807",
    ],
    ["no tables", () => directory("empty", "create table other (id)"), "not a table"],
  ])("%s", async (_, make, reason) => {
    const { answers, reasons } = await read(make());
    expect(answers).toEqual([undefined, undefined]);
    expect(reasons).toEqual([expect.stringContaining(reason)]);
  });

  test("bytes that are no database, a FIFO, a link, a FIFO for the schema", async () => {
    const noise = directory("noise", undefined);
    writeFileSync(join(noise, "db.sqlite"), "SQLite format 3\0".repeat(1000));
    const fifo = directory("fifo", undefined);
    execFileSync("mkfifo", [join(fifo, "db.sqlite")]);
    const link = directory("link", undefined);
    symlinkSync(join(scratch, "plain", "db.sqlite"), join(link, "db.sqlite"));
    const schema = directory("schema", tables + paths);
    rmSync(join(schema, "schema"));
    execFileSync("mkfifo", [join(schema, "schema")]);
    for (const path of [noise, fifo, link, schema]) expect((await read(path)).answers, path).toEqual([undefined, undefined]);
  });

  test("a store that is not this machine's", async () => {
    const path = directory("remote", tables + paths);
    for (const remote of ["ssh-ng://builder", "unix:///run/other", "local?root=/mnt", "https://cache.example.org"])
      expect((await read(path, { NIX_REMOTE: remote })).answers, remote).toEqual([undefined, undefined]);
    for (const remote of ["", "auto", "local", "daemon"])
      expect((await read(path, { NIX_REMOTE: remote })).answers[0], remote).toBeDefined();
  });

  test("Nix is asked instead", async () => {
    const [nix] = nixVersions().map(({ path, version }) =>
      nixPort({ environment: { ...process.env, PATH: path }, scratch: join(scratch, version) }),
    ) as [Nix];
    const graph = await readClosures(nix, [missing], { database: storeDatabase({ environment: {}, directory: join(scratch, "nothing") }) });
    expect(graph.isMissing(missing)).toBe(true);
  });
});

test("Node's word that SQLite is experimental is held back, and nobody else's", async () => {
  const heard: string[] = [];
  const hear = (warning: Error): void => void heard.push(warning.message);
  const load = process.getBuiltinModule.bind(process) as (id: string) => object | undefined;
  process.on("warning", hear);
  // Newer Nodes say nothing any more; older ones say this while they load it.
  process.getBuiltinModule = ((id: string) => {
    process.emitWarning("SQLite is an experimental feature and might change at any time", "ExperimentalWarning");
    process.emitWarning("while it was loaded");
    return load(id);
  }) as typeof process.getBuiltinModule;
  try {
    expect(loadSqlite()).toBeDefined();
    process.emitWarning("SQLite is an experimental feature, says somebody else later");
    await new Promise((resolve) => void setImmediate(resolve));
  } finally {
    process.getBuiltinModule = load as typeof process.getBuiltinModule;
    process.off("warning", hear);
  }
  expect(heard).toEqual(["while it was loaded", "SQLite is an experimental feature, says somebody else later"]);
});
