import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  armProgram,
  beginProgram,
  cancelProgram,
  giveUpProgram,
  rebootProgram,
  settleProgram,
  timerScriptText,
} from "../../src/reboot/reboot-program.ts";
import { newSystem, oldSystem } from "./sample.ts";

/** The programs as they run on a host, with systemd and bootctl that only write down what they are told. */

let place = "";
const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
const id = `reboot-${"0".repeat(32)}-1`;
const started = `{"v":1,"event":"started","at":1,"bootId":"${bootId}","attempt":{"id":"${id}","host":"web1","operation":"reboot","from":{},"to":"${newSystem}"}}`;
const ended = `{"v":1,"event":"ended","at":2,"id":"${id}","outcome":"refused","reason":"window"}`;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "gate reboot "));
  mkdirSync(join(place, "bin"));
  mkdirSync(join(place, "boot"));
  // The systems of these tests are in no store.
  writeFileSync(join(place, "bin/readlink"), '#!/bin/sh\nPATH=/usr/bin:/bin exec readlink -m -- "$2"\n', { mode: 0o755 });
  for (const name of ["systemd-run", "systemctl", "bootctl"]) {
    writeFileSync(
      join(place, "bin", name),
      `#!/bin/sh\nprintf '%s' ${name} >>"$CALLS"\nfor w in "$@"; do printf ' [%s]' "$w" >>"$CALLS"; done\necho >>"$CALLS"\n[ "$1" = is-active ] && exit 1\nexit 0\n`,
    );
    chmodSync(join(place, "bin", name), 0o755);
  }
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const here = (text: string): string =>
  text
    .replaceAll("/var/lib/nixos-deploy-gate", "$PLACE/state")
    .replaceAll("=/run/nixos-deploy-gate", "=$PLACE/run")
    .replaceAll("/run/booted-system", '"$PLACE/booted"');

