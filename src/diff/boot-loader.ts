import type { StoreFiles } from "../io/ports.ts";
import { hasVersion, normaliseHashes, storeMentions } from "./normalise.ts";
import { withoutVersion } from "./store-path.ts";
import type { KeyChange } from "./system-diff.ts";
import type { BootLoader } from "./system.ts";

const maxTextBytes = 256 << 10;
const maxFollowed = 12;

/** The kinds by the words that their installers are made of, the most telling first. */
const kinds: readonly (readonly [BootLoader["kind"], RegExp])[] = [
  ["lanzaboote", /\blzbt|lanzaboote/],
  ["systemd-boot", /systemd-boot/],
  ["grub", /install-grub|grub-config/],
  ["extlinux", /extlinux/],
];

/** The installer script that `bin/switch-to-configuration` calls: a variable of its wrapper, or, before 24.11, a text inside the Perl script. */
export function installerOf(switchToConfiguration: string): string | undefined {
  const variable = /\bINSTALL_BOOTLOADER=(?:'([^'\n]*)'|"([^"\n]*)"|(\S+))/.exec(switchToConfiguration);
  if (variable !== null) return variable[1] ?? variable[2] ?? variable[3];
  return /<<\s*['"]?EOFBOOTLOADER['"]?\s*\)?;\s*\n([^\n]*)\nEOFBOOTLOADER/.exec(switchToConfiguration)?.[1];
}

/**
 * Reads the installer and, one level deep, the files that it names: the settings of a boot loader live there and nowhere else. `known` is by installer: hosts of a fleet
 * share it.
 */
export function readBootLoader(
  store: StoreFiles,
  switchToConfiguration: string | undefined,
  known: Map<string, BootLoader> = new Map(),
): BootLoader {
  const installer = switchToConfiguration === undefined ? undefined : installerOf(switchToConfiguration);
  if (installer === undefined) return { kind: "unknown", installer: undefined, settings: new Map() };
  const found = known.get(installer) ?? readInstaller(store, installer);
  known.set(installer, found);
  return found;
}

function readInstaller(store: StoreFiles, installer: string): BootLoader {
  if (/(?:^|\/)(?:true|:)$/.test(installer) || installer === "") return { kind: "none", installer, settings: new Map() };
  const settings = new Map<string, string>();
  const text = store.read(installer, maxTextBytes);
  const mentions = text === undefined ? [] : storeMentions(text.text, store.prefix, 200);
  if (text !== undefined && !text.binary) settings.set(baseName(installer), normaliseHashes(text.text));
  for (const { path, name, below } of mentions) {
    if (hasVersion(name) || settings.size > maxFollowed) continue;
    const named = store.read(path, maxTextBytes);
    if (named === undefined || named.binary) continue;
    settings.set(below === "" ? name : baseName(path), normaliseHashes(named.text));
  }
  const words = [installer, ...mentions.map((mention) => mention.path), text?.text ?? ""].join("\n");
  return { kind: kinds.find(([, pattern]) => pattern.test(words))?.[0] ?? "unknown", installer, settings };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1).replace(/^[0-9a-df-np-sv-z]{32}-/, "");

/**
 * Compares two boot loaders key by key: assignments of scripts (`TIMEOUT = "5"`), attributes of GRUB's XML; any other line that differs stands under its file's name.
 * The version of a package that is only named is no setting: it is in the packages.
 */
export function diffBootLoaderSettings(from: BootLoader, to: BootLoader): readonly KeyChange[] {
  const changes: KeyChange[] = [];
  for (const file of [...new Set([...from.settings.keys(), ...to.settings.keys()])].sort()) {
    const [before, after] = [from.settings.get(file), to.settings.get(file)];
    if (before === undefined || after === undefined) {
      changes.push({ key: file, from: before === undefined ? undefined : "present", to: after === undefined ? undefined : "present" });
      continue;
    }
    if (before === after) continue;
    const [old, fresh] = [parseSettings(before), parseSettings(after)];
    for (const key of [...new Set([...old.keys.keys(), ...fresh.keys.keys()])].sort()) {
      const [was, is] = [old.keys.get(key), fresh.keys.get(key)];
      if (was === is || (was !== undefined && is !== undefined && withoutVersions(was) === withoutVersions(is))) continue;
      changes.push({ key, from: was, to: is });
    }
    const [gone, came] = [missingFrom(old.lines, fresh.lines), missingFrom(fresh.lines, old.lines)];
    if (gone.length > 0 || came.length > 0) changes.push({ key: file, from: shown(gone), to: shown(came) });
  }
  return changes;
}

type Parsed = { readonly keys: ReadonlyMap<string, string>; readonly lines: readonly string[] };

function parseSettings(text: string): Parsed {
  if (/^\s*<\?xml/.test(text)) return { keys: parseXml(text), lines: [] };
  const keys = new Map<string, string>();
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const assignment = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (assignment === null) lines.push(line);
    else keys.set(assignment[1] as string, (assignment[2] as string).replace(/^(["'])(.*)\1$/s, "$2"));
  }
  return { keys, lines };
}

/** The attributes of `builtins.toXML`, nested names joined by dots, lists by commas. Only what that function writes is understood. */
function parseXml(text: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string[]>();
  const path: string[] = [];
  for (const match of text.matchAll(
    /<attr\b[^>]*?\bname="([^"]*)"[^>]*>|<\/attr>|<(?:string|int|bool|path|float)\b[^>]*?\bvalue="([^"]*)"[^>]*>|<(?:string|int|bool|path)>([^<]*)</g,
  )) {
    const [tag, name] = match;
    const value = match[2] ?? match[3];
    if (name !== undefined) {
      path.push(name);
      keys.set(path.join("."), []);
    } else if (tag === "</attr>") {
      path.pop();
    } else if (value !== undefined) {
      keys.get(path.join("."))?.push(value);
    }
  }
  return new Map([...keys].map(([key, values]) => [key, values.join(", ")]));
}

const withoutVersions = (text: string): string =>
  text.replace(/(\/…-)([^/\s"',]+)/g, (_, mark: string, name: string) => mark + withoutVersion(name));

function missingFrom(lines: readonly string[], others: readonly string[]): readonly string[] {
  const known = new Set(others.map(withoutVersions));
  return lines.filter((line) => line.trim() !== "" && !known.has(withoutVersions(line))).map((line) => line.trim());
}

const shown = (lines: readonly string[]): string | undefined => (lines.length === 0 ? undefined : lines.join("; ").slice(0, 400));
