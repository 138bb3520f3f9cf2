import * as http from "node:http";
import * as https from "node:https";
import { connect } from "node:net";
import type { HttpAnswer, Probe, ProbeTrouble, TcpAnswer } from "./ports.ts";

type None = { readonly kind: "none"; readonly why: ProbeTrouble; readonly detail: string };

const byCode: Readonly<Record<string, ProbeTrouble>> = {
  ECONNREFUSED: "refused",
  ETIMEDOUT: "timed-out",
  ENOTFOUND: "name",
  EAI_AGAIN: "name",
  EAI_FAIL: "name",
  ENETUNREACH: "no-route",
  EHOSTUNREACH: "no-route",
  ENETDOWN: "no-route",
  EADDRNOTAVAIL: "local",
  EMFILE: "local",
  ENFILE: "local",
  ENOBUFS: "local",
  EACCES: "local",
  EPERM: "local",
  ERR_INVALID_URL: "local",
};
/** OpenSSL's reasons why a chain is not trusted, as Node names them; a handshake that breaks is `broken`. */
const certificate =
  /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_ALTNAME|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

function troubleOf(error: unknown): None {
  if (!(error instanceof Error)) return { kind: "none", why: "local", detail: String(error).slice(0, 300) };
  // A name with several addresses gives one error for each; the service was there where one of them refused.
  const each = error instanceof AggregateError ? error.errors.filter((one) => one instanceof Error) : [error];
  const codes = each.map((one) => ("code" in one && typeof one.code === "string" ? one.code : ""));
  const known = codes.map((code): ProbeTrouble => byCode[code] ?? (certificate.test(code) ? "certificate" : "broken"));
  const why = known.find((one) => one === "refused") ?? known[0] ?? "broken";
  const detail = error.message === "" ? (each[0]?.message ?? codes.join(", ")) : error.message;
  return { kind: "none", why, detail: detail.slice(0, 300) };
}

/** Ends with `undefined` time: whichever comes first, our limit or the caller's signal, ends the question. */
function limited<T extends { readonly kind: string }>(
  seconds: number,
  signal: AbortSignal | undefined,
  begin: (settle: (answer: T | None) => void) => () => void,
): Promise<T | None> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve({ kind: "none", why: "cancelled", detail: "" });
    let stop: () => void = () => undefined;
    let settled = false;
    const settle = (answer: T | None): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(answer);
      stop();
    };
    const onAbort = (): void => settle({ kind: "none", why: "cancelled", detail: "" });
    const timer = setTimeout(() => settle({ kind: "none", why: "timed-out", detail: "" }), seconds * 1000);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const ending = begin(settle);
      stop = ending;
      // It may have settled before it had told us how to stop it.
      if (settled) ending();
    } catch (error) {
      settle(troubleOf(error));
    }
  });
}

function read(response: http.IncomingMessage, maxBytes: number, settle: (answer: HttpAnswer) => void): void {
  const encoding = response.headers["content-encoding"];
  const head = {
    kind: "answered",
    status: response.statusCode ?? 0,
    location: response.headers.location?.slice(0, 4_000),
    encoded: encoding !== undefined && encoding !== "" && encoding !== "identity",
  } as const;
  if (maxBytes === 0) return settle({ ...head, body: new Uint8Array(), cut: false });
  const chunks: Buffer[] = [];
  let size = 0;
  response.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) settle({ ...head, body: Buffer.concat(chunks).subarray(0, maxBytes), cut: true });
  });
  response.on("end", () => settle({ ...head, body: Buffer.concat(chunks), cut: false }));
  response.on("error", (error) => settle(troubleOf(error)));
}

/**
 * Asks services from the gate's machine. Agents are made here for each question: the global ones obey `NODE_USE_ENV_PROXY`, and a proxy that answers in place of a
 * dead service would make it look alive. For the same reason `NODE_TLS_REJECT_UNAUTHORIZED` has no say.
 */
export const probe: Probe = {
  http: ({ url, timeoutSeconds, maxBytes, signal }) =>
    limited<HttpAnswer>(timeoutSeconds, signal, (settle) => {
      const target = new URL(url);
      const headers = { "user-agent": "nixos-deploy-gate", accept: "*/*", "accept-encoding": "identity", connection: "close" };
      const request =
        target.protocol === "https:"
          ? https.request(target, { agent: new https.Agent({ keepAlive: false }), headers, rejectUnauthorized: true })
          : http.request(target, { agent: new http.Agent({ keepAlive: false }), headers });
      request.on("error", (error) => settle(troubleOf(error)));
      request.on("response", (response) => read(response, maxBytes, settle));
      request.end();
      return () => request.destroy();
    }),
  tcp: ({ address, port, timeoutSeconds, signal }) =>
    limited<TcpAnswer>(timeoutSeconds, signal, (settle) => {
      const socket = connect({ host: address, port });
      socket.on("error", (error) => settle(troubleOf(error)));
      socket.on("connect", () => settle({ kind: "connected" }));
      return () => socket.destroy();
    }),
};
