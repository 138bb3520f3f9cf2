const quote = 0x22;
const backslash = 0x5c;

/** Of one derivation: the largest that people write hold a few megabytes of text. */
const maxMemberBytes = 64 << 20;

/** Thrown where the text is not an object of JSON, with the reason as half a sentence. */
export class JsonMembersError extends Error {}

/**
 * Cuts one large JSON object into its members while it arrives, so that a hundred megabytes are never held whole. `descend` names a member whose own members are
 * wanted instead. Each member is handed over parsed.
 */
export class JsonMembers {
  readonly #descend: string;
  readonly #member: (key: string, value: unknown, inside: boolean) => void;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #depth = 0;
  #memberDepth = 1;
  #inString = false;
  #escaped = false;
  #finished = false;
  #any = false;

  constructor(descend: string, member: (key: string, value: unknown, inside: boolean) => void) {
    this.#descend = descend;
    this.#member = member;
  }

  write(chunk: Uint8Array): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      if (this.#inString) {
        at = this.#string(chunk, at);
        continue;
      }
      switch (chunk[at] as number) {
        case quote:
          this.#inString = true;
          break;
        case 0x7b: // {
        case 0x5b: // [
          if (this.#depth === 0) {
            if (this.#any || chunk[at] !== 0x7b) throw new JsonMembersError("it is not one JSON object");
            this.#any = true;
            start = at + 1;
          } else if (this.#depth === 1 && this.#memberDepth === 1 && this.#isDescent(chunk.subarray(start, at))) {
            this.#memberDepth = 2;
            this.#drop();
            start = at + 1;
          }
          this.#depth += 1;
          break;
        case 0x2c: // ,
          if (this.#depth !== this.#memberDepth) break;
          this.#finish(chunk.subarray(start, at));
          start = at + 1;
          break;
        case 0x7d: // }
        case 0x5d: // ]
          if (this.#depth === this.#memberDepth) {
            this.#finish(chunk.subarray(start, at));
            start = at + 1;
            if (this.#memberDepth === 2) this.#memberDepth = 1;
          }
          this.#depth -= 1;
          if (this.#depth === 0) this.#finished = true;
          break;
        default:
          if (this.#depth === 0 && (chunk[at] ?? 0) > 0x20) throw new JsonMembersError("it is not JSON");
      }
    }
    if (this.#depth > 0 && start < chunk.length) this.#keep(chunk.subarray(start));
  }

  end(): void {
    if (!this.#any) throw new JsonMembersError("it is empty");
    if (!this.#finished) throw new JsonMembersError("it ends in the middle");
  }

  /** Index of the string's closing quote, or of the chunk's last byte. */
  #string(chunk: Uint8Array, from: number): number {
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at += 1;
    }
    for (;;) {
      const end = chunk.indexOf(quote, at);
      const stop = end === -1 ? chunk.length : end;
      let slashes = 0;
      while (stop - 1 - slashes >= at && chunk[stop - 1 - slashes] === backslash) slashes += 1;
      if (end === -1) {
        this.#escaped = slashes % 2 === 1;
        return chunk.length - 1;
      }
      if (slashes % 2 === 0) {
        this.#inString = false;
        return end;
      }
      at = end + 1;
    }
  }

  #isDescent(bytes: Uint8Array): boolean {
    return this.#bytes + bytes.length < 256 && new RegExp(`^\\s*"${this.#descend}"\\s*:\\s*$`).test(this.#text(bytes));
  }

  #keep(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > maxMemberBytes) throw new JsonMembersError("one derivation is larger than 64 MiB");
    this.#pieces.push(Uint8Array.from(bytes));
  }

  #drop(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }

  #text(rest: Uint8Array): string {
    if (this.#pieces.length === 0) return Buffer.from(rest.buffer, rest.byteOffset, rest.length).toString("utf8");
    return Buffer.concat([...this.#pieces, rest]).toString("utf8");
  }

  #finish(rest: Uint8Array): void {
    const text = this.#text(rest);
    this.#drop();
    if (text.trim() === "") return;
    let parsed: Record<string, unknown>;
    try {
      parsed = JSON.parse(`{${text}}`) as Record<string, unknown>;
    } catch {
      throw new JsonMembersError("it is not JSON");
    }
    for (const [key, value] of Object.entries(parsed)) this.#member(key, value, this.#memberDepth === 2);
  }
}
