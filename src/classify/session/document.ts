import { redact, type RedactionNumbers } from "../../diff/secrets.ts";
import type { Fact, SystemDiff, UnitChange } from "../../diff/system-diff.ts";
import type { Judgement } from "../finding.ts";
import type { HostFacts } from "../host-facts.ts";
import { visible } from "./fence.ts";

/** What is asked about: one distinct change, however many hosts share it. */
export type Change = {
  readonly hosts: readonly string[];
  readonly facts: HostFacts;
  readonly diff: SystemDiff;
  readonly judgement: Judgement;
};

/** A part of the document. Parts are taken in their order of rank until the budget is spent; a part that does not fit whole is cut at a line. */
type Part = { readonly rank: number; readonly title: string; readonly lines: readonly string[] };

const byteSizes = new Set<keyof HostFacts>(["bootSizeBytes", "bootFreeBytes", "storeFreeBytes", "swapUsedBytes"]);

/**
 * The evidence for one question, most telling first, in at most `budget` characters (four to a token, roughly). Every part is redacted here, before anything is cut,
 * whatever was redacted before: half a key that a cut left over looks like no key. What was left out is said, so that silence is not taken for absence.
 */
export function changeDocument(change: Change, budget: number): string {
  const parts = [
    hosts(change),
    rules(change.judgement),
    system(change.diff),
    settings(change.diff),
    units(change.diff),
    packages(change.diff),
    files(change.diff),
  ]
    .filter((part) => part.lines.length > 0)
    .toSorted((a, b) => a.rank - b.rank);
  const out: string[] = [];
  const numbers: RedactionNumbers = new Map();
  let left = budget;
  for (const [index, part] of parts.entries()) {
    // Later parts keep a share, so that one enormous unit does not hide every file.
    const share = Math.max(Math.floor(left / Math.max(parts.length - index, 1)), left - 2000 * (parts.length - index - 1));
    const taken = fit(withoutSecrets(part, numbers), Math.min(left, Math.max(share, 200)));
    out.push(taken);
    left -= taken.length + 1;
    if (left < 100) break;
  }
  return out.join("\n");
}

/** Longer parts are cut to their beginning first: nothing near that length is ever sent, and a stranger decides how long a text is. */
const longestPart = 400_000;

function withoutSecrets(part: Part, numbers: RedactionNumbers): Part {
  const text = part.lines.join("\n");
  return { ...part, lines: redact(text.slice(0, longestPart), { numbers }).text.split("\n") };
}

function fit(part: Part, budget: number): string {
  const lines = [`## ${part.title}`];
  let used = part.title.length + 4;
  for (const [index, raw] of part.lines.entries()) {
    const line = visible(raw.length > 400 ? `${raw.slice(0, 399)}…` : raw);
    if (used + line.length + 30 > budget) {
      lines.push(`(${part.lines.length - index} more lines left out)`);
      break;
    }
    lines.push(line);
    used += line.length + 1;
  }
  return `${lines.join("\n")}\n`;
}

function hosts(change: Change): Part {
  const named = change.hosts.slice(0, 20).join(", ");
  const facts = Object.entries(change.facts)
    .filter(([key, value]) => value !== undefined && key !== "commitMessage")
    .map(([key, value]) => `${key}: ${factText(key, value)}`);
  const message = change.facts.commitMessage === undefined ? [] : [`commit message: ${change.facts.commitMessage}`];
  return {
    rank: 0,
    title: "Hosts",
    lines: [`${named}${change.hosts.length > 20 ? ` and ${change.hosts.length - 20} more` : ""}`, ...facts, ...message],
  };
}

