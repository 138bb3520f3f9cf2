import type { AttemptKind, OutcomeKind } from "../apply/outcome.ts";
import type { ToolCall } from "../tools/toolbox.ts";
import { callsFold } from "./calls-fold.ts";
import type { Confidence } from "./recogniser.ts";
import type { EvidenceItem, FailureStage } from "./evidence.ts";
import type { KnownCause } from "./known-cause.ts";
import type { RemedyKind } from "./remedy.ts";

/** What a host runs, as it said last. Undefined parts could not be told; no `now` at all where it could not be asked. */
export type HostNow = {
  readonly host: string;
  readonly outcome: OutcomeKind;
  readonly now:
    | { readonly current: string | undefined; readonly profile: string | undefined; readonly booted: string | undefined }
    | undefined;
  /** What it was to become, and what it was before, where known. */
  readonly to: string | undefined;
  readonly from: string | undefined;
  /** What was to boot before, where that was another one. */
  readonly booting?: string | undefined;
  readonly failedUnits: readonly string[];
  /** Nothing was done to it: it does not evaluate or build, or this run changes no hosts. */
  readonly untouched?: boolean;
};

/** Who says why, in one line each. */
export type SaidCause = {
  readonly by: "table" | "session";
  readonly confidence: Confidence;
  /** Of the table: a sentence of ours. Of a session: a model's prose. */
  readonly cause: string;
  readonly culprit: string | undefined;
};

/**
 * A failure that a person has to look at, as data: the report, the terminal and a notification each show it their own way. Every string that is not `next` or `state`
 * is untrusted: escape it where it is shown.
 */
export type Escalation = {
  /** Same failure, same key: what was written about it is brought up to date, not written again. Host, stage and code, and nothing that changes from run to run. */
  readonly key: string;
  readonly hosts: readonly string[];
  /** In one sentence. */
  readonly happened: string;
  readonly stage: FailureStage;
  readonly states: readonly { readonly host: string; readonly sentence: string; readonly urgent: boolean }[];
  readonly causes: readonly SaidCause[];
  readonly tried: readonly { readonly remedy: RemedyKind | AttemptKind; readonly seconds?: number; readonly ended: string }[];
  /** Why nothing more was tried. */
  readonly stopped: readonly string[];
  readonly folds: readonly { readonly title: string; readonly text: string; readonly leftOut: number }[];
  /** The exact command to type next, first the one that matters; our own words, every argument quoted. */
  readonly next: readonly string[];
  /** A change to the flake that a session proposes, as text alone. Nobody applies it. */
  readonly patch: string | undefined;
};

export type EscalationInput = {
  readonly stage: FailureStage;
  /** The code of the failure, or the outcome where there is none. */
  readonly code: string;
  readonly happened: string;
  readonly hosts: readonly HostNow[];
  readonly known: readonly KnownCause[];
  readonly session:
    | { readonly cause: string; readonly culprit: string | undefined; readonly confidence: Confidence; readonly patch: string | undefined }
    | undefined;
  /** What the session asked meanwhile. */
  readonly calls: readonly ToolCall[];
  readonly tried: Escalation["tried"];
  readonly stopped: readonly string[];
  readonly evidence: readonly EvidenceItem[];
  /** Of the failure itself, from the table of failures. */
  readonly next: string | undefined;
};

const mostFolds = 12;

export function escalation(input: EscalationInput): Escalation {
  const states = input.hosts.map((host) => ({ host: host.host, ...stateOf(host) }));
  const causes: SaidCause[] = [
    ...input.known
      .slice(0, 4)
      .map((each) => ({ by: "table" as const, confidence: each.confidence, cause: each.cause, culprit: each.culprit })),
    ...(input.session === undefined
      ? []
      : [{ by: "session" as const, confidence: input.session.confidence, cause: input.session.cause, culprit: input.session.culprit }]),
  ];
  return {
    key: [input.stage, input.code, ...input.hosts.map((host) => host.host).toSorted()].join("/"),
    hosts: input.hosts.map((host) => host.host),
    happened: input.happened,
    stage: input.stage,
    // Whoever is woken reads the first lines.
    states: states.toSorted((a, b) => Number(b.urgent) - Number(a.urgent)),
    causes,
    tried: input.tried,
    stopped: input.stopped,
    folds: [
      ...callsFold(input.calls),
      ...input.evidence.slice(0, mostFolds).map((item) => ({
        title: `${titles[item.kind]}${item.subject === "" ? "" : ` of ${item.subject}`}`,
        text: item.text,
        leftOut: item.leftOut,
      })),
    ],
    next: nextOf(input),
    patch: input.session?.patch,
  };
}

