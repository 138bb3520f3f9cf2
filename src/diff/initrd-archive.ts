import * as zlib from "node:zlib";

/** One file of an initrd. `data` is a view into the unpacked archive, or the target's bytes of a link. */
export type ArchiveFile = { readonly path: string; readonly kind: "file" | "link" | "directory" | "other"; readonly data: Uint8Array };

/** `problem` says why nothing behind the last file could be read; undefined where the archive was read to its end. */
export type Archive = { readonly files: readonly ArchiveFile[]; readonly problem: string | undefined };

/** The kernel unpacks an initrd into memory, so one that is larger would not boot on most machines; a bomb stops here. */
const maxUnpackedBytes = 512 << 20;
const maxFiles = 200_000;
/** Unpacked at once. The runtime's own 16 KiB make thousands of pieces of an initrd. */
const pieceBytes = 1 << 20;

const trailer = "TRAILER!!!";
const foreign: readonly (readonly [string, readonly number[]])[] = [
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["lzma", [0x5d, 0x00, 0x00]],
  ["lzop", [0x89, 0x4c, 0x5a, 0x4f]],
  ["lz4", [0x02, 0x21, 0x4c, 0x18]],
];

/**
 * Reads an initrd as the kernel does: any number of cpio archives (newc), each plain (early microcode) or compressed, with zeros between them. zstd and gzip are unpacked;
 * others are named in `problem`. Never throws: a broken archive gives the files up to where it breaks.
 */
export function readArchive(bytes: Uint8Array): Archive {
  const files: ArchiveFile[] = [];
  let unpacked = 0;
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] === 0) {
      at += 1;
      continue;
    }
    if (startsWith(bytes, at, [0x30, 0x37, 0x30, 0x37, 0x30])) {
      const end = readCpio(bytes, at, files);
      if (typeof end === "string") return { files, problem: end };
      at = end;
      continue;
    }
    const segment = unpack(bytes, at, maxUnpackedBytes - unpacked);
    if (typeof segment === "string") return { files, problem: segment };
    at = segment.end;
    unpacked += segment.data.length;
    const inner = segment.data;
    let inside = 0;
    while (inside < inner.length) {
      if (inner[inside] === 0) {
        inside += 1;
        continue;
      }
      const end = readCpio(inner, inside, files);
      if (typeof end === "string") return { files, problem: end };
      inside = end;
    }
  }
  return { files, problem: files.length === 0 ? "it holds no files" : undefined };
}

type Segment = { readonly data: Uint8Array; readonly end: number };

function unpack(bytes: Uint8Array, at: number, limit: number): Segment | string {
  try {
    if (startsWith(bytes, at, [0x1f, 0x8b])) return gunzip(bytes, at, limit);
    if (startsWith(bytes, at + 1, [0x2a, 0x4d, 0x18]) && ((bytes[at] as number) & 0xf0) === 0x50) {
      return { data: new Uint8Array(0), end: at + 8 + number32(bytes, at + 4) };
    }
    if (startsWith(bytes, at, [0x28, 0xb5, 0x2f, 0xfd])) return unzstd(bytes, at, limit);
  } catch (error) {
    return `it cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`;
  }
  const known = foreign.find(([, magic]) => startsWith(bytes, at, magic));
  return known === undefined
    ? `at byte ${at} stands neither an archive nor a compression that we know`
    : `it is compressed with ${known[0]}, which is not read here`;
}

/** The header is skipped by hand: the runtime's gunzip takes whatever follows the member for another one, and an initrd may be followed by anything. */
function gunzip(bytes: Uint8Array, at: number, limit: number): Segment {
  const flags = bytes[at + 3] ?? 0;
  let start = at + 10;
  if ((flags & 4) !== 0) start += 2 + ((bytes[start] ?? 0) | ((bytes[start + 1] ?? 0) << 8));
  for (const flag of [8, 16]) if ((flags & flag) !== 0) start = bytes.indexOf(0, start) + 1;
  if ((flags & 2) !== 0) start += 2;
  const result = zlib.inflateRawSync(bytes.subarray(start), { maxOutputLength: limit, chunkSize: pieceBytes, info: true }) as unknown as {
    readonly buffer: Uint8Array;
    readonly engine: { readonly bytesWritten: number };
  };
  return { data: result.buffer, end: start + result.engine.bytesWritten + 8 };
}

/** One frame at a time: its end is known from the block headers (RFC 8878, section 3.1.1), so what follows it stays ours to read. */
function unzstd(bytes: Uint8Array, at: number, limit: number): Segment | string {
  if (typeof zlib.zstdDecompressSync !== "function")
    return "it is compressed with zstd, which this Node cannot unpack (22.15 and newer can)";
  const descriptor = bytes[at + 4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  let end = at + 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] as number) + sizeBytes;
  for (let last = false; !last;) {
    if (end + 3 > bytes.length) return "it ends in the middle of a zstd frame";
    const header = (bytes[end] as number) | ((bytes[end + 1] as number) << 8) | ((bytes[end + 2] as number) << 16);
    last = (header & 1) === 1;
    end += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  if ((descriptor & 4) !== 0) end += 4;
  return { data: zlib.zstdDecompressSync(bytes.subarray(at, end), { maxOutputLength: limit, chunkSize: pieceBytes }), end };
}

/** Appends the files of one archive and gives the place behind it, or says what is wrong. */
function readCpio(bytes: Uint8Array, start: number, files: ArchiveFile[]): number | string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = start;
  for (;;) {
    if (at + 110 > bytes.length) return "an archive ends in the middle";
    const magic = view.toString("latin1", at, at + 6);
    if (magic !== "070701" && magic !== "070702") return `an archive has an entry of an unknown kind at byte ${at}`;
    const field = (index: number): number => Number.parseInt(view.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    if (![mode, size, nameSize].every(Number.isSafeInteger) || nameSize < 1 || nameSize > 65_536)
      return "an archive has a header that is no number";
    const nameEnd = at + 110 + nameSize;
    const dataStart = start + align(nameEnd - start);
    const dataEnd = dataStart + size;
    if (dataEnd > bytes.length) return "an archive ends in the middle of a file";
    const path = view.toString("utf8", at + 110, nameEnd - 1);
    at = Math.min(bytes.length, start + align(dataEnd - start));
    if (path === trailer) return at;
    if (path === "." || path === "") continue;
    if (files.length >= maxFiles) return `it holds more than ${maxFiles} files`;
    files.push({ path: path.replace(/^(?:\.?\/)+/, ""), kind: kindOf(mode), data: bytes.subarray(dataStart, dataEnd) });
  }
}

const kindOf = (mode: number): ArchiveFile["kind"] => kinds[mode & 0o170000] ?? "other";
const kinds: Readonly<Record<number, ArchiveFile["kind"]>> = { 0o100000: "file", 0o120000: "link", 0o040000: "directory" };

const align = (length: number): number => (length + 3) & ~3;
const number32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
const startsWith = (bytes: Uint8Array, at: number, magic: readonly number[]): boolean =>
  magic.every((byte, index) => bytes[at + index] === byte);
