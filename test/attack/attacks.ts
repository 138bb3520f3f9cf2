import { randomBytes } from "node:crypto";
import type { Planted } from "./planted.ts";

/** One try to read the runner: a flake whose output `leak` is what it got. */
export type Attack = {
  readonly name: string;
  readonly files: (planted: Planted) => Readonly<Record<string, string | { readonly link: string }>>;
  /** What happens where the jail is not there: it leaks on every version, or Nix itself stops it on every version. */
  readonly without: "leaks" | "nix";
  /** True where the lock file alone shows it. */
  readonly lock?: boolean;
};

const outputs = (leak: string, more = ""): string =>
  `{ ${more} outputs = inputs: { leak = ${leak}; nixosConfigurations = { }; deployGate = { }; }; }`;
const locked = (attributes: object, original: object = attributes): string =>
  JSON.stringify({ version: 7, root: "root", nodes: { root: { inputs: { x: "x" } }, x: { flake: false, locked: attributes, original } } });
const input = (url: string): string => `inputs.x = { url = ${JSON.stringify(url)}; flake = false; };`;
/** Reads with what a shell has built in; the name makes it a new derivation each time. */
const builder = (planted: Planted): string => `(derivation {
  name = "attack-${randomBytes(8).toString("hex")}"; system = "x86_64-linux"; builder = "/bin/sh";
  args = [ "-c" "for f in ${planted.file} /proc/[0-9]*/environ; do while IFS= read -r l || [ -n \\"$l\\" ]; do case $l in *planted*) echo \\"$l\\" >>$out ;; esac; done <$f; done 2>/dev/null; echo done >>$out" ];
})`;

export const attacks: readonly Attack[] = [
  {
    name: "path input, unlocked in the lock file",
    lock: true,
    without: "nix",
    files: (p) => ({
      "flake.nix": outputs("builtins.readFile inputs.x", input(`path:${p.file}`)),
      "flake.lock": locked({ type: "path", path: p.file }),
    }),
  },
  {
    name: "path input, not in the lock file",
    without: "leaks",
    files: (p) => ({ "flake.nix": outputs("builtins.readFile inputs.x", input(`path:${p.file}`)) }),
  },
  {
    name: "path input to a process",
    lock: true,
    without: "nix",
    files: (p) => ({
      "flake.nix": outputs("builtins.readFile inputs.x", input(`path:/proc/${p.pid}/environ`)),
      "flake.lock": locked({ type: "path", path: `/proc/${p.pid}/environ` }),
    }),
  },
  {
    name: "file+file input",
    lock: true,
    without: "nix",
    files: (p) => ({
      "flake.nix": outputs("builtins.readFile inputs.x", input(`file+file://${p.file}`)),
      "flake.lock": locked({ type: "file", url: `file://${p.file}` }),
    }),
  },
  {
    name: "file+file input to a process",
    lock: true,
    without: "nix",
    files: (p) => ({
      "flake.nix": outputs("builtins.readFile inputs.x", input(`file+file:///proc/${p.pid}/environ`)),
      "flake.lock": locked({ type: "file", url: `file:///proc/${p.pid}/environ` }),
    }),
  },
  {
    name: "git+file input by revision",
    lock: true,
    without: "leaks",
    files: (p) => ({
      "flake.nix": outputs('builtins.readFile (inputs.x + "/secret")', input(`git+file://${p.repository}?rev=${p.rev}`)),
      "flake.lock": locked({ type: "git", url: `file://${p.repository}`, rev: p.rev }),
    }),
  },
  {
    name: "git+file input that flake.nix pins and the lock file leaves out",
    without: "leaks",
    files: (p) => ({ "flake.nix": outputs('builtins.readFile (inputs.x + "/secret")', input(`git+file://${p.repository}?rev=${p.rev}`)) }),
  },
  {
    name: "fetchGit by revision",
    without: "leaks",
    files: (p) => ({
      "flake.nix": outputs(`builtins.readFile (builtins.fetchGit { url = "file://${p.repository}"; rev = "${p.rev}"; } + "/secret")`),
    }),
  },
  {
    name: "fetchTree of a repository",
    without: "leaks",
    files: (p) => ({
      "flake.nix": outputs(
        `builtins.readFile (builtins.fetchTree { type = "git"; url = "file://${p.repository}"; rev = "${p.rev}"; } + "/secret")`,
      ),
    }),
  },
  {
    name: "getFlake of a repository",
    without: "leaks",
    files: (p) => ({ "flake.nix": outputs(`builtins.readFile (builtins.getFlake "git+file://${p.repository}?rev=${p.rev}" + "/secret")`) }),
  },
  {
    name: "fetchTree of a path",
    without: "nix",
    files: (p) => ({ "flake.nix": outputs(`builtins.readFile (builtins.fetchTree { type = "path"; path = "${p.file}"; })`) }),
  },
  {
    name: "builtins.path",
    without: "nix",
    files: (p) => ({ "flake.nix": outputs(`builtins.readFile (builtins.path { path = "${p.file}"; name = "x"; })`) }),
  },
  { name: "readFile of an absolute path", without: "nix", files: (p) => ({ "flake.nix": outputs(`builtins.readFile ${p.file}`) }) },
  { name: "import of an absolute path", without: "nix", files: (p) => ({ "flake.nix": outputs(`import ${p.file}`) }) },
  {
    name: "readFile of a link in the flake",
    without: "nix",
    files: (p) => ({ "flake.nix": outputs("builtins.readFile ./link"), link: { link: p.file } }),
  },
  { name: "flake.nix that is a link", without: "nix", files: (p) => ({ "flake.nix": { link: p.file } }) },
  {
    name: "flake.lock that is a link",
    without: "nix",
    files: (p) => ({ "flake.nix": outputs('"x"'), "flake.lock": { link: p.file } }),
  },
  {
    name: "fetchurl of a file without its hash",
    without: "nix",
    files: (p) => ({ "flake.nix": outputs(`builtins.readFile (builtins.fetchurl "file://${p.file}")`) }),
  },
  { name: "import from derivation", without: "leaks", files: (p) => ({ "flake.nix": outputs(`builtins.readFile ${builder(p)}`) }) },
  {
    name: "import from derivation that asks for no sandbox",
    without: "leaks",
    files: (p) => ({ "flake.nix": outputs(`builtins.readFile (${builder(p)} // { __noChroot = true; })`) }),
  },
  { name: "getEnv", without: "nix", files: () => ({ "flake.nix": outputs('builtins.getEnv "GITHUB_TOKEN" + builtins.getEnv "SECRET"') }) },
  {
    name: "storePath of what lies outside",
    without: "nix",
    files: (p) => ({ "flake.nix": outputs(`builtins.readFile (builtins.storePath ${p.file})`) }),
  },
  {
    name: "nixConfig",
    without: "leaks",
    files: (p) => ({
      "flake.nix": outputs(
        `builtins.readFile ${builder(p)}`,
        `nixConfig = { allow-import-from-derivation = true; pure-eval = false; sandbox = false; extra-sandbox-paths = [ "${p.file}" ]; };`,
      ),
    }),
  },
];
