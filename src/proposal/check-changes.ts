import { redact } from "../diff/secrets.ts";
import { addedLines, type ChangedFile } from "./changed-file.ts";
import { addsKey, type Bounds, forbiddenPath } from "./path-rules.ts";

/** A proposal is read by a person: what is larger than this nobody reads. */
const proposalLimits = { files: 40, lines: 2_000, bytes: 200_000 } as const;

/** What speaks against a proposal, as sentences; empty where nothing does. Whatever the session says of its own work is not asked. */
export function checkChanges(changes: readonly ChangedFile[], bounds: Bounds): readonly string[] {
  const problems: string[] = [];
  if (changes.length > proposalLimits.files)
    problems.push(`It changes ${changes.length} files, more than the ${proposalLimits.files} that one pull request may.`);
  const added = changes.map((change) => ({ change, lines: addedLines(change) }));
  const lines = added.reduce((sum, one) => sum + one.lines.length, 0);
  if (lines > proposalLimits.lines)
    problems.push(`It adds ${lines} lines, more than the ${proposalLimits.lines} that one pull request may.`);
  const bytes = changes.reduce((sum, { after }) => sum + (after ?? "").length, 0);
  if (bytes > proposalLimits.bytes)
    problems.push(`Its files have ${bytes} characters, more than the ${proposalLimits.bytes} that they may.`);
  for (const { change, lines: fresh } of added) {
    const { path, before, after } = change;
    const forbidden = forbiddenPath(path, bounds);
    if (forbidden !== undefined) problems.push(`It changes ${path}: ${forbidden}.`);
    if (after !== undefined && /[^\P{C}\n\t\r]/u.test(after)) problems.push(`${path} has characters that nobody sees.`);
    if (letsIn(change)) problems.push(`${path} says who gets in; keys and passwords are for people to change.`);
    // What was there before is the repository's own matter.
    if (after !== undefined && redact(after, { path }).count > redact(before ?? "", { path }).count)
      problems.push(`${path} has something in it that looks like a secret.`);
    for (const name of secretsNamed(fresh)) {
      const file = name.kind === "age" ? joined(path, name.file) : undefined;
      if (file !== undefined && changes.some((one) => one.path === file))
        problems.push(`${path} names the secret ${file}, which only a person can make.`);
    }
  }
  return problems;
}

/** Whether a line says who gets in that did not say so before, or not there: a key that stands below another name opens another door. Lines that went are none. */
function letsIn({ before, after }: ChangedFile): boolean {
  const had = (before ?? "").split("\n").filter(addsKey);
  let at = 0;
  for (const line of (after ?? "").split("\n").filter(addsKey)) {
    at = had.indexOf(line, at) + 1;
    if (at === 0) return true;
  }
  return false;
}

type NamedSecret = { readonly kind: "sops"; readonly name: string } | { readonly kind: "age"; readonly file: string };

/** Secrets that lines of Nix name: `sops.secrets."a/b"`, `age.secrets.x.file = ../secrets/x.age`. */
export function secretsNamed(lines: readonly string[]): readonly NamedSecret[] {
  return lines.flatMap((line): NamedSecret[] => {
    const sops = [...line.matchAll(/\bsops\.secrets\.(?:"([^"]{1,200})"|([A-Za-z0-9_'-]{1,200}))/g)].map((found): NamedSecret => ({
      kind: "sops",
      name: found[1] ?? found[2] ?? "",
    }));
    const age = [...line.matchAll(/((?:\.{1,2}\/)[^\s;"'()]{1,300}\.age)\b/g)].map((found): NamedSecret => ({
      kind: "age",
      file: found[1] ?? "",
    }));
    return [...sops, ...age];
  });
}

/**
 * Secrets that new lines name and the repository does not have: a system with one of them builds and then does not start. `encrypted` are the texts of the files that sops
 * has encrypted (their keys are plain), `exists` tells of a path.
 */
export function missingSecrets(
  changes: readonly ChangedFile[],
  { encrypted, exists }: { readonly encrypted: readonly string[]; readonly exists: (path: string) => boolean },
): readonly string[] {
  return changes.flatMap((change) =>
    secretsNamed(addedLines(change)).flatMap((secret) => {
      if (secret.kind === "age") {
        const path = joined(change.path, secret.file);
        return path !== undefined && exists(path) ? [] : [`${change.path} names the secret ${secret.file}, and there is no such file.`];
      }
      const key = secret.name.split("/").at(-1) ?? "";
      const there = encrypted.some((text) => new RegExp(`(?:^|[\\s"{,])${key.replace(/[^\w]/g, "\\$&")}"?\\s*:`, "m").test(text));
      return there ? [] : [`${change.path} names the secret ${secret.name}, and no file that sops has encrypted has such a key.`];
    }),
  );
}

/** A relative path of a file in the repository, from its root; undefined where it leaves the repository. */
function joined(from: string, relative: string): string | undefined {
  const parts = from.split("/").slice(0, -1);
  for (const part of relative.split("/")) {
    if (part === "." || part === "") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
