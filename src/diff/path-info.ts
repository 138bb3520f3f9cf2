import { gateError } from "../failure.ts";
import type { StorePath } from "./system.ts";

/** What Nix knows of one valid path. Sizes are bytes of its NAR. `references` are full paths, itself left out. */
export type PathInfo = { readonly path: StorePath; readonly narSize: number; readonly references: readonly StorePath[] };

export type PathInfoSink = { readonly valid: (info: PathInfo) => void; readonly missing: (path: StorePath) => void };

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

/** One path's record is under 100 KB even with a thousand references; more is not an answer of Nix. */
const maxRecordBytes = 16 << 20;

type Shape = "array" | "object";

/**
 * Reads `nix path-info --json` piece by piece, so that the answer for a fleet (a hundred megabytes) is never held whole: only the text of one record at a time.
 * All its shapes are told apart by what stands there, never by a version number:
 *
 * - an array of records with `path`; a missing one is `{"path":…,"valid":false}` (Nix before 2.19, Lix)
 * - an object keyed by path; a missing one is `null` (2.19 and later; `version: 1` stands in each record)
 * - `{"version":2,"storeDir":…,"info":{…}}` keyed by base name, references likewise (2.33 and later with `--json-format 2`)
 *
 * `command` is named in the failure `path-info-shape`, which a wrong or incomplete answer throws.
 */
export class PathInfoReader {
  readonly #sink: PathInfoSink;
  readonly #command: string;
  #shape: Shape | undefined;
  /** Depth at which records stand: 1, or 2 inside `info`. */
  #recordDepth = 1;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #hasEscape = false;
  #finished = false;
  #pieces: Uint8Array[] = [];
  #pieceBytes = 0;
  #key: string | undefined;
  #storeDir: string | undefined;
  /** Records of version 2 that came before `storeDir`. */
  #early: [string, unknown][] = [];
  #sawInfo = false;
  #sawHeader = false;

  constructor(command: string, sink: PathInfoSink) {
    this.#command = command;
    this.#sink = sink;
  }

