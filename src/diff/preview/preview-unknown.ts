import { label, nameOf, storePathOf } from "../store-path.ts";
import type { SystemDiff } from "../system-diff.ts";
import type { StorePath, System } from "../system.ts";
import type { PreviewStore } from "./preview-store.ts";

/** Sentences shown; beyond them only their number is. */
const maxSaid = 12;
const maxNamed = 10;

/**
 * What a preview cannot tell, as sentences. Only what could differ is named: where both sides hold the same unknown thing, nothing of it differs.
 */
export function sayUnknown(diff: SystemDiff, from: System, to: System, store: PreviewStore, units: readonly string[]): readonly string[] {
  if (diff.from === diff.to) return [];
  const said = [
    "This is a preview from the derivations: sizes, and what packages refer to in the end, are known after the build only.",
    ...difference(gapsOf(from, store), gapsOf(to, store), store.prefix),
  ];
  if (from.initrd?.path !== to.initrd?.path) said.push("What is in the initrd is known after the build only.");
  if (from.kernelModules?.path !== to.kernelModules?.path)
    said.push("Whether all kernel modules fit the kernel is known after the build only.");
  if (units.length > 0) {
    const names = units.slice(0, maxNamed).join(", ");
    said.push(
      `Units that come with packages are known after the build only; these may change with theirs: ${names}${units.length > maxNamed ? ` and ${units.length - maxNamed} more` : ""}.`,
    );
  }
  // The initrd has a sentence of its own, and `init` is a copy of systemd, whose change is told.
  const unread = diff.unknown.filter((sentence) => !sentence.includes("initrd") && !/\/init is neither/.test(sentence));
  for (const sentence of unread)
    said.push(
      sentence.replace(
        / is neither a file nor a directory, and was not opened\.$| cannot be read\.$/,
        " is made by the build and not known before it.",
      ),
    );
  return [...new Set(said)];
}

/** Whether some units may come with packages that nobody has looked into. */
export function hasUnknownPackages(system: System, store: PreviewStore): boolean {
  return ["system", "user"].some((kind) => {
    const target = store.resolve(`${system.toplevel}/etc/systemd/${kind}`);
    const root = target === undefined ? undefined : storePathOf(target, store.prefix);
    return root !== undefined && (store.followed(root)?.gaps.length ?? 0) > 0;
  });
}

/** The builds whose files decide what a system is: where one of them could not be followed to its end, something of that system is not known. */
function gapsOf(system: System, store: PreviewStore): readonly string[] {
  const places = ["", "/etc", "/etc/systemd/system", "/etc/systemd/user", "/activate"];
  const roots = new Set<StorePath>();
  for (const place of places) {
    const target = store.resolve(`${system.toplevel}${place}`);
    const root = target === undefined ? undefined : storePathOf(target, store.prefix);
    if (root !== undefined) roots.add(root);
  }
  return [...roots].flatMap((root) => (store.followed(root)?.gaps ?? []).map((gap) => `${nameOf(root)}: ${gap}`));
}

const named = (text: string, prefix: string): string =>
  text.replace(/\S*\/[0-9a-z]{32}-\S+/g, (path) => (path.startsWith(prefix) ? labelled(path, prefix) : path));

function labelled(path: string, prefix: string): string {
  const root = storePathOf(path, prefix);
  return root === undefined ? path : `${label(root)}${path.slice(root.length)}`;
}

/** Of two lists of gaps, with the paths that they name, what only one has: the same package on both sides hides no difference. */
function difference(from: readonly string[], to: readonly string[], prefix: string): readonly string[] {
  const [old, fresh] = [new Set(from), new Set(to)];
  const differing = [...from.filter((gap) => !fresh.has(gap)), ...to.filter((gap) => !old.has(gap))];
  const said = [...new Set(differing.map((gap) => `Known after the build only, of ${named(gap, prefix)}.`))];
  return said.length <= maxSaid
    ? said
    : [...said.slice(0, maxSaid), `${said.length - maxSaid} more such pieces are known after the build only.`];
}
