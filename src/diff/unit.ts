import type { StoreEntry, StoreFiles } from "../io/ports.ts";
import type { Unit } from "./system.ts";
import { parseUnitInto, type UnitSections } from "./unit-parse.ts";

/**
 * What was read before, shared by all hosts of a run. A unit that two hosts share is one object, so comparing it with itself costs
 * nothing. Store paths never change, so nothing in here can go stale.
 */
export type UnitCache = {
  readonly directories: Map<string, ReadonlyMap<string, Unit>>;
  /** Where a link's target ends after further links, and its text. */
  readonly files: Map<string, UnitFile>;
  readonly units: Map<string, Unit>;
};
type UnitFile = { readonly path: string | undefined; readonly text: string };

export function newUnitCache(): UnitCache {
  return { directories: new Map(), files: new Map(), units: new Map() };
}

const maxUnits = 20_000;
/** A unit longer than this is cut; its end is then compared by nothing, and what was cut is said in the text. */
const maxUnitBytes = 4 * 1024 * 1024;
const linkDirectory = /\.(?:wants|requires|upholds)$/;

/**
 * The units of one directory (`<toplevel>/etc/systemd/system`), by name. Drop-ins are merged, links of `.wants` and `.requires` recorded,
 * aliases entered under their own name with `aliasOf`. Never throws: what cannot be read has an undefined `path`.
 */
export function readUnits(store: StoreFiles, directory: string, cache: UnitCache): ReadonlyMap<string, Unit> {
  const resolved = store.resolve(directory);
  if (resolved === undefined) return new Map();
  const known = cache.directories.get(resolved);
  if (known !== undefined) return known;
  const units = new UnitDirectory(store, resolved, cache).read();
  cache.directories.set(resolved, units);
  return units;
}

class UnitDirectory {
  private readonly store: StoreFiles;
  private readonly directory: string;
  private readonly cache: UnitCache;
  private readonly links = new Map<string, string>();
  private readonly dropIns = new Map<string, string[]>();
  private readonly wanted = new Map<string, string[]>();

  constructor(store: StoreFiles, directory: string, cache: UnitCache) {
    this.store = store;
    this.directory = directory;
    this.cache = cache;
  }

  read(): ReadonlyMap<string, Unit> {
    let left = maxUnits;
    for (const [name, entry] of this.store.entries(this.directory)) {
      this.classify(name, entry);
      left -= 1;
      if (left === 0) break;
    }
    // A drop-in directory may stand alone: for an instance of a template, a unit of another directory, or a whole type (`service.d`).
    for (const name of this.dropIns.keys()) if (!this.links.has(name)) this.links.set(name, "");
    const units = new Map<string, Unit>();
    for (const name of [...this.links.keys()].sort()) units.set(name, this.unit(name));
    return units;
  }

  private classify(name: string, entry: StoreEntry): void {
    const path = `${this.directory}/${name}`;
    if (name.endsWith(".d")) {
      this.dropIns.set(
        name.slice(0, -2),
        this.store.list(path).filter((file) => file.endsWith(".conf")),
      );
      return;
    }
    if (linkDirectory.test(name)) {
      for (const child of this.store.list(path)) {
        const by = this.wanted.get(child);
        if (by === undefined) this.wanted.set(child, [name]);
        else by.push(name);
      }
      return;
    }
    if (entry.kind === "symlink") this.links.set(name, entry.target);
    else if (entry.kind === "file") this.links.set(name, path);
    else if (entry.kind === "other") this.links.set(name, "");
  }

  private unit(name: string): Unit {
    const link = this.links.get(name) ?? "";
    const dropIns = this.dropInTargets(name);
    const wantedBy = this.wantedBy(name);
    const template = link === "" ? templateOf(name) : undefined;
    const base = template !== undefined && this.links.has(template) ? template : undefined;
    const baseKey = base === undefined ? [] : [this.links.get(base) ?? "", ...this.dropInTargets(base)];
    const relative = link !== "" && !link.startsWith("/");
    const key = [name, relative ? `${this.directory}/${link}` : link, ...dropIns, "", ...wantedBy, "", ...baseKey].join("\0");
    const known = this.cache.units.get(key);
    if (known !== undefined) return known;
    const made = this.make(name, link, base, wantedBy);
    this.cache.units.set(key, made);
    return made;
  }

