import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evidenceProgram } from "../../src/diagnose/evidence-program.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import { observeProgram } from "../../src/target/observe-program.ts";
import { type KeyPair, login, makeKey, sshServer, type SshServer } from "../io/ssh-server.ts";

/**
 * A host as far as it can be had without root: a real sshd that lets in a real key, behind which every command is answered by this file. It says what it runs and keeps
 * a ledger; whatever else it is asked it writes down and refuses, so that a test sees that nothing was activated.
 */
export class StandInHost {
  readonly key: KeyPair = makeKey();
  readonly #directory = mkdtempSync(join(tmpdir(), "gate-stand-in-"));
  readonly #name: string;
  #server: SshServer | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  async start(current: string): Promise<this> {
    this.says(current);
    const words = [process.execPath, import.meta.filename, this.#directory];
    if (words.some((word) => /[\s'"]/.test(word))) throw new Error("sshd would split the path of this checkout");
    this.#server = await sshServer({ authorized: [this.key.publicKey], settings: [`ForceCommand ${words.join(" ")}`] });
    return this;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** What it runs from now on, and what it boots next where that is something else. */
  says(current: string, profile = current): void {
    const records = {
      hostname: `${this.#name}\n`,
      "machine-id": "3d1219c7c4c5404aaa1f6d2a48adfda4\n",
      "boot-id": "baff9136-f5ac-4acb-9b11-684014e6cf12\n",
      nixos: "yes",
      current,
      booted: current,
      profile,
      "switch-lock": "free",
      "system-state": "running\n",
      failed: "",
      "space-store": "4096 9000000 8000000 9000000 8000000\n",
      "space-boot": "4096 900000 800000 900000 800000\n",
      "space-state": "4096 9000000 8000000 9000000 8000000\n",
      units: "",
    };
    writeFileSync(join(this.#directory, "records.json"), JSON.stringify(records));
  }

  /** What it says of its own failures from now on, as the records of that program; nothing where it was never told. */
  tells(records: Readonly<Record<string, string>>): void {
    writeFileSync(join(this.#directory, "evidence.json"), JSON.stringify(records));
  }

  get knownHost(): string {
    return this.#running.knownHost;
  }
  get target(): { hostname: string; port: number; user: string } {
    return { hostname: "127.0.0.1", port: this.#running.port, user: login };
  }
  /** What it was asked to do, one word each: `look`, `ledger`, `why` where it was told what to say, and `other` for what would have changed it. */
  get asked(): string[] {
    return read(join(this.#directory, "asked"))
      .split("\n")
      .filter((line) => line !== "");
  }
  get ledger(): unknown[] {
    return read(join(this.#directory, "ledger.jsonl"))
      .split("\n")
      .filter((line) => line !== "")
      .map((line): unknown => JSON.parse(line));
  }
  get log(): string {
    return this.#running.log();
  }
  /** Runs this the next time that it is asked what it runs, before it answers. */
  onLook(...words: readonly string[]): void {
    writeFileSync(join(this.#directory, "on-look.json"), JSON.stringify(words));
  }
  /** What its ledger says from now on. */
  remembers(...entries: readonly LedgerEntry[]): void {
    writeFileSync(join(this.#directory, "ledger.jsonl"), entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  }
  /** As if nothing had happened yet. */
  forget(): void {
    for (const name of ["asked", "ledger.jsonl", "on-look.json", "evidence.json"]) rmSync(join(this.#directory, name), { force: true });
  }

  get #running(): SshServer {
    if (this.#server === undefined) throw new Error("The host has not been started.");
    return this.#server;
  }
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** Reads what the gate sends, in lines and pieces of a known length. The gate keeps the stream open behind it. */
class Pieces {
  #bytes = Buffer.alloc(0);
  readonly #stream: AsyncIterator<Buffer>;

  constructor(stream: AsyncIterable<Buffer>) {
    this.#stream = stream[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    while (!this.#bytes.includes(10)) await this.#more();
    const end = this.#bytes.indexOf(10);
    return this.#take(end + 1).trimEnd();
  }
  async piece(): Promise<string> {
    const length = Number(await this.line());
    while (this.#bytes.length < length) await this.#more();
    return this.#take(length);
  }

  #take(length: number): string {
    const taken = this.#bytes.subarray(0, length).toString("utf8");
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
  async #more(): Promise<void> {
    const next = await this.#stream.next();
    if (next.done === true) throw new Error("the gate hung up");
    this.#bytes = Buffer.concat([this.#bytes, next.value]);
  }
}

/** One session, as sshd starts it. */
async function answer(directory: string): Promise<void> {
  if (process.env["SSH_ORIGINAL_COMMAND"] === "exec cat") {
    process.stdin.pipe(process.stdout);
    return;
  }
  const pieces = new Pieces(process.stdin);
  await pieces.piece();
  const nonce = await pieces.line();
  await pieces.line();
  const count = Number(await pieces.line());
  const program = await pieces.piece();
  const words: string[] = [];
  while (words.length < count) words.push(await pieces.piece());
  const put = (name: string, value: string): void =>
    void process.stdout.write(`${nonce} put ${name} ${Buffer.byteLength(value)}\n${value}\n`);
  const ledger = join(directory, "ledger.jsonl");
  const did = (word: string): void => appendFileSync(join(directory, "asked"), `${word}\n`);
  process.stdout.write(`${nonce} begin\n`);
  let code = 0;
  if (program === observeProgram) {
    did("look");
    const hook = join(directory, "on-look.json");
    if (existsSync(hook)) {
      const [command = "", ...rest] = JSON.parse(read(hook)) as string[];
      rmSync(hook);
      execFileSync(command, rest, { stdio: "ignore" });
    }
    for (const [name, value] of Object.entries(JSON.parse(read(join(directory, "records.json"))) as Record<string, string>))
      put(name, value);
    put("clock", execFileSync("date", ["+%s"], { encoding: "utf8" }));
    put("ledger-state", existsSync(ledger) ? "read" : "absent");
    if (existsSync(ledger)) put("ledger", read(ledger));
    put("done", "yes");
  } else if (program === evidenceProgram && existsSync(join(directory, "evidence.json"))) {
    did("why");
    for (const [name, value] of Object.entries(JSON.parse(read(join(directory, "evidence.json"))) as Record<string, string>))
      put(name, value);
  } else if (program === ":") {
    // Whether the connection lives.
  } else if (program.includes("put appended yes")) {
    did("ledger");
    appendFileSync(ledger, `${words[0]}\n`);
    put("appended", "yes");
  } else {
    did("other");
    code = 1;
  }
  process.stdout.write(`${nonce} end ${code}\n`, () => process.exit());
}

if (process.argv[1] === import.meta.filename) await answer(process.argv[2] ?? "");
