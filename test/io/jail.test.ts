import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openJail, type Jail } from "../../src/io/jail.ts";
import { runCommand, type CommandEnd } from "../../src/io/run-command.ts";
import { isRoot } from "../nix/root.ts";
import { broughtVersions, nixVersions } from "../nix/versions.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "gate-jail-")));
const [scratch, repo, roots, settings] = ["scratch", "repo with blanks", "roots", "settings"].map((name) => {
  mkdirSync(join(root, name), { mode: 0o700 });
  return join(root, name);
}) as [string, string, string, string];
const run = join(import.meta.dirname, "jail-run.ts");
/** As the jail sees it, in a user namespace too. */
const superuser = process.getuid?.() === 0;

const must = async (more: Partial<Parameters<typeof openJail>[0]> = {}): Promise<Jail> => {
  const opened = await openJail({
    environment: { ...process.env, NIX_CONF_DIR: settings },
    scratch,
    readable: [repo],
    writable: [roots],
    ...more,
  });
  if (opened.kind !== "open") throw new Error(opened.reason);
  return opened.jail;
};
/** Where this process stands. A try that finds itself here is outside: the jail has failed, and what it was about to do would hit this machine. */
const outside = readlinkSync("/proc/self/ns/pid");
const inside = async (jail: Jail, script: string): Promise<CommandEnd> => {
  const guarded = `if [ "$(readlink /proc/self/ns/pid)" = '${outside}' ]; then echo 'outside the jail' >&2; exit 99; fi\n${script}`;
  const { argv, environment } = jail.wrap(
    ["/bin/sh", "-c", guarded],
    { PATH: process.env["PATH"] ?? "", SEEN: "yes", HOME: "/root", TMPDIR: root },
    "unreviewed",
  );
  const [program = "", ...words] = argv;
  const result = await runCommand({ program, arguments: words, environment, timeoutSeconds: 60 });
  if (result.stderr.includes("outside the jail")) throw new Error("The command ran outside the jail, and was stopped there.");
  return result;
};

let jail: Jail;
beforeAll(async () => {
  writeFileSync(join(scratch, "secret"), "s3cret", { mode: 0o600 });
  writeFileSync(join(repo, "file"), "readable");
  writeFileSync(join(settings, "nix.conf"), "access-tokens = s3cret", { mode: 0o600 });
  jail = await must();
});
afterAll(async () => {
  await jail.close();
  rmSync(root, { recursive: true, force: true });
});

describe("in the jail", () => {
  const paths = (): readonly string[] => [
    join(scratch, "secret"),
    join(settings, "nix.conf"),
    root + "/..",
    "/etc/shadow",
    "/etc/ssl/private",
    "/root",
    "/home",
    "/var",
    "/sys",
    "/old",
    "/run/docker.sock",
    "/dev/tty",
    "/dev/vda",
    "/dev/mem",
    homedir(),
    import.meta.dirname,
    `/proc/${process.pid}/environ`,
    `/proc/${process.ppid}/environ`,
  ];
  test("nothing of the gate or the machine is there that was not given", async () => {
    for (const path of paths()) {
      const seen = await inside(jail, `ls -d '${path}' && ls -A '${path}'`);
      // The way down to what was given exists, and holds nothing else.
      if (seen.exitCode === 0)
        expect([
          path,
          seen.stdout
            .split("\n")
            .slice(1)
            .filter((name) => name !== "" && !root.endsWith(name)),
        ]).toEqual([path, []]);
      else expect([path, seen.exitCode]).toEqual([path, 2]);
    }
  });

  test("what was given is there: to read, or to write", async () => {
    expect((await inside(jail, `cat '${repo}/file'`)).stdout).toBe("readable");
    expect((await inside(jail, `echo changed > '${repo}/file'`)).stderr).toContain("Read-only file system");
    expect((await inside(jail, `echo x > '${roots}/made' && echo y > /tmp/made && echo z > "$HOME/made" && echo $SEEN`)).stdout).toBe(
      "yes\n",
    );
    expect(existsSync(join(roots, "made"))).toBe(true);
    expect(existsSync("/tmp/made")).toBe(false);
  });

  test("nobody can write to the system, nor to the root itself", async () => {
    for (const path of ["/usr/made", "/etc/made", "/made", "/bin/made", "/dev/made"])
      expect((await inside(jail, `: > ${path}`)).stderr).toMatch(/Read-only file system|Permission denied/);
    expect(existsSync("/usr/made")).toBe(false);
  });

  test("no way leads out: no power over mounts, none in a namespace of its own, none through the holder", async () => {
    const status = (await inside(jail, "cat /proc/self/status")).stdout;
    // CAP_SETFCAP alone, for the user map of Nix's own sandbox, and not where the user is root.
    expect(/CapBnd:\t(\w+)/.exec(status)?.[1]).toBe(superuser ? "0000000000000000" : "0000000080000000");
    expect(/CapEff:\t(\w+)/.exec(status)?.[1]).toBe(superuser ? "0000000000000000" : "0000000080000000");
    expect(status).toContain("NoNewPrivs:\t1");
    const attempts = [
      "mount -o remount,bind,rw /usr",
      "umount /proc",
      "unshare --user --map-root-user --mount mount -o remount,bind,rw /usr",
      "unshare --user --map-root-user --mount sh -c 'umount /usr || umount -l /usr'",
      "chroot /proc/1/root true",
      "nsenter --target 1 --mount true",
      "cat /proc/kcore",
      // Each writes what is there already, or nothing.
      "value=$(cat /proc/sys/kernel/core_pattern); printf '%s\\n' \"$value\" > /proc/sys/kernel/core_pattern",
      "value=$(cat /proc/sys/vm/swappiness); echo $value > /proc/sys/vm/swappiness",
      ": >> /proc/sysrq-trigger",
      ": >> /proc/irq/default_smp_affinity",
      "unshare --user --map-root-user --mount --pid --fork sh -c 'mount -t proc proc /proc && : >> /proc/sys/kernel/core_pattern'",
    ];
    for (const attempt of attempts) {
      const result = await inside(jail, attempt);
      expect([attempt, result.exitCode === 0 && result.stdout !== ""]).toEqual([attempt, false]);
      if (!attempt.startsWith("cat")) expect([attempt, result.exitCode]).not.toEqual([attempt, 0]);
    }
    expect(
      (await inside(jail, "unshare --user --map-root-user --mount sh -c 'mount -o remount,bind,rw /usr; : > /usr/made'")).exitCode,
    ).not.toBe(0);
    expect(existsSync("/usr/made")).toBe(false);
  });

  test("only what runs in there is seen, and nothing of it can end the holder", async () => {
    const seen = await inside(jail, "kill -9 1; echo alive; ls -d /proc/[0-9]* | wc -l");
    expect([seen.exitCode, seen.stdout.split("\n")[0]]).toEqual([0, "alive"]);
    expect(Number(seen.stdout.split("\n")[1])).toBeLessThan(10);
    expect((await inside(jail, "echo still")).stdout).toBe("still\n");
  });

  test("settings are shown where everybody may read them anyway", async () => {
    chmodSync(join(settings, "nix.conf"), 0o644);
    const other = await must({ scratch: join(root, "roots") });
    try {
      expect((await inside(other, `cat '${settings}/nix.conf'`)).stdout).toContain("s3cret");
    } finally {
      await other.close();
    }
  });
});

