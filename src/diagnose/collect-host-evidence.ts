import type { UnitChange } from "../diff/system-diff.ts";
import type { Failure } from "../failure.ts";
import type { RemoteRecord, Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { isUnitName } from "../target/unit-name.ts";
import { makeEvidence, type Evidence, type EvidenceLimits, type FailureStage, type RawItem } from "./evidence.ts";
import { evidenceProgram } from "./evidence-program.ts";

/** What the gate knows of the failure before the host is asked. */
export type HostFailure = {
  readonly stage: Extract<FailureStage, "copy" | "connection" | "activation" | "verification" | "reboot">;
  readonly failure: Failure | undefined;
  /** Of switch-to-configuration, where it ended. */
  readonly exit: number | undefined;
  /** By the host's clock, seconds since 1970; undefined asks for the whole boot. */
  readonly since: number | undefined;
  /** Units that the failure names; the host adds those that are failed. */
  readonly units: readonly string[];
  /** Of the activation. Untrusted: switch-to-configuration and snippets write into it alike. */
  readonly log: string | undefined;
  readonly atBase: Evidence["atBase"];
  /** What the change does to units, where it was compared: one that failed and was changed is the first to look at. */
  readonly unitDiffs?: readonly Pick<UnitChange, "name" | "change" | "diff" | "hashOnly">[];
  readonly limits?: EvidenceLimits;
};

/** Evidence, and what the host runs now as it says itself; undefined where it could not be asked. */
export type HostEvidence = {
  readonly evidence: Evidence;
  readonly now:
    | { readonly current: string | undefined; readonly profile: string | undefined; readonly booted: string | undefined }
    | undefined;
};

const timeoutSeconds = 180;
const answerBytes = 512 * 1024;

/**
 * Asks a host about its failure, in one round trip over whatever connection there is. Never throws for a host that does not answer: why it does not is evidence,
 * too. What came before a connection broke is kept.
 */
export async function collectHostEvidence(targets: Pick<Targets, "run">, address: Address, about: HostFailure): Promise<HostEvidence> {
  const named = about.units.filter(isUnitName).slice(0, 12);
  const answer = await targets.run({
    address,
    program: evidenceProgram,
    verb: "evidence",
    arguments: [about.since === undefined ? "" : String(Math.floor(about.since)), ...named],
    connection: "shared",
    timeoutSeconds,
    maxBytes: answerBytes,
  });
  const records = new Map<string, string>(answer.records.map((record: RemoteRecord) => [record.name, record.value]));
  const failed = (records.get("failed") ?? "").split("\n").map((line) => line.trim());
  // Who holds a busy mount, as our program saw it.
  const holders = [...records].flatMap(([name, value]) =>
    /^unit\.\d+\.holders$/.test(name) ? [...value.matchAll(/^held \S+ by (\S+\.service)$/gm)].map((match) => match[1] ?? "") : [],
  );
  const units = [...new Set([...named, ...failed.slice(0, 60), ...holders])].filter(isUnitName);
  const items: RawItem[] = [
    ...(about.failure?.detail === undefined ? [] : [message(about.failure.detail)]),
    ...(about.log === undefined ? [] : [item("activation-log", "", "program", about.log)]),
    ...(answer.ok
      ? []
      : [{ kind: "connection", subject: answer.trouble, origin: "program", text: answer.detail || answer.trouble, keep: "head" } as const]),
    ...unitItems(records),
    ...diffItems(units, about.unitDiffs ?? []),
    ...general(records),
  ];
  const evidence = makeEvidence(
    {
      stage: about.stage,
      host: address.host,
      failure: about.failure === undefined ? undefined : { code: about.failure.code, message: about.failure.message },
      exit: about.exit,
      since: about.since,
      derivation: undefined,
      units,
      atBase: about.atBase,
      items,
    },
    about.limits,
  );
  const link = (name: string): string | undefined =>
    /^\/nix\/store\/[^\s/]{1,250}(?:\/specialisation\/[^\s/]{1,64})?$/.test(records.get(name) ?? "") ? records.get(name) : undefined;
  const now = { current: link("current"), profile: link("profile"), booted: link("booted") };
  return { evidence, now: answer.ok ? now : undefined };
}

const item = (kind: RawItem["kind"], subject: string, origin: RawItem["origin"], text: string): RawItem => ({
  kind,
  subject,
  origin,
  text,
  keep: "tail",
});
/** Of a copy or a connection it is ssh's and Nix's own. */
const message = (text: string): RawItem => ({ kind: "message", subject: "", origin: "tool", text, keep: "head" });

function unitItems(records: ReadonlyMap<string, string>): RawItem[] {
  return Array.from({ length: 12 }, (_, index) => index).flatMap((index): RawItem[] => {
    const unit = records.get(`unit.${index}`);
    if (unit === undefined || !isUnitName(unit)) return [];
    const part = (name: string): string => records.get(`unit.${index}.${name}`) ?? "";
    // systemd runs mount(8), umount(8) and swapon(8) for these itself: no program of the configuration's speaks here.
    const helper = /\.(?:mount|automount|swap)$/.test(unit);
    return [
      item("unit-manager", unit, "tool", part("manager")),
      item("executable", unit, "tool", part("executable")),
      item("unit-journal", unit, helper ? "tool" : "program", part("journal")),
      // StatusText is what the unit says of itself.
      item("unit-status", unit, "program", part("show")),
      item("unit-file", unit, "program", part("file")),
      item("mounts", unit, "tool", part("holders")),
    ];
  });
}

/** Of the units that it is about; what differs in hashes alone says nothing. */
function diffItems(units: readonly string[], diffs: NonNullable<HostFailure["unitDiffs"]>): RawItem[] {
  return diffs
    .filter(({ name, hashOnly }) => !hashOnly && units.includes(name))
    .slice(0, 12)
    .map(({ name, change, diff }) => ({
      ...item("unit-diff", name, "flake", change === "added" ? `The change adds this unit.\n${diff}` : diff),
      keep: "head",
    }));
}

function general(records: ReadonlyMap<string, string>): RawItem[] {
  return [
    item("kernel-log", "", "tool", records.get("kernel") ?? ""),
    { ...item("disk", "", "tool", records.get("disk") ?? ""), keep: "head" },
    item("mounts", "", "program", records.get("mounts") ?? ""),
  ];
}
