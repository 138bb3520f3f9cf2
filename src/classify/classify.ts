import { redact } from "../diff/secrets.ts";
import type { System } from "../diff/system.ts";
import type { SystemDiff } from "../diff/system-diff.ts";
import { judgement, type Finding, type Judgement, type Verdict } from "./finding.ts";
import type { HostFacts, RuleSetting } from "./host-facts.ts";
import type { Loosening } from "./loosening.ts";
import { found as findingsOf, judge, type RuleContext } from "./rule.ts";
import { loosenedRule, loosenings, policyLoosened } from "./rules/policy-loosened.ts";
import { rules } from "./rules.ts";
import { opensDisks } from "./initrd-view.ts";

/** A judgement and what the operator's settings did to it, as sentences for the report. */
export type Classified = { readonly judgement: Judgement; readonly notes: readonly string[] };

/**
 * Judges one host's change by the rules. Pure. `settings` is what the operator's policy says of single rules: another verdict, or off; every use of one is a note.
 * A change of nothing but the revision is recognised first and is clean, unless a text in it speaks to the reviewer or the policy guards it less than before.
 */
export function classify(given: RuleContext, settings: Readonly<Record<string, RuleSetting>>): Classified {
  const context = withoutSecretMessage(given);
  const nothing = context.diff.revisionOnly && !touchesBoot(context.diff);
  const table = nothing ? rules.filter((rule) => rule.family === "injection" || rule.id === loosenedRule) : rules;
  const found = [...table.flatMap((rule) => judge(rule, context)), ...(nothing ? [revisionOnly(context.diff)] : specialisations(context))];
  return settle(attend(found, context), settings);
}

/** A commit's message is the one text of many lines that no diff has redacted, and a key in it is only known as one while its lines are together. */
function withoutSecretMessage(context: RuleContext): RuleContext {
  const { commitMessage } = context.facts;
  return commitMessage === undefined ? context : { ...context, facts: { ...context.facts, commitMessage: redact(commitMessage).text } };
}

/** Kernel, initrd and firmware differ by store path even where every name and version is the same. */
const touchesBoot = ({ system }: SystemDiff): boolean =>
  system.kernel.changed || system.kernelModules.changed || system.firmware.changed || system.initrd.changed;

export const revisionOnlyRule = "revision-only";
const revisionOnly = (diff: SystemDiff): Finding => ({
  rule: revisionOnlyRule,
  verdict: "clean",
  mode: "switch",
  attended: false,
  reversible: true,
  subject: "revision",
  ...(diff.system.nixosVersion.from === undefined ? {} : { from: diff.system.nixosVersion.from }),
  ...(diff.system.nixosVersion.to === undefined ? {} : { to: diff.system.nixosVersion.to }),
  hazard: "Nothing but the revision, the label or the version text of NixOS differs.",
  evidence: [],
});

/** A specialisation is a system of its own in the boot menu: what would be a hazard there is one for whoever boots it. */
function specialisations(context: RuleContext): Finding[] {
  const found: Finding[] = [];
  for (const [name, diff] of context.diff.specialisations ?? []) {
    const nested: RuleContext = { ...context, loosened: [], diff: { ...diff, specialisations: new Map() } };
    for (const finding of rules
      .filter((rule) => rule.family !== "injection" || !context.diff.revisionOnly)
      .flatMap((rule) => judge(rule, nested)))
      found.push({ ...finding, subject: `${finding.subject} (specialisation ${name})` });
  }
  // What the host itself has as well is said once.
  return found;
}

/** Where somebody has to unlock a disk, everything that asks for a boot asks for that person too. */
function attend(findings: readonly Finding[], { after, facts, phase }: RuleContext): Finding[] {
  const waits = facts.needsPassphraseAtBoot ?? (phase === "push" && opensDisks(after));
  return findings.map((finding) =>
    waits && (finding.mode !== "switch" || finding.verdict === "reboot") ? { ...finding, attended: true } : finding,
  );
}

