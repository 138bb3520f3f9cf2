import { createHash } from "node:crypto";
import type { StoreFiles } from "../io/ports.ts";
import { readArchive, type ArchiveFile } from "./initrd-archive.ts";
import { normaliseHashes } from "./normalise.ts";
import { withoutVersion } from "./store-path.ts";
import type { Initrd, InitrdContents } from "./system.ts";

const maxImageBytes = 256 << 20;
const maxTextBytes = 64 << 10;
const maxTexts = 4_000;
/** Paths named in one diff; the rest is a number in the last line. */
const maxChangedFiles = 400;

const moduleFile = /(?:^|\/)([^/]+)\.ko(?:\.(?:xz|zst|gz))?$/;

/** An initrd's contents, or the sentence that says why they are unknown. */
export type InitrdReading = { readonly contents: InitrdContents | undefined; readonly problem: string | undefined };

/** Unpacks the initrd at that path. What is in it is not in the closure, so this is the only place where a driver's absence can be seen before the boot. */
export function readInitrd(store: StoreFiles, image: string): InitrdReading {
  const bytes = store.readBytes(image, 0, maxImageBytes + 1);
  if (bytes === undefined) return { contents: undefined, problem: `The initrd ${image} cannot be read.` };
  if (bytes.length > maxImageBytes)
    return { contents: undefined, problem: `The initrd ${image} is larger than ${maxImageBytes >> 20} MiB and was not unpacked.` };
  const { files, problem } = readArchive(bytes);
  const said = problem === undefined ? undefined : `The initrd ${image} could not be read to its end: ${problem}.`;
  // Microcode alone, before a part that cannot be read, would look like an initrd without any driver.
  if (problem !== undefined) return { contents: undefined, problem: said };
  return { contents: contentsOf(files), problem: said };
}

function contentsOf(archive: readonly ArchiveFile[]): InitrdContents {
  const files = new Set<string>();
  const texts = new Map<string, string>();
  const modules = new Set<string>();
  const digests = new Map<string, string>();
  let init: string | undefined;
  for (const { path, kind, data } of archive) {
    files.add(path);
    const module = moduleFile.exec(path);
    if (module !== null) {
      modules.add((module[1] as string).replaceAll("-", "_"));
    } else if (kind === "link") {
      const target = Buffer.from(data).toString("utf8");
      digests.set(path, `link ${withoutVersions(target)}`);
      if (path === "init") init = target;
    } else if (kind === "file") {
      const text = data.length <= maxTextBytes && texts.size < maxTexts ? textOf(data) : undefined;
      if (text !== undefined) {
        texts.set(path, text);
        if (path === "init") init = text;
      }
      digests.set(path, text === undefined ? `binary ${digest(data)}` : `text ${digest(normaliseHashes(text))}`);
    }
  }
  return { kind: kindOf(init, files), files, texts, modules, digests };
}

/** Stage 1 is either a script or systemd itself; `init` says which. */
function kindOf(init: string | undefined, files: ReadonlySet<string>): InitrdContents["kind"] {
  if (init !== undefined && /(?:^|[/-])stage-1-init/.test(init)) return "scripted";
  if (init?.endsWith("/systemd") === true) return "systemd";
  if (files.has("etc/initrd-release") || files.has("etc/systemd/system") || files.has("etc/systemd/system/initrd.target")) return "systemd";
  if (init?.startsWith("#!") === true) return "scripted";
  return "unknown";
}

function textOf(data: Uint8Array): string | undefined {
  if (data.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return undefined;
  }
}

const digest = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");

/** The same file in another version of its package has the same place: `nix/store/systemd/lib/systemd/systemd`. */
function withoutVersions(path: string): string {
  return path.replace(/(nix\/store\/)[0-9a-df-np-sv-z]{32}-([^/]+)/, (_, store: string, name: string) => store + withoutVersion(name));
}

export type InitrdDiff = {
  readonly modulesAdded: readonly string[];
  readonly modulesRemoved: readonly string[];
  readonly filesChanged: readonly string[];
};

export const sameInitrd: InitrdDiff = { modulesAdded: [], modulesRemoved: [], filesChanged: [] };

/**
 * Compares what two initrds hold. Modules by name. Other files by their place without hash and version; a program that only changed with its package's version is left
 * out, since the packages say so.
 */
export function diffInitrd(from: Initrd | undefined, to: Initrd | undefined): InitrdDiff {
  if (from?.path === to?.path) return sameInitrd;
  const [before, after] = [from?.contents, to?.contents];
  if (before === undefined || after === undefined) return sameInitrd;
  const [old, fresh] = [places(before), places(after)];
  const changed = new Set<string>();
  for (const [place, digest] of fresh) {
    const was = old.get(place);
    const program = digest.startsWith("binary") && place.startsWith("nix/store/");
    if (was === undefined || (was !== digest && !program)) changed.add(place);
  }
  for (const place of old.keys()) if (!fresh.has(place)) changed.add(place);
  const sorted = [...changed].sort();
  const more = sorted.length - maxChangedFiles;
  return {
    modulesAdded: [...after.modules].filter((name) => !before.modules.has(name)).sort(),
    modulesRemoved: [...before.modules].filter((name) => !after.modules.has(name)).sort(),
    filesChanged: more > 0 ? [...sorted.slice(0, maxChangedFiles), `… and ${more} more`] : sorted,
  };
}

function places(contents: InitrdContents): ReadonlyMap<string, string> {
  return new Map([...contents.digests].map(([path, digest]) => [withoutVersions(path), digest]));
}
