import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Description } from "./description.ts";
import { LiveForgejo } from "./live-forgejo.ts";

/** What people do on a real Forgejo, held against its description: the stories that go by it are played where there is one. */
test.each(["forgejo-15", "forgejo-16"] as const)(
  "%s: every request is as the forge describes it, with the token and to it alone",
  async (name) => {
    const description = new Description(name);
    const problems: string[] = [];
    const asked: string[] = [];
    const head = "1".repeat(40);
    const values: Readonly<Record<string, object>> = {
      "GET /user": { login: "alice", id: 5 },
      "POST /repos/{owner}/{repo}/pulls": { number: 7 },
      "GET /repos/{owner}/{repo}/pulls/{index}": { number: 7, head: { sha: head }, merge_commit_sha: "2".repeat(40) },
      "GET /repos/{owner}/{repo}/commits/{ref}/status": { statuses: [{ context: "deploy-gate", status: "pending" }] },
    };
    let busy = true;
    const server = createServer((request, response) => {
      let raw = "";
      request.on("data", (piece) => (raw += String(piece)));
      request.on("end", () => {
        const url = new URL(request.url ?? "", "http://127.0.0.1");
        const [method, path] = [request.method ?? "", url.pathname.replace(/^\/api\/v1/, "")];
        const route = description.route(method, path);
        problems.push(...description.requestProblems(method, path, url.searchParams, raw === "" ? undefined : JSON.parse(raw)));
        if (request.headers.authorization !== "token t0k3n") problems.push(`${path}: no token`);
        const key = `${method} ${route?.template ?? ""}`;
        asked.push(key);
        if (key.endsWith("/merge") && busy) {
          busy = false;
          response
            .writeHead(405, { "content-type": "application/json" })
            .end(JSON.stringify({ message: "Please try again later", url: "" }));
          return;
        }
        const status = Number(Object.keys(route?.operation.responses ?? {}).find((code) => code.startsWith("2")));
        const list = key.endsWith("/comments") || key.endsWith("/issues");
        const body =
          status === 204 || key.endsWith("/merge")
            ? ""
            : JSON.stringify(list ? [{ body: "x" }] : description.sample(method, path, status, (values[key] as never) ?? {}));
        response.writeHead(status, { "content-type": "application/json" }).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      {
        await using forge = await LiveForgejo.make(`${url}/`, "t0k3n");
        expect(forge.repository).toMatch(/^alice\/gate-story-[0-9a-f]{12}$/);
        expect(forge.remote).toBe(`${url}/${forge.repository}.git`);
        expect(await forge.openPull("update")).toBe(7);
        await forge.synchronized(7, head);
        expect(await forge.merge(7)).toBe("2".repeat(40));
        expect(await forge.comments(7)).toEqual(["x"]);
        expect(await forge.reports(head, undefined)).toEqual(["x"]);
        expect(await forge.status(head)).toBe("pending");
      }
      expect(asked.at(-1)).toBe("DELETE /repos/{owner}/{repo}");
      expect(problems).toEqual([]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  },
);
