import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { GcRoots } from "../../src/build/gc-root.ts";
import { evaluateSides, type EvaluatedFleet } from "../../src/build/sides.ts";
import { buildTwice, evaluateTwice } from "../../src/diagnose/build-again.ts";
import { type FailedSide, mayPass, type Patience } from "../../src/diagnose/may-pass.ts";
import { HostName } from "../../src/discover/host.ts";
import { failure } from "../../src/failure.ts";
import { systemClock } from "../../src/io/clock.ts";
import { nixPort } from "../../src/io/nix.ts";
import type { Nix, NixRun } from "../../src/io/ports.ts";
import { probe } from "../../src/io/probe.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import { recordingLog } from "../nix/recording-log.ts";
import { flake, Repository } from "../scenario/flake.ts";

/** Builds and evaluations that fail once: what is done again, what is not, and what is said of it. With real Nix, without a sandbox, so that a builder can remember. */
const scratch = mkdtempSync(join(tmpdir(), "gate-twice-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const name = (host: string): HostName => HostName.parse(host);
const nix = nixPort({ environment: process.env, scratch });

type Script = { readonly says: string; readonly failures: number };
type Made = { readonly revision: Parameters<typeof evaluateSides>[2]; readonly ran: (host: string) => number };
/** Hosts of which each needs one derivation that says something and fails so often. */
function fleet(hosts: Readonly<Record<string, Script>>): Made {
  const tag = randomUUID().slice(0, 8);
  const repository = new Repository(join(scratch, tag));
  const count = (host: string): string => join(scratch, `${tag}-${host}`);
  const text = Object.entries(hosts).map(([host, { says, failures }]) => {
    const script = `echo x >>${count(host)}; n=$(wc -l <${count(host)}); echo '${says}'; [ $n -gt ${failures} ] || exit 6; echo fine >$out`;
    const needed = `(derivation { name = "needed-${host}-${tag}"; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/usr/bin:/bin"; args = [ "-c" "${script}" ]; })`;
    return `nixosConfigurations.${host} = system { name = "${host}-${tag}"; more = "ln -s \${${needed}} dependency"; };`;
  });
  repository.write({ "flake.nix": flake(text.join("\n")) });
  const rev = repository.commit();
  return {
    revision: {
      flake: { url: `git+file://${repository.directory}?rev=${rev}`, shown: "." },
      trust: "deploy-branch",
      hosts: Object.keys(hosts).map(name),
    },
    ran: (host) => (existsSync(count(host)) ? readFileSync(count(host), "utf8").split("\n").length - 1 : 0),
  };
}
async function built({ revision }: Made, timeoutSeconds = 300) {
  const log = recordingLog();
  const evaluated: EvaluatedFleet = await evaluateSides(revision.hosts, undefined, revision, { nix, log, jobs: 2, timeoutSeconds: 100 });
  const roots = new GcRoots(join(scratch, "roots"));
  const options = { nix, files: storeFiles(), log, clock: systemClock, timeoutSeconds, roots };
  const { found, notes } = await buildTwice(evaluated, options, undefined);
  return { notes, of: (host: string): string | undefined => found.find((one) => one.host === host)?.after.kind };
}
const lost = "curl: (6) Could not resolve host: example.org";

test("a download that broke is built once more, and nothing else is", { timeout: 120_000 }, async () => {
  const made = fleet({
    passes: { says: lost, failures: 1 },
    stays: { says: lost, failures: 9 },
    broken: { says: "syntax error", failures: 9 },
    full: { says: "cc1: No space left on device", failures: 9 },
    fine: { says: "hello", failures: 0 },
  });
  const { notes, of } = await built(made);
  const hosts = ["passes", "stays", "broken", "full", "fine"];
  expect(hosts.map(of)).toEqual(["known", "failed", "failed", "failed", "known"]);
  expect(hosts.map(made.ran)).toEqual([2, 2, 1, 1, 1]);
  expect(notes.toSorted()).toEqual([
    "passes was built a second time, and that went through. The first time: A download inside the build did not work, by the builder's own words.",
    "stays was built a second time, and that failed, too. The first time: A download inside the build did not work, by the builder's own words.",
  ]);
});

test("nothing is begun again when the time for all builds is almost used up", { timeout: 120_000 }, async () => {
  const made = fleet({ passes: { says: lost, failures: 1 } });
  const { notes, of } = await built(made, 29);
  expect([of("passes"), made.ran("passes"), notes]).toEqual(["failed", 1, []]);
});

test("an evaluation that was killed is done once more, for that host alone; one that throws is not", { timeout: 120_000 }, async () => {
  const made = fleet({ killed: { says: "", failures: 0 }, fine: { says: "", failures: 0 } });
  const asked: string[] = [];
  let kills = 1;
  const killing: Nix = {
    version: () => nix.version(),
    run: async (run: NixRun) => {
      const host = /name = "(killed|fine|throws)"/.exec(run.arguments.join(" "))?.[1];
      if (host !== undefined) asked.push(host);
      if (host === "killed" && kills-- > 0) return { exitCode: undefined, signal: "SIGKILL", timedOut: false, stdout: "", stderr: "" };
      if (host === "throws") return { exitCode: 1, signal: undefined, timedOut: false, stdout: "", stderr: "error: no such option" };
      return await nix.run(run);
    },
  };
  const revision = { ...made.revision, hosts: [...made.revision.hosts, name("throws")] };
  const options = { nix: killing, log: recordingLog(), clock: systemClock, jobs: 1, timeoutSeconds: 100 };
  const { found, notes } = await evaluateTwice(revision.hosts, undefined, revision, options, undefined);
  expect([...found.after].map(([host, result]) => [host, result.ok])).toEqual([
    ["killed", true],
    ["fine", true],
    ["throws", false],
  ]);
  expect(asked.toSorted()).toEqual(["fine", "killed", "killed", "throws"]);
  expect(notes).toEqual([
    expect.stringMatching(/^killed was evaluated a second time, and that went through\. The first time: .*killed from outside/),
  ]);
});

test("a cache that is away is waited for, by asking those of this machine's own Nix, and not for ever", async () => {
  const gone = failure(
    "build-failed",
    { derivation: "/nix/store/x.drv", reason: "" },
    "path '/nix/store/y' is required, but there is no substituter that can build it",
  );
  const sides: FailedSide[] = [{ host: name("web1"), side: "after", failure: gone }];
  let answers = 2;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(--answers > 0 ? 503 : 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cache = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const of = (substituters: string): Nix => ({
    version: () => nix.version(),
    run: () => Promise.resolve({ exitCode: 0, signal: undefined, timedOut: false, stdout: `substituters = ${substituters}\n`, stderr: "" }),
  });
  let now = 0;
  const waited: number[] = [];
  const patience: Patience = {
    probe,
    pause: (seconds) => {
      waited.push(seconds);
      now += seconds;
      return Promise.resolve();
    },
    signal: new AbortController().signal,
  };
  const clock = { now: () => new Date(now * 1000) };
  const ask = async (seconds: number, substituters = cache, given: Patience | "none" = patience): Promise<number> =>
    (
      await mayPass(sides, "build", seconds, {
        nix: of(substituters),
        clock,
        trust: "deploy-branch",
        patience: given === "none" ? undefined : given,
      })
    ).length;
  try {
    expect([await ask(300), asked, waited]).toEqual([1, ["/nix-cache-info", "/nix-cache-info"], [10]]);
    answers = 1_000;
    now = 0;
    waited.splice(0);
    expect(await ask(10_000)).toBe(0);
    expect(now).toBeLessThanOrEqual(310);
    now = 0;
    expect(await ask(45)).toBe(0);
    expect(now).toBeLessThanOrEqual(45);
    // Where none is asked over the network, and where nobody may wait, nothing is waited for.
    waited.splice(0);
    expect([await ask(300, ""), await ask(300, cache, "none"), waited]).toEqual([0, 0, []]);
  } finally {
    server.close();
  }
});
