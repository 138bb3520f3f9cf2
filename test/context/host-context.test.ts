import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contextProgram } from "../../src/context/context-program.ts";
import { contextJson, contextText } from "../../src/context/context-text.ts";
import { gatherContext } from "../../src/context/fleet-context.ts";
import { readHostContext } from "../../src/context/host-context.ts";
import { troubles } from "../../src/context/trouble.ts";
import type { HostStatus } from "../../src/deploy/host-status.ts";
import { HostName, matchesGlob } from "../../src/discover/host.ts";
import { failure } from "../../src/failure.ts";
import type { RemoteRecord, RemoteRun } from "../../src/io/ports.ts";
import type { Address } from "../../src/target/address.ts";
import { ContextPolicy } from "../../src/policy-context.ts";
import { runProgram } from "../target/run-program.ts";

const now = new Date("2026-11-22T12:00:00Z");
const name = HostName.parse("web1");
const well: HostStatus = {
  host: name,
  reachable: true,
  current: "/nix/store/a",
  profile: "/nix/store/a",
  booted: "/nix/store/a",
  generation: 7,
  specialisation: undefined,
  kernel: "6.18.2",
  uptimeSeconds: 90_000,
  systemState: "running",
  failedUnits: [],
  activations: [],
  reboot: {
    needed: false,
    reasons: [],
    when: "",
    windows: "",
    next: undefined,
    pendingSince: undefined,
    pendingHours: undefined,
    missedWindows: 0,
    overdue: false,
  },
  revision: "4f2c".repeat(10),
  behindBy: 0,
  held: undefined,
  ledger: "read",
  last: undefined,
};
const records = (over: Record<string, string>): RemoteRecord[] =>
  Object.entries({ now: String(now.getTime() / 1000), ...over }).map(([key, value]) => ({ name: key, value }));
const sentences = (over: Record<string, string>, status: HostStatus = well): string[] =>
  troubles(status, readHostContext(records(over)), now).map(({ sentence }) => sentence);

describe("what a host says", () => {
  test("file systems are told once, however often they are mounted, with spaces in their names and without what has no size", () => {
    const space = [
      "Filesystem     Type 1-blocks Used Available Capacity Mounted on",
      "/dev/vda1      ext4 107374182400 104857600000 2516582400  98% /",
      "/dev/vda1      ext4 107374182400 104857600000 2516582400  98% /nix/store",
      "/dev/vdb1      xfs  1000 10 990 1% /srv/with space",
      "none           fuse - - - - /proc/odd",
    ].join("\n");
    const inodes =
      "Filesystem Type Inodes IUsed IFree IUse% Mounted on\n/dev/vda1 ext4 1000 950 50 95% /\n/dev/vdb1 xfs - - - - /srv/with space";
    const context = readHostContext(records({ space, inodes }));
    expect(context.fileSystems).toEqual([
      { target: "/", type: "ext4", sizeBytes: 107_374_182_400, freeBytes: 2_516_582_400, inodesUsed: 95 },
      { target: "/srv/with space", type: "xfs", sizeBytes: 1_000, freeBytes: 990, inodesUsed: undefined },
    ]);
    expect(sentences({ space, inodes })).toEqual(["2.3 % (2.3 GiB) left on /", "95 % of the inodes of / are in use"]);
  });
  test("a timer whose time has passed did not fire; one that is late by minutes did not yet; one that failed is told so", () => {
    const timer = (id: string, next: string, more = ""): string =>
      `Id=${id}.timer\nUnit=${id}.service\nActiveState=active\nNextElapseUSecRealtime=${next}\nLastTriggerUSec=n/a${more}`;
    const timers = [
      timer("overdue", "Sun 2026-11-22 02:00:00 UTC"),
      timer("soon", "Sun 2026-11-22 11:55:00 UTC"),
      timer("monotonic", ""),
      timer("backup", "Mon 2026-11-23 02:00:00 UTC"),
      timer("stopped", "Sun 2026-11-22 02:00:00 UTC").replace("=active", "=inactive"),
    ].join("\n\n");
    const results = "Id=backup.service\nResult=exit-code\nActiveState=failed\n\nId=soon.service\nResult=success\nActiveState=inactive";
    expect(sentences({ timers, results })).toEqual([
      "the last run of backup.timer failed",
      "overdue.timer should have fired for the first time at 2026-11-22T02:00Z",
    ]);
  });
  test("an hour of errors is counted by who spoke; a secret in a line is not shown", () => {
    const context = readHostContext(
      records({
        speakers: "     53 nginx.service\n      2 kernel\nrubbish\n",
        errors: "x password = correct-horse-battery\u001b[31m\nlast",
      }),
    );
    expect(context.errors.bySpeaker).toEqual([
      ["nginx.service", 53],
      ["kernel", 2],
    ]);
    expect(context.errors.last).not.toContain("correct-horse");
    expect(context.errors.last).not.toContain("\u001b");
    expect(context.errors.last).toMatch(/last$/);
  });
  test("nothing, rubbish and half an answer are no reason to fail and no reason to call it well", () => {
    expect(readHostContext([])).toMatchObject({ memory: undefined, load: undefined, fileSystems: [], timers: [] });
    const odd = "\u0000=\n\n=x\nNaN ".repeat(100);
    expect(() =>
      readHostContext(
        records(
          Object.fromEntries(
            ["meminfo", "space", "timers", "results", "speakers", "certificate.0.path", "certificate.0"].map((key) => [key, odd]),
          ),
        ),
      ),
    ).not.toThrow();
    expect(troubles(well, undefined, now)).toMatchObject([{ sentence: "could not be asked for its health" }]);
  });
  test("a host that is well has nothing to be looked at", () => expect(sentences({})).toEqual([]));
});