function run(
  shell: string,
  program: string,
  words: readonly string[],
  path = `${join(place, "bin")}:${process.env["PATH"]}`,
): Record<string, string> {
  // Words are put in place of paths that only root may write; each is quoted by its own variable.
  const text = `set -u\nput() { printf '%s=%s\\n' "$1" "$2"; }\n${here(program).replaceAll("home=$PLACE", 'home="$PLACE"').replaceAll("ledger_home=$PLACE/state", 'ledger_home="$PLACE/state"')}`;
  const out = execFileSync(shell, ["-c", text, "sh", ...words], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: path,
      PLACE: place,
      CALLS: join(place, "calls"),
      GATE_PROFILE: newSystem,
      GATE_BOOT_PLACES: "boot",
    },
    cwd: place,
  });
  return Object.fromEntries(
    out
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

const calls = (): string => {
  try {
    return readFileSync(join(place, "calls"), "utf8");
  } catch {
    return "";
  }
};
const ledger = (): string[] => readFileSync(join(place, "state/ledger.jsonl"), "utf8").trimEnd().split("\n");

function entry(name: string, toplevel: string): void {
  mkdirSync(join(place, "boot/loader/entries"), { recursive: true });
  writeFileSync(
    join(place, "boot/loader/entries", name),
    `title NixOS\nlinux /EFI/nixos/x.efi\noptions init=${toplevel}/init quiet loglevel=4\n`,
  );
}
function systemdBoot(byDefault: string, counter = ""): void {
  entry("nixos-generation-6.conf", oldSystem);
  entry(`nixos-generation-7${counter}.conf`, newSystem);
  writeFileSync(join(place, "boot/loader/loader.conf"), `timeout 5\ndefault ${byDefault}\nconsole-mode keep\n`);
}

describe.each(["dash", "bash"])("in %s", (shell) => {
  const order = (changes: Partial<Record<number, string>> = {}): Record<string, string> =>
    run(
      shell,
      rebootProgram,
      [id, bootId, newSystem, "", "", "verify", "default"].map((word, n) => changes[n] ?? word),
    );
  const begin = (line = started, boot = bootId): Record<string, string> => run(shell, beginProgram, [boot, line]);

  test("of two that begin one does", () => {
    expect(begin()).toEqual({ result: "yes", reason: "begun" });
    expect(begin(started.replace('"at":1', '"at":9').replace(id, id.replace(/1$/, "2")))).toEqual({ result: "no", reason: "under-way" });
    expect(ledger()).toEqual([started]);
    expect(begin(started, "another")).toEqual({ result: "no", reason: "boot-changed" });
  });

  test("what was given up is begun anew, what was rebooted is closed as well", () => {
    begin();
    expect(run(shell, giveUpProgram, [bootId, ended])).toEqual({ result: "yes", reason: "given-up" });
    expect(run(shell, giveUpProgram, [bootId, ended])).toEqual({ result: "yes", reason: "given-up" });
    expect(ledger()).toEqual([started, ended]);
    expect(run(shell, giveUpProgram, ["another", ended])).toEqual({ result: "no", reason: "boot-changed" });
    expect(begin(started.replace(id, id.replace(/1$/, "2"))).result).toBe("yes");
  });

  test("it reboots from a unit, after the answer", () => {
    systemdBoot("nixos-generation-7.conf");
    begin();
    expect(order()).toEqual({ entry: "ok systemd-boot", result: "yes", reason: "ordered" });
    expect(calls()).toContain(`[--unit=nixos-deploy-gate-${id}] [--on-active=1s]`);
    expect(calls()).toContain("[systemctl] [reboot]");
  });

  test("it does not where something is not as it was", () => {
    systemdBoot("nixos-generation-7.conf");
    expect(order().reason).toBe("not-open");
    begin();
    expect(order({ 1: "another" }).reason).toBe("boot-changed");
    expect(order({ 2: oldSystem }).reason).toBe("target-changed");
    expect(order({ 4: "1000" }).reason).toBe("window");
    expect(order({ 3: "99999999999" }).reason).toBe("window");
    expect(order({ 0: id.replace(/1$/, "2") }).reason).toBe("not-open");
    run(shell, giveUpProgram, [bootId, ended]);
    expect(order().reason).toBe("not-open");
    expect(calls()).not.toContain("systemd-run");
  });

  test("the boot loader has to have it as its default", () => {
    begin();
    expect(order().reason).toBe("boot-entry-unknown");
    expect(order({ 5: "trust" }).reason).toBe("ordered");
    systemdBoot("nixos-generation-6.conf");
    expect(order({ 5: "trust" }).reason).toBe("boot-entry-wrong");
    systemdBoot("nixos-generation-*.conf");
    expect(order().entry).toBe("ok systemd-boot");
  });

  test("a longer path that begins alike is another system", () => {
    entry("nixos-generation-7.conf", `${newSystem}-more`);
    writeFileSync(join(place, "boot/loader/loader.conf"), "default nixos-generation-7.conf\n");
    begin();
    expect(order().reason).toBe("boot-entry-wrong");
  });

  test.each([
    [
      "grub",
      "grub/grub.cfg",
      (path: string) =>
        `set default=0\nmenuentry "NixOS" {\n  linux /k init=${path}/init quiet\n}\nmenuentry "old" {\n linux /k init=${oldSystem}/init\n}\n`,
    ],
    [
      "extlinux",
      "extlinux/extlinux.conf",
      (path: string) =>
        `DEFAULT nixos-default\nLABEL old\n  APPEND init=${oldSystem}/init\nLABEL nixos-default\n  LINUX ../k\n  APPEND init=${path}/init loglevel=4\n`,
    ],
  ])("%s", (name, file, text) => {
    begin();
    mkdirSync(join(place, "boot", file, ".."), { recursive: true });
    writeFileSync(join(place, "boot", file), text(newSystem));
    expect(order().entry).toBe(`ok ${name}`);
    writeFileSync(join(place, "boot", file), text(`/nix/store/${"z".repeat(32)}-other`));
    expect(order().reason).toBe("boot-entry-wrong");
  });

  test("the new one is tried once, the old one stays the default until it is settled", () => {
    systemdBoot("nixos-generation-7.conf");
    begin();
    execFileSync("ln", ["-s", oldSystem, join(place, "booted")]);
    expect(order({ 6: "once" })).toEqual({ entry: "ok systemd-boot", tries: "once", result: "yes", reason: "ordered" });
    expect(calls()).toContain("bootctl [set-oneshot] [nixos-generation-7.conf]\nbootctl [set-default] [nixos-generation-6.conf]");
    expect(run(shell, settleProgram, [])).toEqual({ result: "yes", reason: "settled" });
    expect(calls()).toContain("bootctl [set-default] []");
    const before = calls();
    run(shell, settleProgram, []);
    expect(calls()).toBe(before);
  });

  test("a loader that counts tries by itself is left to it", () => {
    systemdBoot("nixos-generation-7.conf", "+3");
    begin();
    expect(order({ 6: "once" })).toMatchObject({ entry: "ok systemd-boot", tries: "counting", result: "yes" });
    expect(calls()).not.toContain("bootctl");
  });

  test("where systemd does not take the order nothing stays behind", () => {
    systemdBoot("nixos-generation-7.conf");
    begin();
    execFileSync("ln", ["-s", oldSystem, join(place, "booted")]);
    writeFileSync(join(place, "bin/systemd-run"), "#!/bin/sh\nexit 1\n");
    expect(order({ 6: "once" })).toMatchObject({ result: "no", reason: "systemd" });
    expect(calls()).toContain("bootctl [set-default] []");
  });

  test("a timer carries the id, and its words never reach a unit", () => {
    begin();
    const odd = ["sh", "-c", "echo '$HOME' %n; exit 1", "new\nline", "é 'q\" "];
    const words = [
      id,
      bootId,
      newSystem,
      "",
      "",
      "verify",
      "default",
      "0",
      "1999999999",
      "30",
      timerScriptText,
      "2",
      "true",
      "x",
      String(odd.length),
      ...odd,
    ];
    expect(run(shell, armProgram, words)).toEqual({ result: "yes", reason: "armed" });
    expect(calls()).toContain(`[--unit=nixos-deploy-gate-${id}] [--on-calendar=@1999999999]`);
    expect(calls()).not.toMatch(/HOME|%n/);
    const read = (n: number, w: number): string => readFileSync(join(place, "run", id, "inhibit", String(n), String(w)), "utf8");
    expect(odd.map((_, w) => read(101, 1000 + w))).toEqual(odd);
    expect(read(100, 1000)).toBe("true");

    systemdBoot("nixos-generation-7.conf");
    const fire = (): string => {
      const script = here(readFileSync(join(place, "run", id, "script"), "utf8"))
        .replaceAll("ledger_home=$PLACE/state", 'ledger_home="$PLACE/state"')
        .replace(/^PATH=\/run.*$/m, ":");
      return execFileSync(shell, ["-uc", script, "sh", id, bootId, newSystem, "", "", "verify", "default", "0", join(place, "run", id)], {
        encoding: "utf8",
        cwd: place,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          PATH: `${join(place, "bin")}:${process.env["PATH"]}`,
          PLACE: place,
          CALLS: join(place, "calls"),
          GATE_PROFILE: newSystem,
          GATE_BOOT_PLACES: "boot",
        },
      });
    };
    expect(fire()).toContain("reason: inhibited");
    expect(calls()).not.toContain("systemctl [reboot]");
    rmSync(join(place, "run", id, "inhibit/101"), { recursive: true });
    expect(fire()).toContain("reason: ordered");
    expect(calls()).toContain("systemctl [reboot]");
  });

  test("timers of another target are cancelled, the one in force is not", () => {
    const other = `reboot-${"1".repeat(32)}-1`;
    writeFileSync(
      join(place, "bin/systemctl"),
      `#!/bin/sh\n[ "$1" = list-units ] && { echo "nixos-deploy-gate-${id}.timer loaded"; echo "nixos-deploy-gate-${other}.timer loaded"; }\necho "$@" >>"$CALLS"\n`,
    );
    mkdirSync(join(place, "run", other), { recursive: true });
    expect(run(shell, cancelProgram, [id])).toEqual({ cancelled: `nixos-deploy-gate-${other}.timer`, result: "yes" });
    expect(calls()).toContain(`stop nixos-deploy-gate-${other}.timer`);
    expect(calls()).not.toContain(`stop nixos-deploy-gate-${id}.timer`);
  });
});
