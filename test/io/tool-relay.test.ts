import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join, resolve } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { relaySecret } from "../../src/commands/session-tools.ts";
import type { SessionTool } from "../../src/io/ports.ts";
import { openToolServer, type ToolServer } from "../../src/io/tool-server.ts";

/** The gate's side in this process, and the relay as the session's program starts it: our own command as a child. */
const root = resolve(import.meta.dirname, "../..");
const tool = (call: SessionTool["call"], name = "look"): SessionTool => ({
  name,
  description: "looks",
  inputSchema: { type: "object" },
  call,
});
const saying = (text: string): SessionTool => tool(() => Promise.resolve({ text, refused: false }));

const servers: ToolServer[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const server of servers.splice(0)) await server.close();
});
async function serve(...tools: SessionTool[]): Promise<ToolServer> {
  const server = await openToolServer(tools);
  servers.push(server);
  return server;
}
function relay(
  socket: string,
  secret: string,
): { child: ChildProcess; line: () => Promise<string>; ended: Promise<number | null>; stderr: () => string } {
  const child = spawn(process.execPath, [join(root, "src/cli.ts"), "session-tools", socket], { env: { [relaySecret]: secret } });
  children.push(child);
  let [out, err] = ["", ""];
  let wake = (): void => {};
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    out += chunk;
    wake();
  });
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString("utf8")));
  child.stdin?.on("error", () => {});
  const line = async (): Promise<string> => {
    for (;;) {
      const at = out.indexOf("\n");
      if (at >= 0) {
        const one = out.slice(0, at);
        out = out.slice(at + 1);
        return one;
      }
      await new Promise<void>((done) => (wake = done));
    }
  };
  return { child, line, ended: new Promise((done) => child.once("close", done)), stderr: () => err };
}
const request = (id: number, method: string, params: object = {}): string => `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
const call = (id: number, name = "look", given: unknown = {}): string => request(id, "tools/call", { name, arguments: given });
const said = async (one: { line: () => Promise<string> }): Promise<Record<string, unknown>> =>
  JSON.parse(await one.line()) as Record<string, unknown>;

describe("the relay", () => {
  test("carries a whole conversation, and ends when its input does", async () => {
    const server = await serve(saying("a line"));
    const one = relay(server.socket, server.secret);
    one.child.stdin?.write(request(1, "initialize", { protocolVersion: "2025-03-26", capabilities: {}, clientInfo: {} }));
    expect(await said(one)).toMatchObject({ id: 1, result: { protocolVersion: "2025-03-26", capabilities: { tools: {} } } });
    one.child.stdin?.write(
      `{"jsonrpc":"2.0","method":"notifications/initialized"}\n${request(2, "ping")}${request(3, "tools/list")}${call(4)}`,
    );
    expect(await said(one)).toMatchObject({ id: 2, result: {} });
    expect(await said(one)).toMatchObject({ id: 3, result: { tools: [{ name: "look", inputSchema: { type: "object" } }] } });
    expect(await said(one)).toMatchObject({ id: 4, result: { content: [{ type: "text", text: "a line" }], isError: false } });
    one.child.stdin?.end();
    expect(await one.ended).toBe(0);
    expect(server.reached()).toBe(true);
  });

  test("carries five megabytes whole", async () => {
    const server = await serve(saying("€".repeat(5_000_000 / 2)));
    const one = relay(server.socket, server.secret);
    one.child.stdin?.write(call(1));
    const { result } = (await said(one)) as { result: { content: { text: string }[] } };
    expect(result.content[0]?.text.length).toBe(2_500_000);
  });

  test("what was asked and is not begun when the session is over is never done, and what is under way has ended before that is told", async () => {
    const done: string[] = [];
    let begun = (): void => {};
    const under = new Promise<void>((resolve) => (begun = resolve));
    let release = (): void => {};
    const slow = tool(async () => {
      begun();
      await new Promise<void>((resolve) => (release = resolve));
      done.push("slow");
      return { text: "", refused: false };
    }, "slow");
    const write = tool(() => {
      done.push("write");
      return Promise.resolve({ text: "", refused: false });
    }, "write");
    const server = await openToolServer([slow, write]);
    const one = relay(server.socket, server.secret);
    one.child.stdin?.write(`${call(1, "slow")}${call(2, "write")}`);
    await under;
    let isClosed = false;
    const closed = server.close().then(() => (isClosed = true));
    await one.ended;
    expect(isClosed).toBe(false);
    release();
    await closed;
    await new Promise((later) => setTimeout(later, 50));
    expect(done).toEqual(["slow"]);
  });

  test("with a wrong word is shown the door, and nothing is answered", async () => {
    const asked: unknown[] = [];
    const server = await serve(
      tool((given) => {
        asked.push(given);
        return Promise.resolve({ text: "no", refused: false });
      }),
    );
    for (const secret of ["", "0".repeat(64), `${server.secret}0`]) {
      const one = relay(server.socket, secret);
      one.child.stdin?.write(call(1));
      // What it had still to send may find the door shut, and is then an error of its own.
      expect([0, 4]).toContain(await one.ended);
    }
    expect([asked, server.reached()]).toEqual([[], false]);
  });

  test("without a gate says so and fails", async () => {
    const one = relay("/nonexistent/socket", "x");
    expect(await one.ended).toBe(4);
    expect(one.stderr()).toMatch(/gate cannot be reached/);
  });

  test("that is killed in the middle of a call costs the gate nothing, and the next one is served", async () => {
    let release = (): void => {};
    const held = new Promise<void>((done) => (release = done));
    let begun = (): void => {};
    const running = new Promise<void>((done) => (begun = done));
    const server = await serve(
      tool(async () => {
        begun();
        await held;
        return { text: "late", refused: false };
      }),
    );
    const one = relay(server.socket, server.secret);
    one.child.stdin?.write(call(1));
    await running;
    one.child.kill("SIGKILL");
    await one.ended;
    release();
    const two = relay(server.socket, server.secret);
    two.child.stdin?.write(call(2));
    expect(await said(two)).toMatchObject({ id: 2, result: { content: [{ text: "late" }] } });
  });
});

describe("the gate's side", () => {
  test("lies in a directory of its user alone, which goes with it", async () => {
    const server = await serve(saying("x"));
    expect(statSync(dirname(server.socket)).mode & 0o777).toBe(0o700);
    expect(server.secret).toMatch(/^[0-9a-f]{64}$/);
    await server.close();
    expect(existsSync(dirname(server.socket))).toBe(false);
  });

  test("a long directory for temporary files is no hindrance", async () => {
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = join("/tmp", "x".repeat(120));
    mkdirSync(process.env["TMPDIR"], { recursive: true });
    try {
      expect((await serve(saying("x"))).socket).toMatch(/^\/tmp\/ndg-tools-/);
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });

  /** Speaks to the socket itself, as a relay would not. */
  async function speaking(server: ToolServer, text: string | Buffer): Promise<string> {
    let heard = "";
    const other = connect({ path: server.socket, allowHalfOpen: true });
    other.on("error", () => {});
    other.on("data", (chunk: Buffer) => (heard += chunk.toString("utf8")));
    other.write(`${server.secret}\n`);
    other.write(text);
    other.write(`\n${request(99, "ping")}`);
    await new Promise<void>((done) => {
      other.once("close", () => done());
      other.on("data", () => heard.includes('"id":99') && done());
    });
    other.destroy();
    return heard;
  }

  test.each([
    ["no JSON", "{nonsense", /-32700/],
    ["a batch", "[]", /-32600/],
    ["another protocol", '{"id":1,"method":"ping"}', /-32600/],
    ["a method that nobody has", request(1, "resources/read", { uri: "file:///etc/shadow" }).trim(), /-32601/],
    ["a tool that nobody has", call(1, "run").trim(), /-32602.*there are look/],
    ["a call without a name", request(1, "tools/call").trim(), /-32602/],
    ["a line of three megabytes", "x".repeat(3_000_000), /-32700/],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00, 0x01]), /-32700/],
  ])("%s gets an error, and the conversation goes on", async (_, text, said_) => {
    const heard = await speaking(await serve(saying("x")), text);
    expect(heard).toMatch(said_);
    expect(heard).toMatch(/"id":99,"result":\{\}/);
  });

  test("messages without end come to one", async () => {
    const server = await serve(saying("x"));
    const heard = await speaking(server, Array.from({ length: 2_000 }, (_, id) => request(id + 100, "ping").trim()).join("\n"));
    expect(heard.split("\n").length).toBeLessThan(600);
  });

  test("calls run one after the other, however many come at once", async () => {
    let [running, most] = [0, 0];
    const server = await serve(
      tool(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((done) => setTimeout(done, 5));
        running -= 1;
        return { text: "x", refused: false };
      }),
    );
    await speaking(server, Array.from({ length: 8 }, (_, id) => call(id + 1).trim()).join("\n"));
    expect(most).toBe(1);
  });
});
