import { join } from "node:path";
import * as z from "zod";
import { ask } from "../discover/git-tree.ts";
import { readFlake } from "../discover/discover.ts";
import type { Source } from "../discover/source.ts";
import { GateError } from "../failure.ts";
import type { ProposedFile } from "../init/proposal.ts";
import { nixString } from "../nix-string.ts";
import { parsePolicy, type Policy } from "../policy.ts";
import type { Prepared } from "./prepare.ts";

/** What a flake would be with these files in it, or why that is not what was meant, as a clause. */
export type Proof = { readonly ok: true; readonly policy: Policy } | { readonly ok: false; readonly because: string };

/**
 * Evaluates the flake as it would be, in our own repository and before anything is written: it has the same hosts and the same outputs as before, and one more, which is a
 * policy. Hosts themselves are not evaluated; what defines them is not touched.
 */
export async function proveOutput(prepared: Prepared, files: readonly ProposedFile[]): Promise<Proof> {
  const { sources, ports, scratch } = prepared;
  const { head, inGit, at } = sources;
  if (inGit === undefined || at === undefined || head.rev === undefined) return { ok: false, because: "it is in no repository of git" };
  try {
    const rev = await commitWith(inGit.repository, head.rev, files, join(scratch, "init-index"));
    const next: Source = { ...at(rev), shown: head.shown, trust: head.trust };
    const options = { trust: head.trust, timeoutSeconds: 300 };
    const [before, after] = [await readFlake(ports.nix, head, options), await readFlake(ports.nix, next, options)];
    const [outputsBefore, outputsAfter] = [await outputsOf(prepared, before.flake.url), await outputsOf(prepared, after.flake.url)];
    if (outputsBefore === undefined || outputsAfter === undefined) return { ok: false, because: "its outputs could not be listed" };
    if (after.deployGate === undefined) return { ok: false, because: "the line did not become an output" };
    if (before.hosts.join("\n") !== after.hosts.join("\n")) return { ok: false, because: "its hosts would not be the same" };
    const expected = [...outputsBefore, "deployGate"].toSorted().join("\n");
    if (outputsAfter.toSorted().join("\n") !== expected) return { ok: false, because: "its other outputs would not be the same" };
    return { ok: true, policy: parsePolicy(after.deployGate.value, head.shown) };
  } catch (error) {
    if (!(error instanceof GateError) || error.failure.code === "cancelled") throw error;
    return { ok: false, because: error.failure.message.replace(/\.$/, "") };
  }
}

type Repository = Parameters<typeof ask>[0];

async function commitWith(repository: Repository, rev: string, files: readonly ProposedFile[], index: string): Promise<string> {
  const environment = { GIT_INDEX_FILE: index, GIT_AUTHOR_DATE: "946684800 +0000", GIT_COMMITTER_DATE: "946684800 +0000" };
  const doing = "trying the new output";
  await ask(repository, doing, ["read-tree", rev], { environment });
  for (const { path, text } of files) {
    const object = await ask(repository, doing, ["hash-object", "-w", "--stdin"], { environment, input: text });
    await ask(repository, doing, ["update-index", "--add", "--cacheinfo", `100644,${object},${path}`], { environment });
  }
  const tree = await ask(repository, doing, ["write-tree", "--missing-ok"], { environment });
  return await ask(repository, doing, ["commit-tree", tree, "-p", rev, "-m", "With a policy"], { environment });
}

async function outputsOf({ ports, sources }: Prepared, url: string): Promise<string[] | undefined> {
  const end = await ports.nix.run({
    arguments: ["eval", "--json", "--expr", `builtins.attrNames (builtins.getFlake ${nixString(url)}).outputs`],
    trust: sources.head.trust,
    timeoutSeconds: 120,
    maxBytes: 1024 * 1024,
  });
  if (end.exitCode !== 0) return undefined;
  try {
    const parsed = z.array(z.string()).safeParse(JSON.parse(end.stdout));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // Cut, or no JSON: nothing is proven.
    return undefined;
  }
}