  private make(name: string, link: string, base: string | undefined, wantedBy: readonly string[]): Unit {
    const masked = this.endsInNothing(link);
    const file = link === "" || masked ? undefined : this.file(link.startsWith("/") ? link : `${this.directory}/${link}`);
    const sections: UnitSections = new Map();
    const texts: string[] = [];
    const add = (text: string, title: string | undefined): void => {
      parseUnitInto(sections, text);
      texts.push(title === undefined ? text : `# ${title}\n${text}`);
    };
    if (base !== undefined) {
      const baseLink = this.links.get(base) ?? "";
      add(this.file(baseLink.startsWith("/") ? baseLink : `${this.directory}/${baseLink}`).text, base);
      for (const dropIn of this.dropIns.get(base) ?? [])
        add(this.file(`${this.directory}/${base}.d/${dropIn}`).text, `${base}.d/${dropIn}`);
    }
    if (file !== undefined)
      add(file.path === undefined ? `# ${name} is a link to ${link}, which cannot be read here\n` : file.text, undefined);
    if (!masked)
      for (const dropIn of this.dropIns.get(name) ?? [])
        add(this.file(`${this.directory}/${name}.d/${dropIn}`).text, `${name}.d/${dropIn}`);
    const aliasOf = this.aliasOf(name, link, file?.path);
    return {
      name,
      path: file?.path,
      // systemd takes an empty file for a mask as well.
      masked: masked || (file?.path !== undefined && file.text === ""),
      sections,
      wantedBy,
      text: texts.join("\n"),
      ...(aliasOf === undefined ? {} : { aliasOf }),
    };
  }

  private aliasOf(name: string, link: string, path: string | undefined): string | undefined {
    const last = (link.startsWith("/") ? path : link)?.split("/").at(-1);
    return last !== undefined && last !== name && this.links.has(last) ? last : undefined;
  }

  private wantedBy(name: string): readonly string[] {
    const direct = this.wanted.get(name) ?? [];
    if (!name.includes("@.")) return direct;
    // `getty.target.wants/getty@tty1.service` starts an instance of the template.
    const [before = "", after = ""] = name.split("@.");
    const instances = [...this.wanted].filter(
      ([child]) => child !== name && child.startsWith(`${before}@`) && child.endsWith(`.${after}`) && !this.links.has(child),
    );
    return [...new Set([...direct, ...instances.flatMap(([, by]) => by)])].sort();
  }

  private dropInTargets(name: string): string[] {
    return (this.dropIns.get(name) ?? []).map((file) => this.linkTarget(`${this.directory}/${name}.d/${file}`));
  }

  /** A unit is masked by a link to /dev/null, which NixOS makes in two steps: the entry leads to `…-unit-NAME-disabled/NAME`, and that to /dev/null. */
  private endsInNothing(link: string): boolean {
    let at = link;
    for (let hop = 0; hop < 8 && at !== ""; hop++) {
      if (at === "/dev/null") return true;
      const entry = this.store.entry(at.startsWith("/") ? at : `${this.directory}/${at}`);
      if (entry?.kind !== "symlink") return false;
      at = entry.target;
    }
    return false;
  }

  private linkTarget(path: string): string {
    const entry = this.store.entry(path);
    return entry?.kind === "symlink" ? entry.target : path;
  }

  private file(path: string): UnitFile {
    const known = this.cache.files.get(path);
    if (known !== undefined) return known;
    const resolved = this.store.resolve(path);
    const text = resolved === undefined ? undefined : this.store.read(resolved, maxUnitBytes);
    const cut = text?.truncated === true ? `\n# cut here: the file has ${text.size} bytes\n` : "";
    const made: UnitFile = text === undefined ? { path: undefined, text: "" } : { path: resolved, text: text.text + cut };
    this.cache.files.set(path, made);
    return made;
  }
}

/** `getty@.service` for `getty@tty1.service`. */
export function templateOf(name: string): string | undefined {
  const match = /^([^@]*@)[^.]+(\..*)$/.exec(name);
  return match === null ? undefined : `${match[1]}${match[2]}`;
}
