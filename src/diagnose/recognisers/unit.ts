import { isUnitName } from "../../target/unit-name.ts";
import { oneLine } from "../evidence.ts";
import { byWords, escalate, restartOf, rollback, type Recogniser, type Sign } from "../recogniser.ts";
import type { Remedy } from "../remedy.ts";

/**
 * Units that fail. What PID 1 says of a unit (`unit-manager`, picked by the journal's trusted _PID=1) is believed; what the unit's own processes say is not, even
 * where they call themselves systemd. The child that was to become the program speaks for the unit, too: that its program is missing is certain only where our own
 * program has looked. Exit codes from 200 on are those of systemd.exec(5), "Process Exit Codes".
 */
const stages = ["activation", "verification", "reboot"] as const;
const manager = ["unit-manager"] as const;
const own = ["unit-journal"] as const;
const unit = (sign: Sign): string | undefined => (isUnitName(sign.item.subject) ? sign.item.subject : undefined);
const first = (sign: Sign): string | undefined => sign.group(1);

/** A step of systemd's own before the program started. */
const step = (id: string, code: string, cause: string): Recogniser =>
  byWords({
    id,
    stages,
    in: manager,
    pattern: new RegExp(`code=exited, status=${code}\\b`),
    cause: () => cause,
    culprit: unit,
    remedy: rollback,
    // A program may end itself with any code.
    confidence: "likely",
  });

/** `/var 1000000 0 4096`: place, bytes, bytes free, inodes free or "-" where the file system counts none. Less than a MiB is nothing. */
function isFull(line: string): boolean {
  const [, size, free, inodes] = /^\/\S* (\d+) (\d+) (\d+|-)$/.exec(line) ?? [];
  // What has no size, such as /proc, is never full.
  return size !== undefined && Number(size) > 0 && (Number(free) < 1024 * 1024 || inodes === "0");
}

/** Started once more where that may help, else back. */
const restart = (sign: Sign): Remedy => {
  const remedy = restartOf(sign);
  return remedy.kind === "restart-units" ? remedy : rollback;
};

