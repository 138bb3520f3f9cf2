import { isUnitName } from "../../target/unit-name.ts";
import { byWords, escalate, rollback, wait, type Recogniser, type Sign } from "../recogniser.ts";
import { mostUnits, type Remedy } from "../remedy.ts";

/**
 * What switch-to-configuration and the boot loader's installer say. Its exit code tells its own words from a snippet's that were written into the same log: 1 is a
 * pre-switch check or the boot loader, 2 the activation script, 4 units, 11 the lock, 100 the init interface (nixpkgs, switch-to-configuration-ng, src/main.rs).
 */
const stages = ["activation"] as const;
const log = ["activation-log", "message"] as const;
const first = (sign: Sign): string | undefined => sign.group(1);

/**
 * The log is written by the program and by snippets alike, so its words count as a program's; where the exit code, which only switch-to-configuration sets, says the
 * same they are believed.
 */
function agreeing(words: Parameters<typeof byWords>[0], codes: readonly number[]): Recogniser {
  const plain = byWords(words);
  return {
    ...plain,
    recognise: (evidence) => {
      const found = plain.recognise(evidence);
      const agreed = found !== undefined && evidence.exit !== undefined && codes.includes(evidence.exit);
      return agreed ? { ...found, confidence: words.confidence } : found;
    },
  };
}

/** A switch that somebody else runs takes minutes; what holds the lock for longer hangs, and is a person's to look at. */
export const lockSeconds = 180;

export const activationRecognisers: readonly Recogniser[] = [
  agreeing(
    {
      id: "lock-held",
      stages,
      in: log,
      pattern: /^Could not acquire lock$|(?:Resource temporarily unavailable|EAGAIN)[^\n]{0,100}switch-to-configuration\.lock/m,
      cause: () => "Another activation is under way on this host and holds the lock.",
      remedy: wait("lock-free", lockSeconds),
      confidence: "certain",
    },
    [11],
  ),
  agreeing(
    {
      id: "switch-inhibitor",
      stages,
      in: log,
      pattern: /There are changes to critical components of the system:\s+([^\n]{1,160})|Pre-switch check 'switchInhibitors' failed/,
      cause: () => "The new system must not be switched to while this one runs: a component has changed that only a boot may replace.",
      culprit: first,
      remedy: { kind: "retry-as-boot-and-reboot" },
      confidence: "certain",
    },
    [1],
  ),
  agreeing(
    {
      id: "pre-switch-check",
      stages,
      in: log,
      pattern: /Pre-switch check '(?!switchInhibitors')([^'\n]{1,100})' failed/,
      cause: () => "A check of the operator's own refused the switch; nothing was changed.",
      culprit: first,
      remedy: escalate,
      confidence: "certain",
    },
    [1],
  ),
  {
    id: "init-interface",
    stages,
    recognise: (evidence) =>
      evidence.exit === 100
        ? {
            cause: "The new system needs another version of the init interface: only a boot brings it in.",
            remedy: { kind: "retry-as-boot-and-reboot" },
            confidence: "certain",
            evidence: "exit code 100 of switch-to-configuration",
          }
        : undefined,
  },
  agreeing(
    {
      id: "boot-full",
      stages: ["activation", "reboot"],
      in: log,
      pattern:
        /No space left on device[^\n]{0,200}?['" ](\/(?:boot|efi)[^'"\n ]{0,200})|(\/(?:boot|efi)\/[^'"\n ]{0,200})['"]?: No space left on device|cannot copy \/nix\/store\/\S{1,300} to (\/(?:boot|efi)\/\S{1,300})|OSError: \[Errno 28\] No space left on device/,
      cause: () => "There is no room on the boot partition for another kernel and initrd; old generations hold it.",
      culprit: (sign) => sign.group(1) ?? sign.group(2) ?? sign.group(3),
      remedy: escalate,
      confidence: "certain",
    },
    [1],
  ),
  byWords({
    id: "secrets-undecryptable",
    stages,
    in: ["activation-log", "unit-journal"],
    pattern:
      /(?:sops-install-secrets|agenix|age)[^\n]{0,200}?(?:failed to decrypt '?([^'\n:]{1,200})|cannot read keyfile '([^'\n]{1,200})'|no identity matched any of the recipients)|Error getting data key: 0 successful groups required/,
    cause: () => "A secret cannot be decrypted on this host: its key is missing there, or the secret is not encrypted to it.",
    culprit: (sign) => sign.group(1) ?? sign.group(2),
    remedy: rollback,
    confidence: "likely",
  }),
  agreeing(
    {
      id: "activation-snippet-failed",
      stages,
      in: log,
      pattern: /Activation script snippet '([^'\n]{1,100})' failed \(\d{1,3}\)/,
      cause: () => "A snippet of the activation script failed, so that the system is active only in part.",
      culprit: first,
      remedy: rollback,
      confidence: "certain",
    },
    // A unit that fails later turns its 2 into a 4.
    [2, 4],
  ),
  {
    id: "mount-busy",
    stages: ["activation", "verification"],
    recognise: (evidence) => {
      const found = byWords({
        id: "",
        stages: [],
        in: ["unit-journal", "activation-log", "message"],
        pattern:
          /umount: (\/[^\n:]{0,250}): target is busy|mount: (\/[^\n:]{0,250}): (?:mount point is busy|\S{1,250} already mounted or mount point busy)/,
        cause: () => "A file system cannot be unmounted, since something still uses it.",
        culprit: (sign) => sign.group(1) ?? sign.group(2),
        remedy: escalate,
        confidence: "certain",
      }).recognise(evidence);
      return found === undefined ? undefined : { ...found, remedy: stopHolders(evidence.items) };
    },
  },
  byWords({
    id: "user-switch-failed",
    stages,
    in: log,
    pattern: /Failed to (?:reload|restart) user units for (\S{1,64})|Failed to restart nixos-activation\.service/,
    cause: () => "The units of a logged-in user could not be brought to the new system.",
    culprit: first,
    remedy: escalate,
    confidence: "likely",
  }),
  byWords({
    id: "systemd-reload-timeout",
    stages,
    in: log,
    pattern:
      /Failed to (?:reload|re-?execute) (?:systemd|daemon)[^\n]{0,200}|(?:Reload|Reexecute)\(\)[^\n]{0,100}(?:timed out|Did not receive a reply)/,
    cause: () => "systemd did not come back from reading the new units in time.",
    remedy: rollback,
    confidence: "likely",
  }),
];

/** Units whose processes use the mount, as our own program saw them in /proc: the only ones that are stopped for it. */
function stopHolders(items: Sign["evidence"]["items"]): Remedy {
  const units = items
    .filter((item) => item.kind === "mounts" && item.origin === "tool")
    .flatMap((item) => [...item.text.matchAll(/^held \S+ by (\S+\.service)$/gm)].map((match) => match[1] ?? ""))
    .filter((unit) => isUnitName(unit));
  const distinct = [...new Set(units)];
  return distinct.length > 0 && distinct.length <= mostUnits ? { kind: "stop-then-switch", units: distinct } : escalate;
}

/** More what one sees than why: it stands behind everything that explains it. */
export const bootLoaderFailed: Recogniser = agreeing(
  {
    id: "boot-loader-failed",
    stages: ["activation", "reboot"],
    in: log,
    pattern: /^Failed to install bootloader$/m,
    cause: () => "The boot loader could not be installed, so that it is open which system boots.",
    remedy: escalate,
    confidence: "certain",
  },
  [1],
);
