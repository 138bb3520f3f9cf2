import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Plan } from "../../src/report/plan.ts";
import { freePort } from "../io/ssh-server.ts";
import { inStore, logins, remoteBuilder, storeIn, type RemoteBuilder } from "../nix/remote-builder.ts";
import { nixVersions } from "../nix/versions.ts";
import { flake, Repository } from "./flake.ts";
import { gate, type Ended } from "./gate.ts";

/** Builds that go to another machine: a real sshd with a store of its own. A system says in `place` whose store it was built in. */
const settings = (...lines: readonly string[]): string =>
  ["build-users-group =", "sandbox = false", "substituters =", "flake-registry =", ...lines, ""].join("\n");

let made = 0;
/** Each has a package of its own, which is a line of the log. */
function hosts(count: number): string {
  const host = (index: number): string => {
    const tool = `derivation { name = "tool-1.${made}"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo ${process.pid} > $out" ]; }`;
    return `nixosConfigurations.h${index} = system { name = "h${index}"; more = "cat /nix/place > place; ln -s \${${tool}} tool; # ${process.pid}-${made++}"; };`;
  };
  return Array.from({ length: count }, (_, index) => host(index)).join("\n");
}

/** Nix itself leaves the directory of a connection behind that came to nothing. */
function expectTidy(end: Ended, code: number): void {
  const left = end.left.filter((name) => !/^nix-\d+-\d+$/.test(name));
  expect({ code: end.code, left, running: end.running }, end.stderr).toEqual({ code, left: [], running: [] });
  expect(end.stderr).not.toContain("Ignoring setting");
}

function systems(end: Ended): readonly string[] {
  expectTidy(end, 0);
  return Plan.parse(JSON.parse(end.stdout)).hosts.map((host) => ("toplevel" in host ? (host.toplevel ?? "") : "to" in host ? host.to : ""));
}

const failures = (end: Ended) =>
  Plan.parse(JSON.parse(end.stdout)).hosts.map((host) => (host.state === "failed" ? host.failure : host.state));

const versions = nixVersions();
/** What depends on ssh or on the jail alone is tried with one version. */
const [installed] = versions;

