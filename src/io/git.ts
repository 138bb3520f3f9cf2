import { copyFileSync, lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { gateError } from "../failure.ts";
import { objectDirectories, readPlainFile, scan, stat } from "./checkout-files.ts";
import type { Checkout, CommandResult, Git, GitRun, Place } from "./ports.ts";
import { runCommand } from "./run-command.ts";

export type GitPortOptions = {
  /** The environment of this process; PATH, proxies and certificates are taken from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A directory of this run alone; git's home is made in it. */
  readonly scratch: string;
  readonly signal?: AbortSignal;
};

/**
 * For every command, and before anything that the repository's own configuration says: a checkout's `.git/config` is the runner's, but whatever ran in the job before
 * us may have written there, and each of these keys names a program or writes to the checkout.
 */
const settings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.splitIndex=false",
  "core.untrackedCache=false",
  "core.attributesFile=/dev/null",
  "core.excludesFile=/dev/null",
  "credential.helper=",
  "gc.auto=0",
  "maintenance.auto=false",
  "commit.gpgSign=false",
  "rerere.enabled=false",
  "submodule.recurse=false",
  "fetch.recurseSubmodules=false",
  // A forge that sends us elsewhere would be sent the token there.
  "http.followRedirects=false",
].flatMap((setting) => ["-c", setting]);

const passed = [
  "PATH",
  "SSL_CERT_FILE",
  "GIT_SSL_CAINFO",
  ...["http_proxy", "https_proxy", "all_proxy", "no_proxy"].flatMap((name) => [name, name.toUpperCase()]),
];

