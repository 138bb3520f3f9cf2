/**
 * What an exit code of switch-to-configuration means, per operation. The codes are few and say little: 4 hides a 2, 1 is an inhibitor as well as a bus that did not
 * answer, and the same 100 is harmless under `test` and has written a boot entry under `switch`. The log and what is active afterwards settle it.
 *
 * From the source of switch-to-configuration-ng in nixpkgs (pkgs/by-name/sw/switch-to-configuration-ng/src/main.rs).
 */
export type SwitchAction = "switch" | "test" | "boot" | "dry-activate";

export const exitKinds = [
  "done",
  /** Live; some unit did not start, stop, reload or restart, or was failed at the end, which may be older than the change. */
  "units-failed",
  /** /etc and the rest are new, but the activation script failed somewhere: half of it may be missing. */
  "activation-script-failed",
  "inhibited",
  "pre-switch-check-failed",
  "init-interface",
  "lock-held",
  "not-nixos",
  "boot-loader-failed",
  "failed-unchanged",
  "failed-changed",
  /** 255, or no code: the connection, not the program. */
  "unknown",
  "time-limit",
] as const;
export type ExitKind = (typeof exitKinds)[number];

export type Changed = "nothing" | "running-system" | "part-of-running-system" | "boot-default" | "unknown";

export type ExitMeaning = {
  readonly kind: ExitKind;
  readonly changed: Changed;
  readonly sentence: string;
  /** What to do next; a command where one helps. */
  readonly next: string;
};

export type ExitCase = {
  readonly action: SwitchAction;
  /** Undefined where no code came back: killed, or the connection was lost. */
  readonly exit: number | undefined;
  /** True where our own limit ended it. */
  readonly limit?: boolean;
  /** What it printed; untrusted, and read for its own words only. */
  readonly log: string;
  /** Whether current-system is another one than before; undefined where it was not looked at. */
  readonly moved?: boolean | undefined;
};

const words = {
  inhibitor: /changes to critical components|Pre-switch check 'switchInhibitors' failed/i,
  check: /pre-switch check/i,
  activate: /Failed to run activate script/,
  lock: /Could not (?:acquire|open) lock/,
  notNixos: /This is not a NixOS installation/,
  began: /^(?:stopping the following units|stopping swap device|activating the configuration)/m,
};

/** Which of them it is, what has changed by it, and what comes next. Pure. */
export function exitMeaning(given: ExitCase): ExitMeaning {
  const { action, exit, log } = given;
  const touches = action === "switch" || action === "test";
  if (given.limit === true) {
    return meaning("time-limit", touches ? "part-of-running-system" : action === "boot" ? "boot-default" : "nothing", {
      sentence:
        "It did not end within its limit and was ended; a unit that does not stop or start holds it up without any limit of its own.",
      next: "systemctl list-jobs   # on the host, to see which unit it waits for",
    });
  }
  if (exit === undefined || exit === 255) {
    return meaning("unknown", "unknown", {
      sentence: "How it ended is not known: the connection or the program was cut off, and it may have done all, part or nothing.",
      next: "readlink /run/current-system   # on the host; nothing is decided before that is read",
    });
  }
  // Whatever the code says, nothing went by the lock and the question what this machine is.
  if (exit !== 0 && words.lock.test(log) && !words.began.test(log)) {
    return meaning("lock-held", "nothing", {
      sentence: "Another switch-to-configuration holds the lock of the host; nothing was changed.",
      next: "fuser -v /run/nixos/switch-to-configuration.lock   # on the host; run the gate again when that has ended",
    });
  }
  if (exit !== 0 && words.notNixos.test(log)) {
    return meaning("not-nixos", "nothing", {
      sentence: "The host says that it is not NixOS; nothing was changed.",
      next: "ls -l /etc/NIXOS; cat /etc/os-release   # on the host",
    });
  }
  switch (exit) {
    case 0:
      return meaning("done", done[action], { sentence: `${action} ended well.`, next: "Look whether it took effect." });
    case 2:
      if (touches) return scriptFailed();
      break;
    case 4:
      if (!touches) break;
      if (words.activate.test(log)) return scriptFailed();
      return meaning("units-failed", "running-system", {
        sentence: "The new system is active, and at least one unit failed; it may have been failing before.",
        next: "systemctl --failed   # on the host; compare with the units that had failed before",
      });
    case 11:
      // EAGAIN of the lock, its words cut off. Once anything had begun it would be something else.
      if (words.began.test(log)) break;
      return meaning("lock-held", "nothing", {
        sentence: "Another switch-to-configuration holds the lock of the host; nothing was changed.",
        next: "fuser -v /run/nixos/switch-to-configuration.lock   # on the host; run the gate again when that has ended",
      });
    case 100:
      if (action === "boot" || action === "dry-activate") break;
      return meaning("init-interface", action === "switch" ? "boot-default" : "nothing", {
        sentence:
          action === "switch"
            ? "The init of the new system does not fit the running one: the boot default is set, and what runs is as it was."
            : "The init of the new system does not fit the running one; nothing was changed.",
        next: action === "switch" ? "Reboot within the next window." : "Set it as the boot default and reboot within the next window.",
      });
    case 1:
      return one(given);
  }
  return other(given);
}

