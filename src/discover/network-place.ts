/**
 * Where a host name leads: the public network, or a place that only this machine can reach (itself, its network, a cloud's metadata service). Told from the name alone:
 * nothing is resolved, since an answer now says nothing about the next one.
 */
export type NetworkPlace = { readonly kind: "public" } | { readonly kind: "private"; readonly why: string };

/** IANA's special-purpose registries (RFC 6890 and its successors), as far as they are not the public network. */
const ranges: readonly (readonly [network: string, bits: number, why: string])[] = [
  ["0.0.0.0", 8, "this machine"],
  ["10.0.0.0", 8, "a private network"],
  ["100.64.0.0", 10, "a carrier's private network"],
  ["127.0.0.0", 8, "this machine"],
  ["169.254.0.0", 16, "a link-local address, such as a cloud's metadata service"],
  ["172.16.0.0", 12, "a private network"],
  ["192.0.0.0", 24, "a special-purpose address"],
  ["192.168.0.0", 16, "a private network"],
  ["198.18.0.0", 15, "a benchmarking network"],
  ["224.0.0.0", 4, "a multicast address"],
  ["240.0.0.0", 4, "a reserved address"],
];
const privateSuffixes = [
  ".localhost",
  ".local",
  ".internal",
  ".intranet",
  ".lan",
  ".home",
  ".corp",
  ".private",
  ".home.arpa",
  ".localdomain",
];

/** `host` as `new URL().hostname` gives it for an http url: lower case, every spelling of an IPv4 address turned into four numbers, IPv6 in brackets. */
export function networkPlace(host: string): NetworkPlace {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name.startsWith("[")) return v6Place(name.slice(1, -1));
  const v4 = v4Number(name);
  if (v4 !== undefined) return v4Place(v4);
  if (name === "localhost") return { kind: "private", why: "this machine" };
  if (name === "" || !name.includes(".")) return { kind: "private", why: "a name without a domain, which only the local network knows" };
  const suffix = privateSuffixes.find((each) => name.endsWith(each));
  return suffix === undefined ? { kind: "public" } : { kind: "private", why: `a name under ${suffix}, which only the local network knows` };
}

function v4Number(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  return match.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0);
}

function v4Place(address: number): NetworkPlace {
  for (const [network, bits, why] of ranges) {
    const size = 2 ** (32 - bits);
    if (Math.floor(address / size) === Math.floor((v4Number(network) ?? 0) / size)) return { kind: "private", why };
  }
  return { kind: "public" };
}

/** Eight groups of sixteen bits. The text is what URL made of it: at most one `::`, and no dotted part. */
function v6Groups(text: string): readonly number[] {
  const [head = "", tail] = text.split("::");
  const groups = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? "")];
  return tail === undefined ? before : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function v6Place(text: string): NetworkPlace {
  const groups = v6Groups(text);
  const [first = 0, second = 0] = groups;
  const embedded = (index: number): NetworkPlace => v4Place((groups[index] ?? 0) * 65536 + (groups[index + 1] ?? 0));
  // Mapped (::ffff:a.b.c.d), compatible (::a.b.c.d) and translated (64:ff9b::a.b.c.d) addresses, and 6to4, lead to an IPv4 address.
  if (groups.slice(0, 5).every((group) => group === 0) && (groups[5] === 0xffff || groups[5] === 0)) return embedded(6);
  if (first === 0x64 && second === 0xff9b)
    return second === 0xff9b && groups[2] === 1 ? { kind: "private", why: "a translated private network" } : embedded(6);
  if (first === 0x2002) return embedded(1);
  if ((first & 0xfe00) === 0xfc00) return { kind: "private", why: "a private network" };
  if ((first & 0xffc0) === 0xfe80) return { kind: "private", why: "a link-local address" };
  if ((first & 0xffc0) === 0xfec0) return { kind: "private", why: "a private network" };
  if ((first & 0xff00) === 0xff00) return { kind: "private", why: "a multicast address" };
  return { kind: "public" };
}
