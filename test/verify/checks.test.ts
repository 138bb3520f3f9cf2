import { describe, expect, test } from "vitest";
import type { HttpAnswer, Probe, RemoteResult, RemoteRun, Targets } from "../../src/io/ports.ts";
import { probe as realProbe } from "../../src/io/probe.ts";
import { Check } from "../../src/policy-deploy.ts";
import { afterTries, askedFrom, checkKeys, judgeHttp, longestSeconds, type HttpCheck, type Try } from "../../src/verify/checks.ts";
import { runChecks, type CheckPorts } from "../../src/verify/run-checks.ts";
import { address } from "../apply/sample-host.ts";
import { runProgram } from "../target/run-program.ts";
import { closedPort, httpService, tcpService } from "./service.ts";

const made = (check: object): Check => Check.parse({ retries: 0, intervalSeconds: 1, timeoutSeconds: 2, ...check });
const http = (over: object = {}): HttpCheck => made({ type: "http", url: "https://web1.example/health", ...over }) as HttpCheck;
const answered = (over: Partial<Extract<HttpAnswer, { kind: "answered" }>> = {}): HttpAnswer => ({
  kind: "answered",
  status: 200,
  location: undefined,
  body: new Uint8Array(),
  cut: false,
  encoded: false,
  ...over,
});
const body = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("an answer", () => {
  const judged = (over: object, answer: HttpAnswer, url = "https://web1.example/health") => judgeHttp(http(over), url, answer);
  test.each([
    [{}, answered(), "healthy"],
    [{}, answered({ status: 204 }), "ill"],
    [{ status: [204, 401] }, answered({ status: 401 }), "healthy"],
    [{ contains: "ready" }, answered({ body: body("all is ready") }), "healthy"],
    [{ contains: "ready" }, answered({ body: body("starting") }), "ill"],
    [{ contains: "größe" }, answered({ body: body("die größe") }), "healthy"],
    [{ contains: "ready" }, answered({ body: body("starting"), cut: true }), "impossible"],
    [{ contains: "ready" }, answered({ body: body("\x1f\x8b"), encoded: true }), "impossible"],
    [{}, answered({ status: 302, location: "/login" }), "redirected"],
    [{ status: [302] }, answered({ status: 302, location: "/login" }), "healthy"],
    [{}, answered({ status: 302, location: "https://web1.example/x" }), "redirected"],
    [{}, answered({ status: 302, location: "http://web1.example/x" }), "ill"],
    [{}, answered({ status: 302, location: "https://web1.example:8443/x" }), "ill"],
    [{}, answered({ status: 302, location: "//evil.example/" }), "ill"],
    [{}, answered({ status: 302, location: "http://[" }), "ill"],
    [{}, answered({ status: 302 }), "ill"],
    [{}, answered({ status: 503, location: "/x" }), "ill"],
    [{}, { kind: "none", why: "refused", detail: "" }, "ill"],
    [{}, { kind: "none", why: "timed-out", detail: "" }, "ill"],
    [{}, { kind: "none", why: "certificate", detail: "" }, "ill"],
    [{}, { kind: "none", why: "broken", detail: "" }, "ill"],
    [{}, { kind: "none", why: "name", detail: "" }, "impossible"],
    [{}, { kind: "none", why: "no-route", detail: "" }, "impossible"],
    [{}, { kind: "none", why: "local", detail: "" }, "impossible"],
    [{}, { kind: "none", why: "cancelled", detail: "" }, "impossible"],
  ] as const)("%j %j is %s", (over, answer, kind) => {
    const judgement = judged(over, answer as HttpAnswer);
    expect(judgement.kind).toBe(kind);
    if (judgement.kind !== "redirected") expect(judgement.sentence).toMatch(/^\S.*\.$/);
  });
  test("credentials and queries of a URL are shown nowhere", () => {
    const url = "https://ada:secret@web1.example/health?token=hidden";
    const check = http({ url });
    expect(checkKeys([check])).toEqual(["http https://web1.example/health"]);
    expect(JSON.stringify(judgeHttp(check, url, { kind: "none", why: "refused", detail: "" }))).not.toMatch(/secret|hidden/);
    expect(JSON.stringify(judgeHttp(check, url, answered({ status: 302, location: "https://x.example/?code=hidden" })))).not.toMatch(
      /secret|hidden/,
    );
  });
});

