import * as z from "zod";

/** What flake.lock says: inputs as nodes, each with what it is fetched by (`locked`) and what flake.nix asks for (`original`). */
export type LockFile = { readonly version: number; readonly root: string; readonly nodes: ReadonlyMap<string, LockNode> };

export type LockNode = {
  readonly inputs: ReadonlyMap<string, string | readonly string[]>;
  readonly locked: Readonly<Record<string, unknown>> | undefined;
  readonly original: Readonly<Record<string, unknown>> | undefined;
  /** Inputs that lead to the flake that a relative path starts from; undefined before 2.26, and then it is whichever flake names it. */
  readonly parent: readonly string[] | undefined;
};

export type ParsedLock = { readonly ok: true; readonly lock: LockFile } | { readonly ok: false; readonly problem: string };

const maxBytes = 8 * 1024 * 1024;
const maxNodes = 10_000;
const forbiddenNames = new Set(["__proto__", "constructor", "prototype"]);

const Attributes = z.record(z.string(), z.unknown());
const Node = z.object({
  inputs: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  locked: Attributes.optional(),
  original: Attributes.optional(),
  parent: z.array(z.string()).optional(),
});
const File = z.object({ version: z.int().min(4).max(7), root: z.string(), nodes: z.record(z.string(), Node) });

/** Reads flake.lock, versions 4 to 7 (Nix reads 5 to 7). Unknown keys are left alone; what Nix and we could read differently is a problem. */
export function parseLock(text: string): ParsedLock {
  if (text.length > maxBytes) return { ok: false, problem: "it is longer than 8 MiB" };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: "it is not JSON" };
  }
  const keys = countKeys(value, 0);
  if (typeof keys === "string") return { ok: false, problem: keys };
  // JSON has no rule for a key that stands twice: each reader picks one, and Nix might pick another than we do.
  if (keys !== keysWritten(text)) return { ok: false, problem: "a key stands twice in it" };
  const parsed = File.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      ok: false,
      problem: `${issue?.path.map(String).join(".") || "it"}: ${issue?.message ?? "not the expected shape"}`.slice(0, 300),
    };
  }
  const { version, root, nodes } = parsed.data;
  const entries = Object.entries(nodes);
  if (entries.length > maxNodes) return { ok: false, problem: `it has more than ${maxNodes} inputs` };
  if (!Object.hasOwn(nodes, root)) return { ok: false, problem: "its root is missing" };
  const made = entries.map(([name, node]): [string, LockNode] => [
    name,
    { inputs: new Map(Object.entries(node.inputs ?? {})), locked: node.locked, original: node.original, parent: node.parent },
  ]);
  return { ok: true, lock: { version, root, nodes: new Map(made) } };
}

function countKeys(value: unknown, depth: number): number | string {
  if (typeof value !== "object" || value === null) return 0;
  if (depth > 32) return "it is nested too deeply";
  let sum = 0;
  for (const [key, inner] of Object.entries(value)) {
    if (forbiddenNames.has(key)) return `"${key}" is no name for an input`;
    const below = countKeys(inner, depth + 1);
    if (typeof below === "string") return below;
    sum += below + (Array.isArray(value) ? 0 : 1);
  }
  return sum;
}

/** Strings that a colon follows. In text that parses as JSON these are the keys, each time they were written. */
function keysWritten(text: string): number {
  let count = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)) if (match[1] !== undefined) count += 1;
  return count;
}