function settle(findings: readonly Finding[], settings: Readonly<Record<string, RuleSetting>>): Classified {
  const known = new Set([...rules.map((rule) => rule.id), revisionOnlyRule]);
  const notes: string[] = [];
  for (const [id, setting] of Object.entries(settings)) {
    if (id === loosenedRule) {
      notes.push(`The policy sets the rule ${id}; it watches the policy and is not for a policy to set.`);
      continue;
    }
    if (!known.has(id)) {
      notes.push(`The policy sets the rule ${id}, and there is no rule of that name.`);
      continue;
    }
    const concerned = findings.filter((finding) => finding.rule === id);
    if (concerned.length === 0) continue;
    const was = judgement(concerned).verdict;
    notes.push(
      setting.verdict === "off"
        ? `The rule ${id} (${was}) is off by policy: ${setting.reason}`
        : `The rule ${id} gives ${setting.verdict} instead of ${was} by policy: ${setting.reason}`,
    );
  }
  const kept = findings.flatMap((finding): Finding[] => {
    const setting = finding.rule !== loosenedRule && Object.hasOwn(settings, finding.rule) ? settings[finding.rule] : undefined;
    if (setting === undefined) return [finding];
    if (setting.verdict === "off") return [];
    // The operator has answered the open question as well.
    const { settledBy: _answered, ...rest } = finding;
    return [{ ...rest, verdict: setting.verdict, mode: modeFor(setting.verdict, finding) }];
  });
  return { judgement: judgement(kept), notes };
}

/** How a change is brought in does not depend on how risky somebody finds it, except that a reboot is more than a switch. */
const modeFor = (verdict: Verdict, finding: Finding): Finding["mode"] =>
  verdict === "reboot" && finding.mode === "switch" ? "switch-then-reboot" : finding.mode;

/**
 * Judges a host that has nothing to be compared with: a first deploy, or one whose old side is lost. Only what the new system shows by itself can be said, and
 * that is never enough to deploy it without a person.
 */
export function newHost(after: System, facts: HostFacts, loosened: readonly Loosening[] = []): Judgement {
  const first: Finding = {
    rule: "first-deploy",
    verdict: "risky",
    mode: "switch",
    attended: facts.needsPassphraseAtBoot === true,
    reversible: true,
    subject: "first deploy",
    hazard: "There is nothing to compare this host with, so no rule can tell what the switch would change on it.",
    evidence: [after.nixosVersion === undefined ? after.toplevel : `NixOS ${after.nixosVersion}`],
    check: "Is this the right machine, does it match the disks and the network of the configuration, and can you log in afterwards?",
  };
  return judgement([first, ...standing(after), ...findingsOf(policyLoosened, loosenings(loosened))]);
}

/** What a system shows by itself. */
function standing(after: System): Finding[] {
  const found = (rule: string, subject: string, hazard: string, evidence: readonly string[]): Finding => ({
    rule,
    verdict: "risky",
    mode: "switch",
    attended: false,
    reversible: true,
    subject: redact(subject).text,
    hazard,
    evidence: evidence.slice(0, 8).map((line) => redact(line).text),
  });
  const text = (id: string): string => rules.find((rule) => rule.id === id)?.hazard ?? "";
  const empty = [...after.units.values()].filter(
    (unit) =>
      unit.name.endsWith(".service") &&
      !unit.masked &&
      unit.path !== undefined &&
      unit.wantedBy.length > 0 &&
      ["ExecStart", "ExecStop", "SuccessAction"].every(
        (key) => !(unit.sections.get("Service")?.get(key) ?? []).some((value) => value !== ""),
      ),
  );
  const misfits = after.kernelModules === undefined || after.kernelModules.directories.length < 2 ? [] : after.kernelModules.directories;
  return [
    ...(after.switchToConfiguration === "missing"
      ? [found("switch-program", "switch-to-configuration", text("switch-program"), ["bin/switch-to-configuration is missing"])]
      : []),
    ...empty.map((unit) => found("service-runs-nothing", unit.name, text("service-runs-nothing"), [])),
    ...(misfits.length === 0 ? [] : [found("module-misfit", "kernel modules", text("module-misfit"), misfits)]),
    ...(after.unread.length === 0 ? [] : [found("not-compared", "comparison", text("not-compared"), after.unread)]),
  ];
}
