import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Plan } from "../../src/report/plan.ts";
import { must, type Result, run } from "./command.ts";
import type { ToplevelSpec } from "./toplevels.ts";

export type HostSpec = Omit<ToplevelSpec, "host">;

/** Where hosts are and how one logs in: a lab, or what stands in for one. */
export type Site = {
  readonly hosts: ReadonlyMap<string, { readonly address: string; readonly port?: number; readonly machineId: string }>;
  /** Path of a private key. */
  readonly key: string;
  /** In the format of known_hosts(5). */
  readonly knownHosts: string;
};

/** Describes the hosts of specs.json, by the policy of policy.json. */
export const labFlake = `{
  outputs = _: let specs = builtins.fromJSON (builtins.readFile ./specs.json); in {
    nixosConfigurations = builtins.mapAttrs (host: spec: {
      config.networking.hostName = host;
      config.system.build.toplevel = builtins.head (import ./toplevel.nix { system = "x86_64-linux"; specs = builtins.toJSON [ ({ inherit host; } // spec) ]; });
    }) specs;
    deployGate = builtins.fromJSON (builtins.readFile ./policy.json);
  };
}
`;

/** The files that toplevels are made of, by their paths: what `labFlake` reads besides specs and policy. */
export function machineParts(): Readonly<Record<string, string>> {
  const scripts = readdirSync(join(import.meta.dirname, "machine")).map((name) => `machine/${name}`);
  return Object.fromEntries(["toplevel.nix", ...scripts].map((name) => [name, readFileSync(join(import.meta.dirname, name), "utf8")]));
}

/** A repository whose flake describes the lab's hosts, and the gate's own command line on it as a child process. */
export class Fleet {
  readonly repository: string;
  readonly #site: Site;
  readonly #seconds: number;

  /** A run of the gate that takes longer than `seconds` is ended. */
  constructor(site: Site, seconds = 400) {
    this.#site = site;
    this.#seconds = seconds;
    this.repository = mkdtempSync(join(tmpdir(), "fleet-"));
    cpSync(join(import.meta.dirname, "toplevel.nix"), join(this.repository, "toplevel.nix"));
    cpSync(join(import.meta.dirname, "machine"), join(this.repository, "machine"), { recursive: true });
    mkdirSync(join(this.repository, "ssh"), { mode: 0o700 });
    writeFileSync(join(this.repository, "flake.nix"), labFlake);
    writeFileSync(join(this.repository, ".gitignore"), "ssh\n");
  }

  async begin(): Promise<void> {
    await must(["git", "-C", this.repository, "init", "--quiet", "--initial-branch=main"]);
  }

  /** What the flake says from now on, as a commit. The policy gets each host's address where it names none. */
  async commit(specs: Readonly<Record<string, HostSpec>>, policy: object = {}): Promise<string> {
    const given = policy as { hosts?: Record<string, object>; apply?: object };
    const hosts = Object.fromEntries(
      [...this.#site.hosts].map(([name, { address, port = 22, machineId }]) => [
        name,
        { deploy: true, target: { hostname: address, port, machineId }, ...given.hosts?.[name] },
      ]),
    );
    for (const [name, own] of Object.entries(given.hosts ?? {})) hosts[name] ??= { deploy: true, ...own } as never;
    const apply = { soakSeconds: 1, confirmSeconds: 40, activationSeconds: 90, loaderSeconds: 60, ...given.apply };
    writeFileSync(join(this.repository, "specs.json"), JSON.stringify(specs));
    writeFileSync(join(this.repository, "policy.json"), JSON.stringify({ ...policy, hosts, apply }));
    const git = (...words: string[]): Promise<string> =>
      must(["git", "-C", this.repository, "-c", "user.name=lab", "-c", "user.email=lab@example.org", ...words]);
    await git("add", "--all");
    await git("commit", "--quiet", "--allow-empty", "--message", "Change");
    return (await git("rev-parse", "HEAD")).trim();
  }

  gate(...words: string[]): Promise<Result> {
    return this.gateIn({}, ...words);
  }

  /** The same with more variables in its environment. */
  gateIn(environment: NodeJS.ProcessEnv, ...words: string[]): Promise<Result> {
    return run(this.command(...words), { seconds: this.#seconds, env: { ...this.environment, ...environment } });
  }

  command(...words: string[]): string[] {
    const known = join(this.repository, "ssh", "known_hosts");
    writeFileSync(known, this.#site.knownHosts);
    const [command = "", ...rest] = words;
    // `rollback` names its host first, `diagnose` the plan, `goal` itself.
    const [first, after] = ["rollback", "diagnose", "goal"].includes(command) ? [rest.slice(0, 1), rest.slice(1)] : [[], rest];
    return [
      process.execPath,
      resolve(import.meta.dirname, "../../src/cli.ts"),
      command,
      ...first,
      this.repository,
      "--ssh-key",
      this.#site.key,
      "--known-hosts",
      known,
      ...after,
    ];
  }

  get environment(): NodeJS.ProcessEnv {
    const { SSH_AUTH_SOCK: _, ...environment } = process.env;
    return environment;
  }

  /** `deploy --json`, read back by the schema. */
  async deploy(...words: string[]): Promise<{ readonly plan: Plan; readonly exitCode: number; readonly stderr: string }> {
    const result = await this.gate("deploy", "--json", ...words);
    if (!result.stdout.startsWith("{")) throw new Error(`gate deploy ended with ${result.exitCode}: ${result.stderr}`);
    return { plan: Plan.parse(JSON.parse(result.stdout)), exitCode: result.exitCode, stderr: result.stderr };
  }

  remove(): void {
    rmSync(this.repository, { recursive: true, force: true });
  }
}