describe("tries", () => {
  const check = http({ retries: 2, intervalSeconds: 7 });
  const [well, ill, not]: [Try, Try, Try] = [
    { kind: "healthy", sentence: "It answers." },
    { kind: "ill", sentence: "It is down." },
    { kind: "impossible", sentence: "It cannot be asked." },
  ];
  test.each([
    [[], { again: true, afterSeconds: 0 }],
    [[ill], { again: true, afterSeconds: 7 }],
    [[not, ill], { again: true, afterSeconds: 7 }],
    [[well], { again: false, result: { outcome: "passed", tries: 1 } }],
    [[ill, ill, well], { again: false, result: { outcome: "passed", tries: 3 } }],
    [[ill, ill, ill], { again: false, result: { outcome: "failed", tries: 3 } }],
    [[ill, ill, not], { again: false, result: { outcome: "inconclusive", tries: 3 } }],
  ])("%j", (tries, step) => {
    expect(afterTries(check, "key", tries)).toMatchObject(step);
  });
  test("the longest that it takes is known", () => {
    expect(longestSeconds(check)).toBe(3 * 2 + 2 * 7);
  });
});

test("keys are told apart", () => {
  const unit = made({ type: "unit", unit: "nginx.service" });
  expect(checkKeys([unit, unit, made({ type: "command", command: ["true"], name: "unit nginx.service" })])).toEqual([
    "unit nginx.service",
    "unit nginx.service (2)",
    "unit nginx.service (3)",
  ]);
  expect([unit, http(), http({ from: "host" })].map(askedFrom)).toEqual(["host", "gate", "host"]);
});

/** A host that answers as it is told; `runs` is what it was asked. */
function targets(result: RemoteResult | ((run: RemoteRun) => Promise<RemoteResult>)): Pick<Targets, "run"> & { runs: RemoteRun[] } {
  const runs: RemoteRun[] = [];
  return { runs, run: async (run) => (runs.push(run), typeof result === "function" ? result(run) : result) };
}
const records = (...values: string[]): RemoteResult => ({
  ok: true,
  exitCode: 0,
  stderr: "",
  records: values.map((value) => ({ name: "check", value })),
});
const lost: RemoteResult = { ok: false, trouble: "lost", detail: "", records: [] };
const ports = (over: Partial<CheckPorts>): CheckPorts => ({
  targets: targets(lost),
  address,
  probe: realProbe,
  wait: async () => undefined,
  ...over,
});
const unit = made({ type: "unit", unit: "nginx.service" });