const done: Record<SwitchAction, Changed> = {
  switch: "running-system",
  test: "running-system",
  boot: "boot-default",
  "dry-activate": "nothing",
};

function meaning(kind: ExitKind, changed: Changed, text: { readonly sentence: string; readonly next: string }): ExitMeaning {
  return { kind, changed, ...text };
}

function scriptFailed(): ExitMeaning {
  return meaning("activation-script-failed", "part-of-running-system", {
    sentence: "The activation script failed, and the switch went on after it: users, secrets or files in /etc may be half made.",
    next: "Read above which activation snippet failed; go back unless it is known to be harmless.",
  });
}

/** 1 is every refusal and every error inside the program; the words before it tell which. */
function one({ action, log, moved }: ExitCase): ExitMeaning {
  const began = words.began.test(log) || moved === true;
  if (!began && words.inhibitor.test(log)) {
    return meaning("inhibited", "nothing", {
      sentence: "A critical component differs that cannot change under a running system, so the switch was refused; nothing was changed.",
      next: "Set it as the boot default and reboot within the next window.",
    });
  }
  if (!began && words.check.test(log)) {
    return meaning("pre-switch-check-failed", "nothing", {
      sentence: "A pre-switch check of the new system refused it; nothing was changed.",
      next: "Read above what the check says; correct the configuration, or the host.",
    });
  }
  if (action === "boot" || (action === "switch" && !began)) {
    return meaning("boot-loader-failed", "boot-default", {
      sentence: "The boot loader could not be installed: /boot may be half written, and what runs is as it was.",
      next: "df -h /boot   # on the host; then switch-to-configuration boot of the system that shall boot",
    });
  }
  return other({ action, exit: 1, log, moved });
}

function other({ action, exit, log, moved }: ExitCase): ExitMeaning {
  const how = `${action} ended with exit code ${exit}`;
  if (action === "dry-activate") {
    return meaning("failed-unchanged", "nothing", {
      sentence: `${how}; nothing was changed, and what it would have done is not known.`,
      next: "Read above what it says.",
    });
  }
  if (action === "boot") {
    return meaning("boot-loader-failed", "boot-default", {
      sentence: `${how}: the boot loader may be half installed, and what runs is as it was.`,
      next: "df -h /boot   # on the host; then switch-to-configuration boot of the system that shall boot",
    });
  }
  const began = words.began.test(log);
  if (moved === false && !began) {
    return meaning("failed-unchanged", "nothing", {
      sentence: `${how} before it began to change anything.`,
      next: "Read above what it says.",
    });
  }
  if (moved === undefined && !began) {
    return meaning("failed-changed", "unknown", {
      sentence: `${how}; whether it had begun to change anything is not known.`,
      next: "readlink /run/current-system   # on the host",
    });
  }
  return meaning("failed-changed", moved === true ? "running-system" : "part-of-running-system", {
    sentence: `${how} in the middle: units may be stopped and not started again.`,
    next: "Go back to the recorded system, or run the same switch once more.",
  });
}
