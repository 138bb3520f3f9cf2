import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readActivation } from "../../src/diff/activation.ts";
import { readEtc } from "../../src/diff/etc.ts";
import { readFirewall } from "../../src/diff/firewall.ts";
import { isSwap, readMounts } from "../../src/diff/fstab.ts";
import { parseUnitInto, type UnitSections } from "../../src/diff/unit-parse.ts";
import { newUnitCache, readUnits } from "../../src/diff/unit.ts";
import { readUsers } from "../../src/diff/users.ts";
import type { System, Unit } from "../../src/diff/system.ts";
import { storeFiles } from "../../src/io/store-files.ts";
import type { StoreFiles } from "../../src/io/ports.ts";

/** A store of plain files in a temporary directory, with names as Nix gives them. */
export class ThrowawayStore {
  readonly directory = mkdtempSync(join(tmpdir(), "gate-diff."));
  readonly prefix = join(this.directory, "store");
  readonly files: StoreFiles = storeFiles(this.prefix);
  #count = 0;

  constructor() {
    mkdirSync(this.prefix);
  }

  /** A path that nothing stands at yet. */
  path(name: string): string {
    this.#count += 1;
    const digest = createHash("sha256").update(`${this.#count} ${name}`).digest();
    const hash = [...digest, ...digest].slice(0, 32).map((byte) => "0123456789abcdfghijklmnpqrsvwxyz"[byte % 32]);
    return `${this.prefix}/${hash.join("")}-${name}`;
  }

  file(name: string, contents: string | Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, contents);
    return path;
  }

  /** A directory: a text is a file, `{ link }` a link. */
  tree(name: string, entries: Readonly<Record<string, string | Uint8Array | { readonly link: string }>>): string {
    const root = this.path(name);
    mkdirSync(root);
    for (const [path, entry] of Object.entries(entries)) {
      const place = join(root, path);
      mkdirSync(dirname(place), { recursive: true });
      if (typeof entry === "object" && "link" in entry) symlinkSync(entry.link, place);
      else writeFileSync(place, entry);
    }
    return root;
  }

  /** A system with these units, entries of /etc (each a link to a store file of its own) and activation script. */
  system(parts: {
    readonly units?: Readonly<Record<string, string | { readonly link: string }>>;
    readonly userUnits?: Readonly<Record<string, string | { readonly link: string }>>;
    readonly etc?: Readonly<Record<string, string | Uint8Array | { readonly link: string }>>;
    readonly activate?: string;
  }): System {
    const linked = (
      entries: Readonly<Record<string, string | Uint8Array | { readonly link: string }>>,
      kind: string,
    ): Record<string, string | Uint8Array | { readonly link: string }> =>
      Object.fromEntries(
        Object.entries(entries).map(([path, entry]) => {
          if (typeof entry === "object" && "link" in entry) return [path, entry];
          const name = path.replace(/[^0-9A-Za-z+._?=-]/g, "-").replace(/^\./, "_");
          return [path, path.endsWith(".mode") ? entry : { link: this.file(`${kind}-${name}`, entry) }];
        }),
      );
    const etcRoot = `${this.tree("etc", linked(Object.fromEntries(Object.entries(parts.etc ?? {}).map(([path, entry]) => [`etc/${path}`, entry])), "etc"))}/etc`;
    const etc = readEtc(this.files, etcRoot);
    const units = readUnits(this.files, this.tree("system-units", linked(parts.units ?? {}, "unit")), newUnitCache());
    const userUnits = readUnits(this.files, this.tree("user-units", linked(parts.userUnits ?? {}, "unit")), newUnitCache());
    const activate = parts.activate ?? "";
    const mounts = readMounts(etc.get("fstab")?.text ?? "");
    return {
      ...bareSystem(this.path("nixos-system-host-26.05")),
      activation: readActivation(activate),
      units,
      userUnits,
      etc,
      mounts: mounts.filter((mount) => !isSwap(mount)),
      swaps: mounts.filter(isSwap),
      users: readUsers(this.files, activate, etc, units),
      firewall: readFirewall(this.files, units, etc),
    };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function bareSystem(toplevel: string): System {
  return {
    toplevel,
    nixosVersion: "26.05",
    platform: "x86_64-linux",
    kernel: undefined,
    kernelParams: [],
    initrd: undefined,
    kernelModules: undefined,
    firmware: undefined,
    systemd: undefined,
    glibc: undefined,
    dbus: undefined,
    initInterfaceVersion: undefined,
    switchInhibitors: undefined,
    rebootTriggers: undefined,
    bootLoader: { kind: "none", installer: undefined, settings: new Map() },
    switchToConfiguration: "ng",
    specialisations: new Map(),
    activation: new Map(),
    units: new Map(),
    userUnits: new Map(),
    etc: new Map(),
    mounts: [],
    swaps: [],
    users: undefined,
    firewall: { backend: "none", open: new Set(), text: "" },
    unread: [],
  };
}

/** A unit as if read from a file; `wantedBy` are names of link directories. */
export function unitOf(name: string, text: string, wantedBy: readonly string[] = ["multi-user.target.wants"]): Unit {
  const sections: UnitSections = new Map();
  parseUnitInto(sections, text);
  return { name, path: `/nix/store/${"0".repeat(32)}-unit/${name}`, masked: false, sections, wantedBy, text };
}
