import { expect, test } from "vitest";
import { type ExitCase, exitMeaning } from "../../src/apply/exit-meaning.ts";

const activating = "stopping the following units: a.service\nactivating the configuration...\nsetting up /etc...\n";
const inhibitor = "Checking switch inhibitors...\nThere are changes to critical components of the system:\n\ndbus : dbus -> broker\n";
// The check for inhibitors says that it looks whether there are any or not.
const check = "Checking switch inhibitors...\n done\nPre-switch check 'detectHostnameChange' failed\nPre-switch checks failed\n";
const lock = "Could not acquire lock\n";

const cases: readonly [given: Omit<ExitCase, "log"> & { log?: string }, kind: string, changed: string][] = [
  [{ action: "switch", exit: 0 }, "done", "running-system"],
  [{ action: "test", exit: 0 }, "done", "running-system"],
  [{ action: "boot", exit: 0 }, "done", "boot-default"],
  [{ action: "dry-activate", exit: 0 }, "done", "nothing"],

  [{ action: "test", exit: 1, log: inhibitor, moved: false }, "inhibited", "nothing"],
  [{ action: "switch", exit: 1, log: inhibitor }, "inhibited", "nothing"],
  [{ action: "dry-activate", exit: 1, log: inhibitor }, "inhibited", "nothing"],
  [{ action: "test", exit: 1, log: check, moved: false }, "pre-switch-check-failed", "nothing"],
  [{ action: "boot", exit: 1, log: check }, "pre-switch-check-failed", "nothing"],
  // A service that prints the words of an inhibitor in the middle of a switch makes no refusal of it.
  [{ action: "test", exit: 1, log: `${activating}${inhibitor}` }, "failed-changed", "part-of-running-system"],
  [{ action: "test", exit: 1, log: inhibitor, moved: true }, "failed-changed", "running-system"],
  [{ action: "boot", exit: 1, log: "cannot write to the EFI system partition" }, "boot-loader-failed", "boot-default"],
  [{ action: "switch", exit: 1, log: "cannot write to the EFI system partition" }, "boot-loader-failed", "boot-default"],
  [{ action: "test", exit: 1, log: "Error: Failed to open dbus connection", moved: false }, "failed-unchanged", "nothing"],
  [{ action: "test", exit: 1, log: "Error: Failed to open dbus connection" }, "failed-changed", "unknown"],
  [{ action: "switch", exit: 1, log: `${activating}Error: systemd daemon reload failed` }, "failed-changed", "part-of-running-system"],

  [{ action: "test", exit: 2, log: activating }, "activation-script-failed", "part-of-running-system"],
  [{ action: "boot", exit: 2 }, "boot-loader-failed", "boot-default"],
  [{ action: "test", exit: 4, log: activating }, "units-failed", "running-system"],
  [
    { action: "switch", exit: 4, log: `${activating}Failed to run activate script\n` },
    "activation-script-failed",
    "part-of-running-system",
  ],
  [{ action: "dry-activate", exit: 4 }, "failed-unchanged", "nothing"],

  [{ action: "test", exit: 100 }, "init-interface", "nothing"],
  [{ action: "switch", exit: 100 }, "init-interface", "boot-default"],
  [{ action: "boot", exit: 100 }, "boot-loader-failed", "boot-default"],

  [{ action: "test", exit: 11, log: lock }, "lock-held", "nothing"],
  [{ action: "boot", exit: 11 }, "lock-held", "nothing"],
  [{ action: "switch", exit: 1, log: lock }, "lock-held", "nothing"],
  [{ action: "test", exit: 11, log: activating, moved: true }, "failed-changed", "running-system"],
  [{ action: "test", exit: 1, log: "This is not a NixOS installation!\n" }, "not-nixos", "nothing"],

  [{ action: "switch", exit: 255 }, "unknown", "unknown"],
  [{ action: "test", exit: undefined }, "unknown", "unknown"],
  [{ action: "test", exit: 137, log: activating, moved: false }, "failed-changed", "part-of-running-system"],
  [{ action: "test", exit: 64, moved: false }, "failed-unchanged", "nothing"],

  [{ action: "test", exit: undefined, limit: true }, "time-limit", "part-of-running-system"],
  [{ action: "boot", exit: undefined, limit: true }, "time-limit", "boot-default"],
  [{ action: "dry-activate", exit: 124, limit: true }, "time-limit", "nothing"],
];

test.each(cases)("%j is %s and has changed %s", (given, kind, changed) => {
  const found = exitMeaning({ log: "", ...given });
  expect({ kind: found.kind, changed: found.changed }).toEqual({ kind, changed });
  expect(found.sentence).toMatch(/^[A-Za-z1-9].*\.$/s);
  expect(found.next).not.toBe("");
});

test("every code has a meaning for every action, and only 0 is done", () => {
  for (const action of ["switch", "test", "boot", "dry-activate"] as const) {
    for (let exit = 0; exit < 256; exit += 1) {
      const { kind } = exitMeaning({ action, exit, log: "" });
      expect(kind === "done").toBe(exit === 0);
    }
  }
});
