import type { Miss } from "../apply/outcome.ts";
import type { BriefObservation } from "../target/observation.ts";
import type { Planned } from "./planned.ts";

const unknown = "nothing that could be read";

/** Whether what is active, what boots and what was booted are the planned systems. An operation that said that it succeeded and changed nothing is told as such. */
export function toplevelMisses(planned: Planned, before: BriefObservation, after: BriefObservation): Miss[] {
  const misses: Miss[] = [];
  const miss = (subject: string, expected: string, found: string | undefined, sentence: string): void => {
    misses.push({ family: "toplevel", subject, expected, found: found ?? unknown, needs: "person", sentence });
  };
  if (after.current !== planned.current) {
    const sentence =
      after.current === undefined
        ? "What is active on the host cannot be told."
        : after.current === before.current
          ? "The switch said that it succeeded, but nothing happened: the system from before is still active."
          : "Another system is active than the one that was deployed: somebody or something switched the host meanwhile.";
    miss("current-system", planned.current, after.current, sentence);
  }
  if (after.profile !== planned.profile) {
    const sentence =
      after.profile === before.profile
        ? "The boot default was not changed: the next boot brings the old system back."
        : "The boot default is neither the system that was deployed nor the one from before.";
    miss("profile", planned.profile, after.profile, sentence);
  }
  if (planned.booted !== undefined && after.booted !== planned.booted) {
    const sentence =
      after.bootId === before.bootId
        ? "The host was to reboot and has not: it is still the same boot."
        : after.booted === before.booted
          ? "The host rebooted into the system that had been booted before, not into the new one."
          : "The host rebooted into another system than the planned one.";
    miss("booted-system", planned.booted, after.booted, sentence);
  }
  return misses;
}
