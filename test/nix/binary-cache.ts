import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import type { NixAtHand } from "./versions.ts";

const nix = (at: NixAtHand, within: readonly string[], words: readonly string[]): string =>
  execFileSync("env", [...within, "nix", "--extra-experimental-features", "nix-command flakes", ...words], {
    encoding: "utf8",
    env: { ...process.env, PATH: at.path },
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();

/** A binary cache over HTTP on loopback, which signs what is put into it. */
export type BinaryCache = {
  readonly url: string;
  readonly publicKey: string;
  /** Everything that was asked for, `/…narinfo` and `/nar/…`, in order. */
  readonly asked: readonly string[];
  /** Puts store paths and all that they need into it. `within`: the words that start a command in the store that has them. */
  readonly put: (within: readonly string[], paths: readonly string[]) => void;
  readonly stop: () => Promise<void>;
};

/** A pair of keys as Nix makes them: `name:base64`. */
export function signingKey(at: NixAtHand, name: string): { readonly secret: string; readonly public: string } {
  const secret = nix(at, [], ["key", "generate-secret", "--key-name", name]);
  const options = { encoding: "utf8", env: { ...process.env, PATH: at.path }, input: secret } as const;
  return {
    secret,
    public: execFileSync("nix", ["--extra-experimental-features", "nix-command", "key", "convert-secret-to-public"], options).trim(),
  };
}

/** `directory` is to be the caller's own, and goes with it. */
export async function binaryCache(directory: string, at: NixAtHand): Promise<BinaryCache> {
  mkdirSync(directory, { recursive: true });
  const key = signingKey(at, "cache.test-1");
  const keyFile = join(directory, "cache-key");
  writeFileSync(keyFile, key.secret, { mode: 0o600 });
  const files = join(directory, "cache");
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://cache").pathname);
    asked.push(path);
    const file = join(files, path);
    if (!existsSync(file)) response.writeHead(404).end();
    else response.end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("There is no port to be had.");
  return {
    url: `http://127.0.0.1:${address.port}`,
    publicKey: key.public,
    asked,
    put: (within, paths) => void nix(at, within, ["copy", "--to", `file://${files}?secret-key=${keyFile}`, ...paths]),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
