/** Bytes that arrive at one end and are taken from the other; costs stay in proportion to the bytes however small the pieces are that a peer chooses to send. */
export class ByteQueue {
  #bytes = Buffer.alloc(4096);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  add(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#bytes.length) {
      const room = this.length + chunk.length;
      const grown = room * 2 > this.#bytes.length ? Buffer.alloc(room * 2) : this.#bytes;
      this.#bytes.copy(grown, 0, this.#start, this.#end);
      [this.#bytes, this.#end, this.#start] = [grown, this.length, 0];
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** The place of `found` behind the first `from` bytes; -1 where it is not there. */
  indexOf(found: string | number, from = 0): number {
    const place = this.#bytes.subarray(0, this.#end).indexOf(found, this.#start + from);
    return place === -1 ? -1 : place - this.#start;
  }

  /** The first `length` bytes, taken away; a copy. */
  take(length: number): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(this.#start, this.#start + length));
    this.#start += taken.length;
    return taken;
  }
}
