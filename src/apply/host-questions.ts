import type { BriefObservation } from "../target/observation.ts";
import { atGate, failed, inconclusive, onHost, passed, type Answer } from "./answer.ts";
import type { Planned } from "./preflight.ts";

/** Somebody, or another run, has switched it since. */
export const moved = (planned: Pick<Planned, "from" | "to" | "activate">, observation: BriefObservation): boolean =>
  observation.current !== undefined &&
  observation.profile !== undefined &&
  (observation.current !== planned.from.current || observation.profile !== planned.from.profile);

export function stillFrom(planned: Pick<Planned, "from" | "to" | "activate">, observation: BriefObservation): Answer {
  const { from } = planned;
  if (observation.current === undefined || observation.profile === undefined)
    return inconclusive("What it runs and boots cannot be told.", onHost("readlink -f /run/current-system /nix/var/nix/profiles/system"));
  const again = atGate("nixos-deploy-gate deploy --dry-run --hosts HOST", "compares with what it runs now");
  if (from.current === undefined || from.profile === undefined)
    return inconclusive("What it ran when the change was judged is not known.", again);
  if (observation.current !== from.current)
    return failed(`It runs ${observation.current} now; the change was judged against ${from.current}.`, again);
  if (observation.profile !== from.profile)
    return failed(`It boots ${observation.profile} now; the change was judged while it booted ${from.profile}.`, again);
  return passed("It runs and boots what the change was judged against.");
}

export function specialisation(planned: Pick<Planned, "from" | "to" | "activate">, observation: BriefObservation): Answer {
  const wanted = planned.from.specialisation;
  if (observation.specialisation !== wanted)
    return failed(
      `It is in ${shownSpecialisation(observation.specialisation)}; the change was judged for ${shownSpecialisation(wanted)}.`,
      atGate("nixos-deploy-gate deploy --dry-run --hosts HOST", "compares with what it runs now"),
    );
  if (wanted === undefined)
    return planned.activate === undefined
      ? {
          outcome: "error",
          sentence: "What is to be activated is not known.",
          next: atGate("nixos-deploy-gate plan --hosts HOST"),
        }
      : passed("It is in no specialisation.");
  if (planned.activate === undefined || planned.activate === planned.to)
    return failed(`It is in the specialisation ${wanted}, which the new system does not have.`, atGate(`ls ${planned.to}/specialisation`));
  return passed(`It is in the specialisation ${wanted}, and the new system has one of that name.`);
}

const shownSpecialisation = (name: string | undefined): string => (name === undefined ? "no specialisation" : `the specialisation ${name}`);

export function nothingElse(observation: BriefObservation): Answer {
  const { activations, switchLock, systemState } = observation;
  if (activations.length > 0)
    return failed(
      `Another activation runs: ${activations.slice(0, 5).join(", ")}.`,
      onHost(`systemctl status ${/^[A-Za-z0-9:_.@-]{1,200}$/.test(activations[0] ?? "") ? activations[0] : ""}`.trim()),
    );
  if (switchLock === "held")
    return failed("Something holds the lock of switch-to-configuration.", onHost("fuser -v /run/nixos/switch-to-configuration.lock"));
  if (switchLock === "unknown")
    return inconclusive(
      "Whether something holds the lock of switch-to-configuration cannot be told.",
      onHost("fuser -v /run/nixos/switch-to-configuration.lock"),
    );
  if (systemState === "maintenance") return failed("The host is in its rescue or emergency mode.", onHost("systemctl --failed"));
  return passed("No other activation runs.");
}

export function noShutdown(observation: BriefObservation): Answer {
  if (observation.systemState === "stopping")
    return failed("The host is shutting down.", atGate("nixos-deploy-gate status --hosts HOST", "when it is back"));
  if (observation.scheduledShutdown !== undefined)
    return failed(
      `A shutdown is scheduled for ${observation.scheduledShutdown.toISOString()}, by the host's own clock.`,
      onHost("shutdown -c", "if it is not wanted"),
    );
  return passed("No shutdown is scheduled.");
}

export function baselineSentence(units: readonly string[]): string {
  if (units.length === 0) return "No unit had failed before.";
  const shown = units.slice(0, 5).join(", ");
  return `${units.length === 1 ? "One unit" : `${units.length} units`} had failed before: ${shown}${units.length > 5 ? " and others" : ""}. That is not blamed on the change.`;
}
