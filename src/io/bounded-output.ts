/** Keeps the head and the tail of a stream within a number of bytes. */
export class BoundedText {
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;
  readonly #half: number;
  constructor(limit: number) {
    this.#half = Math.ceil(limit / 2);
  }
  readonly add = (chunk: Buffer): void => {
    this.#total += chunk.length;
    const room = this.#half - this.#headBytes;
    const head = chunk.subarray(0, Math.max(room, 0));
    if (head.length > 0) {
      this.#head.push(head);
      this.#headBytes += head.length;
    }
    const rest = chunk.subarray(head.length);
    if (rest.length === 0) return;
    this.#tail.push(rest);
    this.#tailBytes += rest.length;
    // Cut now and then instead of at every piece, so that a long output costs no more than twice its length.
    if (this.#tailBytes > 2 * this.#half) this.#cut();
  };
  #cut(): void {
    const joined = Buffer.concat(this.#tail);
    const kept = Buffer.from(joined.subarray(Math.max(joined.length - this.#half, 0)));
    this.#tail = [kept];
    this.#tailBytes = kept.length;
  }
  get truncated(): boolean {
    return this.#total > 2 * this.#half;
  }
  text(): string {
    this.#cut();
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail);
    if (!this.truncated) return Buffer.concat([head, tail]).toString("utf8");
    return `${head.toString("utf8")}\n[… ${this.#total - head.length - tail.length} bytes left out …]\n${tail.toString("utf8")}`;
  }
}

const lineLimit = 64 * 1024;

/** Cuts a stream into lines; a line that is too long is cut and its rest skipped. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #pending = "";
  #full = false;
  readonly #line: (line: string) => void;
  constructor(line: (line: string) => void) {
    this.#line = line;
  }
  add(chunk: Buffer): void {
    const pieces = this.#decoder.decode(chunk, { stream: true }).split("\n");
    const last = pieces.pop() ?? "";
    for (const piece of pieces) {
      this.#grow(piece);
      this.#flush();
    }
    this.#grow(last);
  }
  #grow(text: string): void {
    if (this.#full) return;
    this.#pending += text;
    if (this.#pending.length <= lineLimit) return;
    this.#pending = this.#pending.slice(0, lineLimit);
    this.#full = true;
  }
  #flush(): void {
    this.#line(this.#pending.endsWith("\r") ? this.#pending.slice(0, -1) : this.#pending);
    this.#pending = "";
    this.#full = false;
  }
  end(): void {
    this.#grow(this.#decoder.decode());
    if (this.#pending !== "") this.#flush();
  }
}
