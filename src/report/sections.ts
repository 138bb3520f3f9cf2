import { packagesOf } from "./generated.ts";
import type { Group } from "./group.ts";
import { list, say, type Line, type Section } from "./line.ts";
import { count } from "./count.ts";
import { closuresOf, closureWords, failedStage, sizeChange } from "./phrases.ts";
import type { ClosureSizes, PlanDiff } from "./plan-diff.ts";
import { diffOf, type Plan, type PlanHost, type PlanJudgement } from "./plan.ts";
import { diagnosisSections } from "./sections-diagnosis.ts";
import { filesSection } from "./sections-files.ts";
import { opinionSection } from "./sections-session.ts";
import { settingsSection } from "./sections-settings.ts";
import { systemSection } from "./sections-system.ts";
import { unitsSection } from "./sections-units.ts";

/** Everything that a report says of a group of hosts, in the order in which it matters. Empty sections are left out. */
export function sections(plan: Plan, group: Group): Section[] {
  const host = group.first;
  const diff = diffOf(plan, host);
  const made = [
    failureSection(host),
    ...(host.state === "failed" ? diagnosisSections(plan, host) : []),
    findingsSection(host.state === "changed" || host.state === "added" ? host.judgement : undefined),
    opinionSection(plan.session, group, plan.detail),
    ...(diff === undefined ? [] : diffSections(diff, plan.detail, closuresOf(group.hosts))),
    notesSection(group, diff),
  ];
  return made.filter((section) => section.lines.length > 0 || section.texts.length > 0);
}

function failureSection(host: PlanHost): Section {
  const failure = host.state === "failed" ? host.failure : host.state === "added" ? host.baseFailed : undefined;
  const lines: Line[] = [];
  if (failure !== undefined) {
    const what = host.state === "failed" ? `It ${failedStage[host.stage]}` : "Its base failed, so everything in it counts as new";
    lines.push({ spans: [`${what} (`, { code: failure.code }, ")", ...(failure.message === "" ? ["."] : [": ", failure.message])] });
    if (host.state === "failed" && host.atBase) lines.push(say("The base fails in the same way, so this change did not break it."));
    if (failure.next !== "") lines.push({ spans: ["Next: ", { command: failure.next }] });
  }
  const detail = failure?.detail?.trim() ?? "";
  return {
    kind: "failure",
    title: "Failure",
    summary: failure?.code ?? "",
    lines,
    texts: detail === "" ? [] : [{ title: "Last lines", text: detail }],
  };
}

/** What differs, from what decides over a boot down to single files; `closures` are those of the hosts that share it. */
export function diffSections(diff: PlanDiff, detail: "full" | "names", closures: readonly ClosureSizes[]): Section[] {
  return [systemSection(diff), settingsSection(diff), unitsSection(diff, detail), packagesSection(diff, closures), filesSection(diff)];
}

