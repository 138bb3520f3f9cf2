import type { StoreFiles } from "../io/ports.ts";
import { etcText, storeText } from "./etc.ts";
import { normaliseHashes } from "./normalise.ts";
import { redact } from "./secrets.ts";
import type { System } from "./system.ts";
import type { SshdChange } from "./system-diff.ts";
import { unitValues } from "./unit-parse.ts";

/** sshd_config(5): of most directives the first value counts, of these each one does. */
const collected: ReadonlySet<string> = new Set([
  "acceptenv",
  "allowgroups",
  "allowusers",
  "denygroups",
  "denyusers",
  "hostcertificate",
  "hostkey",
  "include",
  "listenaddress",
  "port",
  "setenv",
]);

type SshdDirective = { readonly name: string; readonly values: string[] };
type Block = { readonly match: string | undefined; readonly directives: Map<string, SshdDirective> };

/**
 * Changed directives of the configuration that sshd reads, at top level and under each Match line. Names are as written, compared without
 * case.
 */
export function diffSshd(store: StoreFiles, before: System, after: System): SshdChange[] {
  const from = sshdConfiguration(store, before);
  const to = sshdConfiguration(store, after);
  if (from === to) return [];
  const old = parseSshd(from ?? "");
  const now = parseSshd(to ?? "");
  const blocks = [...new Set([...old.keys(), ...now.keys()])];
  return blocks.flatMap((block) => blockChanges(old.get(block), now.get(block)));
}

/** /etc/ssh/sshd_config, unless the unit names another file. */
export function sshdConfiguration(store: StoreFiles, system: System): string | undefined {
  for (const name of ["sshd.service", "sshd@.service"]) {
    const unit = system.units.get(name);
    const path = unit === undefined ? undefined : /\s-f\s*(\S+)/.exec(unitValues(unit, "Service", "ExecStart").join("\n"))?.[1];
    if (path?.startsWith(`${store.prefix}/`) === true) return storeText(store, path);
    if (path?.startsWith("/etc/") === true) return etcText(store, system.etc, path.slice("/etc/".length));
  }
  return etcText(store, system.etc, "ssh/sshd_config");
}

/** By Match line (the empty text is the top level); two blocks of the same line are one, the first value counting as everywhere. */
export function parseSshd(text: string): ReadonlyMap<string, Block> {
  const blocks = new Map<string, Block>();
  let block = open(blocks, undefined);
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const parts = /^([^\s=]+)(?:\s*=\s*|\s+)?(.*)$/.exec(line);
    const name = parts?.[1] ?? "";
    const value = (parts?.[2] ?? "").trim().replace(/\s+/g, " ");
    if (name.toLowerCase() === "match") {
      block = open(blocks, value);
      continue;
    }
    // A subsystem is known by its name: `Subsystem sftp …` and `Subsystem netconf …` are two.
    const key = name.toLowerCase() === "subsystem" ? `subsystem ${value.split(" ")[0] ?? ""}` : name.toLowerCase();
    const known = block.directives.get(key);
    if (known === undefined) block.directives.set(key, { name, values: [value] });
    else if (collected.has(key)) known.values.push(value);
  }
  return blocks;
}

function open(blocks: Map<string, Block>, match: string | undefined): Block {
  const known = blocks.get(match ?? "") ?? { match, directives: new Map<string, SshdDirective>() };
  blocks.set(match ?? "", known);
  return known;
}

function blockChanges(from: Block | undefined, to: Block | undefined): SshdChange[] {
  const match = to?.match ?? from?.match;
  const keys = [...new Set([...(from?.directives.keys() ?? []), ...(to?.directives.keys() ?? [])])].sort();
  return keys.flatMap((key) => {
    const old = from?.directives.get(key);
    const now = to?.directives.get(key);
    const before = (old?.values ?? []).map(shown);
    const after = (now?.values ?? []).map(shown);
    if (before.length === after.length && before.every((value, index) => value === after[index])) return [];
    return [{ directive: now?.name ?? old?.name ?? key, match: match === undefined ? undefined : shown(match), from: before, to: after }];
  });
}

const shown = (value: string): string => redact(normaliseHashes(value)).text.slice(0, 2000);
