import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ActivationRequest, Followed, Phase } from "../../src/apply/activation.ts";
import { followActivation } from "../../src/apply/follow-activation.ts";
import { parsePhase } from "../../src/apply/phase.ts";
import { type Started, startActivation } from "../../src/apply/start-activation.ts";
import { HostName } from "../../src/discover/host.ts";
import type { Targets } from "../../src/io/ports.ts";
import { openTargets } from "../../src/io/target.ts";
import type { Address } from "../../src/target/address.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import { readLedger } from "../../src/target/read-ledger.ts";
import { pause } from "./command.ts";
import type { LabHost } from "./host.ts";
import type { Lab } from "./lab.ts";
import { readFileSync } from "node:fs";

export const nonceOf = (): string => randomBytes(16).toString("hex");

/** The gate's own port to the lab's hosts, over a real ssh. */
export async function labTargets(lab: Lab): Promise<{ targets: Targets; close: () => Promise<void> }> {
  const scratch = mkdtempSync(join(tmpdir(), "supervisor-"));
  const targets = await openTargets({
    environment: process.env,
    scratch,
    signal: new AbortController().signal,
    privateKey: readFileSync(lab.key, "utf8"),
    knownHosts: lab.knownHosts,
    nix: undefined as never,
    log: { progress: () => undefined, debug: () => undefined, mask: () => undefined },
  });
  return {
    targets,
    close: async () => {
      await targets.close();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** One host of the lab under the supervisor, with what a test asks of it. What is read here comes in by the kernel, so it is true when the network is not. */
export class SupervisedHost {
  readonly host: LabHost;
  readonly base: string;
  readonly #targets: Targets;

  constructor(host: LabHost, base: string, targets: Targets) {
    this.host = host;
    this.base = base;
    this.#targets = targets;
  }

  get address(): Address {
    return {
      host: HostName.parse(this.host.name),
      hostname: this.host.address,
      port: 22,
      user: "root",
      sudo: false,
      jump: [],
      identity: { name: this.host.name, machineId: undefined },
      hostKeys: [],
    } as Address;
  }

  request(to: string, change: Partial<ActivationRequest> & { readonly id?: string } = {}): ActivationRequest {
    const { id = `t-${randomBytes(6).toString("hex")}`, ...rest } = change;
    const operation = rest.operation ?? "switch";
    return {
      attempt: {
        id,
        host: HostName.parse(this.host.name),
        repository: "a/b",
        approvedBy: 'Zoë "the\n\u2028admin" \\',
        operation,
        from: { current: this.base, profile: this.base },
        to,
      },
      operation,
      from: { current: this.base, profile: this.base },
      to,
      activate: to,
      limits: { activationSeconds: 60, confirmSeconds: 40, loaderSeconds: 30 },
      confirmation: { by: "gate" },
      reversible: true,
      stopFirst: [],
      ...rest,
    };
  }

  async start(request: ActivationRequest, nonce = nonceOf()): Promise<Started> {
    return await startActivation(this.#targets, this.address, request, nonce);
  }

  async follow(id: string, until: "waiting" | "ended", seconds = 120, onLog?: (piece: string) => void): Promise<Followed> {
    const clock = { now: () => new Date() };
    return await followActivation(this.#targets, this.address, id, {
      until,
      timeoutSeconds: seconds,
      clock,
      pause: (n) => pause(n * 1000),
      ...(onLog === undefined ? {} : { onLog }),
    });
  }

  async phase(id: string): Promise<Phase | undefined> {
    const { stdout } = await this.host.exec(["cat", `/run/nixos-deploy-gate/${id}/phase`]);
    return parsePhase(stdout);
  }

  /** Waits for a phase without the network. */
  async until(id: string, phase: Phase["phase"], seconds = 150): Promise<Phase> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const now = await this.phase(id).catch(() => undefined);
      if (now?.phase === phase) return now;
      if (now?.phase === "ended" || Date.now() > end)
        throw new Error(`${id} is ${JSON.stringify(now)} and not ${phase}\n${await this.log(id)}`);
      await pause(100);
    }
  }

  async log(id: string): Promise<string> {
    return (await this.host.exec(["sh", "-c", `cat /run/nixos-deploy-gate/${id}/log || cat /var/lib/nixos-deploy-gate/attempts/${id}/log`]))
      .stdout;
  }

  /** Each system by what it is to the test: `old`, `new`, or its path. */
  async systems(to: string): Promise<string> {
    const names = new Map([
      [this.base, "old"],
      [to, "new"],
    ]);
    const { current, booted, profile, loader } = await this.host.systems();
    const name = (path: string): string => names.get(path) ?? path;
    return `current ${name(current)}, profile ${name(profile)}, boots ${name(loader)}, booted ${name(booted)}`;
  }

  async ledger(): Promise<readonly LedgerEntry[]> {
    const { stdout } = await this.host.exec(["cat", "/var/lib/nixos-deploy-gate/ledger.jsonl"]);
    const read = readLedger(stdout.split("\n"));
    if (!read.ok) throw new Error(`line ${read.line} of the ledger: ${stdout}`);
    return read.entries;
  }

  /** How the ledger says that an attempt ended. */
  async ended(id: string): Promise<string | undefined> {
    const entry = (await this.ledger()).findLast((one) => one.event === "ended" && one.id === id);
    return entry?.event === "ended" ? `${entry.outcome} ${entry.reason} ${entry.exit ?? "-"}` : undefined;
  }

  /** Back to the first system by hand, whatever a test has left. */
  async reset(): Promise<void> {
    const { host } = this;
    if (!host.isOn) await host.boot();
    host.restoreNetwork();
    await host.freeDisk("store");
    await host.freeDisk("boot");
    await host.exec(["sh", "-c", resetProgram]);
    const systems = await host.systems();
    if (Object.values(systems).every((path) => path === this.base)) {
      await host.up();
      return;
    }
    await host.activate(this.base, "switch", { checks: false, seconds: 60 });
    if (systems.booted !== this.base) {
      await host.powerOff();
      await host.boot();
    }
    await host.up();
  }
}

const resetProgram = `
rm -f /boot/loader-broken /boot/loader-slow /boot/loader-oneshot
rm -rf /nix/var/nix/gcroots/nixos-deploy-gate
umount /var/lib/nixos-deploy-gate 2>/dev/null
ip rule del pref 10 2>/dev/null
systemctl stop nixos-deploy-gate-deadman.timer 2>/dev/null
for unit in nixos-deploy-gate-activation nixos-deploy-gate-switch nixos-deploy-gate-deadman; do systemctl kill -s KILL $unit.service 2>/dev/null; done
rm -rf /run/nixos-deploy-gate /var/lib/nixos-deploy-gate/reserve
rm -f /run/nixos/*-list
ip link set host0 up
systemctl reset-failed
exit 0`;
