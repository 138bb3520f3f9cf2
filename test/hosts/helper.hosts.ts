import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { helperCommand } from "../../src/target/helper-verb.ts";
import { helperInput, remoteInput, rootCommand, sudoCommand } from "../../src/target/remote-program.ts";
import { evaluate, type Evaluated } from "../module/evaluate.ts";
import { nixVersions } from "../nix/versions.ts";
import { must, type Result, run } from "./command.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import { type Lab, startLab } from "./lab.ts";
import type { LabHost } from "./host.ts";
import { buildToplevel } from "./toplevels.ts";

/** The root helper of the NixOS module on a real host, as the module generates it: a deploy goes through it, and the holder of the deploy key gets no further. */
let lab: Lab;
let alpha: LabHost;
let fleet: Fleet;
let scratch: string;
let sshd: string;
const spec = (version: string): HostSpec => ({ services: { hello: { version } }, sshd });
const nonce = "0123456789abcdef0123456789abcdef";

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "helper-"));
  for (const name of ["operator", "stranger"]) {
    const secret = await must(["nix", "key", "generate-secret", "--key-name", `${name}-1`]);
    writeFileSync(join(scratch, name), secret, { mode: 0o600 });
    writeFileSync(join(scratch, `${name}.pub`), await must(["nix", "key", "convert-secret-to-public"], { input: secret }));
  }
  const made = generated();
  sshd = made.sshd;
  lab = await startLab({ hosts: [{ host: "alpha", ...spec("1.0") }] });
  alpha = lab.host("alpha");
  fleet = new Fleet(lab);
  await fleet.begin();
  await install(made);
});
afterAll(async () => {
  fleet?.remove();
  rmSync(scratch, { recursive: true, force: true });
  await lab?.stop();
});

const placeholder = "ssh-ed25519 AAAA gate";
const trusted = (): string => readFileSync(join(scratch, "operator.pub"), "utf8").trim();
function generated(): Evaluated {
  const [nix] = nixVersions();
  if (nix === undefined) throw new Error("There is no Nix.");
  const made = evaluate(
    nix,
    `{ services.openssh.enable = true; services.nixos-deploy-gate.target = { enable = true; authorizedKeys = [ "${placeholder}" ]; helper = { enable = true; trustedKeys = [ "${trusted()}" ]; }; }; }`,
  );
  expect(made.failed).toEqual([]);
  return made;
}

/** What NixOS would write on activation, on a machine that is none. Its sshd_config comes with the system. */
async function install(made: Evaluated): Promise<void> {
  const file = (path: string, text: string, mode: number): void => {
    mkdirSync(join(alpha.rootDirectory, path, ".."), { recursive: true });
    writeFileSync(join(alpha.rootDirectory, path), text, { mode });
    chmodSync(join(alpha.rootDirectory, path), mode);
  };
  for (const [name, { mode, text, source }] of Object.entries(made.etc))
    file(`etc/${name}`, text ?? readFileSync(source ?? "", "utf8"), Number.parseInt(mode, 8));
  chmodSync(join(alpha.rootDirectory, "etc/nixos-deploy-gate"), 0o755);
  file("etc/sudoers.d/deploy", `${made.sudoers}\nroot ALL=(ALL:ALL) NOPASSWD: ALL\n`, 0o440);
  await alpha.sh("visudo -c >&2");
  const key = readFileSync(`${lab.key}.pub`, "utf8").trim();
  file("home/deploy/.ssh/authorized_keys", `${made.authorizedKeys["deploy"]?.replace(placeholder, key)}\n`, 0o444);
  // Debian lets a group to its daemon; NixOS lets everybody.
  await alpha.sh(
    "usermod -aG nix-users deploy; chown -R root:root /home/deploy; chmod 755 /home/deploy /home/deploy/.ssh; grep -q ForceCommand /etc/ssh/sshd_config",
  );
  await alpha.sh(
    'printf "%s\\n" "$1" >>/etc/nix/nix.conf; systemctl restart nix-daemon.service',
    `trusted-public-keys = ${trusted()}\nrequire-sigs = true\ntrusted-users = root`,
  );
}