export function findingsSection(judgement: PlanJudgement | undefined): Section {
  const lines = (judgement?.findings ?? []).map((finding): Line => {
    const shift =
      finding.from !== undefined && finding.to !== undefined
        ? [" ", { code: finding.from }, " → ", { code: finding.to }]
        : [
            ...(finding.from === undefined ? [] : [" was ", { code: finding.from }]),
            ...(finding.to === undefined ? [] : [" now ", { code: finding.to }]),
          ];
    const effects = [
      ...(finding.mode === "boot-only"
        ? ["only a boot brings it in"]
        : finding.mode === "switch-then-reboot" && finding.verdict !== "reboot"
          ? ["complete after a reboot"]
          : []),
      ...(finding.attended ? ["someone must be there at boot"] : []),
      ...(finding.reversible ? [] : ["a rollback may not undo it"]),
    ];
    const sub = [
      ...(effects.length === 0 ? [] : [say(sentence(effects.join("; ")))]),
      ...(finding.evidence.length === 0 ? [] : [{ spans: ["Seen: ", ...list(finding.evidence, 6)] }]),
      ...(finding.settledBy === undefined
        ? []
        : [{ spans: ["Depends on ", { code: finding.settledBy.fact }, `: ${finding.settledBy.otherwise} if ${finding.settledBy.when}.`] }]),
      ...(finding.check === undefined ? [] : [{ spans: [{ strong: "Check: " }, finding.check] }]),
    ];
    const subject = finding.subject === "" ? [] : [" ", { code: finding.subject }];
    return {
      spans: [
        { strong: finding.verdict },
        ...subject,
        ...shift,
        ...(finding.hazard === "" ? [] : [": ", finding.hazard]),
        " (rule ",
        { code: finding.rule },
        ")",
      ],
      sub,
    };
  });
  const left = (judgement?.findingsTotal ?? 0) - lines.length;
  if (left > 0) lines.push(say(`And ${left} more findings.`));
  return { kind: "findings", title: "Findings", summary: `${lines.length}`, lines, texts: [] };
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;

/** Packages that something names directly come first; what is only rebuilt is counted. */
function packagesSection(diff: PlanDiff, closures: readonly ClosureSizes[]): Section {
  const { added, removed, changed, rebuilt, generated } = packagesOf(diff);
  const named = (one: { readonly selectedBy: readonly string[] }): number => Number(one.selectedBy.length === 0);
  const by = <T extends { readonly name: string; readonly selectedBy: readonly string[] }>(all: readonly T[]): T[] =>
    all.toSorted((a, b) => named(a) - named(b));
  const shown = (versions: readonly string[]): string => versions.map((version) => version || "no version").join(", ");
  const delta = (bytes: number): string => (bytes === 0 ? "" : `, ${sizeChange(bytes)}`);
  const direction = { down: "down", mixed: "mixed", up: "up", same: "changed" } as const;
  const moved = (["down", "mixed", "up", "same"] as const).flatMap((way) =>
    by(changed.filter((one) => one.direction === way)).map((one): Line => {
      const versions = one.from.length + one.to.length === 0 ? [] : [" ", { code: shown(one.from) }, " → ", { code: shown(one.to) }];
      return { spans: [`${direction[way]} `, { code: one.name }, ...versions, delta(one.sizeDelta)] };
    }),
  );
  const sides = (word: string, sign: 1 | -1, all: typeof added): Line[] =>
    by(all).map((one) => ({
      spans: [
        `${word} `,
        { code: one.name },
        ...(one.versions.every((version) => version === "") ? [] : [" ", { code: shown(one.versions) }]),
        delta(sign * one.size),
      ],
    }));
  const again =
    rebuilt.length === 0
      ? []
      : [
          {
            spans: [
              `${rebuilt.length} rebuilt at the same version: `,
              ...list(
                by(rebuilt).map((one) => one.name),
                20,
              ),
            ],
          },
        ];
  const lines = [...moved, ...sides("added", 1, added), ...sides("removed", -1, removed), ...again];
  const ways = (["up", "down", "mixed"] as const).flatMap((way) => {
    const n = changed.filter((one) => one.direction === way).length;
    return n === 0 ? [] : [`${n} ${way}`];
  });
  const summary = [
    ...ways,
    ...(added.length > 0 ? [`${added.length} added`] : []),
    ...(removed.length > 0 ? [`${removed.length} removed`] : []),
    ...(rebuilt.length > 0 ? [`${rebuilt.length} rebuilt`] : []),
  ].join(", ");
  const files = generated === 0 ? [] : [count(generated, "generated file")];
  const closure = `closure ${closureWords(closures)}`;
  return {
    kind: "packages",
    title: "Packages",
    summary: [[summary, ...files].filter((part) => part !== "").join(" and "), closure].join("; "),
    lines,
    texts: [],
  };
}

/** What else there is to know; warnings name their host, since a group shares its change and not its warnings. */
function notesSection(group: Group, diff: PlanDiff | undefined): Section {
  const warnings = group.hosts.flatMap((host) =>
    host.warnings.map((warning): Line => ({ spans: [{ code: host.host }, " warns: ", { code: warning }] })),
  );
  const lines = [
    ...(diff?.unknown ?? []).map((sentence) => say(`Not compared: ${sentence}`)),
    ...warnings.slice(0, 50),
    ...Object.entries(diff?.cut ?? {}).map(([key, total]) =>
      say(`The list ${key} has ${total} entries; plan.json holds the first of them.`),
    ),
  ];
  return { kind: "notes", title: "Notes", summary: `${lines.length}`, lines, texts: [] };
}
