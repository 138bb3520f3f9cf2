/** The forge sent us to another host. */
export class ElsewhereError extends Error {
  /** Host and port only: the rest of the address may hold a secret. */
  readonly to: string;
  constructor(to: string) {
    super(`sent to ${to}`);
    this.name = "ElsewhereError";
    this.to = to;
  }
}

type Fetch = (address: string, options: RequestInit) => Promise<Response>;

/** A thousand comments of the longest kind are 65 MB, and Forgejo gives them in one answer. */
const longestAnswer = 96 * 1024 * 1024;
const furthest = 5;

/**
 * A fetch that carries the token to one origin and nowhere else, follows redirects within it (renamed repositories), gives up in time and reads a bounded answer.
 *
 * Whoever answers for the forge chooses the Link and Location headers: a reverse proxy, a test instance with a wrong ROOT_URL, or somebody in between. A token
 * that follows them is theirs.
 */
export function guardedFetch(origin: string, fetch: Fetch, timeoutMilliseconds: number): Fetch {
  return async (address, options) => {
    let target = new URL(address);
    const signal = AbortSignal.timeout(timeoutMilliseconds);
    for (let hop = 0; ; hop++) {
      if (target.origin !== origin || hop > furthest)
        throw new ElsewhereError(hop > furthest ? `${target.host} again and again` : target.host);
      const response = await fetch(target.href, { ...options, redirect: "manual", signal });
      const location = [301, 302, 307, 308].includes(response.status) ? response.headers.get("location") : null;
      if (location === null) return await bounded(response);
      await response.body?.cancel();
      if (!URL.canParse(location, target.href)) throw new ElsewhereError("an address that is none");
      target = new URL(location, target.href);
    }
  };
}

/** Reads the whole answer here, so that one that is cut short is an error of this request and not an empty text further on. */
async function bounded(response: Response): Promise<Response> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  if (response.body !== null) {
    for await (const piece of response.body as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      size += piece.byteLength;
      if (size > longestAnswer) throw new Error(`the answer is longer than ${longestAnswer} bytes`);
      pieces.push(piece);
    }
  }
  const headers = new Headers(
    [...response.headers].filter(([name]) => !["content-encoding", "content-length", "transfer-encoding"].includes(name)),
  );
  const empty = [204, 205, 304].includes(response.status);
  return new Response(empty ? null : new Blob(pieces), { status: response.status, statusText: response.statusText, headers });
}