  /** Takes the next piece of stdout. */
  write(chunk: Uint8Array): void {
    // Start in this chunk of the key or value that is being collected.
    let start = 0;
    for (let index = 0; index < chunk.length; index += 1) {
      if (this.#inString) {
        index = this.#endOfString(chunk, index);
        continue;
      }
      const byte = chunk[index] as number;
      if (byte === quote) {
        this.#inString = true;
      } else if (byte === comma) {
        if (this.#depth !== this.#recordDepth) continue;
        this.#value(this.#take(chunk, start, index), false);
        start = index + 1;
      } else if (byte === colon) {
        if (this.#depth !== this.#recordDepth || this.#shape !== "object") continue;
        this.#key = this.#parseKey(this.#take(chunk, start, index));
        start = index + 1;
      } else if (byte === openBrace || byte === openBracket) {
        if (this.#open(byte)) start = index + 1;
      } else if (byte === closeBrace || byte === closeBracket) {
        if (this.#depth === this.#recordDepth) {
          this.#value(this.#take(chunk, start, index), true);
          start = index + 1;
        }
        this.#close();
      } else if (this.#depth === 0 && byte > 0x20) {
        throw this.#wrong("it is not JSON");
      }
    }
    if (this.#depth > 0 && start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** Index of the quote that ends the string, or of the chunk's last byte. */
  #endOfString(chunk: Uint8Array, from: number): number {
    let index = from;
    if (!this.#escaped) {
      // Nearly every string is a path without an escape, so the search of the runtime finds its end at once.
      const end = chunk.indexOf(quote, index);
      const escape = end === -1 || chunk[end - 1] === backslash || this.#hasEscape;
      if (!escape) {
        this.#inString = false;
        return end;
      }
      this.#hasEscape = true;
    }
    for (; index < chunk.length; index += 1) {
      const byte = chunk[index];
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        this.#hasEscape = false;
        return index;
      }
    }
    return chunk.length - 1;
  }

  /** True where what was collected so far was no part of a record. */
  #open(byte: number): boolean {
    const depth = this.#depth;
    this.#depth += 1;
    if (depth === 0) {
      if (this.#shape !== undefined) throw this.#wrong("something follows the answer");
      this.#shape = byte === openBracket ? "array" : "object";
      return true;
    }
    if (depth === 1 && this.#key === "info" && this.#recordDepth === 1 && byte === openBrace) {
      this.#recordDepth = 2;
      this.#sawInfo = true;
      this.#key = undefined;
      this.#drop();
      return true;
    }
    return false;
  }

  #close(): void {
    if (this.#depth === this.#recordDepth) this.#recordDepth = 1;
    this.#depth -= 1;
    if (this.#depth < 0) throw this.#wrong("it closes more than it opens");
    if (this.#depth === 0) this.#finished = true;
  }

  /** Says that stdout is at its end. */
  end(): void {
    if (!this.#finished) throw this.#wrong(this.#shape === undefined ? "it is empty" : "it ends in the middle");
    if (this.#early.length > 0) throw this.#wrong("storeDir is missing");
    if (this.#sawHeader && !this.#sawInfo) throw this.#wrong("it has neither paths nor info");
  }

  #keep(bytes: Uint8Array): void {
    this.#pieceBytes += bytes.length;
    if (this.#pieceBytes > maxRecordBytes) throw this.#wrong("one record is larger than 16 MiB");
    this.#pieces.push(Uint8Array.from(bytes));
  }

  #drop(): void {
    this.#pieces = [];
    this.#pieceBytes = 0;
  }

  #take(chunk: Uint8Array, start: number, end: number): string {
    const rest = chunk.subarray(start, end);
    if (this.#pieces.length === 0) return Buffer.from(rest.buffer, rest.byteOffset, rest.length).toString("utf8");
    const text = Buffer.concat([...this.#pieces, rest]).toString("utf8");
    this.#drop();
    return text;
  }

  #parseKey(text: string): string {
    const key = this.#parse(text);
    if (typeof key !== "string") throw this.#wrong("a key is not a string");
    return key;
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw this.#wrong("it is not JSON", cause);
    }
  }

  #value(text: string, last: boolean): void {
    const key = this.#key;
    this.#key = undefined;
    const empty = text.trim() === "";
    if (key === undefined && empty && (last || this.#sawInfo)) return;
    if (this.#shape === "array") {
      this.#record(undefined, this.#parse(text));
      return;
    }
    if (key === undefined) throw this.#wrong("a record has no path");
    const value = this.#parse(text);
    if (this.#recordDepth === 1 && !key.startsWith("/")) this.#header(key, value);
    else this.#record(key, value);
  }

  #header(key: string, value: unknown): void {
    this.#sawHeader = true;
    if (key === "storeDir" && typeof value === "string") {
      this.#storeDir = value;
      const early = this.#early;
      this.#early = [];
      for (const [path, record] of early) this.#record(path, record);
    } else if (key === "version" && typeof value !== "number") {
      throw this.#wrong("version is not a number");
    } else if (key === "info") {
      throw this.#wrong("info is not an object");
    }
  }

  #record(key: string | undefined, value: unknown): void {
    const fields = value as Readonly<Record<string, unknown>> | null;
    if (typeof fields !== "object" || Array.isArray(fields)) throw this.#wrong("a record is not an object");
    const given = key ?? fields?.["path"];
    if (typeof given !== "string") throw this.#wrong("a record has no path");
    const named = !given.startsWith("/");
    // The keys are sorted, so `info` comes before `storeDir`; each record of a valid path says it as well.
    const said = this.#storeDir ?? fields?.["storeDir"];
    const storeDir = typeof said === "string" ? said : undefined;
    if (named && storeDir === undefined) {
      this.#early.push([given, value]);
      return;
    }
    const path = named ? `${storeDir}/${given}` : given;
    if (fields === null || fields["valid"] === false) {
      this.#sink.missing(path);
      return;
    }
    const { narSize, references } = fields;
    if (typeof narSize !== "number" || !Array.isArray(references)) throw this.#wrong(`${path} has no narSize or no references`);
    const full: string[] = [];
    for (const reference of references as unknown[]) {
      if (typeof reference !== "string") throw this.#wrong(`a reference of ${path} is not a string`);
      const target = reference.startsWith("/") ? reference : `${path.slice(0, path.lastIndexOf("/"))}/${reference}`;
      if (target !== path) full.push(target);
    }
    this.#sink.valid({ path, narSize, references: full });
  }

  #wrong(problem: string, cause?: unknown): Error {
    return gateError("path-info-shape", { command: this.#command, problem }, undefined, cause);
  }
}
