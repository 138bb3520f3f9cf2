import type { PlanDiff } from "./plan-diff.ts";
import { sessionNames } from "./plan-session.ts";
import { failureNames } from "./plan-failure.ts";
import { diagnosisNames, escalationNames } from "./plan-diagnosis.ts";
import { outcomeNames } from "./plan-outcome.ts";
import { diffOf, type Plan, type PlanHost, type PlanJudgement } from "./plan.ts";

/**
 * The plan for a place that strangers read: verdicts, rules, unit and package names, and counts. Texts, versions, diffs, paths, users, ports and log lines are
 * gone from the data itself, so no report made from it can show them (invariant 8). Applying it twice changes nothing.
 */
export function namesOnly(plan: Plan): Plan {
  return {
    ...plan,
    detail: "names",
    notes: [],
    session: sessionNames(plan.session),
    hosts: plan.hosts.map((host) => hostNames(host, diffOf(plan, host))),
    ...(plan.escalations === undefined ? {} : { escalations: plan.escalations.map(escalationNames) }),
    diffs: Object.fromEntries(Object.entries(plan.diffs).map(([key, diff]) => [key, diffNames(diff)])),
  };
}

function hostNames(host: PlanHost, diff: PlanDiff | undefined): PlanHost {
  const { platform, edgeCase: _, ...rest } = host;
  // A platform is whatever the flake says it is; only what looks like one is shown.
  const known = platform !== undefined && /^[a-z0-9_]{1,20}-[a-z]{1,20}$/.test(platform) ? { platform } : {};
  const outcome = host.outcome === undefined ? {} : { outcome: outcomeNames(host.outcome) };
  const diagnosis = host.diagnosis === undefined ? {} : { diagnosis: diagnosisNames(host.diagnosis) };
  const quiet: PlanHost = { ...rest, ...known, warnings: [], decision: decisionNames(host.decision), ...outcome, ...diagnosis };
  switch (quiet.state) {
    case "unchanged":
      return { ...quiet, toplevel: "" };
    case "removed":
      return { ...quiet, from: "" };
    case "added":
      return {
        ...quiet,
        to: "",
        judgement: judgementNames(quiet.judgement, diff),
        ...(quiet.baseFailed === undefined ? {} : { baseFailed: failureNames(quiet.baseFailed) }),
      };
    case "changed":
      return { ...quiet, from: "", to: "", judgement: judgementNames(quiet.judgement, diff) };
    case "failed":
      return { ...quiet, failure: failureNames(quiet.failure) };
  }
}

/** Who approved is known to whoever may see the run. */
function decisionNames({ approval, ...decision }: PlanHost["decision"]): PlanHost["decision"] {
  const failure = approval?.failure === undefined ? {} : { failure: failureNames(approval.failure) };
  return { ...decision, reasons: [], ...(approval === undefined ? {} : { approval: { ...approval, ...failure } }) };
}

/** A subject stays where it is the name of a unit or a package; it may as well be a user, a mount point or an address. */
function judgementNames(judgement: PlanJudgement, diff: PlanDiff | undefined): PlanJudgement {
  const known = new Set<string>();
  for (const unit of [...(diff?.units ?? []), ...(diff?.userUnits ?? [])]) known.add(unit.name);
  for (const list of [diff?.packages.added, diff?.packages.removed, diff?.packages.changed, diff?.packages.rebuilt])
    for (const one of list ?? []) known.add(one.name);
  return {
    ...judgement,
    findings: judgement.findings.map(({ rule, verdict, mode, attended, reversible, subject }) => ({
      rule,
      verdict,
      mode,
      attended,
      reversible,
      subject: known.has(subject) ? subject : "",
      hazard: "",
      evidence: [],
    })),
  };
}

function diffNames(diff: PlanDiff): PlanDiff {
  const { packages, system } = diff;
  const bare = { changed: false };
  // That a path has no version at all tells a generated file from a package.
  const none = (versions: readonly string[]): string[] => versions.filter((version) => version === "");
  const fact = (one: { readonly changed: boolean }): { changed: boolean } => ({ changed: one.changed });
  return {
    packages: {
      ...packages,
      added: packages.added.map((one) => ({ ...one, versions: none(one.versions) })),
      removed: packages.removed.map((one) => ({ ...one, versions: none(one.versions) })),
      changed: packages.changed.map((one) => ({ ...one, from: none(one.from), to: none(one.to) })),
      rebuilt: packages.rebuilt.map((one) => ({ ...one, from: none(one.from), to: none(one.to) })),
    },
    ...(diff.closure === undefined ? {} : { closure: closureNames(diff.closure, packages) }),
    system: {
      kernel: { ...fact(system.kernel), series: system.kernel.series, direction: system.kernel.direction },
      initrd: { ...fact(system.initrd), modulesRemoved: [], modulesAdded: [], filesChanged: [] },
      kernelModules: { ...fact(system.kernelModules), misfits: [] },
      firmware: fact(system.firmware),
      kernelParams: { ...fact(system.kernelParams), added: [], removed: [], changedKeys: [] },
      bootLoader: { ...fact(system.bootLoader), settings: [] },
      specialisations: { ...fact(system.specialisations), added: [], removed: [], changedNames: [] },
      initInterface: fact(system.initInterface),
      switchInhibitors: { ...fact(system.switchInhibitors), known: system.switchInhibitors.known, keys: [] },
      rebootTriggers: { ...fact(system.rebootTriggers), known: system.rebootTriggers.known, keys: [] },
      nixosVersion: bare,
      release: bare,
      systemd: fact(system.systemd),
      glibc: fact(system.glibc),
      dbus: fact(system.dbus),
      switchToConfiguration: fact(system.switchToConfiguration),
    },
    units: diff.units.map(unitNames),
    userUnits: diff.userUnits.map(unitNames),
    files: [],
    settings: {
      mounts: [],
      swaps: [],
      users: [],
      groups: [],
      sudo: [],
      sshd: [],
      portsOpened: [],
      portsClosed: [],
      sysctl: [],
      tmpfiles: [],
      pam: [],
      nixConf: [],
      certificates: [],
      activation: [],
    },
    revisionOnly: diff.revisionOnly,
    unknown: [],
    cut: diff.cut,
    ...(diff.measuredOn === undefined ? {} : { measuredOn: diff.measuredOn }),
  };
}

/** What stays as it is on a host is nobody's business, and the steps of a chain are names of files with their versions. */
function closureNames({ largest, others }: NonNullable<PlanDiff["closure"]>, packages: PlanDiff["packages"]): PlanDiff["closure"] {
  const told = new Set(
    [packages.added, packages.removed, packages.changed, packages.rebuilt].flatMap((all) => all.map(({ name }) => name)),
  );
  const rest = largest.filter(({ name }) => !told.has(name));
  const sum = (side: "from" | "to"): number => rest.reduce((bytes, one) => bytes + one[side], others[side]);
  return {
    largest: largest.filter(({ name }) => told.has(name)),
    others: { packages: others.packages + rest.length, from: sum("from"), to: sum("to") },
    chains: [],
  };
}

const unitNames = (unit: PlanDiff["units"][number]): PlanDiff["units"][number] => ({ ...unit, reason: "", keys: [], diff: "" });
