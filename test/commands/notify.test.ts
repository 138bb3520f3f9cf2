import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { notifyFailure, notifyOf } from "../../src/commands/notify-run.ts";
import { failure } from "../../src/failure.ts";
import { notify } from "../../src/io/notify.ts";
import { parsePolicy } from "../../src/policy.ts";
import { notification } from "../../src/report/notification.ts";
import { toPlan } from "../../src/report/to-plan.ts";
import { deployRun } from "../report/sample-outcomes.ts";

let scratch: string;
beforeAll(() => void (scratch = mkdtempSync(join(tmpdir(), "gate-notify-"))));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const masked = (text: string): string => text.replaceAll("hunter2", "***");
const options = (environment = {}) => ({ environment: { PATH: process.env["PATH"], ...environment }, masked });

describe("what is told", () => {
  const plan = toPlan(deployRun);
  test("says who needs a person, how each is, and what to type", () => {
    const made = notification(plan, "https://forge.example.org/run/1");
    expect(made).toMatchObject({ schema: 1, urgent: true, url: "https://forge.example.org/run/1" });
    expect(made?.text).toContain("nixos-deploy-gate ");
    expect(made?.hosts.length).toBeGreaterThan(0);
    expect(Buffer.byteLength(JSON.stringify(made))).toBeLessThan(100_000);
  });
  test("has the same key in the next run, and another one when something else is wrong", () => {
    const later = { ...plan, startedAt: "2027-01-01T00:00:00.000Z", revision: { head: "f".repeat(40) } };
    expect(notification(later, undefined)?.key).toBe(notification(plan, undefined)?.key);
    const fewer = { ...plan, hosts: plan.hosts.slice(1) };
    expect(notification(fewer, undefined)?.key).not.toBe(notification(plan, undefined)?.key);
  });
  test("is nothing where nobody is needed", () => {
    const well = plan.hosts.filter((host) => host.outcome?.outcome === "deployed");
    expect(well.length).toBeGreaterThan(0);
    expect(notification({ ...plan, hosts: well }, undefined)).toBeUndefined();
  });
  test("of a run that broke off it is the failure and the command to type, but of one that a person ended nothing", async () => {
    const file = join(scratch, "broke");
    const policy = { command: ["/bin/sh", "-c", 'cat > "$1"', "sh", file] };
    const about = { repository: "ops/fleet", flake: ".", revision: "a".repeat(40) };
    const run = { policy, url: "https://forge.example.org/run/1", ...options() };
    expect(await notifyFailure(failure("cancelled", {}), about, run)).toEqual([]);
    expect(existsSync(file)).toBe(false);
    const why = failure("internal", {}, "hunter2");
    expect(await notifyFailure(why, about, run)).toEqual([]);
    const sent = readFileSync(file, "utf8");
    expect(JSON.parse(sent)).toMatchObject({ schema: 1, urgent: true, repository: "ops/fleet", url: run.url, hosts: [], escalations: [] });
    expect(sent).toContain(why.message);
    expect(sent).not.toContain("hunter2");
    expect(await notifyFailure(why, about, { ...run, policy: { command: ["/nonexistent"] } })).toHaveLength(1);
    expect(await notifyFailure(why, about, { ...run, policy: undefined })).toEqual([]);
  });
  test("is sent to nobody by a run that changed no hosts", async () => {
    const file = join(scratch, "nobody");
    await notifyOf(plan, { policy: undefined, url: undefined, ...options() });
    await notifyOf(plan, { policy: { command: ["touch", file] }, url: undefined, ...options() });
    expect(existsSync(file)).toBe(true);
  });
});

describe("a command", () => {
  test("gets the JSON and none of the run's secrets, and runs outside of the checkout", async () => {
    const file = join(scratch, "got");
    const command = ["/bin/sh", "-c", 'cat > "$1"; pwd >> "$1"; env >> "$1"', "sh", file];
    const notes = await notify('{"text":"hunter2"}\n', { command }, options({ INPUT_SSH_PRIVATE_KEY: "key", HOME: "/home/gate" }));
    expect(notes).toEqual([]);
    const got = readFileSync(file, "utf8");
    expect(got).toMatch(/^\{"text":"\*\*\*"\}\n\/\n/);
    expect(got).toContain("HOME=/home/gate");
    expect(got).not.toContain("INPUT_SSH_PRIVATE_KEY");
  });
  test.each([
    [["/bin/sh", "-c", "echo no server hunter2 >&2; exit 3"], /ended with exit code 3\. no server \*\*\*$/],
    [["no-such-program"], /there is no program no-such-program/],
    [["/bin/sh", "-c", "sleep 60"], /did not end within 1 seconds/],
  ])("%j that fails is a sentence and no failure", async (command, said) => {
    const notes = await notify("{}\n", { command }, { ...options(), timeoutSeconds: 1 });
    expect(notes).toEqual([expect.stringMatching(said)]);
  });
});

