import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Incident } from "../../src/listen/incident.ts";
import { jobToken, LoopbackForge, readToken } from "../forge/loopback-forge.ts";
import { ListenerProcess } from "./listener-process.ts";

const secret = "a secret of senders";
let scratch: string;
let children: ListenerProcess[];

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "gate-listen-"));
  children = [];
  writeFileSync(join(scratch, "secret"), `${secret}\n`);
  writeFileSync(join(scratch, "token"), jobToken);
});
afterEach(async () => {
  for (const child of children) await child.ends("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
});

function listening(apiUrl: string, more: readonly string[] = []): ListenerProcess {
  const listener = new ListenerProcess({ apiUrl, directory: scratch, secret, more: ["--settle-seconds", "1", ...more] });
  children.push(listener);
  return listener;
}

const storm = (from: number, to: number) => ({
  version: "4",
  alerts: Array.from({ length: to - from }, (_, n) => ({
    status: "firing",
    labels: { alertname: `Rule${(from + n) % 25}`, instance: `web${from + n}:9100`, severity: "critical" },
    annotations: { summary: `web${from + n} is unwell` },
    startsAt: "2026-11-22T03:00:00Z",
  })),
});
const told = (forge: LoopbackForge): Incident[] => forge.dispatches.map(({ inputs }) => Incident.parse(JSON.parse(inputs["alert"] ?? "")));
const hosts = (incidents: readonly Incident[]): string[] =>
  incidents.flatMap(({ groups }) => groups.flatMap(({ at }) => at.map(({ host }) => host ?? ""))).toSorted();

describe.each(["github", "forgejo-15", "forgejo-16"] as const)("on %s", { timeout: 120_000 }, (kind) => {
  test("a storm while the forge is down, and the listener killed in the middle of it, is one run in which nothing is missing", async () => {
    await using forge = await new LoopbackForge(kind).start();
    forge.faults.push({ method: "POST", path: /dispatches$/, does: { answer: 502, text: "down" }, times: 1_000 });
    const first = await listening(forge.apiUrl).up();
    const answers = await Promise.all(
      Array.from({ length: 25 }, async (_, n) => (await first.post("/alertmanager", storm(n * 10, n * 10 + 10))).status),
    );
    expect(new Set(answers)).toEqual(new Set([202]));
    await first.says(/No run could be started, \d+ alerts stay: .*\[forge-unavailable\] .* Next try in 5 s/);
    expect((await fetch(`${first.url}/healthz`)).status).toBe(503);
    await first.ends("SIGKILL");

    const second = await listening(forge.apiUrl).up();
    expect(second.said).toContain("250 alerts are left from before.");
    await Promise.all(Array.from({ length: 25 }, async (_, n) => await second.post("/alertmanager", storm(250 + n * 10, 260 + n * 10))));
    forge.faults.length = 0;
    await second.says(/A run was started for 500 alerts \(incident [0-9a-f]{16}\)/);
    expect(forge.dispatches).toMatchObject([{ workflow: "goal.yml", ref: "main", inputs: { goal: "incident" } }]);
    expect(hosts(told(forge))).toEqual(Array.from({ length: 500 }, (_, n) => `web${n}`).toSorted());
    expect((await fetch(`${second.url}/healthz`)).status).toBe(200);
    // What was told is known, by the next listener too, and starts nothing.
    expect(await (await second.post("/alertmanager", storm(0, 500))).text()).toBe("0 new, 500 known, 0 resolved\n");
    expect(await second.ends("SIGTERM")).toBe(0);
    const third = await listening(forge.apiUrl).up();
    expect(await (await third.post("/alertmanager", storm(0, 500))).text()).toBe("0 new, 500 known, 0 resolved\n");
    expect(forge.violations).toEqual([]);
  });

  test("a unit that failed comes as a form, its secrets do not go on, and a start whose answer was lost is made again", async () => {
    await using forge = await new LoopbackForge(kind).start();
    forge.faults.push({ method: "POST", path: /dispatches$/, does: "cut-after" });
    const listener = await listening(forge.apiUrl).up();
    const journal = "Nov 22 03:00:00 web1 app: password = correct-horse-battery\nNov 22 03:00:01 web1 app: it ended";
    const form = new URLSearchParams({ unit: "app.service", host: "web1", details: journal });
    expect((await listener.post("/alert", form)).status).toBe(202);
    await listener.says(/A run was started for 1 alerts/);
    const [incident] = told(forge);
    expect(incident?.groups).toMatchObject([
      { name: "unit-failed", summary: "app.service failed on web1", at: [{ host: "web1", unit: "app.service" }] },
    ]);
    expect(incident?.groups[0]?.details).toMatch(/it ended$/);
    expect(JSON.stringify(forge.dispatches)).not.toContain("correct-horse");
    expect(new Set(told(forge).map(({ id }) => id)).size).toBe(1);
    expect(forge.violations).toEqual([]);
  });

  test("trouble that was over and comes back is told again, by a listener that was started anew in between too", async () => {
    await using forge = await new LoopbackForge(kind).start();
    const first = await listening(forge.apiUrl).up();
    await first.post("/alertmanager", storm(0, 1));
    await first.says(/A run was started for 1 alerts/);
    const [over] = storm(0, 1).alerts;
    await first.post("/alertmanager", { version: "4", alerts: [{ ...over, status: "resolved" }] });
    await first.ends("SIGKILL");
    const second = await listening(forge.apiUrl).up();
    expect(await (await second.post("/alertmanager", storm(0, 1))).text()).toBe("1 new, 0 known, 0 resolved\n");
  });

  test("a token that may not start workflows is said, by its code, and nothing is lost", async () => {
    await using forge = await new LoopbackForge(kind).start();
    writeFileSync(join(scratch, "token"), readToken);
    const listener = await listening(forge.apiUrl).up();
    await listener.post("/alert", { name: "something", host: "web1" });
    await listener.says(/1 alerts stay: .*\[forge-forbidden\] .*actions: write/);
    expect(readdirSync(join(scratch, "state/pending"))).toHaveLength(1);
    expect(listener.said).not.toContain(readToken);
    // Whoever reaches the port may ask: the code is enough to look into the log with.
    const health = await fetch(`${listener.url}/healthz`);
    expect([health.status, await health.text()]).toEqual([503, "1 pending, the forge could not be told: forge-forbidden\n"]);
  });
});

describe("a sender", { timeout: 60_000 }, () => {
  test("without the secret, with another or with a body that is none is told so, and nothing is kept", async () => {
    const listener = await listening("http://127.0.0.1:9/api/v1").up();
    const plain = { name: "x" };
    const status = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> =>
      (await listener.post(path, body, headers)).status;
    expect(await status("/alert", plain, { authorization: "" })).toBe(401);
    expect(await status("/alert", plain, { authorization: `Bearer ${secret}x` })).toBe(401);
    expect(await status("/alert", plain, { authorization: `Basic ${Buffer.from("am:wrong").toString("base64")}` })).toBe(401);
    expect(await status("/alert", "{", {})).toBe(400);
    expect(await status("/alert", { nothing: 1 }, {})).toBe(400);
    expect(await status("/alertmanager", plain, {})).toBe(400);
    expect(await status("/__proto__", plain, {})).toBe(404);
    expect(await status("/alert", plain, { "content-type": "text/plain" })).toBe(415);
    expect(await status("/alert", "x".repeat(5 << 20), {})).toBe(413);
    expect((await fetch(`${listener.url}/alert`, { headers: { authorization: `Bearer ${secret}` } })).status).toBe(405);
    expect(readdirSync(join(scratch, "state/pending"))).toEqual([]);
    expect(await status("/alert", plain, { authorization: `Basic ${Buffer.from(`am:${secret}`).toString("base64")}` })).toBe(202);
    expect(listener.said).not.toContain(secret);
  });
  test("that speaks no HTTP, or goes away in the middle, does not end the listener", async () => {
    const listener = await listening("http://127.0.0.1:9/api/v1").up();
    const port = Number(new URL(listener.url).port);
    for (const bytes of [
      "\u0016\u0003\u0001\u0000",
      `POST /alert HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    ])
      await new Promise<void>((done) => {
        const socket = connect(port, "127.0.0.1", () => socket.write(bytes, () => setTimeout(() => socket.destroy(), 50)));
        socket.on("close", () => done()).on("error", () => {});
      });
    expect((await listener.post("/alert", { name: "x" })).status).toBe(202);
  });
  test("whose alert cannot be kept is told to come back", async () => {
    const listener = await listening("http://127.0.0.1:9/api/v1").up();
    // The directory is gone as with a disk that is: the same for root, who may write anywhere.
    rmSync(join(scratch, "state"), { recursive: true });
    expect((await listener.post("/alert", { name: "x" })).status).toBe(503);
    mkdirSync(join(scratch, "state/pending"), { recursive: true });
    expect(await (await listener.post("/alert", { name: "x" })).text()).toBe("1 new, 0 known, 0 resolved\n");
  });
});

describe("what was typed", { timeout: 60_000 }, () => {
  test.each([
    [["--address", "example.org:80"], /an IP address and a port/, 2],
    [["--address", "192.0.2.1:9105"], /Nothing can listen on 192\.0\.2\.1:9105/, 4],
    [["--workflow", "../x.yml"], /name of a file/, 2],
    [["--repository", "fleet"], /OWNER\/NAME/, 2],
    [["--per-hour", "0"], /at least 1/, 2],
    [["--secret-file", "/nonexistent"], /listen-secret/, 2],
    [["--state", "/dev/null"], /listen-state/, 4],
  ])("%j is refused", async (more, sentence, exit) => {
    const listener = listening("http://127.0.0.1:9/api/v1", more);
    const code = await listener.ended();
    expect(listener.said).toMatch(sentence);
    expect(code).toBe(exit);
  });
  test("a torn file is named and left alone", async () => {
    mkdirSync(join(scratch, "state/pending"), { recursive: true });
    writeFileSync(join(scratch, "state/pending/x.json"), "{");
    const listener = await listening("http://127.0.0.1:9/api/v1").up();
    expect(listener.said).toMatch(/pending\/x\.json is not an alert of ours or was torn/);
    expect(readdirSync(join(scratch, "state/pending"))).toEqual(["x.json"]);
  });
});