const policy = (more: object = {}): object => ({
  apply: { user: "deploy", copy: { signingKeyFile: join(scratch, "operator"), checkSignatures: true }, ...more },
  hosts: { alpha: { deploy: true, target: { hostname: alpha.address, machineId: alpha.machineId, helper: true } } },
});
/** As the holder of the deploy key would: any command, any bytes. Held open, as the gate does it: a program ends with its connection. */
function ask(command: string, input: string | Buffer = "", hold = false): Promise<Pick<Result, "exitCode" | "stdout" | "stderr">> {
  return new Promise((done, reject) => {
    const child = spawn("ssh", [...alpha.sshArguments("deploy"), command], { timeout: 60_000 });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("latin1").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("latin1").on("data", (text: string) => (stderr += text));
    child.on("error", reject).on("close", (exitCode) => done({ exitCode: exitCode ?? -1, stdout, stderr }));
    // The other end may hang up first.
    child.stdin.on("error", () => {});
    if (hold) child.stdin.write(input);
    else child.stdin.end(input);
  });
}
const verb = async (name: string, ...words: string[]): ReturnType<typeof ask> =>
  await ask(helperCommand, helperInput({ nonce, limitSeconds: 30, verb: name as "observe", arguments: words }) ?? "", true);
const refusedFor = async (sentence: string, ...words: [string, ...string[]]): Promise<void> => {
  const result = await verb(...words);
  expect(`${result.stdout}${result.stderr}`, words.join(" ")).toContain(sentence);
  expect(result.stdout).toContain(`${nonce} end 77`);
};
const systems = (): Promise<unknown> => alpha.systems();

test("a signed change is brought in, confirmed and verified by a key that is not root", async () => {
  await fleet.commit({ alpha: spec("1.0") }, policy());
  await fleet.commit({ alpha: spec("2.0") }, policy());
  const first = await fleet.deploy();
  expect([first.exitCode, first.plan.hosts[0]?.outcome?.outcome], first.stderr + JSON.stringify(first.plan.hosts[0]?.outcome)).toEqual([
    0,
    "deployed",
  ]);
  const again = await fleet.deploy();
  expect([again.exitCode, again.plan.hosts[0]?.outcome?.outcome]).toEqual([0, "unchanged"]);
  const verified = await fleet.gate("verify");
  expect(verified.exitCode, verified.stderr).toBe(0);
});

test("a system that does not come up well goes back by itself", async () => {
  const before = await systems();
  await fleet.commit({ alpha: { ...spec("3.0"), activation: "echo the activation fails; false" } }, policy());
  const { plan } = await fleet.deploy();
  expect(plan.hosts[0]?.outcome?.outcome).not.toBe("deployed");
  expect(await systems()).toEqual(before);
});

