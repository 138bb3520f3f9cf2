import type { StoreFiles } from "../io/ports.ts";
import { nameOf, packageName, storePathOf } from "./store-path.ts";
import type { Component, Kernel, KernelModules } from "./system.ts";

/** Where the boot protocol of x86 keeps the place of the version text (Documentation/arch/x86/boot.rst, `kernel_version`). */
const versionPointer = 0x20e;
const headerBytes = 0x8000;

/** The package a link of the toplevel leads to: `systemd`, `kernel`. Undefined where the link is missing or leads out of the store. */
export function component(store: StoreFiles, link: string): Component | undefined {
  const target = store.resolve(link);
  const path = target === undefined ? undefined : storePathOf(target, store.prefix);
  if (path === undefined) return undefined;
  const { version } = packageName(nameOf(path));
  return { path, version: version === "" ? undefined : version };
}

/** The kernel's package, with the image that the boot loader is given. */
export function readKernel(store: StoreFiles, link: string): Kernel | undefined {
  const image = store.resolve(link);
  const package_ = component(store, link);
  if (image === undefined || package_ === undefined) return undefined;
  const entry = store.entry(image);
  return { ...package_, image, ...(entry?.kind === "file" ? { bytes: entry.size } : {}) };
}

/** The tree of modules behind `kernel-modules`; a module that was built for another kernel brings a directory of its own. */
export function readKernelModules(store: StoreFiles, link: string): KernelModules | undefined {
  const target = store.resolve(link);
  const path = target === undefined ? undefined : storePathOf(target, store.prefix);
  return path === undefined ? undefined : { path, directories: store.list(`${target}/lib/modules`) };
}

/**
 * What `uname -r` will say, which is the directory under lib/modules that the kernel looks into: `6.12.58`, `6.6.31-rt31`. Read from the image, whose header says it on
 * x86; else the one directory that holds the kernel's own tree; else the package's version.
 */
export function modDirVersion(store: StoreFiles, kernel: Kernel | undefined, modules: KernelModules | undefined): string | undefined {
  if (kernel === undefined) return undefined;
  const said = imageVersion(store.readBytes(kernel.image, 0, headerBytes));
  if (said !== undefined) return said;
  const own = (modules?.directories ?? []).filter((name) => {
    const inside = store.list(`${modules?.path}/lib/modules/${name}`);
    return inside.includes("modules.builtin") || inside.includes("kernel");
  });
  if (own.length === 1) return own[0];
  const version = kernel.version;
  return version === undefined ? undefined : version.replace(/^(\d+\.\d+)(?!\.?\d)/, "$1.0");
}

function imageVersion(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const plain = /Linux version (\S{1,80})/.exec(text.toString("latin1"))?.[1];
  if (plain !== undefined) return plain;
  if (text.length < versionPointer + 2 || text.toString("latin1", 0x202, 0x206) !== "HdrS") return undefined;
  const at = text.readUInt16LE(versionPointer) + 0x200;
  return /^[0-9][^\s\0]{0,80}/.exec(text.toString("latin1", at, at + 81))?.[0];
}

/** The directories that the kernel will not look into: modules in them cannot be loaded. Empty where the kernel's own version is unknown. */
export function misfits(modules: KernelModules | undefined, modDir: string | undefined): readonly string[] {
  return modDir === undefined ? [] : (modules?.directories ?? []).filter((name) => name !== modDir);
}
