import { posix } from "node:path";
import { askOptional, type Repository } from "../discover/git-tree.ts";
import { parseLock, type LockFile, type LockNode } from "../discover/lock-file.ts";
import { oneLine, type RawItem } from "./evidence.ts";

export type Change = {
  readonly repository: Repository;
  readonly base: string | undefined;
  readonly head: string | undefined;
  readonly directory: string;
};

const commit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
const mostFiles = 200;

/** What the change brought: inputs of flake.lock and files. Empty where there is nothing to compare with. */
export async function changedSince({ repository, base, head, directory }: Change): Promise<RawItem[]> {
  if (base === undefined || head === undefined || !commit.test(base) || !commit.test(head)) return [];
  const [before, after] = [await lockAt(repository, base, directory), await lockAt(repository, head, directory)];
  const inputs = before === undefined || after === undefined ? [] : changedInputs(before, after);
  const listed = await askOptional(repository, ["diff", "--no-renames", "--name-status", "-z", base, head]);
  const words = (listed ?? "").split("\0");
  const files: string[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) files.push(`${words[at] ?? ""} ${oneLine(words[at + 1] ?? "", 250)}`);
  const more = files.length > mostFiles ? [`and ${files.length - mostFiles} more`] : [];
  return [
    { kind: "changed-inputs", subject: "flake.lock", origin: "flake", text: inputs.join("\n"), keep: "head" },
    { kind: "changed-files", subject: "", origin: "flake", text: [...files.slice(0, mostFiles), ...more].join("\n"), keep: "head" },
  ];
}

async function lockAt(repository: Repository, rev: string, directory: string): Promise<LockFile | undefined> {
  const text = await askOptional(repository, ["cat-file", "blob", `${rev}:${posix.join(directory, "flake.lock")}`]);
  const parsed = text === undefined ? undefined : parseLock(text);
  return parsed?.ok === true ? parsed.lock : undefined;
}

/** One line for each input that differs, by its name in the lock file: `nixpkgs: github:NixOS/nixpkgs 0123456789ab (2026-03-01) -> …`. */
export function changedInputs(before: LockFile, after: LockFile): readonly string[] {
  const names = [...new Set([...before.nodes.keys(), ...after.nodes.keys()])].toSorted();
  return names.flatMap((name) => {
    if (name === before.root || name === after.root) return [];
    const [from, to] = [shown(before.nodes.get(name)), shown(after.nodes.get(name))];
    return from === to ? [] : [`${oneLine(name, 100)}: ${from ?? "none"} -> ${to ?? "none"}`];
  });
}

function shown(node: LockNode | undefined): string | undefined {
  const locked = node?.locked;
  if (locked === undefined) return undefined;
  const word = (key: string): string => (typeof locked[key] === "string" ? oneLine(locked[key], 150) : "");
  const where = word("url") || word("path") || [word("owner"), word("repo")].filter((part) => part !== "").join("/");
  const modified = locked["lastModified"];
  const day =
    typeof modified === "number" && modified > 0 && modified < 4e9 ? ` (${new Date(modified * 1000).toISOString().slice(0, 10)})` : "";
  return `${word("type")}:${where} ${word("rev").slice(0, 12) || word("narHash").slice(0, 20)}${day}`;
}
