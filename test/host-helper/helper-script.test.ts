import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { helperScript } from "../../src/host-helper/helper-script.ts";
import { helperVerbs } from "../../src/target/helper-verb.ts";

/** The root helper as a text; what it does on a host is in test/hosts/helper.hosts.ts. */
const root = join(import.meta.dirname, "../..");

test("every program of a deploy, a reboot, a verification and a diagnosis has a verb, but for the operator's own commands", () => {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((file) =>
    /^(?:target|apply|verify|deploy|reboot|diagnose|goal)\/.*\.ts$/.test(file),
  );
  const without = files.flatMap((file) =>
    [...readFileSync(join(root, "src", file), "utf8").matchAll(/[tT]argets\.run\(\{[^}]*\}/g)]
      .filter(([call]) => !/\bverb\b/.test(call))
      .map(() => file),
  );
  expect(without).toEqual(["reboot/host-command.ts"]);
});

test("nix/helper.sh is what the sources make, and may be run", () => {
  expect(readFileSync(join(root, "nix/helper.sh"), "utf8")).toBe(helperScript());
});

describe.each(["sh", "bash"])("in %s", (shell) => {
  test("is a script that it reads", () => {
    expect(spawnSync(shell, ["-n", join(root, "nix/helper.sh")], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  });

  test(
    "holds no more than it ever needs of what it is sent: a key that is not root could otherwise fill the host's memory",
    { timeout: 60_000 },
    () => {
      const nonce = "0123456789abcdef0123456789abcdef";
      const megabyte = "x".repeat(1_000_000);
      const frames = (count: number): string => `${nonce}\n9\n${count}\n4\nping${`1000000\n${megabyte}`.repeat(count)}${nonce}\n`;
      // In a session of its own, as sshd gives one: what is read and begun ends with its connection, and its whole group with it.
      const serve = (input: string) =>
        spawnSync("setsid", ["-w", shell, join(root, "nix/helper.sh"), "serve"], { input, encoding: "utf8", timeout: 60_000 });
      expect(serve(frames(3)).stdout).toContain(`${nonce} begin`);
      expect(serve(frames(20))).toMatchObject({ status: 125, stdout: "" });
      expect(serve(`${nonce}\n9\n0\n04\nping${nonce}\n`)).toMatchObject({ status: 125, stdout: "" });
    },
  );

  /** The helper's own functions, asked about one verb, without the programs. */
  const admit = (...words: string[]): { status: number | null; stderr: string } =>
    spawnSync(
      shell,
      [
        "-uc",
        `${helperScript()
          .split("\ntext_observe()")[0]
          ?.replace(/^\[ "\$\{1-\}" = serve.*\nshift$/m, "")}
program_of() { :; }
${/\ntrusted_keys=[^]*?\nactivated_dry\(\) \{[^]*?\n\}\n/.exec(helperScript())?.[0]}
gate_admit "$@"`,
        "helper",
        ...words,
      ],
      // As a host has it: bash by the name of sh reads no start-up file, whatever its stdin looks like.
      { encoding: "utf8", argv0: "sh" },
    );

  test.each<string[]>([
    ["observe", "full", "net/ipv4/ip_forward"],
    ["record", "{}"],
    ["root", "keep", "copy-0a", "/nix/store/00000000000000000000000000000000-nixos-system-a-26.05"],
    ["root", "release", "copy-0a"],
    ["follow", "a-1", "now", "0", "10"],
    ["say", "a-1", "0123456789abcdef0123456789abcdef", "confirm", "20"],
    ["restart", "90", "a@b.service", "c.timer"],
    ["restart", "90", "systemd-networkd.service", "mnt-data.mount", "dev-sda2.swap"],
    ["evidence", "", "multi-user.target"],
    ["check", "unit", "0", "1", "9", "1", "sshd.service", "tcp", "5", "3", "10", "2", "db.example.org", "5432"],
    ["check", "http", "5", "3", "10", "6", "https://[::1]:8443/a?b=c", "::1", "8443", "/a?b=c", "[::1]:8443", "200,204"],
    ["check", "http", "5", "3", "10", "7", "http://a/", "a", "80", "/", "a", "200", "any text\nat all"],
    ["evidence", "1763863200", "nginx.service"],
    ["evidence", ""],
    ["ping"],
    ["reboot-settle"],
    ["reboot-cancel", ""],
    ["act-restart", "baff9136-f5ac-4acb-9b11-684014e6cf12", "failed", "90", "", "{}", "a@b.service"],
    ["act-restart", "baff9136-f5ac-4acb-9b11-684014e6cf12", "flapping", "90", "{}", "{}", "a.timer"],
    ["act-garbage", "baff9136-f5ac-4acb-9b11-684014e6cf12", "214748364800", "900", "{}"],
  ])("lets through: %s %s %s", (...words) => {
    expect(admit(...words)).toMatchObject({ status: 0, stderr: "" });
  });

  test.each<string[]>([
    ["observe"],
    ["record", "x"],
    ["record", "{}\n{}"],
    ["root", "keep", "copy-0a", "/tmp/x"],
    ["root", "keep", "copy-../x", "/nix/store/00000000000000000000000000000000-nixos-system-a"],
    ["root", "drop", "copy-0a"],
    ["follow", "a-1", "now", "08", "10"],
    ["follow", "a-1", "now", "0", "1000000000"],
    ["follow", "-a", "now", "0", "1"],
    ["follow", "a/b", "now", "0", "1"],
    ["say", "a-1", "x", "confirm"],
    ["say", "a-1", "0123456789abcdef0123456789abcdef", "approve"],
    ["restart", "90", "-x.service"],
    ["restart", "90", "a"],
    ["restart", "90", "a.service\nb.service"],
    ["restart", "90", "a.service", "poweroff.target"],
    ["restart", "90", "system.slice"],
    ["restart", "90", "systemd-poweroff.service"],
    ["restart", "90", "systemd-suspend-then-hibernate.service"],
    ["restart", "90", "debug-shell.service"],
    ["act-restart", "baff9136-f5ac-4acb-9b11-684014e6cf12", "flapping", "90", "", "{}", "emergency.target"],
    ["check", "unit", "0", "1", "9", "1"],
    ["check", "unit", "0", "1", "9", "2", "a.service", "b.service"],
    ["check", "command", "0", "1", "9", "1", "id"],
    ["check", "tcp", "0", "1", "9", "2", "$(id)", "1"],
    ["check", "tcp", "0", "1", "9", "2", "[a]b", "1"],
    ["check", "http", "0", "1", "9", "6", "http://a/ b", "a", "80", "/", "a", "200"],
    ["check", "http", "0", "1", "9", "6", "http://a/", "a", "80", "/", "a", "200 -o/etc/x"],
    ["evidence", "now"],
    ["ping", "x"],
    ["reboot-begin", "x", "{}"],
    ["act-restart", "baff9136-f5ac-4acb-9b11-684014e6cf12", "healthy", "90", "", "{}", "a.service"],
    ["act-restart", "baff9136-f5ac-4acb-9b11-684014e6cf12", "failed", "a[$(id)]", "", "{}", "a.service"],
    ["act-restart", "baff9136-f5ac-4acb-9b11-684014e6cf12", "failed", "90", "", "{}", "-a.service"],
    ["act-restart", "baff9136-f5ac-4acb-9b11-684014e6cf12", "failed", "90", "x", "{}", "a.service"],
    ["act-garbage", "baff9136-f5ac-4acb-9b11-684014e6cf12", "-d", "900", "{}"],
    ["act-garbage", "baff9136-f5ac-4acb-9b11-684014e6cf12", "9000000000000000", "900", "{}"],
    ["nothing"],
  ])("refuses: %s %s %s %s", (...words) => {
    const { status, stderr } = admit(...words);
    expect(stderr).toMatch(/^nixos-deploy-gate-helper: /);
    expect(status).toBe(77);
  });
});

test("knows every verb", () => {
  for (const verb of helperVerbs) expect(helperScript()).toMatch(new RegExp(`^    ${verb}\\) text_`, "m"));
});