export const unitRecognisers: readonly Recogniser[] = [
  byWords({
    id: "unit-program-missing",
    stages,
    in: ["executable"],
    pattern: /^(?:missing|not-executable) (\/[^\n]{1,300})$/m,
    cause: () => "A unit starts a program that is not there, or that is no program.",
    culprit: first,
    remedy: rollback,
    confidence: "certain",
  }),
  step("unit-exec-failed", "203/EXEC", "A unit's program could not be started: it is missing, not executable, or for another platform."),
  step("unit-user-missing", "217/USER", "The user that a unit runs as does not exist on this host."),
  step("unit-group-missing", "216/GROUP", "The group that a unit runs as does not exist on this host."),
  step("unit-directory-missing", "200/CHDIR", "The working directory of a unit does not exist or may not be entered."),
  step("unit-namespace", "226/NAMESPACE", "The sandbox of a unit could not be set up: a path that it names does not exist."),
  step("unit-state-directory", "238/STATE_DIRECTORY", "The state directory of a unit could not be made or is not its own."),
  step("unit-credentials", "243/CREDENTIALS", "A credential that a unit asks for is not there."),
  byWords({
    id: "unit-out-of-memory",
    stages,
    in: manager,
    pattern: /Failed with result 'oom-kill'|A process of this unit has been killed by the OOM killer/,
    cause: () => "A unit was killed for want of memory.",
    culprit: unit,
    remedy: restart,
    confidence: "certain",
  }),
  byWords({
    id: "kernel-out-of-memory",
    stages,
    in: ["kernel-log"],
    pattern: /Out of memory: Killed process \d{1,10} \(([^)\n]{1,60})\)/,
    cause: () => "The host ran out of memory and its kernel killed one of its processes with it.",
    culprit: first,
    remedy: rollback,
    confidence: "likely",
  }),
  byWords({
    id: "disk-error",
    stages,
    in: ["kernel-log"],
    pattern:
      /I\/O error, dev (\S{1,40})|EXT4-fs error \(device (\S{1,40})\)|XFS \((\S{1,40})\): (?:Corruption|metadata I\/O error)|BTRFS (?:error|critical) \(device (\S{1,40})\)|Remounting filesystem read-only/,
    cause: () => "The kernel reports errors of a disk or its file system.",
    culprit: (sign) => sign.group(1) ?? sign.group(2) ?? sign.group(3) ?? sign.group(4),
    remedy: escalate,
    confidence: "certain",
  }),
  {
    id: "host-disk-full",
    stages: [...stages, "copy"],
    recognise: ({ items }) => {
      const disk = items.find((item) => item.kind === "disk" && item.origin === "tool");
      const full = disk?.text.split("\n").find(isFull);
      return full === undefined
        ? undefined
        : {
            cause: "A file system of the host has no room or no inodes left.",
            culprit: oneLine(full.split(" ")[0] ?? "", 160),
            remedy: escalate,
            confidence: "certain",
            evidence: full,
          };
    },
  },
  byWords({
    id: "mount-device-missing",
    stages,
    in: own,
    pattern: /mount: (\/[^\n:]{0,250}): (?:special device (\S{1,250}) does not exist|can't find (?:UUID|LABEL|in)[^\n]{0,100})/,
    cause: () => "A file system cannot be mounted, since its device is not there.",
    culprit: (sign) => sign.group(2) ?? sign.group(1),
    remedy: rollback,
    confidence: "certain",
  }),
  byWords({
    id: "mount-refused",
    stages,
    in: own,
    pattern: /mount: (\/[^\n:]{0,250}): (?:wrong fs type, bad option|unknown filesystem type|mount point not mounted or bad option)/,
    cause: () => "A file system cannot be mounted as the configuration says: its type or an option of it is wrong.",
    culprit: first,
    remedy: rollback,
    confidence: "certain",
  }),
  byWords({
    id: "port-in-use",
    stages,
    in: own,
    pattern: /Address already in use|EADDRINUSE|address already in use|bind\(\) to (\S{1,100}) failed \(98/,
    cause: () => "A unit cannot listen, since something else has its port.",
    culprit: unit,
    remedy: restart,
    confidence: "likely",
  }),
  byWords({
    id: "unit-disk-full",
    stages,
    in: own,
    pattern: /No space left on device|Disk quota exceeded/,
    lastLines: 10,
    cause: () => "A unit says that a disk is full.",
    culprit: unit,
    remedy: escalate,
    confidence: "likely",
  }),
  byWords({
    id: "database-version",
    stages,
    in: own,
    pattern:
      /database files are incompatible with server|The data directory was initialized by PostgreSQL version|newer than (?:this|the) server|Downgrad\w+ (?:is )?not (?:supported|allowed)/,
    cause: () => "A database was written by another version than the one that now starts.",
    culprit: unit,
    // It refused to start, so that the data is as the former version left it.
    remedy: rollback,
    confidence: "likely",
  }),
  byWords({
    id: "unit-permission",
    stages,
    in: own,
    pattern:
      /(\/[^\s:'"]{1,250})['"]?: Permission denied|Permission denied[^\n/]{0,40}['"]?(\/[^\s'"]{1,250})|\(13: Permission denied\)|EACCES: permission denied[^\n']{0,60}'?(\/[^\s']{0,250})/,
    cause: () => "A unit may not read or write what it needs; often the owner of its state is another user than before.",
    culprit: (sign) => sign.group(1) ?? sign.group(2) ?? sign.group(3) ?? unit(sign),
    remedy: rollback,
    confidence: "likely",
  }),
  byWords({
    id: "unit-start-timeout",
    stages,
    in: manager,
    pattern: /: (?:start|start-pre|start-post) operation timed out|Timed out waiting for device (\S{1,200})/,
    cause: () => "A unit did not say in time that it is ready.",
    culprit: (sign) => sign.group(1) ?? unit(sign),
    remedy: restart,
    confidence: "certain",
  }),
  byWords({
    id: "unit-stop-timeout",
    stages,
    in: manager,
    pattern: /State '(?:stop-sigterm|final-sigterm|stop-sigkill)' timed out/,
    cause: () => "A unit did not stop in time and was killed.",
    culprit: unit,
    remedy: restart,
    confidence: "certain",
  }),
  byWords({
    id: "unit-dependency",
    stages,
    in: manager,
    pattern: /Dependency failed for [^\n]{1,200}|Job \S{1,200} failed with result 'dependency'/,
    cause: () => "A unit was not started, since one that it needs failed; look at that one first.",
    culprit: unit,
    remedy: rollback,
    confidence: "likely",
  }),
  byWords({
    id: "unit-restarts",
    stages,
    in: manager,
    pattern: /Start request repeated too quickly|Scheduled restart job, restart counter is at \d{1,9}/,
    cause: () => "A unit fails again and again.",
    culprit: unit,
    remedy: rollback,
    confidence: "likely",
  }),
];
