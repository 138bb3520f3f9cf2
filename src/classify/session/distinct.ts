import { createHash } from "node:crypto";
import { changeKey } from "../../diff/same-change.ts";
import type { HostFacts } from "../host-facts.ts";
import type { Change } from "./document.ts";

export type HostChange = Omit<Change, "hosts"> & { readonly host: string };

/**
 * The distinct changes of a fleet: a hundred hosts with the same change cost one question. Same means the same diff, the same facts and the same findings; a host
 * whose free space or role differs is asked about apart, since that is what its verdict may hang on. What is each host's own, its name and its sizes, tells no
 * two of them apart.
 */
export function distinctChanges(changes: readonly HostChange[]): Change[] {
  const groups = new Map<string, { first: HostChange; hosts: string[] }>();
  const digests = new WeakMap<object, string>();
  for (const change of changes) {
    const known = digests.get(change.diff);
    const diff = known ?? changeKey(change.diff);
    if (known === undefined) digests.set(change.diff, diff);
    const key = digest(JSON.stringify([diff, sorted(change.facts), change.judgement.findings]));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: change, hosts: [change.host] });
    else group.hosts.push(change.host);
  }
  return [...groups.values()].map(({ first, hosts }) => ({ hosts, facts: first.facts, diff: first.diff, judgement: first.judgement }));
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
const sorted = (facts: HostFacts): unknown => Object.entries(facts).toSorted(([a], [b]) => (a < b ? -1 : 1));