describe("the program on a machine", () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), "gate-context-"));
    const bin = join(scratch, "bin");
    mkdirSync(bin);
    // What no machine of the tests has: a cluster, a pool.
    for (const [tool, script] of [
      ["consul", 'echo "Node Address Status"; echo "web1 10.0.0.1:8301 alive"'],
      ["nomad", "echo 'No running jobs'; exit 1"],
      ["zpool", '[ "$1" = list ] || sleep 60'],
    ] as const) {
      writeFileSync(join(bin, tool), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, tool), 0o755);
    }
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  test.each([["/bin/sh"], ["bash"]])(
    "in %s tells disks, memory, a cluster that answers and one that does not, and runs the operator's questions word for word",
    { timeout: 120_000 },
    async (shell) => {
      const words = [
        "odd",
        "4",
        "printf",
        "%s|",
        "a b",
        "$(id);*",
        "second",
        "2",
        "sh",
        "-c",
        "third",
        "3",
        "sh",
        "-c",
        "echo no >&2; exit 3",
      ];
      const ran = await runProgram(contextProgram, {
        shell: [shell],
        env: { PATH: `${join(scratch, "bin")}:${process.env["PATH"] ?? ""}` },
        arguments: words.slice(0, 6).concat(words.slice(10)),
      });
      expect(ran.exitCode).toBe(0);
      const context = readHostContext(ran.records);
      expect(context.memory?.totalBytes).toBeGreaterThan(2 ** 28);
      expect(context.load).toHaveLength(3);
      expect(context.said).toMatchObject([
        { name: "consul", text: expect.stringContaining("web1 10.0.0.1:8301 alive") as string, exit: 0 },
        { name: "nomad-jobs", exit: 1 },
        { name: "nomad-nodes", exit: 1 },
        { name: "zfs-health", text: "", exit: 124 },
        { name: "zfs-pools", text: "", exit: 0 },
        { name: "odd", text: "a b|$(id);*|", exit: 0 },
        { name: "third", text: "no", exit: 3 },
      ]);
    },
  );

  test("a certificate is read here, so that the host needs no tool for it", () => {
    const [key, file] = [join(scratch, "key.pem"), join(scratch, "cert.pem")];
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        key,
        "-out",
        file,
        "-days",
        "3",
        "-subj",
        "/CN=web1",
        "-addext",
        "subjectAltName=DNS:web1.example.org",
      ],
      { stdio: "ignore" },
    );
    const context = readHostContext(
      records({
        "certificate.0.path": "/var/lib/acme/web1/cert.pem",
        "certificate.0": readFileSync(file, "utf8"),
        "certificate.1.path": "/var/lib/acme/odd/cert.pem",
      }),
    );
    const found = troubles(well, context, new Date()).map(({ sentence }) => sentence);
    expect(found).toEqual([
      "the certificate of web1.example.org expires in 2 days",
      "/var/lib/acme/odd/cert.pem is no certificate that can be read",
    ]);
    expect(troubles(well, context, new Date(Date.now() + 5 * 86_400_000))[0]?.sentence).toBe(
      "the certificate of web1.example.org has expired",
    );
  });
});

