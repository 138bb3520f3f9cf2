import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the model on loopback does with one request. */
export type Step =
  | { readonly answer: unknown }
  | { readonly answerText: string }
  /** Sent verbatim where the arguments of the answer would stand. */
  | { readonly rawAnswer: string }
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly message?: string }
  /** Calls of other tools, several in one message. */
  | { readonly calls: readonly { readonly name: string; readonly input: unknown }[] }
  | { readonly hang: true }
  | { readonly cut: true }
  | { readonly flood: number };

export type Seen = { readonly path: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/**
 * The Messages API on 127.0.0.1, as far as one question needs it: it streams what a script says and keeps every byte that it was sent, so that a test can prove
 * what left the process. A function sees the request first, to echo the nonce of the document for instance.
 */
export async function loopbackModel(
  script: (request: string, index: number) => Step,
): Promise<{ url: string; seen: Seen[]; close: () => Promise<void> }> {
  const seen: Seen[] = [];
  let index = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      seen.push({ path: request.url ?? "", headers: request.headers as Record<string, string>, body });
      if (request.method !== "POST" || !(request.url ?? "").startsWith("/v1/messages")) {
        response.writeHead(404).end();
        return;
      }
      const { model } = JSON.parse(body) as { model: string };
      play(script(body, index++), model, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function play(step: Step, model: string, response: ServerResponse): void {
  if ("hang" in step) return;
  if ("status" in step) {
    response.writeHead(step.status, { "content-type": "application/json", ...step.headers });
    response.end(JSON.stringify({ type: "error", error: { type: "api_error", message: step.message ?? `scripted ${step.status}` } }));
    return;
  }
  const usage = { input_tokens: 1000, output_tokens: 50, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  const send = (type: string, data: object): void => void response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream" });
  send("message_start", {
    message: { id: "msg_1", type: "message", role: "assistant", model, content: [], stop_reason: null, stop_sequence: null, usage },
  });
  if ("cut" in step) {
    setTimeout(() => response.destroy(), 20);
    return;
  }
  const text = "answerText" in step ? step.answerText : "flood" in step ? "x".repeat(step.flood) : undefined;
  if ("calls" in step) {
    for (const [index, { name, input }] of step.calls.entries()) {
      send("content_block_start", { index, content_block: { type: "tool_use", id: `toolu_${Math.random()}`, name, input: {} } });
      send("content_block_delta", { index, delta: { type: "input_json_delta", partial_json: JSON.stringify(input) } });
      send("content_block_stop", { index });
    }
    send("message_delta", { delta: { stop_reason: "tool_use", stop_sequence: null }, usage });
    send("message_stop", {});
    response.end();
    return;
  }
  if (text === undefined) {
    const json = "rawAnswer" in step ? step.rawAnswer : JSON.stringify("answer" in step ? step.answer : {});
    send("content_block_start", {
      index: 0,
      content_block: { type: "tool_use", id: `toolu_${Math.random()}`, name: "StructuredOutput", input: {} },
    });
    send("content_block_delta", { index: 0, delta: { type: "input_json_delta", partial_json: json } });
  } else {
    send("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
    send("content_block_delta", { index: 0, delta: { type: "text_delta", text } });
  }
  send("content_block_stop", { index: 0 });
  send("message_delta", { delta: { stop_reason: text === undefined ? "tool_use" : "end_turn", stop_sequence: null }, usage });
  send("message_stop", {});
  response.end();
}