describe.each(versions.map((at) => [at.version, at] as const))("Nix %s", { timeout: 120_000 }, (_, at) => {
  let scratch: string;
  let here: string;
  let builder: RemoteBuilder;
  let stranger: RemoteBuilder;
  let silent: Server;
  const place = (name: string): string => join(scratch, name);
  const repository = (outputs: string, more: string): Repository => {
    const repo = new Repository(place(`repo-${made++}`));
    repo.write({ "flake.nix": flake(outputs).replace("{\n", `{\n${more}`) });
    repo.commit();
    return repo;
  };
  /** The gate in a store of its own, with these settings of Nix. */
  const run = (repo: Repository, words: readonly string[], nixConfig: string, environment: readonly string[]): Promise<Ended> =>
    gate(words, {
      directory: repo.directory,
      path: at.path,
      before: [...storeIn(here), "env", `NIX_CONFIG=${nixConfig}`, ...environment],
    });

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "gate-builders-"));
    here = place("here");
    mkdirSync(join(here, "nix"), { recursive: true });
    writeFileSync(join(here, "nix", "place"), "here\n");
    builder = await remoteBuilder(place("builder"), at);
    stranger = await remoteBuilder(place("stranger"), at);
    silent = createServer(() => {});
    await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
  });
  afterAll(async () => {
    silent.close();
    await Promise.all([builder.server.stop(), stranger.server.stop()]);
    rmSync(scratch, { recursive: true, force: true });
  });

  describe("with the Nix daemon", () => {
    let daemon: ChildProcess;
    const client = ["NIX_REMOTE=daemon"];
    beforeAll(async () => {
      // As on a machine with nix.buildMachines: who the builders are stands in the daemon's own nix.conf, and the key is the daemon's.
      const conf = place("conf");
      mkdirSync(conf);
      writeFileSync(
        join(conf, "nix.conf"),
        settings("experimental-features = nix-command flakes", `builders = @${join(conf, "machines")}`),
      );
      writeFileSync(join(conf, "machines"), `${builder.line}\n`);
      daemon = spawn("env", [...storeIn(here), "env", "--unset=NIX_CONFIG", "nix-daemon", "--daemon"], {
        env: { PATH: at.path, HOME: "/nonexistent", NIX_CONF_DIR: conf, NIX_SSHOPTS: builder.sshOptions },
        stdio: "ignore",
        // A group of its own: what made its store is between it and us, and does not pass a signal on.
        detached: true,
      });
      while (!existsSync(join(here, "nix/var/nix/daemon-socket/socket"))) await sleep(50);
    });
    afterAll(async () => {
      const ended = new Promise((done) => daemon.once("exit", done));
      if (daemon.pid !== undefined) process.kill(-daemon.pid, "SIGTERM");
      await ended;
    });

    test("an unreviewed change is built by the operator's builder, and by none that it names itself", async () => {
      const before = [logins(builder), logins(stranger)];
      const repo = repository(hosts(2), `nixConfig = { builders = "${stranger.line}"; max-jobs = 0; accept-flake-config = true; };`);
      const end = await run(repo, ["plan", "--json"], "", client);
      for (const path of systems(end)) expect(inStore(here, join(path, "place"))).toBe("builder\n");
      expect(logins(builder)).toBeGreaterThan(before[0] ?? 0);
      expect(logins(stranger)).toBe(before[1]);
    });
  });

  describe("without a daemon", () => {
    test("what was merged is built by the builder of NIX_CONFIG", async () => {
      const repo = repository(hosts(2), "");
      const end = await run(repo, ["deploy", "--dry-run", "--json"], settings("max-jobs = 0", `builders = ${builder.line}`), [
        `NIX_SSHOPTS=${builder.sshOptions}`,
      ]);
      for (const path of systems(end)) expect(inStore(here, join(path, "place"))).toBe("builder\n");
      expect(end.stderr).toMatch(new RegExp(`^tool-1\\.\\d+ is being built on ${builder.machine}$`, "m"));
    });

    test.runIf(at === installed)("what is unreviewed is built here, in the jail, and no builder hears of it", async () => {
      const before = logins(builder);
      const repo = repository(hosts(1), "");
      const end = await run(repo, ["plan", "--json"], settings("max-jobs = 1", `builders = ${builder.line}`), [
        `NIX_SSHOPTS=${builder.sshOptions}`,
      ]);
      for (const path of systems(end)) expect(inStore(here, join(path, "place"))).toBe("here\n");
      expect(logins(builder)).toBe(before);
      expect(end.stderr).not.toContain("cannot be used");
    });

    test("a builder that refuses is told, and what cannot be built here fails with its name", async () => {
      const repo = repository(hosts(2), "");
      const port = await freePort();
      const options = [`NIX_SSHOPTS=-F /dev/null -p ${port}`];
      const end = await run(repo, ["deploy", "--dry-run", "--json"], settings("max-jobs = 0", `builders = ${builder.line}`), options);
      expectTidy(end, 1);
      const refused = `the builder ${builder.machine} cannot be used (connect to host 127.0.0.1 port ${port}: Connection refused)`;
      expect(end.stderr).toContain(`warning: T${refused.slice(1).replace(" (", ": ").slice(0, -1)}.\n`);
      const nowhere = {
        code: "build-nowhere",
        message: expect.stringContaining(`: this one builds nothing itself (max-jobs = 0), and ${refused}.`),
      };
      expect(failures(end)).toMatchObject([nowhere, nowhere]);
      // From 2.34 on Nix says what it was at; before, only the whole is known.
      for (const failure of failures(end))
        expect(failure).toMatchObject({ message: expect.stringMatching(/could build (?:tool-1|nixos-system-h)/) });
    });

    test.runIf(at === installed)("a builder that says nothing does not hold the run up", async () => {
      const repo = repository(hosts(2), "");
      const address = silent.address();
      const port = typeof address === "object" ? address?.port : 0;
      const options = [`NIX_SSHOPTS=-F /dev/null -p ${port} -oConnectTimeout=1`];
      const end = await run(repo, ["deploy", "--dry-run", "--json"], settings("max-jobs = 1", `builders = ${builder.line}`), options);
      for (const path of systems(end)) expect(inStore(here, join(path, "place"))).toBe("here\n");
      expect(end.stderr.match(/cannot be used: Connection to 127\.0\.0\.1 port \d+ timed out\.$/gm)).toHaveLength(1);
    });
  });
});