describe("running checks", () => {
  test("no check is no round trip", async () => {
    const none = targets(lost);
    expect(await runChecks([], ports({ targets: none }))).toEqual([]);
    expect(none.runs).toEqual([]);
  });

  test("those of the gate and those of the host, in the order in which they were given", async () => {
    const port = await httpService((_, response) => void response.end("ready"));
    const tcp = await tcpService(() => undefined);
    const host = targets((run) =>
      runProgram(run.program, { shell: ["/bin/dash"], arguments: run.arguments }).then((ran) => ({
        ok: true,
        exitCode: ran.exitCode ?? 0,
        stderr: "",
        records: ran.records,
      })),
    );
    const results = await runChecks(
      [
        made({ type: "command", command: ["sh", "-c", "echo degraded; exit 1"], name: "pool" }),
        made({ type: "http", url: `http://127.0.0.1:${port}/`, contains: "ready" }),
        made({ type: "tcp", address: "127.0.0.1", port: await closedPort() }),
        made({ type: "http", from: "host", url: `http://127.0.0.1:${port}/` }),
        made({ type: "tcp", address: "127.0.0.1", port: tcp }),
        made({ type: "tcp", from: "host", address: "127.0.0.1", port: tcp }),
      ],
      ports({ targets: host }),
    );
    expect(results.map((result) => result.outcome)).toEqual(["failed", "passed", "failed", "passed", "passed", "passed"]);
    expect(results[0]).toMatchObject({ name: "pool", sentence: "On the host, pool: it ended with 1: degraded." });
    expect(host.runs).toHaveLength(1);
  });

  test("a redirect within the service is followed, one that goes in a circle is given up on", async () => {
    const asked: (string | undefined)[] = [];
    const port = await httpService((request, response) => {
      asked.push(request.url);
      if (request.url === "/a") return void response.writeHead(301, { location: "/b" }).end();
      if (request.url === "/b") return void response.writeHead(200).end();
      response.writeHead(302, { location: "/round" }).end();
    });
    const at = (path: string): Check => made({ type: "http", url: `http://127.0.0.1:${port}${path}` });
    expect((await runChecks([at("/a")], ports({})))[0]).toMatchObject({ outcome: "passed" });
    expect((await runChecks([at("/round")], ports({})))[0]).toMatchObject({
      outcome: "failed",
      sentence: "It leads from one redirect to the next.",
    });
    expect(asked.length).toBe(2 + 6);
  });

  test("is tried until it is well, with the pauses that the policy says", async () => {
    const waits: number[] = [];
    let times = 0;
    const port = await httpService((_, response) => void response.writeHead(++times < 3 ? 503 : 200).end());
    const check = made({ type: "http", url: `http://127.0.0.1:${port}/`, retries: 5, intervalSeconds: 4 });
    const [result] = await runChecks([check], ports({ wait: async (seconds) => void waits.push(seconds) }));
    expect(result).toMatchObject({ outcome: "passed", tries: 3 });
    expect(waits).toEqual([4, 4]);
  });

  test.each([
    ["the connection was lost", lost],
    ["the program said nothing", records()],
    ["another number", records("1\npassed\n1\nit is well")],
    ["a word that is none", records("0\ngreen\n1\nit is well")],
    ["a record of another name", { ok: true, exitCode: 0, stderr: "", records: [{ name: "other", value: "0\npassed\n1\n" }] }],
    ["too few lines", records("0\npassed")],
    ["two answers to one question", records("0\nfailed\n1\n", "0\npassed\n1\n")],
    ["an answer that is too long", records(`0\npassed\n1\n${"x".repeat(5_000)}`)],
  ] as [string, RemoteResult][])("what the host did not say clearly is never green: %s", async (_, result) => {
    const [found] = await runChecks([unit], ports({ targets: targets(result) }));
    expect(found).toMatchObject({ outcome: "inconclusive", tries: 0 });
  });

  test("what it had said before the connection was lost counts", async () => {
    const partly: RemoteResult = { ...lost, records: [{ name: "check", value: "1\npassed\n2\nit is active (running)" }] };
    const results = await runChecks([unit, unit], ports({ targets: targets(partly) }));
    expect(results.map(({ outcome, tries }) => [outcome, tries])).toEqual([
      ["inconclusive", 0],
      ["passed", 2],
    ]);
  });

  test("a run that is cancelled gives up on what is not answered, and does not wait for its tries", async () => {
    const controller = new AbortController();
    const silent: Probe = { ...realProbe, http: async () => (controller.abort(), { kind: "none", why: "cancelled", detail: "" }) };
    const waits: number[] = [];
    const given = ports({ probe: silent, signal: controller.signal, wait: async (seconds) => void waits.push(seconds) });
    expect((await runChecks([http({ retries: 9 })], given))[0]).toMatchObject({ outcome: "inconclusive", tries: 1 });
    expect((await runChecks([http({ retries: 9 }), unit], given)).map((one) => one.outcome)).toEqual(["inconclusive", "inconclusive"]);
    expect(waits).toEqual([]);
  });
});
