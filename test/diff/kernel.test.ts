import { afterAll, expect, test } from "vitest";
import { misfits, modDirVersion, readKernel, readKernelModules } from "../../src/diff/kernel.ts";
import type { Kernel, KernelModules } from "../../src/diff/system.ts";
import { ThrowawayStore } from "./throwaway-store.ts";

const store = new ThrowawayStore();
afterAll(() => store.remove());

/** The header of an x86 image: boot protocol, magic, and the place of the version text. */
function bzImage(version: string): Uint8Array {
  const bytes = Buffer.alloc(0x4000, 0x90);
  bytes.write("HdrS", 0x202, "latin1");
  bytes.writeUInt16LE(0x3000 - 0x200, 0x20e);
  bytes.write(`${version} (nixbld@localhost) #1-NixOS SMP\0`, 0x3000, "latin1");
  return bytes;
}

function kernel(name: string, image: string | Uint8Array): Kernel | undefined {
  const link = store.tree("top", { kernel: { link: `${store.tree(name, { bzImage: image })}/bzImage` } });
  return readKernel(store.files, `${link}/kernel`);
}
function modules(...files: readonly string[]): KernelModules | undefined {
  const tree = store.tree("kernel-modules", Object.fromEntries(files.map((file) => [`lib/modules/${file}`, "x"])));
  return readKernelModules(store.files, store.tree("top", { "kernel-modules": { link: tree } }) + "/kernel-modules");
}

test("the image says what the modules must be built for", () => {
  expect(modDirVersion(store.files, kernel("linux-6.12", bzImage("6.12.0")), undefined)).toBe("6.12.0");
  expect(modDirVersion(store.files, kernel("linux-rpi-6.6.31-stable_20240529", bzImage("6.6.31-v8")), undefined)).toBe("6.6.31-v8");
  expect(modDirVersion(store.files, kernel("linux-6.12.58", "Linux version 6.12.58 (nixbld)"), undefined)).toBe("6.12.58");
});

test("else the tree that holds the kernel's own modules, else the package's version", () => {
  const silent = kernel("linux-6.6.31-stable_20240529", "ARM64");
  expect(modDirVersion(store.files, silent, modules("6.6.31-v8/kernel/a.ko", "6.6.30/misc/b.ko"))).toBe("6.6.31-v8");
  expect(modDirVersion(store.files, silent, modules("a/kernel/a.ko", "b/kernel/b.ko"))).toBe("6.6.31-stable_20240529");
  expect(modDirVersion(store.files, kernel("linux-6.12", "ARM64"), undefined)).toBe("6.12.0");
  expect(modDirVersion(store.files, undefined, undefined)).toBeUndefined();
});

test("a module that was built for another kernel is a misfit", () => {
  const tree = modules("6.12.58/kernel/a.ko", "6.12.57/misc/nvidia.ko");
  expect(misfits(tree, "6.12.58")).toEqual(["6.12.57"]);
  expect(misfits(tree, undefined)).toEqual([]);
  expect(misfits(undefined, "6.12.58")).toEqual([]);
});

test("a kernel is a package with an image of some size; a container has none", () => {
  expect(kernel("linux-6.12.58", "12345")).toMatchObject({ version: "6.12.58", bytes: 5 });
  expect(readKernel(store.files, `${store.tree("top", {})}/kernel`)).toBeUndefined();
  expect(readKernel(store.files, `${store.tree("top", { kernel: { link: "/boot/vmlinuz" } })}/kernel`)).toBeUndefined();
});