describe("the fleet", () => {
  const address = (host: string): Address => ({
    host: HostName.parse(host),
    hostname: host,
    port: 22,
    user: "root",
    sudo: false,
    jump: [],
    identity: { name: host, machineId: undefined },
    hostKeys: [],
  });
  const [web1, web2, dead] = ["web1", "web2", "dead"].map((host) => HostName.parse(host));
  if (web1 === undefined || web2 === undefined || dead === undefined) throw new Error("three hosts");
  const gather = async (policy: unknown = {}) => {
    const runs: RemoteRun[] = [];
    const context = await gatherContext(
      {
        run: async (run) => {
          runs.push(run);
          const full = run.address.host === web2 ? "/dev/vda1 ext4 100000000 99000000 1000000 99% /" : "";
          return await Promise.resolve({ ok: true, records: records({ space: full }), exitCode: 0, stderr: "" });
        },
      },
      {
        statuses: [{ host: dead, reachable: false, failure: failure("internal", {}) }, well, { ...well, host: web2 }],
        addresses: new Map([web1, web2, dead].map((host) => [host, address(host)])),
        policy: ContextPolicy.parse(policy),
        now,
        matches: matchesGlob,
      },
    );
    return { context, runs };
  };
  test("worst first; a dead host is a line and is not asked", async () => {
    const { context, runs } = await gather();
    expect(context.hosts.map(({ host }) => host)).toEqual(["dead", "web2", "web1"]);
    expect(runs.map(({ address: { host } }) => host).toSorted()).toEqual(["web1", "web2"]);
    const text = contextText(context, { bytes: 100_000, unicode: true });
    expect(text).toContain("3 hosts at 2026-11-22T12:00:00Z, 2 with something to look at");
    expect(text).toContain("nothing to say of web1");
    expect(JSON.parse(contextJson(context))).toMatchObject({ schema: 1, hosts: [{ host: "dead" }, { host: "web2" }, { host: "web1" }] });
  });
  test("commands of the operator run where they are meant to", async () => {
    const { runs } = await gather({ commands: { raid: { command: ["mdadm", "--detail", "/dev/md0"], hosts: ["web2"] } } });
    expect(runs.map(({ address: { host }, arguments: words }) => [host, words])).toEqual([
      ["web1", []],
      ["web2", ["raid", "3", "mdadm", "--detail", "/dev/md0"]],
    ]);
    expect(ContextPolicy.safeParse({ commands: { x: { command: ["-rf"] } } }).success).toBe(false);
    expect(ContextPolicy.safeParse({ commands: { x: { command: [] } } }).success).toBe(false);
  });
  test("too long for its room, it keeps what is wrong and says what it left out", async () => {
    const { context } = await gather();
    const text = contextText(context, { bytes: 400, unicode: true });
    expect(new TextEncoder().encode(text).length).toBeLessThan(500);
    expect(text).toContain("left on /");
    expect(text).toMatch(/details of \d hosts? left out for length/);
  });
});
