import * as z from "zod";
import type { SessionTool } from "./ports.ts";

/**
 * The Model Context Protocol as far as a server of tools needs it: JSON-RPC 2.0, one message a line, `initialize`, `ping`, `tools/list` and `tools/call`
 * (https://modelcontextprotocol.io/specification/2025-06-18). The official SDK brings HTTP, OAuth and a validator along, 180 kB of bundle for these four answers.
 */
const Message = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string().max(200), z.number()]).optional(),
  method: z.string().max(200),
  params: z.looseObject({}).optional(),
});
const CallParams = z.looseObject({ name: z.string().max(200), arguments: z.unknown() });

/** Revisions in which these four mean the same. A client that speaks another is answered with the newest of them and decides for itself. */
const revisions = ["2025-06-18", "2025-03-26", "2024-11-05"];

/** The answer to one line, without its line end; undefined where none is due. Never rejects. */
export async function toolReply(line: string, tools: readonly SessionTool[]): Promise<string | undefined> {
  const failed = (id: string | number | null, code: number, message: string): string =>
    JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } });
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return failed(null, -32700, "This line is not JSON.");
  }
  const parsed = Message.safeParse(value);
  if (!parsed.success) return failed(null, -32600, "This is no JSON-RPC 2.0 request.");
  const { id, method, params } = parsed.data;
  // A notification; nobody waits for an answer.
  if (id === undefined) return undefined;
  const result = (content: object): string => JSON.stringify({ jsonrpc: "2.0", id, result: content });
  switch (method) {
    case "initialize": {
      const asked = params?.["protocolVersion"];
      return result({
        protocolVersion: revisions.find((revision) => revision === asked) ?? revisions[0],
        capabilities: { tools: {} },
        serverInfo: { name: "nixos-deploy-gate", version: "1" },
      });
    }
    case "ping":
      return result({});
    case "tools/list":
      return result({ tools: tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema })) });
    case "tools/call": {
      const call = CallParams.safeParse(params);
      const tool = call.success ? tools.find(({ name }) => name === call.data.name) : undefined;
      if (!call.success || tool === undefined)
        return failed(id, -32602, `There is no such tool; there are ${tools.map(({ name }) => name).join(", ")}.`);
      const { text, refused } = await tool.call(call.data.arguments ?? {});
      return result({ content: [{ type: "text", text }], isError: refused });
    }
    default:
      return failed(id, -32601, "There is no such method.");
  }
}