describe("a webhook", () => {
  const got: { method: string | undefined; type: string | undefined; body: string }[] = [];
  let server: Server;
  let address: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        if (request.url === "/silent") return;
        got.push({ method: request.method, type: request.headers["content-type"], body });
        if (request.url === "/elsewhere") response.writeHead(307, { location: "/hook" }).end();
        else response.writeHead(request.url === "/hook" ? 204 : 500).end();
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const at = server.address();
    address = `http://127.0.0.1:${typeof at === "object" ? at?.port : ""}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  test("gets the JSON by POST", async () => {
    expect(await notify('{"a":1}\n', { webhook: `${address}/hook` }, options())).toEqual([]);
    expect(got).toEqual([{ method: "POST", type: "application/json", body: '{"a":1}\n' }]);
  });
  test.each([
    ["/secret-path", /answered with status 500/],
    ["/elsewhere", /answered with status 307/],
    ["/silent", /did not answer within 1 seconds/],
  ])("%s that does not take it is a sentence without its address", async (path, said) => {
    const before = got.length;
    const notes = await notify("{}\n", { webhook: `${address}${path}` }, { ...options(), timeoutSeconds: 1 });
    expect(notes).toEqual([expect.stringMatching(said)]);
    expect(notes.join()).not.toContain(path);
    expect(got.length - before).toBeLessThanOrEqual(1);
  });
  test("that nobody answers at is a sentence", async () => {
    expect(await notify("{}\n", { webhook: "http://127.0.0.1:1/hook" }, options())).toEqual([
      expect.stringMatching(/could not be reached/),
    ]);
  });
});

test.each([{ command: ["./notify.sh"] }, { command: ["sub/notify"] }, { command: [] }, { webhook: "file:///etc/passwd" }, { mail: "a@b" }])(
  "%j is no policy",
  (bad) => {
    expect(() => parsePolicy({ notify: bad })).toThrow(/policy is not usable/);
  },
);

describe("the examples", () => {
  const folder = resolve(import.meta.dirname, "../../examples/notify");
  const read = (file: string) => {
    const text = execFileSync("nix-instantiate", ["--eval", "--strict", "--json", join(folder, file)], { encoding: "utf8" });
    return parsePolicy((JSON.parse(text) as { deployGate: unknown }).deployGate).notify;
  };
  test.each(readdirSync(folder))("%s is a policy that the gate takes", (file) => {
    const { command, webhook } = read(file);
    expect(command ?? webhook).toBeDefined();
    if (command !== undefined) expect(spawnSync("sh", ["-n"], { input: command[2] ?? "", encoding: "utf8" }).stderr).toBe("");
  });

  /** The command with programs that only write down what they were given. */
  const sent = async (file: string, json: string): Promise<string> => {
    const bin = mkdtempSync(join(scratch, "bin-"));
    const log = join(bin, "log");
    for (const name of ["curl", "sendmail"]) {
      writeFileSync(join(bin, name), `#!/bin/sh\n{ printf '%s\\n' "$@"; cat; [ ! -e /dev/fd/3 ] || cat <&3; } >>'${log}'\n`);
      chmodSync(join(bin, name), 0o755);
    }
    writeFileSync(join(bin, "secrets"), "https://matrix.example.org\n!room:example.org\ntoken-1\n");
    const { command = [] } = read(file);
    const script = (command[2] ?? "")
      .replaceAll("/run/wrappers/bin/", "")
      .replaceAll(/\/etc\/nixos-deploy-gate\/\S+?(?=[)"\s])/g, join(bin, "secrets"));
    const notes = await notify(json, { command: [...command.slice(0, 2), script] }, options({ PATH: `${bin}:${process.env["PATH"]}` }));
    expect(notes).toEqual([]);
    return readFileSync(log, "utf8");
  };
  const hostile = `${JSON.stringify({ title: "web1\nBcc: mallory@example.org", text: "- web1: $(id) 'quoted'\n", key: "0123456789abcdef", urgent: true })}\n`;

  test("send what they are given, and nothing in it becomes a header or a command", async () => {
    const ntfy = await sent("ntfy.nix", hostile);
    expect(ntfy).toContain("Title: web1?Bcc: mallory@example.org");
    expect(ntfy).toContain("Priority: urgent");
    expect(ntfy).toContain("- web1: $(id) 'quoted'");
    const mail = await sent("email.nix", hostile);
    expect(mail).toContain("Subject: web1?Bcc: mallory@example.org\n");
    expect(mail).not.toMatch(/^Bcc:/m);
    expect(mail).toMatch(/\n\n- web1: \$\(id\) 'quoted'/);
    const matrix = await sent("matrix.nix", hostile);
    expect(matrix).toMatch(
      /https:\/\/matrix\.example\.org\/_matrix\/client\/v3\/rooms\/(?:!|%21)room%3Aexample\.org\/send\/m\.room\.message\//,
    );
    expect(matrix).toContain("Authorization: Bearer token-1");
    expect(matrix).toContain('"msgtype": "m.text"');
  });
});
