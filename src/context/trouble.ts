import type { HostStatus } from "../deploy/host-status.ts";
import type { HostContext } from "./host-context.ts";

/** What is not as it should be on one host, worst first, as sentences of ours with the host's names in them. */
export type Trouble = { readonly weight: number; readonly sentence: string };

const gibibyte = 2 ** 30;
/** Certificates are renewed a month before their end by everything that renews them. */
const soonDays = 20;

/** What of a host deserves a look. Pure; thresholds are those that an operator would set an alert at. */
export function troubles(status: HostStatus, context: HostContext | undefined, now: Date): readonly Trouble[] {
  if (!status.reachable) return [{ weight: 100, sentence: `does not answer: ${status.failure.message}` }];
  const found: Trouble[] = [];
  const add = (weight: number, sentence: string): void => void found.push({ weight, sentence });
  for (const unit of status.failedUnits) add(80, `${unit} has failed`);
  if (status.systemState !== "running" && status.failedUnits.length === 0) add(40, `the system is ${status.systemState}`);
  if (status.reboot.needed)
    add(30, `a reboot is pending${status.reboot.pendingHours === undefined ? "" : ` for ${Math.round(status.reboot.pendingHours)} h`}`);
  if (status.profile !== status.current) add(35, "what is active is not what boots");
  if (status.behindBy !== undefined && status.behindBy > 0)
    add(10, `behind by ${status.behindBy} ${status.behindBy === 1 ? "commit" : "commits"}`);
  if (status.last !== undefined && status.last.outcome !== "deployed" && status.last.outcome !== "staged")
    add(45, `the last deploy ended as ${status.last.outcome}`);
  if (context === undefined) return sorted([...found, { weight: 50, sentence: "could not be asked for its health" }]);

  for (const { target, sizeBytes, freeBytes, inodesUsed } of context.fileSystems) {
    const free = (100 * freeBytes) / sizeBytes;
    const left = `${free.toFixed(free < 10 ? 1 : 0)} % (${(freeBytes / gibibyte).toFixed(1)} GiB) left on ${target}`;
    if (free < 5 && freeBytes < 50 * gibibyte) add(75, left);
    else if (free < 12 && freeBytes < 50 * gibibyte) add(35, left);
    if (inodesUsed !== undefined && inodesUsed > 90) add(60, `${inodesUsed} % of the inodes of ${target} are in use`);
  }
  const { memory } = context;
  if (memory !== undefined && memory.availableBytes < memory.totalBytes * 0.05)
    add(60, `${((100 * memory.availableBytes) / memory.totalBytes).toFixed(1)} % of the memory is available`);
  for (const [what, share] of context.pressure) if (share > 30) add(50, `${share} % of the last seconds something waited for ${what}`);
  for (const { timer, why, at } of context.timers)
    add(
      why === "last-run-failed" ? 55 : 40,
      why === "last-run-failed"
        ? `the last run of ${timer} failed`
        : `${timer} should have ${why === "never-fired" ? "fired for the first time" : "fired"} ${at === undefined ? "" : `at ${at.toISOString().slice(0, 16)}Z`}`.trimEnd(),
    );
  for (const { path, until, subject } of context.certificates) {
    if (until === undefined) add(30, `${path} is no certificate that can be read`);
    else {
      const days = (until.getTime() - now.getTime()) / 86_400_000;
      if (days < 0) add(85, `the certificate of ${subject} has expired`);
      else if (days < soonDays) add(days < 5 ? 70 : 40, `the certificate of ${subject} expires in ${Math.floor(days)} days`);
    }
  }
  const errors = context.errors.bySpeaker.reduce((sum, [, count]) => sum + count, 0);
  if (errors > 0) add(errors > 100 ? 30 : 15, `${errors} errors in the journal of the last hour`);
  for (const { name, exit } of context.said)
    if (exit !== 0) add(25, `${name} ${exit === undefined ? "did not answer" : `ended with ${exit}`}`);
  return sorted(found);
}

const sorted = (found: readonly Trouble[]): readonly Trouble[] => found.toSorted((a, b) => b.weight - a.weight);
