import { closeSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { holdJail, reasonOf } from "./jail-holder.ts";
import { jailFstab, missingMount } from "./jail-mounts.ts";
import { alwaysVisible, findProgram, type JailRoot, jailRoot, layOut, withReadable } from "./jail-root.ts";
import { parseNixVersion } from "./nix.ts";
import type { NixVersion } from "./ports.ts";
import { runCommand } from "./run-command.ts";

/** Puts a command where it cannot read the gate's process or files; the shape that the Nix port takes. `argv` begins with the program. */
export type JailWrap = (
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
  trust: "deploy-branch" | "unreviewed",
) => { readonly argv: readonly string[]; readonly environment: Readonly<Record<string, string>> };

/**
 * A place for code that nobody has reviewed: a process tree, a root directory and a user namespace of its own. It sees Nix, the system's programs, and the
 * directories that it was given; not this process, not its files, not /etc beyond what Nix and TLS read. The network is shared, since inputs have to be fetched.
 */
export type Jail = {
  readonly wrap: JailWrap;
  /** True where Nix's daemon builds, under users of its own; then only evaluation happens in here. */
  readonly daemon: boolean;
  /** Ends everything inside at once. */
  close(): Promise<void>;
};

export type JailOptions = {
  /** The environment of this process: PATH, and where Nix's settings and certificates are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A directory of this run alone, 0700. Only its sub-directories named here are seen inside. */
  readonly scratch: string;
  /** Where it takes a while to know, all else is laid out meanwhile. */
  readonly readable: readonly string[] | Promise<readonly string[]>;
  readonly writable: readonly string[];
  /** Of the Nix in PATH, where it has been asked for already. */
  readonly version?: Promise<NixVersion>;
};

export type JailOpened = { readonly kind: "open"; readonly jail: Jail } | { readonly kind: "unavailable"; readonly reason: string };

/** How a command gives up everything: every capability, and every way to gain one by starting a program. An ordinary user's Nix keeps what maps its sandbox's user. */
const dropped = (superuser: boolean): readonly string[] => [
  `--bounding-set=-all${superuser ? "" : ",+setfcap"}`,
  "--inh-caps=-all",
  "--ambient-caps=-all",
  "--no-new-privs",
  "--pdeathsig=TERM",
  "--",
];

/**
 * Opens the jail: one process that holds the namespaces, entered by each command. Where the machine does not allow it the reason is the value. The holder ends with
 * this process, however that ends, since its stdin closes then.
 */
export async function openJail(options: JailOptions): Promise<JailOpened> {
  // NixOS' setuid wrappers, `mount` among them, end themselves in a user namespace that does not know their owner; the plain programs stand in PATH as well.
  const given = (options.environment["PATH"] ?? "").split(":").filter((directory) => directory !== "/run/wrappers/bin");
  const path = [...given, "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":");
  const tools = Object.fromEntries(["unshare", "nsenter", "setpriv", "sh"].map((name) => [name, findProgram(name, path)]));
  const { unshare, nsenter, setpriv, sh } = tools;
  const missing = Object.keys(tools).filter((name) => tools[name] === undefined);
  if (unshare === undefined || nsenter === undefined || setpriv === undefined || sh === undefined)
    return { kind: "unavailable", reason: `the programs ${missing.join(", ")} of util-linux are not installed` };
  if (!alwaysVisible(setpriv)) return { kind: "unavailable", reason: `${setpriv} is not a program of the system` };

  const superuser = process.getuid?.() === 0;
  closeInherited();
  const place = join(options.scratch, "jail");
  // Of an earlier jail of the same run.
  rmSync(join(place, "root"), { recursive: true, force: true });
  const [root, home, temporary, copies] = ["root", "home", "tmp", "settings"].map((name) => {
    mkdirSync(join(place, name), { recursive: true, mode: 0o700 });
    return join(place, name);
  }) as [string, string, string, string];
  const fstab = join(place, "fstab");
  const daemon =
    options.environment["NIX_REMOTE"] === "daemon" || (options.environment["NIX_REMOTE"] ?? "") === "" ? await daemonAnswers() : false;
  const named = ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE"].flatMap((name) => options.environment[name] ?? []);
  const nix = ["nix", "nix-store", "git"].flatMap((name) => findProgram(name, path) ?? []);
  let layout: JailRoot;
  try {
    const common = jailRoot({
      root,
      writable: [home, ...options.writable],
      temporary,
      copies,
      nixWritable: !daemon,
      programs: nix,
      files: [
        ...named,
        ...(options.environment["NIX_CONF_DIR"] === undefined ? [] : [join(options.environment["NIX_CONF_DIR"], "nix.conf")]),
      ],
    });
    const places = { root, temporary, copies };
    layOut(common, places);
    layout = withReadable(common, await options.readable);
    layOut(layout, places, common);
    writeFileSync(fstab, jailFstab(root, layout.mounts), { mode: 0o600 });
  } catch (error) {
    return { kind: "unavailable", reason: `its root cannot be laid out: ${error instanceof Error ? error.message : String(error)}` };
  }

  const said = await holdJail({ programs: { unshare, setpriv, sh }, path, root, fstab, superuser });
  if ("reason" in said) return { kind: "unavailable", reason: said.reason };
  const { pid, close } = said;
  const missed = missingMount(layout.mounts, superuser, readFileSync(`/proc/${pid}/mountinfo`, "utf8"));
  if (missed !== undefined) {
    await close();
    return { kind: "unavailable", reason: missed };
  }
  const enter = [
    nsenter,
    `--target=${pid}`,
    "--user",
    "--mount",
    "--pid",
    "--ipc",
    "--uts",
    "--preserve-credentials",
    "--",
    setpriv,
    ...dropped(superuser),
  ];
  // Shows that it can be entered, and that a Nix from a place of its own starts in there; one of the system or the store has its libraries there as well.
  const own = nix[0] !== undefined && (options.version === undefined || !alwaysVisible(realpathSync(nix[0])));
  const [first = "/bin/sh", ...words] = own ? [nix[0], "--version"] : ["/bin/sh", "-c", ":"];
  const tried = await runCommand({
    program: nsenter,
    arguments: [...enter.slice(1), first, ...words],
    environment: { HOME: home },
    timeoutSeconds: 10,
  });
  if (tried.exitCode !== 0) {
    await close();
    return { kind: "unavailable", reason: reasonOf(tried.stderr) };
  }
  const version = own ? parseNixVersion(tried.stdout) : await options.version?.catch(() => undefined);
  // One that drops groups for its sandbox cannot, in a namespace that has none, and older ones would warn of the setting.
  const dropsGroups = version !== undefined && (version.major > 2 || version.minor >= 16);
  // Nor is there a key to a builder in here: asking would cost a connection for each derivation, and could only fail.
  const alone = `build-users-group =\nbuilders =\n${dropsGroups ? "require-drop-supplementary-groups = false\n" : ""}${superuser ? "sandbox = false\n" : ""}`;

  const wrap: JailWrap = (argv, environment, trust) => {
    // With a daemon, what is on the deploy branch needs no jail, and may use credentials for its inputs. Without one the store itself is writable in here: what was
    // built there may have changed any of its files, so that nothing of this run may use the store outside any more.
    if (trust === "deploy-branch" && daemon) return { argv, environment };
    const [program = "nix", ...rest] = argv;
    const found = findProgram(program, environment["PATH"] ?? path) ?? program;
    const { TMPDIR: _, ...kept } = environment;
    return {
      argv: [...enter, found, ...rest],
      environment: {
        ...kept,
        // Apart from that of commands outside: a cache that was poisoned in here must not be believed out there.
        HOME: home,
        ...Object.fromEntries(["CACHE", "CONFIG", "DATA", "STATE"].map((name) => [`XDG_${name}_HOME`, join(home, name.toLowerCase())])),
        ...(daemon ? { NIX_REMOTE: "daemon" } : {}),
        // Only one user exists in here, so that there are none to build as; and where no namespace can be made there is no sandbox in the jail: the jail is it.
        NIX_CONFIG: `${environment["NIX_CONFIG"] ?? ""}\n${daemon ? "" : alone}`,
      },
    };
  };
  return { kind: "open", jail: { wrap, daemon, close } };
}

/** O_CLOEXEC of Linux (asm-generic/fcntl.h), which Node does not name. */
const closeOnExec = 0o2000000;

/**
 * Closes descriptors that this process was started with and never asked for: they would reach every command, and through `/proc/self/fd` its code. Node marks its own
 * and the first ones as not to be inherited.
 */
function closeInherited(): void {
  for (const name of readdirSync("/proc/self/fd")) {
    if (Number(name) <= 2) continue;
    try {
      const flags = /^flags:\t([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, "utf8"))?.[1] ?? "";
      if ((Number.parseInt(flags, 8) & closeOnExec) === 0) closeSync(Number(name));
    } catch {
      // The descriptor that listed them is gone by now.
    }
  }
}

/** A socket that nobody listens on is left behind by a daemon that was removed. */
async function daemonAnswers(): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect("/nix/var/nix/daemon-socket/socket");
    const done = (answers: boolean) => (): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.once("connect", done(true)).once("error", done(false));
  });
}
