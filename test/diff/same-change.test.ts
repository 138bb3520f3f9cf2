import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { judgement } from "../../src/classify/finding.ts";
import { distinctChanges } from "../../src/classify/session/distinct.ts";
import { diffFleet } from "../../src/diff/diff.ts";
import { changeKey, withoutHost } from "../../src/diff/same-change.ts";
import type { SystemDiff } from "../../src/diff/system-diff.ts";
import { nixPort } from "../../src/io/nix.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { comment } from "../../src/report/comment.ts";
import { htmlReport } from "../../src/report/html/page.ts";
import { joinPlans } from "../../src/report/join-plans.ts";
import { Plan, type PlanHost } from "../../src/report/plan.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { changed, emptyDiff, sampleRun } from "../report/sample.ts";

/** Hosts that differ by name only, and one that differs by more, of the example fleet, built before and after an update. */
const names = ["web1", "web2-eu", "a-much-longer-name"] as const;
const scratch = mkdtempSync(join(tmpdir(), "gate-same-change."));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Each has a file of its own in /etc that carries its name and refers to what is updated, kernel parameters of its own that stay, and a text that holds its name far from what changes. */
const hosts = `
  let
    lib = import ./lib/system.nix;
    host = more: name: { pkgs, text, ... }: {
      packages = [ pkgs.nginx ] ++ more pkgs;
      kernelParams = [ "resume=/dev/disk/by-label/\${name}" ];
      etc."who" = text "\${name}-who" "# \${name}\n1\n2\n3\n4\nhas \${pkgs.nginx}\n";
      units."nginx.service" = ''
        [Service]
        ExecStart=\${pkgs.nginx}/bin/nginx
      '';
    };
    same = host (_: [ ]);
  in
  builtins.mapAttrs (name: module: (lib.nixosSystem name module).config.system.build.toplevel) {
    ${names.map((name) => `"${name}" = same "${name}";`).join("\n    ")}
    db1 = host (pkgs: [ (pkgs.postgresql "16.4") ]) "db1";
  }
`;

let diffs: ReadonlyMap<string, SystemDiff>;
const diffOf = (host: string): SystemDiff => diffs.get(host) as SystemDiff;

