import type { RemoteRecord } from "../io/ports.ts";
import { ByteQueue } from "./byte-queue.ts";

export type RecordReaderOptions = {
  readonly nonce: string;
  /** Of all names and values together, each record counting 64 bytes more. */
  readonly maxBytes: number;
  readonly onRecord?: (record: RemoteRecord) => void;
};

/** `waiting`: no byte of our program yet. `broken`: what came is not what it writes, or too much; nothing more is read. */
export type ReaderState = "waiting" | "running" | "ended" | "broken";

const newline = 10;
const noiseKept = 4096;
/** More than a login shell has to say before it runs a command. */
const noiseLimit = 1024 * 1024;
const headerLimit = 160;
const recordCost = 64;
const stray = "something else than our program wrote into its answer";

/**
 * Reads the answer of a remote program (src/target/remote-program.ts) as it arrives, in pieces of any size.
 *
 * In front of the marker with our nonce anything may stand; behind it every byte must be what the program writes. A peer that floods, stalls or lies about lengths
 * costs no more memory than `maxBytes` and a half.
 */
export class RecordReader {
  readonly records: RemoteRecord[] = [];
  readonly #options: RecordReaderOptions;
  readonly #queue = new ByteQueue();
  readonly #marker: string;
  #state: ReaderState = "waiting";
  #problem: string | undefined;
  #exitCode: number | undefined;
  #noise = Buffer.alloc(0);
  #noiseBytes = 0;
  #room: number;
  /** The record whose value is still on its way. */
  #open: { readonly name: string; readonly length: number | undefined } | undefined;
  /** So much of the queue has no line's end in it. */
  #searched = 0;

  constructor(options: RecordReaderOptions) {
    this.#options = options;
    this.#marker = `${options.nonce} begin\n`;
    this.#room = options.maxBytes;
  }

  get state(): ReaderState {
    return this.#state;
  }
  /** Why it is broken. Our own words. */
  get problem(): string | undefined {
    return this.#problem;
  }
  /** Of the program; set once the state is `ended`. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }
  /** What stood in front of the first record, its first 4 KiB. Untrusted. */
  get noise(): string {
    return this.#noise.toString("utf8");
  }

  add(chunk: Uint8Array): void {
    // Behind the end there is nothing that counts: a wrapper that says goodbye changes nothing about what has been done.
    if (this.#state === "ended" || this.#state === "broken") return;
    this.#queue.add(chunk);
    if (this.#state === "waiting" && !this.#begin()) return;
    while (this.#state === "running" && this.#next());
  }

  #begin(): boolean {
    const place = this.#queue.indexOf(this.#marker);
    if (place !== -1) {
      this.#skip(place);
      this.#queue.take(this.#marker.length);
      this.#state = "running";
      return true;
    }
    this.#skip(Math.max(this.#queue.length - this.#marker.length, 0));
    if (this.#noiseBytes > noiseLimit) this.#break("it printed more than a mebibyte before our program began");
    return false;
  }

  #skip(length: number): void {
    const noise = this.#queue.take(length);
    this.#noiseBytes += length;
    if (this.#noise.length < noiseKept) this.#noise = Buffer.concat([this.#noise, noise.subarray(0, noiseKept - this.#noise.length)]);
  }

  /** Called when nothing more comes: what was held back as a possible beginning of the marker is noise too. */
  end(): void {
    if (this.#state === "waiting") this.#skip(this.#queue.length);
  }

  /** Reads one line or one value; false where more has to come first. */
  #next(): boolean {
    if (this.#open === undefined) {
      const header = this.#line(headerLimit);
      if (header === undefined) return false;
      this.#header(header.toString("latin1"));
      return true;
    }
    const { name, length } = this.#open;
    if (length === undefined) {
      const line = this.#line(Math.ceil(this.#room / 3) * 4 + 8);
      if (line === undefined) return false;
      this.#piped(name, line.toString("latin1"));
    } else {
      if (this.#queue.length < length + 1) return false;
      const value = this.#queue.take(length);
      if (this.#queue.take(1)[0] === newline) this.#put(name, value);
      else this.#break(`the record ${name} is longer than it says`);
    }
    this.#open = undefined;
    return true;
  }

  #line(limit: number): Buffer | undefined {
    const place = this.#queue.indexOf(newline, this.#searched);
    const length = place === -1 ? this.#queue.length : place;
    if (length > limit) {
      this.#break(this.#open === undefined ? stray : this.#tooMuch());
      return undefined;
    }
    if (place === -1) {
      this.#searched = length;
      return undefined;
    }
    this.#searched = 0;
    const line = this.#queue.take(place);
    this.#queue.take(1);
    return line;
  }

  #header(line: string): void {
    const [, nonce, rest = ""] = /^([0-9a-f]{32}) (.*)$/.exec(line) ?? [];
    const [, put, length] = /^put ([A-Za-z0-9_.-]{1,64}) (\d{1,10})$/.exec(rest) ?? [];
    const [, pipe] = /^pipe ([A-Za-z0-9_.-]{1,64})$/.exec(rest) ?? [];
    const [, code] = /^end (\d{1,3})$/.exec(rest) ?? [];
    if (nonce !== this.#options.nonce) this.#break(stray);
    else if (put !== undefined && put.length + Number(length) + recordCost > this.#room) this.#break(this.#tooMuch());
    else if (put !== undefined) this.#open = { name: put, length: Number(length) };
    else if (pipe !== undefined) this.#open = { name: pipe, length: undefined };
    else if (code !== undefined) {
      this.#exitCode = Number(code);
      this.#state = "ended";
    } else this.#break(stray);
  }

  #piped(name: string, line: string): void {
    const [, encoded = "", status] = /^([A-Za-z0-9+/]*={0,2}) (\d{1,3})$/.exec(line) ?? [];
    if (status === undefined || encoded.length % 4 !== 0) {
      this.#break(`the record ${name} is not whole`);
      return;
    }
    // The file could not be read to its end: then it is not known, which no record says best.
    if (status === "0") this.#put(name, Buffer.from(encoded, "base64"));
  }

  #put(name: string, value: Buffer): void {
    this.#room -= name.length + value.length + recordCost;
    if (this.#room < 0) {
      this.#break(this.#tooMuch());
      return;
    }
    const record = { name, value: value.toString("utf8") };
    this.records.push(record);
    this.#options.onRecord?.(record);
  }

  #tooMuch(): string {
    return `its answer is longer than ${this.#options.maxBytes} bytes`;
  }

  #break(problem: string): void {
    this.#state = "broken";
    this.#problem = problem;
  }
}