describe("the holder of the deploy key", () => {
  test("runs no command, old or new, whatever it looks like", async () => {
    for (const command of [
      "id",
      "sh",
      rootCommand,
      sudoCommand,
      `${helperCommand}; id`,
      "exec cat /etc/shadow",
      "nix-daemon --stdio --store /",
      "sudo -n id",
      "scp -t /",
      "internal-sftp",
      "/etc/nixos-deploy-gate/helper serve",
    ]) {
      const result = await ask(command, remoteInput({ nonce, limitSeconds: 9, program: "id", arguments: [] }) ?? "");
      expect([77, 78], command).toContain(result.exitCode);
      expect(result.stdout, command).toBe("");
    }
    expect((await ask("nixos-deploy-gate-helper 2")).exitCode).toBe(78);
    expect(
      (await run(["sftp", "-b", "/dev/null", ...alpha.sshArguments("deploy").slice(0, -1), `deploy@${alpha.address}`], {})).exitCode,
    ).not.toBe(0);
    const forward = await run(["ssh", "-W", "127.0.0.1:22", ...alpha.sshArguments("deploy")], { seconds: 20 });
    expect(forward.stderr).toMatch(/prohibited|refused|failed/);
    const back = await run(
      ["ssh", "-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:9999:127.0.0.1:22", ...alpha.sshArguments("deploy"), "exec cat"],
      { seconds: 20 },
    );
    expect(back.stderr).toContain("remote port forwarding failed");
  });

  test("may run the helper as root, and nothing besides", async () => {
    const may = (command: string): Promise<Result> => alpha.exec(["runuser", "-u", "deploy", "--", "sh", "-c", command]);
    for (const command of [
      "sudo -n id",
      "sudo -n /etc/nixos-deploy-gate/helper",
      "sudo -n /etc/nixos-deploy-gate/helper serve id",
      "sudo -n /etc/nixos-deploy-gate/helper login",
      "sudo -n -u root sh",
    ])
      expect((await may(command)).exitCode, command).not.toBe(0);
    expect((await may("echo >>/etc/nixos-deploy-gate/trusted-keys; echo >>/etc/nixos-deploy-gate/helper")).stderr).toContain(
      "ermission denied",
    );
    expect((await may("sudo -n /etc/nixos-deploy-gate/helper serve </dev/null")).exitCode).toBe(125);
  });

  test("brings in no system that the operator did not sign", async () => {
    const before = await systems();
    const unsigned = await buildToplevel({ host: "alpha", services: { evil: { version: "1.0" } } });
    const copy = async (path: string): Promise<Result> =>
      await run(["nix", "copy", "--no-check-sigs", "--to", `ssh-ng://deploy@${alpha.address}`, path], {
        seconds: 60,
        env: { ...process.env, NIX_SSHOPTS: alpha.sshArguments("deploy").slice(0, -1).join(" ") },
      });
    // The daemon does not take it: neither unsigned nor signed by somebody else.
    expect((await copy(unsigned)).stderr).toMatch(/lacks a (?:valid )?signature/);
    await must(["nix", "store", "sign", "--recursive", "--key-file", join(scratch, "stranger"), unsigned]);
    expect((await copy(unsigned)).stderr).toMatch(/lacks a (?:valid )?signature/);
    await refusedFor("there is no such system on this host", "dry-activate", unsigned, "60", "checks");
    // Root brought it; the helper still does not.
    await alpha.copy([unsigned]);
    await refusedFor("not signed by a trusted key", "dry-activate", unsigned, "60", "checks");
    // Anybody who reaches the daemon may add a path that is addressed by its content.
    mkdirSync(join(scratch, "evil/bin"), { recursive: true });
    writeFileSync(join(scratch, "evil/nixos-version"), "26.05");
    writeFileSync(join(scratch, "evil/init"), "");
    writeFileSync(join(scratch, "evil/bin/switch-to-configuration"), "#!/bin/sh\nid >/root-was-here\n", { mode: 0o755 });
    const added = (await must(["nix", "store", "add-path", "--name", "nixos-system-alpha-26.05", join(scratch, "evil")])).trim();
    expect((await copy(added)).exitCode).toBe(0);
    expect(
      (
        await alpha.exec([
          "nix",
          "--extra-experimental-features",
          "nix-command",
          "store",
          "verify",
          "--no-contents",
          "--sigs-needed",
          "1",
          added,
        ])
      ).exitCode,
    ).toBe(0);
    await refusedFor("addressed by its content", "dry-activate", added, "60", "checks");
    await refusedFor("addressed by its content", "dry-activate", `${added}/specialisation/x`, "60", "checks");
    expect(await systems()).toEqual(before);
    expect(alpha.has("root-was-here")).toBe(false);
  });

  test("brings in nothing that is no system, and steps out of the store nowhere", async () => {
    const current = (await alpha.systems()).current;
    for (const [path, sentence] of [
      ["/tmp/x", "not a path of the store"],
      ["/nix/store/../../tmp/x", "not a path of the store"],
      [`${current}/../../../tmp/x`, "not a path of the store"],
      [`${current}/sw`, "not a path of the store"],
      ["/nix/store/00000000000000000000000000000000-hello", "has not the name of a system"],
      ["/nix/store/00000000000000000000000000000000-nixos-system-x", "no such system"],
      [`${current}/specialisation/../../x`, "name is not one"],
      [`${current}\n/tmp/x`, "not a path of the store"],
      ["--option", "not a path of the store"],
    ] as const)
      await refusedFor(sentence, "dry-activate", path, "60", "checks");
    await alpha.sh('ln -s /tmp "$1"', "/nix/store/00000000000000000000000000000000-nixos-system-link");
    await refusedFor("no such system", "dry-activate", "/nix/store/00000000000000000000000000000000-nixos-system-link", "60", "checks");
  });

  test("gets a word past no argument", async () => {
    const { current, profile } = await alpha.systems();
    const told: Record<string, string> = {
      id: "a-1",
      nonce,
      attempt: '{"id":"a-1"}',
      operation: "switch",
      "from-current": current,
      "from-profile": profile,
      to: current,
      activate: current,
      reversible: "yes",
      "activation-seconds": "60",
      "confirm-seconds": "60",
      "loader-seconds": "60",
      "confirm-by": "gate",
      "ssh-port": "22",
    };
    const start = (changes: Record<string, string>): [string, ...string[]] => [
      "start",
      "a-1",
      nonce,
      "id >/root-was-here",
      ...Object.entries({ ...told, ...changes }).flat(),
    ];
    for (const [changes, sentence] of [
      [{ "activation-seconds": "a[$(id >/root-was-here)]" }, "a number is not one"],
      [{ "from-current": "/tmp/evil" }, "not what the host runs"],
      [{ "from-profile": "/tmp/evil" }, "not what the host boots"],
      [{ activate: "/tmp/evil" }, "not of the system"],
      [{ "confirm-by": "self", "self-program": "id >/root-was-here" }, "not one that is known"],
      [{ "copy-root": "copy-../../x" }, "name of a root is not one"],
      [{ "self-program": "id" }, "something that is not known"],
      [{ "../../../etc/x": "id" }, "something that is not known"],
      [{ "stop-first": "sshd.service\n--root=/tmp" }, "unit's name is not one"],
      [{ "stop-first": "hello.service\nmulti-user.target" }, "not started or stopped here"],
      [{ attempt: '{}\n{"event":"approved"}' }, "several lines"],
    ] as const)
      await refusedFor(sentence, ...start(changes));
    await refusedFor("the id is not one", "follow", "../../root", "now", "0", "0");
    await refusedFor("a number is not one", "follow", "a-1", "now", "a[$(id)]", "0");
    await refusedFor("a unit's name is not one", "restart", "9", "--root=/tmp/x.service");
    await refusedFor("a number is not one", "restart", "--foreground", "a.service");
    await refusedFor("not started or stopped here", "restart", "9", "poweroff.target");
    await refusedFor("takes the machine away", "restart", "9", "systemd-poweroff.service");
    await refusedFor("does not run commands of the policy", "check", "command", "0", "1", "9", "1", "id");
    await refusedFor("an address is not one", "check", "http", "0", "1", "9", "6", "file:///etc/shadow", "a", "80", "/", "a", "200");
    await refusedFor(
      "the id is not one",
      "reboot-arm",
      "reboot-../../x",
      "b".repeat(36),
      current,
      "",
      "",
      "trust",
      "default",
      "0",
      "1",
      "1",
      "id",
    );
    await refusedFor("several lines", "record", '{}\n{"x":1}');
    await refusedFor("there is no such verb", "shell", "id");
    await refusedFor("arguments are missing", "start");
    for (const bytes of [
      "",
      "\0".repeat(100),
      `${nonce}\n9\na[$(id)]\n`,
      `${nonce}\n9\n99999999999\n`,
      `${nonce}\n9\n0\n999999999999\n`,
      "a".repeat(100_000),
    ])
      expect((await ask(helperCommand, bytes)).exitCode).toBe(125);
    expect(alpha.has("root-was-here")).toBe(false);
  });
});