beforeAll(async () => {
  const build = (side: string, change: (versions: string) => string): Map<string, string> => {
    const directory = join(scratch, side);
    cpSync(join(import.meta.dirname, "../../examples/fleet"), directory, { recursive: true });
    const versions = join(directory, "versions.nix");
    writeFileSync(versions, change(readFileSync(versions, "utf8")));
    writeFileSync(join(directory, "hosts.nix"), hosts);
    const out = execFileSync("nix-build", ["--no-out-link", join(directory, "hosts.nix")], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new Map(
      out
        .trim()
        .split("\n")
        .map((path) => [/-nixos-system-(.*)-25\.11/.exec(path)?.[1] ?? "", path]),
    );
  };
  const before = build("before", (versions) => versions);
  const after = build("after", (versions) => versions.replace(/nginx = "[^"]*"/, 'nginx = "1.99.0"'));
  const pairs = [...before].map(([host, from]) => ({ host, from, to: after.get(host) ?? "" }));
  expect(pairs.map(({ host }) => host).toSorted()).toEqual([...names, "db1"].toSorted());
  const ports = { nix: nixPort({ environment: process.env, scratch }), store: storeFiles() };
  const compared = await diffFleet(pairs, ports);
  diffs = new Map(
    Array.from(compared.hosts, ([host, result]) => {
      if (!result.ok) throw new Error(result.failure.message);
      return [host, result.value.diff];
    }),
  );
}, 120_000);

const plan = (...of: string[]): Plan =>
  toPlan({
    ...sampleRun,
    hosts: of.map((host) => changed(host, diffOf(host), judgement([]), { action: "deploy", reasons: ["No rule objects."] })),
  });
const keyOf = (host: PlanHost | undefined): string => (host?.state === "changed" ? host.diff : "none");

test("hosts that differ by name only have one change, in key, record, comment, page and question", () => {
  // What stands in the way of it is really there.
  expect(new Set(names.map((name) => diffOf(name).packages.sizeTo)).size).toBe(3);
  expect(diffOf("web1").packages.rebuilt.map(({ name }) => name)).toEqual(expect.arrayContaining(["nixos-system-web1", "web1-who"]));
  expect(new Set(names.map((name) => diffOf(name).system.kernelParams.from)).size).toBe(3);

  expect(new Set(names.map((name) => changeKey(diffOf(name)))).size).toBe(1);
  const made = plan(...names);
  expect(Object.keys(made.diffs)).toEqual([keyOf(made.hosts[0])]);
  const text = comment(made, { limit: 60_000, detail: "full", links: {} });
  expect(text.match(/<details>/g)?.length).toBe(
    comment(plan("web1"), { limit: 60_000, detail: "full", links: {} }).match(/<details>/g)?.length,
  );
  const page = htmlReport(made, { detail: "full" });
  expect(page.match(/<article /g)).toHaveLength(1);
  expect(page).toContain("the same on 3 hosts");
  const asked = names.map((host) => ({ host, facts: {}, diff: diffOf(host), judgement: judgement([]) }));
  expect(distinctChanges(asked).map(({ hosts: those }) => those)).toEqual([[...names]]);
});

test("what is each host's own stands at the host, and the record says whose sizes it holds", () => {
  const made = plan(...names.toReversed());
  expect(Object.fromEntries(made.hosts.map((host) => [host.host, host.state === "changed" ? host.closure.sizeTo : 0]))).toEqual(
    Object.fromEntries(names.map((name) => [name, diffOf(name).packages.sizeTo])),
  );
  const [diff] = Object.values(made.diffs);
  expect(diff?.measuredOn).toBe("a-much-longer-name");
  const told = JSON.stringify({ ...diff, measuredOn: undefined, closure: undefined });
  for (const name of names) expect(told).not.toContain(name);
});

test("jobs that each looked at one of them come to the same record", () => {
  const parts = names.map((name) => ({ name, plan: { ...plan(name), fleet: [...names].toSorted() as Plan["fleet"] } }));
  for (const order of [parts, parts.toReversed()]) {
    const joined = joinPlans(order as Parameters<typeof joinPlans>[0]);
    expect(joined.ok && { hosts: joined.plan.hosts, diffs: joined.plan.diffs }).toEqual({
      hosts: plan(...names).hosts,
      diffs: plan(...names).diffs,
    });
  }
});

test("a host with another package beside is as large as it is, and has the same change", () => {
  const made = plan("web1", "db1");
  expect(Object.keys(made.diffs)).toHaveLength(1);
  expect(comment(made, { limit: 60_000, detail: "full", links: {} })).toMatch(/closure \d+\.\d–\d+\.\d MiB → \d+\.\d–\d+\.\d MiB \(±0\)/);
});

describe("told apart is", () => {
  const base = emptyDiff("web1");
  const packages = (more: Partial<SystemDiff["packages"]>): SystemDiff => ({ ...base, packages: { ...base.packages, ...more } });
  const moved = (name: string, to: string) => ({ name, from: ["1.0"], to: [to], direction: "up" as const, sizeDelta: 0, selectedBy: [] });
  const made = (name: string) => ({ name, versions: [""], size: 1, selectedBy: [] });
  const file = (more: object) =>
    ({
      path: "/etc/x",
      change: "changed",
      kind: "text",
      hashOnly: false,
      sizeFrom: 1,
      sizeTo: 2,
      diff: "-a\n+b",
      redacted: false,
      ...more,
    }) as const;
  const files = (more: object): SystemDiff => ({ ...base, files: [file(more)] });
  const kernel = (to: string): SystemDiff => ({
    ...base,
    system: { ...base.system, kernel: { ...base.system.kernel, from: "6.12", to, changed: true } },
  });

  test.each([
    ["another version", packages({ changed: [moved("curl", "2.0")] }), packages({ changed: [moved("curl", "2.1")] })],
    // A package named like a host is a package.
    ["another package", packages({ changed: [moved("web1", "2.0")] }), packages({ changed: [moved("web2", "2.0")] })],
    [
      "a package that is called like a host",
      { ...packages({ added: [{ ...made("curl"), versions: ["8.1"] }] }), to: emptyDiff("curl-8").to },
      { ...packages({ added: [{ ...made("wget"), versions: ["8.1"] }] }), to: emptyDiff("wget-8").to },
    ],
    ["another generated file", packages({ added: [made("unit-a.service")] }), packages({ added: [made("unit-b.service")] })],
    ["a name that only holds the host's", packages({ added: [made("web10-conf")] }), packages({ added: [made("web1-conf")] })],
    ["another text", files({}), files({ diff: "-a\n+c" })],
    ["a binary of another size", files({ kind: "binary", diff: "" }), files({ kind: "binary", diff: "", sizeTo: 3 })],
    ["another kernel", kernel("6.13"), kernel("6.14")],
    [
      "another specialisation",
      { ...base, specialisations: new Map([["lab", kernel("6.13")]]) },
      { ...base, specialisations: new Map([["lab", base]]) },
    ],
  ])("%s", (_, one, other) => {
    expect(changeKey(one)).not.toBe(changeKey(other));
    expect(changeKey(one)).toBe(changeKey(withoutHost(one)));
  });

  test.each([
    ["a text of another size", files({}), files({ sizeTo: 3 })],
    [
      "another size of a package",
      packages({ changed: [moved("curl", "2.0")] }),
      packages({ changed: [{ ...moved("curl", "2.0"), sizeDelta: 9 }] }),
    ],
    [
      "a host's name that Nix takes for a version",
      packages({ added: [made("web1-motd")], changed: [{ ...moved("nixos-system-web1", ""), from: ["25.11.a"], to: ["25.11.b"] }] }),
      {
        ...packages({
          added: [{ ...made("web"), versions: ["2"] }],
          changed: [{ ...moved("nixos-system-web", ""), from: ["2-25.11.a"], to: ["2-25.11.b"] }],
        }),
        to: emptyDiff("web-2").to,
      },
    ],
    ["another closure", packages({}), packages({ sizeFrom: 7, sizeTo: 8, pathsFrom: 9, pathsTo: 10 })],
  ])("not %s", (_, one, other) => {
    expect(changeKey(one)).toBe(changeKey(other));
  });
});
