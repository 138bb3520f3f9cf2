import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostSpec, Site } from "../hosts/fleet.ts";
import { buildToplevels } from "../hosts/toplevels.ts";
import { makeKey, sshServer, type SshServer } from "../io/ssh-server.ts";

/**
 * Hosts that cost next to nothing: every one is a real sshd behind which the gate's real programs and a real switch-to-configuration run, with files and processes of
 * its own and the store of this machine. There is no systemd to be started, so that ten of them measure the gate and not two cores under ten machines. Needs root.
 */
export class SimulatedHosts implements Site {
  readonly hosts: Site["hosts"];
  readonly key: string;
  readonly knownHosts: string;
  readonly #directory: string;
  readonly #servers: readonly SshServer[];

  private constructor(directory: string, key: string, servers: ReadonlyMap<string, SshServer>, machineIds: ReadonlyMap<string, string>) {
    this.#directory = directory;
    this.#servers = [...servers.values()];
    this.key = key;
    this.knownHosts = this.#servers.map((server) => `${server.knownHost}\n`).join("");
    this.hosts = new Map(
      [...servers].map(([name, { port }]) => [name, { address: "127.0.0.1", port, machineId: machineIds.get(name) ?? "" }]),
    );
  }

  static async start(names: readonly string[], spec: HostSpec): Promise<SimulatedHosts> {
    const directory = mkdtempSync(join(tmpdir(), "simulated-hosts-"));
    const pair = makeKey();
    const key = join(directory, "key");
    writeFileSync(key, pair.privateKey, { mode: 0o600 });
    const toplevels = await buildToplevels(names.map((host) => ({ host, ...spec })));
    const machineIds = new Map(names.map((name) => [name, randomBytes(16).toString("hex")]));
    const servers = new Map<string, SshServer>();
    for (const [index, name] of names.entries()) {
      const root = join(directory, name);
      mkdirSync(root);
      const words = [root, name, machineIds.get(name) ?? "", randomUUID(), toplevels[index] ?? ""];
      const within = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"];
      servers.set(
        name,
        await sshServer({
          authorized: [pair.publicKey],
          within: [...within, "sh", join(import.meta.dirname, "simulated-host.sh"), ...words],
        }),
      );
    }
    return new SimulatedHosts(directory, key, servers, machineIds);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