/** The git of this machine, found in PATH. */
export function gitPort(options: GitPortOptions): Git {
  const home = join(options.scratch, "git-home");
  const environment: Record<string, string> = {
    LC_ALL: "C",
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: join(home, ".gitconfig"),
    GIT_ATTR_NOSYSTEM: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_AUTHOR_NAME: "nixos-deploy-gate",
    GIT_AUTHOR_EMAIL: "gate@localhost",
    GIT_COMMITTER_NAME: "nixos-deploy-gate",
    GIT_COMMITTER_EMAIL: "gate@localhost",
  };
  for (const name of passed) {
    const value = options.environment[name];
    if (value !== undefined) environment[name] = value;
  }
  let prepared = false;
  const prepare = (): void => {
    if (prepared) return;
    mkdirSync(home, { recursive: true, mode: 0o700 });
    // In a job's container the checkout belongs to another user than the one we are; the operator named it, so it is trusted as far as reading goes.
    writeFileSync(join(home, ".gitconfig"), "[safe]\n\tdirectory = *\n");
    prepared = true;
  };

  const run = async (command: GitRun): Promise<CommandResult> => {
    prepare();
    const result = await runCommand({
      program: "git",
      arguments: [...settings, ...command.arguments],
      directory: command.directory,
      environment: { ...environment, ...remoteEnvironment(command.remote), ...command.environment },
      timeoutSeconds: command.timeoutSeconds ?? 60,
      maxStdoutBytes: command.maxBytes ?? 64 * 1024 * 1024,
      ...(command.input === undefined ? {} : { input: command.input }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (result.cancelled) throw gateError("cancelled", {});
    if (result.missing) throw gateError("git-missing", {}, result.stderr);
    if (result.truncated)
      throw gateError("git-failed", { doing: `running git ${command.arguments[0] ?? ""}` }, "it wrote more than the limit");
    return result;
  };

  // Nothing is waited for before git runs: what is laid out beside it would come first.
  const locate = async (path: string): Promise<Place> => {
    let real: string;
    try {
      real = realpathSync(path);
    } catch {
      // Not there, or a link to nowhere.
      return { kind: "missing", path };
    }
    if (!lstatSync(real).isDirectory()) return { kind: "file", path: real };
    const asked = await run({
      directory: real,
      // What has an answer everywhere first: the last one fails where there is no working tree.
      arguments: [
        "rev-parse",
        "--is-inside-work-tree",
        "--absolute-git-dir",
        "--git-path",
        "objects",
        "--git-path",
        "shallow",
        "--show-toplevel",
      ],
    });
    const [inside, gitDirectory, objects, shallow, root] = asked.stdout.split("\n");
    if (inside === "false") return { kind: "bare", path: real };
    if (asked.exitCode !== 0 || gitDirectory === undefined || objects === undefined || shallow === undefined || root === undefined) {
      if (!/not a git repository/.test(asked.stderr)) throw gateError("git-failed", { doing: `looking at ${real}` }, asked.stderr);
      return { kind: "plain", path: real };
    }
    // A line break in a path moves the lines that follow.
    if (!isAbsolute(root) || !isAbsolute(gitDirectory))
      throw gateError("git-failed", { doing: `looking at ${real}` }, "its path contains a line break");
    const checkout = {
      root,
      prefix: real === root ? "" : real.slice(root === "/" ? 1 : root.length + 1),
      gitDirectory,
      objectDirectories: objectDirectories(resolve(real, objects)),
      shallow: stat(resolve(real, shallow)) !== undefined,
    };
    return { kind: "checkout", checkout };
  };

  // Some twenty small files at once: each by itself would wait for a thread and for its turn, together as long as git needs.
  const createRepository = async (directory: string, checkout: Checkout): Promise<void> => {
    const own = join(directory, ".git");
    const objects = checkout.objectDirectories[0] ?? "";
    if (/[\n\r]/.test(objects)) throw gateError("git-failed", { doing: "reading the checkout" }, "its path contains a line break");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of ["objects/info", "objects/pack", "refs/heads", "info", "fresh"]) mkdirSync(join(own, name), { recursive: true });
    // As gitrepository-layout(5) has it; starting git for it would cost more than the rest.
    writeFileSync(join(own, "HEAD"), "ref: refs/heads/gate\n");
    writeFileSync(join(own, "config"), "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n");
    writeFileSync(join(own, "objects", "info", "alternates"), `${objects}\n${join(own, "fresh")}\n`);
    // Before any `.gitattributes` of the tree: files go in and out as they are, as Nix reads them; no filter, no line ends, no keywords.
    writeFileSync(join(own, "info", "attributes"), "* -text -eol -filter -ident -working-tree-encoding\n");
    for (const name of readdirSync(checkout.gitDirectory)) {
      if (name !== "index" && !name.startsWith("sharedindex.")) continue;
      const [from, to] = [join(checkout.gitDirectory, name), join(own, name)];
      const found = statSync(from);
      // A FIFO would be waited on for ever.
      if (!found.isFile()) throw gateError("git-failed", { doing: "reading the checkout" }, `${from} is not a file`);
      copyFileSync(from, to);
      // Git takes a file that is as old as the index for possibly changed and reads it; a copy that looks younger would hide a change of the same second.
      const written = Math.floor(found.mtimeMs / 1000);
      utimesSync(to, written, written);
    }
    if (checkout.shallow) {
      const shallow = await run({ directory: checkout.root, arguments: ["rev-parse", "--git-path", "shallow"] });
      copyFileSync(resolve(checkout.root, shallow.stdout.replace(/\n$/, "")), join(own, "shallow"));
    }
  };

  const pointHead = async (directory: string, rev: string): Promise<void> => {
    // As gitrepository-layout(5) has it: a head that is no branch is the id alone. In one step, since a git beside this one would find no repository in between.
    const [made, head] = [join(directory, ".git", "HEAD.made"), join(directory, ".git", "HEAD")];
    writeFileSync(made, `${rev}\n`);
    renameSync(made, head);
  };

  return { run, locate, createRepository, pointHead, scan, readFile: async (path, maxBytes) => readPlainFile(path, maxBytes) };
}

/** What a fetch needs and nothing else may have: one protocol, one server's token. */
function remoteEnvironment(remote: GitRun["remote"]): Record<string, string> {
  // `git` is a protocol that nobody needs here; "none" is one that does not exist, so that nothing is reachable.
  if (remote === undefined) return { GIT_ALLOW_PROTOCOL: "none" };
  const url = URL.canParse(remote.url) ? new URL(remote.url) : undefined;
  const scheme = url === undefined ? "file" : url.protocol.replace(/:$/, "");
  if (!["https", "http", "file"].includes(scheme)) return { GIT_ALLOW_PROTOCOL: "none" };
  if (remote.token === undefined || remote.token === "" || url === undefined || scheme === "file") return { GIT_ALLOW_PROTOCOL: scheme };
  // Both forges take a token as the password of any user by basic authentication, which is what their own checkout action does.
  const basic = Buffer.from(`x-access-token:${remote.token}`).toString("base64");
  return {
    GIT_ALLOW_PROTOCOL: scheme,
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `http.${url.origin}/.extraheader`,
    GIT_CONFIG_VALUE_0: `AUTHORIZATION: basic ${basic}`,
  };
}