describe("what mount(8) made of it", () => {
  test.skipIf(!superuser)("a mount below what is only read is not written to either", async () => {
    const [below, file] = [join(repo, "below"), join(repo, "one file")];
    mkdirSync(below);
    writeFileSync(file, "");
    const mounts = `mount -t tmpfs tmpfs "$1" && mount --bind "$2" "$2" && exec "$0" "$3" write "$4"`;
    const said = execFileSync("unshare", ["--mount", "sh", "-c", mounts, process.execPath, below, file, run, repo], { encoding: "utf8" });
    for (const path of [repo, below, file]) expect(said).toMatch(new RegExp(`${path}.*: Read-only file system`));
    expect([existsSync(join(repo, "made")), readFileSync(file, "utf8")]).toEqual([false, ""]);
  });

  test.skipIf(!superuser)("it is the plain one, not the setuid wrapper of NixOS", () => {
    const wrapper = `mount -t tmpfs tmpfs /run && mkdir -p /run/wrappers/bin && printf '#!/bin/sh\\nexit 134\\n' > /run/wrappers/bin/mount && chmod +x /run/wrappers/bin/mount`;
    const script = `${wrapper} && PATH=/run/wrappers/bin:$PATH exec "$0" "$1" write "$2"`;
    const said = execFileSync("unshare", ["--mount", "sh", "-c", script, process.execPath, run, repo], { encoding: "utf8" });
    expect(said).toMatch(/Read-only file system/);
  });

  test("a line that it passed over is found out, and there is no jail", async () => {
    const programs = join(root, "programs");
    mkdirSync(programs);
    const real = execFileSync("sh", ["-c", "command -v mount"], { encoding: "utf8" }).trim();
    const passingOver = async (what: string): Promise<string> => {
      // Of all the lines of the fstab, one is not as it was written.
      const script = `#!/bin/sh\nif [ "$2" = -a ]; then sed -i '${what}' "$4"; fi\nexec '${real}' "$@"\n`;
      writeFileSync(join(programs, "mount"), script, { mode: 0o755 });
      const opened = await openJail({
        environment: { ...process.env, PATH: `${programs}:${process.env["PATH"] ?? ""}` },
        scratch: mkdtempSync(join(root, "passed-over-")),
        readable: [repo],
        writable: [],
      });
      if (opened.kind === "open") await opened.jail.close();
      return opened.kind === "open" ? "open" : opened.reason;
    };
    expect(await passingOver("")).toBe("open");
    expect(await passingOver("s|/usr none rbind,ro|/usr none rbind|")).toBe("/usr is not read-only");
    expect(await passingOver("s|/root none rbind,ro|/root none rbind|")).toBe("/ is not read-only");
    expect(await passingOver("/zero none/d")).toBe("/dev/zero was not mounted");
    expect(await passingOver("/^tmpfs/d")).toBe("/dev/shm was not mounted");
  });
});

