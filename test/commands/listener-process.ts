import { type ChildProcess, spawn } from "node:child_process";
import { join, resolve } from "node:path";

const cli = resolve(import.meta.dirname, "../../src/cli.ts");

/** `gate listen` as a child process, which starts runs of `goal.yml` in `fleet/machines`. Its directory holds `secret` and `token`, and what it keeps in `state`. */
export class ListenerProcess {
  readonly #child: ChildProcess;
  readonly #secret: string;
  readonly #heard = new Set<() => void>();
  readonly #ended: Promise<number | null>;
  said = "";
  url = "";

  constructor({
    apiUrl,
    directory,
    secret,
    address = "127.0.0.1:0",
    more = [],
  }: {
    apiUrl: string;
    directory: string;
    secret: string;
    address?: string;
    more?: readonly string[];
  }) {
    this.#secret = secret;
    const where = ["--repository", "fleet/machines", "--api-url", apiUrl, "--address", address, "--state", join(directory, "state")];
    const files = ["--token-file", join(directory, "token"), "--secret-file", join(directory, "secret")];
    this.#child = spawn(process.execPath, [cli, "listen", ...where, ...files, ...more], { stdio: ["ignore", "ignore", "pipe"], env: {} });
    this.#ended = new Promise((done) => this.#child.once("close", (code) => done(code)));
    this.#child.stderr?.on("data", (piece) => {
      this.said += String(piece);
      for (const heard of this.#heard) heard();
    });
  }

  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.said);
      if (found !== null) return found;
      if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode}: ${this.said}`);
      await new Promise<void>((done) => {
        this.#heard.add(done);
        this.#child.once("exit", () => done());
      });
    }
  }

  async up(): Promise<this> {
    this.url = (await this.says(/Listening on (http:\S+);/))[1] ?? "";
    return this;
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const form = body instanceof URLSearchParams;
    return await fetch(`${this.url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.#secret}`,
        "content-type": form ? "application/x-www-form-urlencoded" : "application/json",
        ...headers,
      },
      body: form || typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  /** Its exit code once it has ended by itself; null where a signal ended it. */
  async ended(): Promise<number | null> {
    return await this.#ended;
  }

  async ends(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal);
    return await this.#ended;
  }
}
