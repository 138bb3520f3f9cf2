import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A real service on a port of its own until the test is over; the answer is its port. */
export const httpService = (answer: RequestListener): Promise<number> => listening(createHttp(answer));
export const httpsService = (key: string, cert: string, answer: RequestListener): Promise<number> =>
  listening(createHttps({ key, cert }, answer));
export const tcpService = (onConnection: (socket: Socket) => void): Promise<number> => listening(createTcp(onConnection));

/** A port that nothing listens on: it was had and given back. */
export async function closedPort(): Promise<number> {
  const server = createTcp();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