function factText(key: string, value: unknown): string {
  if (byteSizes.has(key as keyof HostFacts)) return `${Math.round(Number(value) / 1e6)} MB`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function rules(judgement: Judgement): Part {
  return {
    rank: 1,
    title: `Rules: ${judgement.verdict}`,
    lines: judgement.findings.map(
      (f) =>
        `${f.verdict} ${f.rule}: ${f.subject}${f.from === undefined && f.to === undefined ? "" : ` (${f.from ?? "none"} -> ${f.to ?? "none"})`}`,
    ),
  };
}

function system(diff: SystemDiff): Part {
  const facts: readonly (readonly [string, Fact])[] = Object.entries(diff.system);
  const lines = facts
    .filter(([, fact]) => fact.changed)
    .map(([name, fact]) => `${name}: ${fact.from ?? "none"} -> ${fact.to ?? "none"}${fact.note === undefined ? "" : ` (${fact.note})`}`);
  const { kernelParams, initrd, kernelModules } = diff.system;
  if (kernelParams.changed) lines.push(`kernel params added: ${kernelParams.added.join(" ")}; removed: ${kernelParams.removed.join(" ")}`);
  if (initrd.modulesRemoved.length + initrd.modulesAdded.length > 0)
    lines.push(`initrd modules added: ${initrd.modulesAdded.join(" ")}; removed: ${initrd.modulesRemoved.join(" ")}`);
  if (kernelModules.misfits.length > 0) lines.push(`modules for another kernel: ${kernelModules.misfits.join(" ")}`);
  return { rank: 2, title: "System", lines: [...lines, ...diff.unknown.map((text) => `unknown: ${text}`)] };
}

function settings({ settings: s }: SystemDiff): Part {
  const key = (name: string) => (change: { key: string; from: string | undefined; to: string | undefined }) =>
    `${name} ${change.key}: ${change.from ?? "unset"} -> ${change.to ?? "unset"}`;
  const line = (change: { file: string; change: string; line: string }): string =>
    `${change.file} ${change.change === "added" ? "+" : "-"} ${change.line}`;
  return {
    rank: 3,
    title: "Settings",
    lines: [
      ...[...s.mounts, ...s.swaps].map(
        (m) =>
          `mount ${m.mountPoint} ${m.change}: ${m.from ?? "none"} -> ${m.to ?? "none"} +[${m.optionsAdded.join(",")}] -[${m.optionsRemoved.join(",")}]`,
      ),
      ...s.users.map(
        (u) =>
          `user ${u.name} ${u.change}: ${u.fields.map((f) => `${f.key} ${f.from ?? "unset"} -> ${f.to ?? "unset"}`).join("; ")}${u.keysAdded.length + u.keysRemoved.length > 0 ? ` keys +${u.keysAdded.length} -${u.keysRemoved.length}` : ""}`,
      ),
      ...s.groups.map(key("group")),
      ...s.sshd.map(
        (d) =>
          `sshd ${d.match === undefined ? "" : `[${d.match}] `}${d.directive}: ${d.from.join(" ") || "unset"} -> ${d.to.join(" ") || "unset"}`,
      ),
      ...(s.portsOpened.length > 0 ? [`ports opened: ${s.portsOpened.join(" ")}`] : []),
      ...(s.portsClosed.length > 0 ? [`ports closed: ${s.portsClosed.join(" ")}`] : []),
      ...s.sudo.map(line),
      ...s.pam.map(line),
      ...s.sysctl.map(key("sysctl")),
      ...s.nixConf.map(key("nix.conf")),
      ...s.tmpfiles.map(line),
      ...s.certificates.map((c) => `certificate ${c.change} in ${c.file}`),
      ...s.activation.filter((a) => !a.hashOnly).flatMap((a) => [`activation snippet ${a.snippet} ${a.change}`, ...hunk(a.diff)]),
    ],
  };
}

function units(diff: SystemDiff): Part {
  const order = { stop: 0, "stop-start": 1, restart: 2, start: 3, reload: 4, skip: 5, nothing: 6 } as const;
  const real = [...diff.units, ...diff.userUnits].toSorted(
    (a, b) => Number(a.hashOnly) - Number(b.hashOnly) || order[a.effect] - order[b.effect],
  );
  const one = (unit: UnitChange): string[] => [
    `${unit.name} ${unit.change}, effect ${unit.effect} (${unit.reason})${unit.hashOnly ? ", only store hashes differ" : ""}`,
    ...hunk(unit.diff),
  ];
  return { rank: 4, title: `Units (${real.length})`, lines: real.flatMap(one) };
}

function packages({ packages: p }: SystemDiff): Part {
  const direct = (change: { selectedBy: readonly string[] }): number => (change.selectedBy.length > 0 ? 0 : 1);
  const changed = p.changed
    .toSorted((a, b) => direct(a) - direct(b))
    .map((c) => `${c.name}: ${c.from.join(", ")} -> ${c.to.join(", ")}${c.direction === "down" ? " (downgrade)" : ""}`);
  const side = (sign: string, list: typeof p.added): string[] =>
    list.toSorted((a, b) => direct(a) - direct(b)).map((s) => `${sign} ${s.name} ${s.versions.join(", ")}`);
  return {
    rank: 5,
    title: `Packages (${p.changed.length} changed, ${p.added.length} added, ${p.removed.length} removed, ${p.rebuilt.length} rebuilt at the same version)`,
    lines: [...changed, ...side("+", p.added), ...side("-", p.removed)],
  };
}

function files(diff: SystemDiff): Part {
  const real = diff.files.filter((file) => !file.hashOnly);
  return {
    rank: 6,
    title: `Files (${real.length})`,
    lines: real.flatMap((file) => [`${file.path} ${file.change} (${file.kind})`, ...hunk(file.diff)]),
  };
}

/** A unified diff without its headers: what was taken away and what came. */
function hunk(diff: string): string[] {
  return diff.split("\n").filter((line) => /^[+-]/.test(line) && !/^(---|\+\+\+)( |$)/.test(line));
}
