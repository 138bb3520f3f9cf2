import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LineSplitter } from "./bounded-output.ts";
import type { SessionTool } from "./ports.ts";
import { toolReply } from "./tool-protocol.ts";

/** Where a session's relay finds the gate. */
export type ToolServer = {
  readonly socket: string;
  /** The first line that a relay says; without it nobody is answered. */
  readonly secret: string;
  /** Whether a relay came with the right word. */
  readonly reached: () => boolean;
  /** Begins nothing any more, and ends when what is under way has ended: whoever goes on from here must not be met by a call of a session that is over. */
  close(): Promise<void>;
};

/** Sockets have short names: 108 bytes on Linux, 104 on macOS, and a runner's directory for temporary files may be longer alone. */
const longestPath = 100;
const mostMessages = 500;
const mostConnections = 4;
const secondsToSpeak = 10;

/**
 * Answers tool calls of one session, in this process. It listens on a socket in a directory that only this user can enter, and talks to whoever says the secret first,
 * since another process of this user (a build, an editor's helper) may find the directory. What the other side may do is call these tools: it is given neither the key
 * to a host nor anything else of this process.
 */
export async function openToolServer(tools: readonly SessionTool[]): Promise<ToolServer> {
  const directory = mkdtempSync(join(shortEnough(tmpdir()), "ndg-tools-"));
  const socket = join(directory, "socket");
  const secret = randomBytes(32).toString("hex");
  const open = new Set<Socket>();
  let reached = false;
  // One call after the other: a session may ask for ten things at once, and a host is not to be asked ten things at once.
  let last: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const inTurn = async (line: string): Promise<string | undefined> => {
    const answer = last.then(() => (isClosed ? undefined : toolReply(line, tools)));
    last = answer.catch(() => {});
    return await answer;
  };

  const server = createServer((client) => {
    if (open.size >= mostConnections) return void client.destroy();
    open.add(client);
    let known = false;
    let messages = 0;
    client.on("close", () => open.delete(client));
    // A relay that was killed; whatever it had asked for is answered into nothing.
    client.on("error", () => client.destroy());
    const silent = setTimeout(() => client.destroy(), secondsToSpeak * 1000);
    client.once("close", () => clearTimeout(silent));
    const lines = new LineSplitter((line) => {
      if (client.destroyed) return;
      if (!known) {
        known = sameSecret(line, secret);
        if (!known) return void client.destroy();
        clearTimeout(silent);
        reached = true;
        return;
      }
      messages += 1;
      if (messages > mostMessages) return void client.destroy();
      if (line.trim() === "") return;
      inTurn(line).then(
        (answer) => {
          if (answer !== undefined && client.writable) client.write(`${answer}\n`);
        },
        () => client.destroy(),
      );
    });
    // A line without an end is cut, and then no JSON; nothing grows meanwhile.
    client.on("data", (chunk: Buffer) => lines.add(chunk));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  }).catch((error: unknown) => {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  });
  return {
    socket,
    secret,
    reached: () => reached,
    close: async () => {
      isClosed = true;
      for (const client of open) client.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(directory, { recursive: true, force: true });
      await last;
    },
  };
}

const shortEnough = (directory: string): string =>
  Buffer.byteLength(directory) + "/ndg-tools-XXXXXX/socket".length <= longestPath ? directory : "/tmp";

/** Of equal length by their hashes, so that nothing is told by how long it takes. */
function sameSecret(given: string, secret: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given), hash(secret));
}
