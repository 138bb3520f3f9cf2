import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { login, makeKey, sshServer, type SshServer } from "../io/ssh-server.ts";
import { nixVersions } from "../nix/versions.ts";
import { evaluate, optionNames, root } from "./evaluate.ts";

/** The NixOS module, evaluated by every Nix at hand; what it generates is given to the programs that will read it. */
const versions = nixVersions();
const [nix] = versions;
if (nix === undefined) throw new Error("There is no Nix.");
const key = makeKey();
const target = (more = ""): string => `{
  services.openssh.enable = true;
  services.nixos-deploy-gate.target = { enable = true; grantsRoot = true; authorizedKeys = [ "${key.publicKey} gate" ]; };
  ${more}
}`;
const scratch = mkdtempSync(join(tmpdir(), "gate-module-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function sudoersProblem(text: string): string {
  const file = join(scratch, "sudoers");
  writeFileSync(file, `${text}\n`, { mode: 0o440 });
  chmodSync(file, 0o440);
  const visudo = spawnSync("visudo", ["-c", "-O", "-P", "-f", file], {
    encoding: "utf8",
    env: { ...process.env, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  if (visudo.error !== undefined) throw new Error("These tests need visudo. Run: sh .ci/setup sudo", { cause: visudo.error });
  return visudo.status === 0 ? "" : `${visudo.stdout}${visudo.stderr}`;
}

describe.each(versions)("with Nix $version", (version) => {
  test("does nothing until it is enabled", () => {
    const made = evaluate(version, "{ services.openssh.enable = true; }");
    expect(made).toMatchObject({ failed: [], warnings: [], etc: {}, sshd: "", sudoers: "", authorizedKeys: {} });
    expect(made.systemd).toEqual({ services: {}, timers: {} });
  });

  test("makes a user without a home, its keys and its rule", () => {
    const made = evaluate(version, target(`services.nixos-deploy-gate.target.allowedFrom = [ "10.0.0.0/24" "2001:db8::7" ];`));
    expect(made.failed).toEqual([]);
    expect(made.users.users["deploy"]).toMatchObject({
      isSystemUser: true,
      group: "deploy",
      home: "/var/empty",
      createHome: false,
      extraGroups: [],
    });
    expect(made.users.groups).toEqual({ deploy: { members: [] } });
    expect(made.authorizedKeys["deploy"]).toBe(`restrict,from="10.0.0.0/24,2001:db8::7" ${key.publicKey} gate`);
    expect(made.sudoers).toBe("deploy\tALL=(root)\tNOPASSWD: ALL");
    expect(sudoersProblem(made.sudoers)).toBe("");
  });

  test("root needs neither a user nor a rule", () => {
    const made = evaluate(version, target(`services.nixos-deploy-gate.target.user = "root";`));
    expect(made.failed).toEqual([]);
    expect(made.sudoers).toBe("");
    expect(made.users.groups).toEqual({});
    expect(made.users.users["root"]).toMatchObject({ isSystemUser: false });
    expect(made.authorizedKeys["root"]).toBe(`restrict ${key.publicKey} gate`);
  });

  test("works with a release that knows neither sudo-rs nor boot counting", () => {
    expect(evaluate(version, target(), "old").failed).toEqual([]);
    const counting = evaluate(
      version,
      target("services.nixos-deploy-gate.bootCounting.enable = true; boot.loader.systemd-boot.enable = true;"),
      "old",
    );
    expect(counting.failed).toEqual([expect.stringContaining("this nixpkgs does not have")]);
  });
});

test("the check of sudoers fails for what sudo would not read", () => {
  expect(sudoersProblem("deploy ALL=(root NOPASSWD: ALL")).toMatch(/syntax error/);
});

test("the rule comes after those of the operator, of which one may ask for a password", () => {
  const made = evaluate(nix, target(`security.sudo.extraRules = [ { users = [ "deploy" ]; commands = [ { command = "ALL"; } ]; } ];`));
  expect(made.sudoers.split("\n")).toEqual(["deploy\tALL=(ALL:ALL)\t ALL", "deploy\tALL=(root)\tNOPASSWD: ALL"]);
});

test.each([
  ["nobody says that root is meant", "is root on this machine"],
  ["there is no key", "authorizedKeys is empty"],
])("refuses where %s", (_, sentence) => {
  const bare = `{ services.openssh.enable = true; services.nixos-deploy-gate.target.enable = true; }`;
  expect(evaluate(nix, bare).failed).toContainEqual(expect.stringContaining(sentence));
});

test.each([
  [
    "a key with options of its own",
    `services.nixos-deploy-gate.target.authorizedKeys = [ ''command="x" ${key.publicKey}'' ];`,
    "without options in front",
  ],
  [
    "a private key",
    `services.nixos-deploy-gate.target.authorizedKeys = [ "-----BEGIN OPENSSH PRIVATE KEY-----" ];`,
    "without options in front",
  ],
  [
    "a pattern that would end its quotes",
    `services.nixos-deploy-gate.target.allowedFrom = [ ''10.0.0.1",command="x'' ];`,
    "without commas, quotes or spaces",
  ],
  ["no sshd", "services.openssh.enable = false;", "services.openssh.enable = true"],
  [
    "root, whom sshd refuses",
    `services.nixos-deploy-gate.target.user = "root"; services.openssh.settings.PermitRootLogin = "no";`,
    "PermitRootLogin",
  ],
  ["a list of users without ours", `services.openssh.settings.AllowUsers = [ "alice" ];`, "AllowUsers does not let deploy in"],
  ["a list of users against ours", `services.openssh.settings.DenyUsers = [ "deploy" ];`, "DenyUsers keeps deploy out"],
  ["no sudo", "security.sudo.enable = false;", "becomes root by sudo"],
  ["sudo for the wheel group alone", "security.sudo.execWheelOnly = true;", "execWheelOnly"],
])("refuses %s", (_, settings, sentence) => {
  // A second definition of the same option would be another error: the settings stand alone where they replace one of the base.
  const base = settings.startsWith("services.openssh.enable") ? "" : "services.openssh.enable = true;";
  const keys = /authorizedKeys/.test(settings) ? "" : `services.nixos-deploy-gate.target.authorizedKeys = [ "${key.publicKey}" ];`;
  const made = evaluate(
    nix,
    `{ ${base} services.nixos-deploy-gate.target.enable = true; services.nixos-deploy-gate.target.grantsRoot = true; ${keys} ${settings} }`,
  );
  expect(made.failed).toEqual([expect.stringContaining(sentence)]);
});

test("AllowUsers may name ours, sudo-rs may be the sudo", () => {
  expect(evaluate(nix, target(`services.openssh.settings.AllowUsers = [ "deploy@10.0.0.*" ];`)).failed).toEqual([]);
  expect(evaluate(nix, target("security.sudo.enable = false; security.sudo-rs.enable = true;")).failed).toEqual([]);
});

test("an option that nobody declared and a value of the wrong type do not pass", () => {
  expect(() => evaluate(nix, "{ services.nixos-deploy-gate.target.enabled = true; }")).toThrow(/does not exist/);
  expect(() => evaluate(nix, `{ services.nixos-deploy-gate.target.enable = "yes"; }`)).toThrow(/is not a boolean/);
});

describe("the key, in a real sshd", () => {
  let server: SshServer;
  const keyFile = join(scratch, "key");
  const quiet = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"].flatMap((option) => ["-o", option]);
  const sshAt = ({ port }: SshServer, ...words: string[]): { stdout: string; stderr: string } =>
    spawnSync("ssh", ["-F", "none", "-i", keyFile, ...quiet, "-p", String(port), ...words], {
      encoding: "utf8",
      timeout: 20_000,
      input: "",
    });
  const ssh = (...words: string[]): { stdout: string; stderr: string } => sshAt(server, ...words);
  beforeAll(async () => {
    writeFileSync(keyFile, key.privateKey, { mode: 0o600 });
    const made = evaluate(nix, target(`services.nixos-deploy-gate.target.allowedFrom = [ "127.0.0.0/8" ];`));
    server = await sshServer({ authorized: [made.authorizedKeys["deploy"] ?? ""] });
  });
  afterAll(() => server.stop());

  test("runs a command", () => {
    expect(ssh(`${login}@127.0.0.1`, "echo works").stdout).toBe("works\n");
  });
  test("gets no terminal and forwards no port", () => {
    expect(ssh("-tt", `${login}@127.0.0.1`, "tty").stderr).toMatch(/PTY allocation request failed/);
    expect(ssh("-W", `127.0.0.1:${server.port}`, `${login}@127.0.0.1`).stderr).toMatch(/administratively prohibited|open failed/);
  });
  test("is refused from elsewhere", async () => {
    const made = evaluate(nix, target(`services.nixos-deploy-gate.target.allowedFrom = [ "192.0.2.1" ];`));
    const other = await sshServer({ authorized: [made.authorizedKeys["deploy"] ?? ""] });
    try {
      expect(sshAt(other, `${login}@127.0.0.1`, "true").stderr).toMatch(/Permission denied/);
    } finally {
      await other.stop();
    }
  });
});

describe("boot counting", () => {
  const counting = (more = ""): string =>
    target(`services.nixos-deploy-gate.bootCounting.enable = true; boot.loader.systemd-boot.enable = true; ${more}`);
  test("counts, and calls a boot good once the gate can get in", () => {
    const made = evaluate(nix, counting());
    expect(made.failed).toEqual([]);
    expect(made.loader).toEqual({ enable: true, bootCounting: { enable: true, tries: 2 } });
    const check = made.systemd.services["nixos-deploy-gate-boot-check"];
    expect(check).toMatchObject({
      requiredBy: ["boot-complete.target"],
      before: ["boot-complete.target"],
      after: ["sshd.service"],
      requires: [],
    });
    expect(check?.serviceConfig["ExecStart"]).toBe("/run/current-system/sw/bin/systemctl is-active --quiet -- sshd.service");
  });
  test("asks for the socket where sshd is started by one", () => {
    expect(
      evaluate(nix, counting("services.openssh.startWhenNeeded = true;")).systemd.services["nixos-deploy-gate-boot-check"]?.after,
    ).toEqual(["sshd.socket"]);
  });
  test("needs systemd-boot", () => {
    expect(evaluate(nix, target("services.nixos-deploy-gate.bootCounting.enable = true;")).failed).toEqual([
      expect.stringContaining("GRUB counts no tries"),
    ]);
  });
});

describe("timers", () => {
  const timer = (more: string, name = "reboots"): string => `{
    services.nixos-deploy-gate.timers."${name}" =
      { command = "reboot"; flake = "git+https://git.example.org/infra?ref=main"; onCalendar = [ "*:0/15" ]; sshKeyFile = "/run/secrets/key"; } // { ${more} };
  }`;
  test("make a service and its timer; the key is handed over, not named", () => {
    const made = evaluate(nix, timer(`arguments = [ "--hosts" "web*" ];`));
    expect(made.failed).toEqual([]);
    const service = made.systemd.services["nixos-deploy-gate-timer-reboots"];
    expect(service?.serviceConfig).toMatchObject({ LoadCredential: "ssh-key:/run/secrets/key", DynamicUser: true, SuccessExitStatus: 3 });
    expect(String(service?.serviceConfig["ExecStart"])).toMatch(
      / reboot "git\+https:\/\/git\.example\.org\/infra\?ref=main" "--hosts" "web\*" --ssh-key "%d\/ssh-key" --known-hosts "\/etc\/ssh\/ssh_known_hosts"$/,
    );
    expect(made.systemd.timers["nixos-deploy-gate-timer-reboots"]).toMatchObject({
      wantedBy: ["timers.target"],
      timerConfig: { OnCalendar: ["*:0/15"] },
    });
  });
  test("say nothing to systemd that it would read as anything but a word", () => {
    const made = evaluate(nix, timer(`arguments = [ "a %h \${"$"}{HOME} \\" \\\\ b" ];`));
    expect(String(made.systemd.services["nixos-deploy-gate-timer-reboots"]?.serviceConfig["ExecStart"])).toContain(
      String.raw`"a %%h $$` + String.raw`{HOME} \" \\ b"`,
    );
  });
  test.each([
    ["a key in the store", `sshKeyFile = "/nix/store/x-key";`, "reboots", "everybody reads it"],
    ["a flake that is an option", `flake = "--now";`, "reboots", "taken for an option"],
    ["a name that is none", "", "a b", "no name for a unit"],
  ])("refuse %s", (_, more, name, sentence) => {
    expect(evaluate(nix, timer(more, name)).failed).toEqual([expect.stringContaining(sentence)]);
  });
});

describe("the helper", () => {
  const public_ = `operator-1:${"A".repeat(43)}=`;
  const helper = (more = "", trusted = `"${public_}"`): string => `{
    services.openssh.enable = true;
    services.nixos-deploy-gate.target = { enable = true; authorizedKeys = [ "${key.publicKey}" ]; helper = { enable = true; trustedKeys = [ ${trusted} ]; }; };
    ${more}
  }`;
  test("gives the user the helper in the place of root", () => {
    const made = evaluate(nix, helper());
    expect(made.failed).toEqual([]);
    expect(made.sudoers).toBe("deploy\tALL=(root)\tNOPASSWD: /etc/nixos-deploy-gate/helper serve");
    expect(sudoersProblem(made.sudoers)).toBe("");
    expect(made.etc["nixos-deploy-gate/helper"]).toEqual({ mode: "0555", text: null, source: join(root, "nix/helper.sh") });
    expect(made.etc["nixos-deploy-gate/trusted-keys"]).toEqual({ mode: "0444", text: `${public_}\n`, source: null });
    // As sshd reads it: in force for that user, and for nobody after it.
    const file = join(scratch, "sshd_config");
    writeFileSync(join(scratch, "host-key"), makeKey().privateKey, { mode: 0o600 });
    writeFileSync(file, `HostKey ${join(scratch, "host-key")}\n${made.sshd}\nPrintMotd no\n`);
    const asked = (user: string): string =>
      execFileSync("/usr/sbin/sshd", ["-T", "-f", file, "-C", `user=${user},host=h,addr=192.0.2.1`], { encoding: "utf8" });
    expect(asked("deploy")).toMatch(/^forcecommand \/etc\/nixos-deploy-gate\/helper login$/m);
    for (const line of ["permittty no", "allowtcpforwarding no", "x11forwarding no", "permittunnel no", "passwordauthentication no"])
      expect(asked("deploy").split("\n")).toContain(line);
    expect(asked("alice")).toMatch(/^forcecommand none$/m);
    expect(asked("alice")).toMatch(/^permittty yes$/m);
  });
  test.each([
    ["root", helper(`services.nixos-deploy-gate.target.user = "root";`), "needs a user who is not root"],
    ["both at once", helper("services.nixos-deploy-gate.target.grantsRoot = true;"), "needs a user who is not root"],
    ["no key", helper("", ""), "at least one public key of Nix"],
    ["a key that is none", helper("", `"ssh-ed25519 AAAA"`), "at least one public key of Nix"],
    ["a user whom the daemon trusts", helper(`nix.settings.trusted-users = [ "root" "deploy" ];`), "nix.settings.trusted-users has deploy"],
    ["everybody whom the daemon trusts", helper(`nix.settings.trusted-users = [ "*" ];`), "nix.settings.trusted-users has deploy"],
    [
      "one whom it trusts by another key",
      helper(`nix.settings.extra-trusted-users = [ "deploy" ];`),
      "nix.settings.trusted-users has deploy",
    ],
    [
      "one whom it trusts by a group",
      helper(`nix.settings.trusted-users = [ "@builders" ]; users.users.deploy.extraGroups = [ "builders" ];`),
      "nix.settings.trusted-users has deploy",
    ],
    [
      "one whom it trusts by a group that names its members",
      helper(`nix.settings.trusted-users = [ "@builders" ]; users.groups.builders.members = [ "deploy" ];`),
      "nix.settings.trusted-users has deploy",
    ],
    ["one who is in wheel", helper(`users.users.deploy.extraGroups = [ "wheel" ];`), "deploy is in wheel"],
    ["a store without signatures", helper("nix.settings.require-sigs = false;"), "require-sigs"],
    ["builds without sandbox", helper("nix.settings.sandbox = false;"), "sandbox = true"],
  ])("refuses %s", (_, settings, sentence) => {
    expect(evaluate(nix, settings).failed).toContainEqual(expect.stringContaining(sentence));
  });
});

test("every option has its place in docs/nixos-module.md, and none is there that is not", () => {
  const page = readFileSync(join(root, "docs/nixos-module.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([A-Za-z.]+)` \|/gm)].map(([, name = ""]) => name);
  expect(listed.toSorted()).toEqual(optionNames(nix).toSorted());
});

test("the flake gives the module and the package, and needs no other flake", () => {
  const directory = mkdtempSync(join(scratch, "flake-"));
  execFileSync("cp", ["-r", ...["flake.nix", "nix", "package.json", "dist", "goals"].map((name) => join(root, name)), directory]);
  for (const version of versions) {
    const run = (...words: string[]): string =>
      execFileSync(join(version.directory, "nix"), ["--extra-experimental-features", "nix-command flakes", ...words], {
        encoding: "utf8",
        env: { ...process.env, PATH: version.path, HOME: scratch },
        stdio: ["ignore", "pipe", "pipe"],
      });
    const outputs: unknown = JSON.parse(
      run(
        "eval",
        "--json",
        `path:${directory}#overlays.default`,
        "--apply",
        `overlay: builtins.attrNames (overlay { callPackage = file: _: file; } { })`,
      ),
    );
    expect(outputs).toEqual(["nixos-deploy-gate"]);
    const imported: unknown = JSON.parse(
      run("eval", "--json", `path:${directory}#nixosModules.default`, "--apply", "module: builtins.length (import module).imports"),
    );
    expect(imported).toBe(5);
    const metadata = JSON.parse(run("flake", "metadata", "--json", `path:${directory}`)) as { locks: { nodes: object } };
    expect(Object.keys(metadata.locks.nodes)).toEqual(["root"]);
  }
});

test("the package is a program that runs", () => {
  const expression = join(scratch, "package.nix");
  // mkDerivation as far as it matters here: a shell that runs the install phase.
  writeFileSync(
    expression,
    `import ${root}/nix/package.nix {
      stdenvNoCC.mkDerivation = all: derivation {
        name = "\${all.pname}-\${all.version}"; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/usr/bin:/bin";
        args = [ "-euc" all.installPhase ];
      };
      nodejs = "${join(root, "node_modules/node")}"; runtimeShell = "/bin/bash"; coreutils = "/usr"; git = "/usr"; openssh = "/usr";
    }`,
  );
  const out = execFileSync(join(nix.directory, "nix-build"), ["--no-out-link", expression], {
    encoding: "utf8",
    env: { ...process.env, PATH: nix.path },
  }).trim();
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(execFileSync(join(out, "bin/nixos-deploy-gate"), ["--version"], { encoding: "utf8", env: { PATH: "/usr/bin:/bin" } })).toBe(
    `nixos-deploy-gate ${version}\n`,
  );
  // Words and their spaces arrive as they are; goals are found beside the program.
  const said = spawnSync(join(out, "bin/nixos-deploy-gate"), ["no such command"], { encoding: "utf8", env: {} });
  expect(said.stderr).toContain('There is no command "no such command"');
});
