import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** An answer to a request: a status and one line for the sender's log. */
export type WebhookAnswer = { readonly status: number; readonly text: string };

export type WebhookServerOptions = {
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Whoever has it may start runs. */
  readonly secret: string;
  /** Called with a body that was sent by somebody who has the secret: parsed JSON, or the fields of a form. */
  readonly receive: (path: string, body: unknown) => WebhookAnswer;
  /** For a monitor of the monitor; needs no secret and tells no contents. */
  readonly health: () => WebhookAnswer;
  readonly debug: (message: string, fields?: Readonly<Record<string, unknown>>) => void;
};

export type WebhookServer = {
  /** `127.0.0.1:9105` */
  readonly address: string;
  /** Takes no more connections and ends when those that are open have ended, ten seconds at most. */
  close(): Promise<void>;
};

const longestBody = 4 << 20;
const mostConnections = 64;

/**
 * A small HTTP server for webhooks. Whoever reaches its port can try: the secret is compared in constant time and before a byte of the body is read, bodies,
 * connections and times are bounded, and no answer repeats what was sent. Rejects where the address cannot be had.
 */
export async function serveWebhooks(options: WebhookServerOptions): Promise<WebhookServer> {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 });
  server.maxConnections = mostConnections;
  server.on("request", (request, response) => {
    answerTo(request, options)
      .catch((error: unknown): WebhookAnswer => {
        options.debug("A request could not be answered", {
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        });
        return { status: 500, text: "the listener made a mistake; say it again" };
      })
      .then((answer) => reply(request, response, answer))
      .catch((error: unknown) => options.debug("An answer could not be sent", { error: String(error) }));
  });
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(options.port, options.address, () => {
      server.off("error", fail);
      done();
    });
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : options.port;
  return {
    address: options.address.includes(":") ? `[${options.address}]:${port}` : `${options.address}:${port}`,
    close: async () => {
      const ended = new Promise<void>((done) => server.close(() => done()));
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), 10_000);
      await ended;
      clearTimeout(late);
    },
  };
}

async function answerTo(request: IncomingMessage, options: WebhookServerOptions): Promise<WebhookAnswer> {
  const path = (request.url ?? "").split("?", 1)[0] ?? "";
  if (request.method === "GET" && path === "/healthz") return options.health();
  if (!authorised(request.headers.authorization, options.secret)) return { status: 401, text: "the secret is missing or wrong" };
  if (request.method !== "POST") return { status: 405, text: "only POST" };
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json" && type !== "application/x-www-form-urlencoded")
    return { status: 415, text: "the body is neither application/json nor application/x-www-form-urlencoded" };
  const body = await bodyOf(request);
  if (body === undefined) return { status: 413, text: `the body is longer than ${longestBody} bytes` };
  if (type === "application/x-www-form-urlencoded") return options.receive(path, Object.fromEntries(new URLSearchParams(body)));
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return { status: 400, text: "the body is not JSON" };
  }
  return options.receive(path, parsed);
}

/** `Bearer SECRET`, or `Basic` with the secret as its password, which is all that some senders can. */
function authorised(header: string | undefined, secret: string): boolean {
  const [, scheme = "", given = ""] = /^([A-Za-z]+) +(.*)$/.exec(header ?? "") ?? [];
  const offered =
    scheme.toLowerCase() === "basic"
      ? Buffer.from(given, "base64")
          .toString("utf8")
          .replace(/^[^:]*:/, "")
      : scheme.toLowerCase() === "bearer"
        ? given
        : "";
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(offered), hash(secret));
}

/** Undefined where it is too long. It is read to its end all the same, within reason: a sender that is still writing would not hear why it was refused. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    if (!Buffer.isBuffer(piece)) continue;
    size += piece.length;
    if (size <= longestBody) pieces.push(piece);
    else pieces = [];
    if (size > 8 * longestBody) break;
  }
  return size > longestBody ? undefined : Buffer.concat(pieces).toString("utf8");
}

function reply(request: IncomingMessage, response: ServerResponse, { status, text }: WebhookAnswer): void {
  const headers: Record<string, string> = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  if (!request.complete) headers["connection"] = "close";
  if (status === 401) headers["www-authenticate"] = "Bearer";
  if (status === 405) headers["allow"] = "POST";
  if (status === 503) headers["retry-after"] = "30";
  response.writeHead(status, headers).end(`${text}\n`, () => {
    // What somebody sends who has no secret is not read.
    if (!request.complete) request.destroy();
  });
}