test("closing it ends everything inside at once", async () => {
  const other = await must({ scratch: mkdtempSync(join(root, "other-")) });
  const sleeping = inside(other, "setsid sleep 4321");
  await pause(300);
  await other.close();
  expect((await sleeping).exitCode).not.toBe(0);
});

const processes = (text: string): string[] =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(text);
    } catch {
      return false;
    }
  });

test("it ends with the gate, even where that is killed: the builder too", { timeout: 60_000 }, async () => {
  const nonce = `${process.pid}4321`;
  const gate = spawn(process.execPath, [run, "hold", nonce], { stdio: ["ignore", "pipe", "inherit"] });
  // The builder is also seen while it is still on its way in, once more or once less.
  let seen = 0;
  for (let tries = 0; tries < 200 && seen < 2; tries += 1) {
    await pause(50);
    seen = processes(nonce).length;
  }
  gate.kill("SIGKILL");
  expect(seen).toBeGreaterThan(1);
  for (let tries = 0; tries < 200 && processes(nonce).length > 0; tries += 1) await pause(50);
  expect(processes(nonce)).toEqual([]);
});

describe("where there are no namespaces", () => {
  test("util-linux is missing: a value with the reason", async () => {
    const opened = await openJail({
      environment: { PATH: "/nonexistent" },
      scratch,
      readable: ["/does/not/exist"],
      writable: ["/does/not/exist"],
    });
    expect(opened.kind).toBe("unavailable");
  });

  test("the machine forbids them: a value with the switch", () => {
    const said = execFileSync(
      "unshare",
      ["--user", "--map-root-user", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" "$1"', process.execPath, run],
      { encoding: "utf8" },
    );
    expect(JSON.parse(said)).toMatchObject({ kind: "unavailable", reason: expect.stringContaining("max_user_namespaces") as string });
  });
});

/** A clone made with umask 077 is nobody else's to read, wherever it is shown. */
const readable = [run, process.execPath].every((path) => (statSync(path).mode & 0o004) !== 0);

describe.each(nixVersions().map((nix) => [nix.version, nix] as const))("Nix %s", (_, nix) => {
  test("evaluates and builds in it, isolated", () => {
    const said = execFileSync(process.execPath, [run], { encoding: "utf8", env: { ...process.env, PATH: nix.path } });
    expect(JSON.parse(said)).toMatchObject({ kind: "open", version: nix.version, isolation: { kind: "isolated" }, built: 0 });
  });

  test("evaluates and builds in it where the settings ask for a sandbox", () => {
    const config = `${process.env["NIX_CONFIG"] ?? ""}\nsandbox = true\n`;
    const said = execFileSync(process.execPath, [run], { encoding: "utf8", env: { ...process.env, PATH: nix.path, NIX_CONFIG: config } });
    expect(JSON.parse(said)).toMatchObject({ isolation: { kind: "isolated" }, built: 0 });
  });

  test.skipIf(!isRoot || !readable)("works for an ordinary user with a store of their own", () => {
    const user = 61234;
    const home = mkdtempSync(join(tmpdir(), "gate-user-"));
    chmodSync(home, 0o755);
    const own = ["nix", "tmp", "cache"].map((name) => {
      mkdirSync(join(home, name), { mode: 0o755 });
      chownSync(join(home, name), user, user);
      return join(home, name);
    });
    const [store = "", temporary = "", cache = ""] = own;
    const checkout = resolve(import.meta.dirname, "../..");
    const shown = join(home, "checkout");
    mkdirSync(shown);
    const atShown = (path: string): string => (path.startsWith(`${checkout}/`) ? join(shown, relative(checkout, path)) : path);
    // Their Nix and this checkout may lie in a directory that only root may enter: the one is shown to them at its own place, the other beside their store.
    const script = `set -eu
mount --bind "$1" /nix
mount --bind "$8" "$9"
if [ -d "$3" ]; then mount --bind "$3" "$4"; mount -t tmpfs -o mode=755 tmpfs "$5"; mkdir -p "$3"; mount --bind "$4" "$3"; fi
exec setpriv --reuid=${user} --regid=${user} --clear-groups --bounding-set=-all env TMPDIR="$2" HOME=/nonexistent "$6" "$7"`;
    try {
      const said = execFileSync(
        "unshare",
        [
          "--mount",
          "sh",
          "-c",
          script,
          "sh",
          store,
          temporary,
          broughtVersions,
          cache,
          homedir(),
          atShown(process.execPath),
          atShown(run),
          checkout,
          shown,
        ],
        {
          encoding: "utf8",
          cwd: "/",
          env: { ...process.env, PATH: nix.path },
        },
      );
      expect(JSON.parse(said)).toMatchObject({
        kind: "open",
        user,
        daemon: false,
        version: nix.version,
        isolation: { kind: "isolated" },
        built: 0,
      });
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
