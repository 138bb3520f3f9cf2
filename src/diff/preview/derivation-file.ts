/** What stands in a `.drv` file, in the shape that `nix derivation show` had first: readers of one read the other. */
export type DerivationRecord = {
  readonly outputs: Readonly<Record<string, { readonly path?: string; readonly hashAlgo?: string; readonly hash?: string }>>;
  readonly inputDrvs: Readonly<Record<string, readonly string[]>>;
  readonly inputSrcs: readonly string[];
  readonly system: string;
  readonly builder: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/**
 * Reads the text of a `.drv` file: `Derive([outputs],[inputs],[sources],"system","builder",[arguments],[environment])`, an ATerm without spaces. Undefined for anything else,
 * newer forms of it included (`DrvWithVersion`): Nix has to be asked then. Source: "Derivation", the Nix manual's protocol pages; src/libstore/derivations.cc.
 */
export function parseDerivationFile(text: string): DerivationRecord | undefined {
  const reader = new Reader(text);
  try {
    reader.expect("Derive(");
    const outputs = reader.list(() => {
      const [name, path, hashAlgo, hash] = reader.tuple(() => reader.string());
      if (name === undefined || path === undefined || hashAlgo === undefined || hash === undefined) throw new Mismatch();
      return [
        name,
        { ...(path === "" ? {} : { path }), ...(hashAlgo === "" ? {} : { hashAlgo }), ...(hash === "" ? {} : { hash }) },
      ] as const;
    });
    reader.expect(",");
    const inputs = reader.list(() => {
      reader.expect("(");
      const path = reader.string();
      reader.expect(",");
      const names = reader.list(() => reader.string());
      reader.expect(")");
      return [path, names] as const;
    });
    reader.expect(",");
    const inputSrcs = reader.list(() => reader.string());
    reader.expect(",");
    const system = reader.string();
    reader.expect(",");
    const builder = reader.string();
    reader.expect(",");
    const args = reader.list(() => reader.string());
    reader.expect(",");
    const env = reader.list(() => {
      const [name, value] = reader.tuple(() => reader.string());
      if (name === undefined || value === undefined) throw new Mismatch();
      return [name, value] as const;
    });
    reader.expect(")");
    return {
      outputs: Object.fromEntries(outputs),
      inputDrvs: Object.fromEntries(inputs),
      inputSrcs,
      system,
      builder,
      args,
      env: Object.fromEntries(env),
    };
  } catch (error) {
    if (error instanceof Mismatch) return undefined;
    throw error;
  }
}

class Mismatch extends Error {}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

class Reader {
  readonly #text: string;
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  expect(word: string): void {
    if (!this.#text.startsWith(word, this.#at)) throw new Mismatch();
    this.#at += word.length;
  }

  /** Most strings hold no escape and are a piece of the text. */
  string(): string {
    this.expect('"');
    const start = this.#at;
    let end = this.#text.indexOf('"', start);
    while (end !== -1 && this.#escaped(start, end)) end = this.#text.indexOf('"', end + 1);
    if (end === -1) throw new Mismatch();
    this.#at = end + 1;
    const raw = this.#text.slice(start, end);
    return raw.includes("\\") ? raw.replace(/\\([^])/g, (_, one: string) => escapes[one] ?? one) : raw;
  }

  list<T>(item: () => T): T[] {
    return this.#several("[", "]", item);
  }

  tuple<T>(item: () => T): T[] {
    return this.#several("(", ")", item);
  }

  #several<T>(open: string, close: string, item: () => T): T[] {
    this.expect(open);
    const items: T[] = [];
    while (!this.#text.startsWith(close, this.#at)) {
      if (items.length > 0) this.expect(",");
      items.push(item());
    }
    this.#at += 1;
    return items;
  }

  /** An odd number of backslashes in front. */
  #escaped(start: number, at: number): boolean {
    let from = at;
    while (from > start && this.#text.charCodeAt(from - 1) === 92) from--;
    return (at - from) % 2 === 1;
  }
}
