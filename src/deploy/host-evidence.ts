import { noEvidence, type Evidence } from "../apply/strategy.ts";
import { collectHostEvidence } from "../diagnose/collect-host-evidence.ts";
import type { Evidence as Collected } from "../diagnose/evidence.ts";
import { knownCauses } from "../diagnose/known-cause.ts";
import { isUntouchable } from "../diagnose/recovery.ts";
import type { HostName } from "../discover/host.ts";
import type { StoreFiles, Targets } from "../io/ports.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Change } from "./change.ts";

export type AskedFor = {
  readonly change: Pick<Change, "address" | "planned" | "diff">;
  readonly observation: BriefObservation;
  /** Failed now and not before. */
  readonly failedUnits: readonly string[];
  readonly exit: number | undefined;
  /** By the host's clock, seconds since 1970. */
  readonly since: number;
  readonly log: string;
};

const mostMounts = 6;

/** What decides which strategy comes next, asked of the host while the new system is still active; one round trip. A host that does not answer gives what is known without it. */
export async function hostEvidence(
  asked: AskedFor,
  { targets, store, evidence: kept }: { targets: Targets; store: StoreFiles; evidence: Map<HostName, Collected> },
): Promise<Evidence> {
  const { change, failedUnits, exit, since, log, observation } = asked;
  const mounts = [...new Set(log.match(/(?<=^|[\s,])[A-Za-z0-9:_.\\@-]{1,250}\.mount(?=$|[\s,])/gm) ?? [])].slice(0, mostMounts);
  const { evidence } = await collectHostEvidence(targets, change.address, {
    stage: "activation",
    failure: undefined,
    exit,
    since,
    units: [...failedUnits, ...mounts],
    log,
    atBase: "unknown",
    unitDiffs: change.diff?.units ?? [],
  });
  kept.set(change.address.host, evidence);
  const busy = knownCauses(evidence).find((cause) => cause.id === "mount-busy");
  const holders = busy?.remedy.kind === "stop-then-switch" ? busy.remedy.units : [];
  return {
    ...noEvidence,
    failedUnits,
    // Where one of them carries the way to the host, none is stopped: the others alone do not free the mount.
    holders: holders.some(isUntouchable) ? [] : holders,
    needNewKernel: needNewKernel(failedUnits, evidence, newModules(change.planned.to, observation, store)),
  };
}

/** As modprobe, systemd-modules-load and mount(8) say it. A unit may say it of itself, too: then it is staged for a reboot instead of being taken back, which hurts nobody else. */
const wants = [
  /Module (\S{1,100}) not found in directory/,
  /Failed to find module '([^'\n]{1,100})'/,
  /unknown filesystem type '([^'\n]{1,100})'/,
];

/** Those of the failed units that want a module which the kernel that runs lacks and the new one has. */
export function needNewKernel(failedUnits: readonly string[], evidence: Pick<Collected, "items">, modules: ReadonlySet<string>): string[] {
  if (modules.size === 0) return [];
  return failedUnits.filter((unit) =>
    evidence.items
      .filter((item) => item.subject === unit && (item.kind === "unit-journal" || item.kind === "unit-manager"))
      .some((item) => wants.some((pattern) => modules.has((pattern.exec(item.text)?.[1] ?? "").replaceAll("-", "_")))),
  );
}

/** Modules of the new kernel, where it is another than the one that was booted; names as the kernel has them. */
function newModules(to: string, observation: BriefObservation, store: StoreFiles): ReadonlySet<string> {
  const directory = store.resolve(`${to}/kernel-modules`);
  if (directory === undefined || directory === observation.systems.booted?.kernelModules) return new Set();
  const names = store.list(`${directory}/lib/modules`).flatMap((release) =>
    ["modules.dep", "modules.builtin"].flatMap((file) =>
      (store.read(`${directory}/lib/modules/${release}/${file}`, 16 << 20)?.text ?? "").split("\n").map((line) =>
        line
          .replace(/:.*$/, "")
          .replace(/^.*\//, "")
          .replace(/\.ko.*$/, "")
          .replaceAll("-", "_"),
      ),
    ),
  );
  return new Set(names.filter((name) => name !== ""));
}
