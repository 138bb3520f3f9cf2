import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { probe } from "../../src/io/probe.ts";
import { closedPort, httpService, httpsService, tcpService } from "../verify/service.ts";

const ask = (url: string, over: Partial<Parameters<typeof probe.http>[0]> = {}) =>
  probe.http({ url, timeoutSeconds: 5, maxBytes: 1024 * 1024, ...over });

afterEach(() => vi.unstubAllEnvs());

/** A certificate that nobody has signed but itself. */
function ownCertificate(): { key: string; cert: string } {
  const directory = mkdtempSync(join(tmpdir(), "ndg-cert-"));
  const [key, cert] = [join(directory, "key"), join(directory, "cert")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
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
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
      ...subject,
    ],
    {
      stdio: "ignore",
    },
  );
  const pair = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  rmSync(directory, { recursive: true });
  return pair;
}

describe("http", () => {
  test("gives status and body, and asks for nothing compressed", async () => {
    let encoding: unknown;
    const port = await httpService((request, response) => {
      encoding = request.headers["accept-encoding"];
      response.end("ready");
    });
    const answer = await ask(`http://127.0.0.1:${port}/health?deep=1`);
    expect(answer).toMatchObject({ kind: "answered", status: 200, cut: false, encoded: false, location: undefined });
    expect(answer.kind === "answered" && Buffer.from(answer.body).toString()).toBe("ready");
    expect(encoding).toBe("identity");
  });

  test("follows no redirect", async () => {
    const asked: (string | undefined)[] = [];
    const port = await httpService((request, response) => {
      asked.push(request.url);
      response.writeHead(302, { location: "http://169.254.169.254/latest" }).end();
    });
    expect(await ask(`http://127.0.0.1:${port}/a`)).toMatchObject({
      kind: "answered",
      status: 302,
      location: "http://169.254.169.254/latest",
    });
    expect(asked).toEqual(["/a"]);
  });

  test("reads no more than it may of a body of 5 MB, and nothing where nothing was asked for", async () => {
    const port = await httpService((_, response) => void response.end(Buffer.alloc(5_000_000, 97)));
    const answer = await ask(`http://127.0.0.1:${port}/`, { maxBytes: 1000 });
    expect(answer).toMatchObject({ kind: "answered", status: 200, cut: true });
    expect(answer.kind === "answered" && answer.body.length).toBe(1000);
    const none = await ask(`http://127.0.0.1:${port}/`, { maxBytes: 0 });
    expect(none.kind === "answered" && none.body.length).toBe(0);
  });

  test("a body that never ends is cut at the limit", async () => {
    const port = await httpService((_, response) => {
      const write = (): void => {
        while (response.write(Buffer.alloc(65_536, 98)));
      };
      response.on("drain", write);
      write();
    });
    expect(await ask(`http://127.0.0.1:${port}/`)).toMatchObject({ kind: "answered", cut: true });
  });

  test.each([
    ["before its answer", false],
    ["in the middle of its body", true],
  ])("a service that falls silent %s is given up on", async (_, begins) => {
    const port = await httpService((_request, response) => {
      if (begins) response.write("half");
    });
    expect(await ask(`http://127.0.0.1:${port}/`, { timeoutSeconds: 0.3 })).toEqual({ kind: "none", why: "timed-out", detail: "" });
  });

  test("one that drips a byte at a time does not get more time", async () => {
    const port = await tcpService((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => socket.write("x: y\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    expect(await ask(`http://127.0.0.1:${port}/`, { timeoutSeconds: 0.4 })).toMatchObject({ kind: "none", why: "timed-out" });
  });

  test("nobody there is refused; what is no HTTP, or ends in the middle, is broken", async () => {
    expect(await ask(`http://127.0.0.1:${await closedPort()}/`)).toMatchObject({ kind: "none", why: "refused" });
    const chat = await tcpService((socket) => void socket.end("SSH-2.0-OpenSSH_9.9\r\n"));
    expect(await ask(`http://127.0.0.1:${chat}/`)).toMatchObject({ kind: "none", why: "broken" });
    const half = await tcpService((socket) => {
      socket.on("data", () => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"));
    });
    expect(await ask(`http://127.0.0.1:${half}/`)).toMatchObject({ kind: "none", why: "broken" });
  });

  test("a certificate that is not to be trusted is no answer, whatever the environment says", async () => {
    const { key, cert } = ownCertificate();
    const port = await httpsService(key, cert, (_, response) => void response.end("ready"));
    expect(await ask(`https://127.0.0.1:${port}/`)).toMatchObject({ kind: "none", why: "certificate" });
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    expect(await ask(`https://127.0.0.1:${port}/`)).toMatchObject({ kind: "none", why: "certificate" });
  });

  test("https to what speaks http is broken", async () => {
    const port = await httpService((_, response) => void response.end("ready"));
    expect(await ask(`https://127.0.0.1:${port}/`)).toMatchObject({ kind: "none", why: "broken" });
  });

  test("a proxy of the environment is not asked", async () => {
    const asked: (string | undefined)[] = [];
    const proxy = await httpService((request, response) => {
      asked.push(request.url);
      response.end("all is well");
    });
    const script = `import { probe } from ${JSON.stringify(join(import.meta.dirname, "../../src/io/probe.ts"))};
      console.log(JSON.stringify(await probe.http({ url: process.argv[1], timeoutSeconds: 5, maxBytes: 0 })));`;
    const address = `http://127.0.0.1:${proxy}`;
    const { execa } = await import("execa");
    const { stdout } = await execa(process.execPath, ["--input-type=module", "-e", script, `http://127.0.0.1:${await closedPort()}/`], {
      env: { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: address, http_proxy: address, HTTPS_PROXY: address, NO_PROXY: "", no_proxy: "" },
    });
    expect(JSON.parse(stdout)).toMatchObject({ kind: "none", why: "refused" });
    expect(asked).toEqual([]);
  });

  test("can be cancelled, before and while it asks", async () => {
    const port = await httpService(() => undefined);
    expect(await ask(`http://127.0.0.1:${port}/`, { signal: AbortSignal.abort() })).toEqual({ kind: "none", why: "cancelled", detail: "" });
    const controller = new AbortController();
    const asking = ask(`http://127.0.0.1:${port}/`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    expect(await asking).toEqual({ kind: "none", why: "cancelled", detail: "" });
  });

  test("a name that does not exist and an address that is none do not throw", async () => {
    expect(await ask("http://no-such-host.invalid/")).toMatchObject({ kind: "none", why: "name" });
    expect(await ask("not an address")).toMatchObject({ kind: "none", why: "local" });
  });
});

describe("tcp", () => {
  const reach = (port: number, over: object = {}) => probe.tcp({ address: "127.0.0.1", port, timeoutSeconds: 5, ...over });

  test("connects and hangs up", async () => {
    const closed = Promise.withResolvers<void>();
    const port = await tcpService((socket) => {
      socket.on("close", () => closed.resolve());
      socket.resume();
    });
    expect(await reach(port)).toEqual({ kind: "connected" });
    await closed.promise;
  });

  test("says who refuses and who cannot be found", async () => {
    expect(await reach(await closedPort())).toMatchObject({ kind: "none", why: "refused" });
    expect(await probe.tcp({ address: "no-such-host.invalid", port: 22, timeoutSeconds: 5 })).toMatchObject({ kind: "none", why: "name" });
    expect(await reach(22, { signal: AbortSignal.abort() })).toMatchObject({ kind: "none", why: "cancelled" });
  });
});
