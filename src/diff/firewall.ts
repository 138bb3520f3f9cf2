import type { StoreFiles } from "../io/ports.ts";
import { storeText } from "./etc.ts";
import { iptablesPorts, nftablesPorts } from "./firewall-ports.ts";
import { hasVersion, normaliseHashes, storeMentions } from "./normalise.ts";
import type { EtcFile, Firewall, Unit } from "./system.ts";
import { unitValues } from "./unit-parse.ts";

const maxFiles = 20;
const maxDepth = 3;

const memory = new WeakMap<StoreFiles, Map<string, Firewall>>();

/**
 * The firewall of a toplevel: the script that firewall.service starts (iptables) or the ruleset that nftables.service loads, with the
 * ports that it accepts. `none` where neither unit is there, so that nothing is filtered; `unknown` where one is there and its rules
 * cannot be read.
 */
export function readFirewall(store: StoreFiles, units: ReadonlyMap<string, Unit>, etc: ReadonlyMap<string, EtcFile>): Firewall {
  const nftables = usable(units.get("nftables.service"));
  const iptables = usable(units.get("firewall.service"));
  // With nftables NixOS keeps no firewall.service; where both are there, iptables rules apply beside the ruleset and both are read.
  const started = [nftables, iptables].flatMap((unit) =>
    unit === undefined ? [] : ["ExecStart", "ExecStartPre"].flatMap((key) => unitValues(unit, "Service", key)),
  );
  const ruleset = nftables === undefined ? undefined : etc.get("nftables.conf")?.target;
  if (nftables === undefined && iptables === undefined) return { backend: "none", open: new Set(), text: "" };
  const roots = [...started, ...(ruleset === undefined ? [] : [ruleset])].join("\n");
  const cache = memory.get(store) ?? new Map<string, Firewall>();
  memory.set(store, cache);
  const key = `${nftables === undefined ? "i" : "n"} ${roots}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const text = follow(store, roots);
  const open = new Set([...(nftables === undefined ? [] : nftablesPorts(text)), ...iptablesPorts(text)]);
  const made: Firewall = {
    backend: text === "" ? "unknown" : nftables === undefined ? "iptables" : "nftables",
    open,
    text: normaliseHashes(text),
  };
  cache.set(key, made);
  return made;
}

const usable = (unit: Unit | undefined): Unit | undefined => (unit === undefined || unit.masked ? undefined : unit);

/** The texts of the scripts and rulesets that are named, and of those that they name, in order. Programs are left out. */
function follow(store: StoreFiles, roots: string): string {
  const seen = new Set<string>();
  const texts: string[] = [];
  const visit = (text: string, depth: number): void => {
    for (const mention of storeMentions(text, store.prefix, 500)) {
      if (seen.has(mention.path) || seen.size >= maxFiles || (hasVersion(mention.name) && mention.below !== "")) continue;
      seen.add(mention.path);
      const found = storeText(store, mention.path);
      if (found === undefined) continue;
      texts.push(found);
      if (depth < maxDepth) visit(found, depth + 1);
    }
  };
  visit(roots, 1);
  return texts.join("\n");
}