const titles: Readonly<Record<EvidenceItem["kind"], string>> = {
  message: "What the failing tool said",
  connection: "The connection",
  trace: "Warnings",
  "activation-log": "End of the activation's log",
  "unit-manager": "What systemd says",
  executable: "The program",
  "unit-journal": "Journal",
  "unit-status": "State",
  "unit-diff": "What the change does to it",
  "build-log": "End of the build log",
  "kernel-log": "Errors of the kernel",
  disk: "Space (bytes, free, free inodes)",
  mounts: "Mounts",
  "unit-file": "Unit file",
  dependency: "Why it is needed: the way",
  "changed-inputs": "Inputs that changed",
  "changed-files": "Files that changed",
};

/** What has to be typed, or, where every host is back and well, what shows that. */
function nextOf({ hosts, next }: EscalationInput): readonly string[] {
  const urgent = hosts.filter((host) => stateOf(host).urgent).map(commandFor);
  const commands = [...new Set([...urgent, ...(next === undefined ? [] : [next])])];
  return (commands.length > 0 ? commands : hosts.filter((host) => host.untouched !== true).map(commandFor)).slice(0, 8);
}

/** A host's name is `[A-Za-z0-9_.-]`, and a store path holds no quote. */
const commandFor = ({ host, outcome, now, from, to }: HostNow): string => {
  const look = `nixos-deploy-gate status --hosts ${host}`;
  if (outcome === "unreachable" || (outcome === "reboot-failed" && now === undefined))
    return `${look}   # where it still does not answer: its console`;
  if (outcome === "left-unconfirmed") return `${look}   # then, where going back loses no data: nixos-deploy-gate rollback ${host}`;
  if (outcome === "live-but-old-boots")
    return `${look}   # then, when the boot loader can be written again: nixos-deploy-gate deploy --hosts ${host}`;
  // By itself it goes to the generation before the one that boots, which is the former system only where the new one boots.
  if (from !== undefined && now?.profile !== undefined && now.profile === to)
    return `nixos-deploy-gate rollback ${host}   # back to ${from}`;
  return now !== undefined && from !== undefined && now.profile === from && now.current !== from
    ? `${look}   # a reboot brings back ${from}`
    : look;
};

const short = (path: string | undefined): string => path?.replace(/^\/nix\/store\/[0-9a-z]{32}-/, "") ?? "unknown";

/** What a host is in now: what runs and what a boot would bring, since that is what the night depends on. */
function stateOf({ now, outcome, from, to, booting, failedUnits, untouched }: HostNow): {
  readonly sentence: string;
  readonly urgent: boolean;
} {
  if (untouched === true) return { sentence: "Nothing was done to it: it keeps what it runs.", urgent: false };
  const failed =
    failedUnits.length === 0
      ? ""
      : ` Failed units: ${failedUnits.slice(0, 8).join(", ")}${failedUnits.length > 8 ? ` and ${failedUnits.length - 8} more` : ""}.`;
  if (now === undefined)
    return {
      sentence:
        outcome === "unreachable" || outcome === "reboot-failed"
          ? "It does not answer; what it runs is not known."
          : "It was not asked; what it runs is not known.",
      urgent: outcome !== "not-reached" && outcome !== "not-managed" && outcome !== "held",
    };
  const runs = now.current === undefined ? "What runs could not be read." : `It runs ${named(now.current, from, to)}.`;
  const boots =
    now.profile === undefined
      ? "What the next boot brings could not be read."
      : now.profile === now.current
        ? "The next boot brings the same."
        : now.profile === booting && booting !== from && booting !== to
          ? `The next boot brings what it was to bring before (${short(booting)}).`
          : `The next boot brings ${named(now.profile, from, to)}.`;
  const settled = now.current !== undefined && now.current === now.profile && now.current === from;
  return { sentence: `${runs} ${boots}${failed}`, urgent: !settled || failedUnits.length > 0 };
}

function named(path: string, from: string | undefined, to: string | undefined): string {
  if (path === from) return `the former system (${short(path)})`;
  if (path === to) return `the new system (${short(path)})`;
  return `neither the former nor the new system, but ${short(path)}`;
}
