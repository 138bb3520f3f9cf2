/**
 * What the gate adds to a deploy, of hosts whose activation sleeps: the wave against the slowest activation; and for each host what is neither copy nor switch (soak and
 * checks there are none), in seconds and in round trips. Ten simulated hosts in one wave, since ten real ones on a few cores measure those; and one real systemd host,
 * whose systemd tells how long switch-to-configuration ran for the activation and for the boot loader. What it says on a dry run is the gate's own. Needs root.
 *
 *   sh .ci/with-store node test/bench/apply.bench.ts [--hosts 10] [--real 1] [--sleep 30]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Fleet, type HostSpec, type Site } from "../hosts/fleet.ts";
import type { LabHost } from "../hosts/host.ts";
import { startLab } from "../hosts/lab.ts";
import { SimulatedHosts } from "./simulated-hosts.ts";

const { values } = parseArgs({
  options: { hosts: { type: "string", default: "10" }, real: { type: "string", default: "1" }, sleep: { type: "string", default: "30" } },
});
const sleep = Number(values.sleep);
const base: HostSpec = { services: { hello: { version: "1.0" } } };
const next: HostSpec = {
  services: { hello: { version: "2.0" } },
  activation: `[ "\${NIXOS_ACTION:-}" != test ] || sleep ${sleep}`,
};
const numbered = (name: string, count: string): string[] => Array.from({ length: Number(count) }, (_, n) => `${name}${n}`);

type Row = {
  readonly host: string;
  readonly whole: number;
  readonly copy: number;
  readonly switched: number;
  readonly own: number;
  readonly trips: number;
};

/** One deploy of all hosts at once. `wave` is in seconds, from the first question of preflight to the last outcome. */
async function deploy(
  site: Site,
  switchedOn: (host: string) => Promise<number>,
): Promise<{ readonly rows: readonly Row[]; readonly wave: number }> {
  const names = [...site.hosts.keys()];
  const scratch = mkdtempSync(join(tmpdir(), "apply-bench-"));
  const log = join(scratch, "debug.jsonl");
  const fleet = new Fleet(site);
  try {
    await fleet.begin();
    const all = (spec: HostSpec): Record<string, HostSpec> => Object.fromEntries(names.map((name) => [name, spec]));
    await fleet.commit(all(base));
    await fleet.commit(all(next), { apply: { soakSeconds: 0, parallel: names.length } });

    const [program = "", ...words] = fleet.command("deploy", "--log-file", log);
    const child = spawn(program, words, { env: fleet.environment, stdio: ["ignore", "ignore", "pipe"] });
    const at = new Map<string, number>();
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line);
      const [host = "", step = ""] = line.split(" ");
      // The last line of a host tells its outcome; whatever it is called, it is the end.
      if (names.includes(host))
        at.set(
          `${host} ${["asking", "copying", "activating:", "activating", "verifying"].includes(step) ? step.replace(":", "") : "ended"}`,
          performance.now() / 1000,
        );
    }
    const outcomes = new Map<string, { readonly outcome: string; readonly roundTrips: number }>();
    const copied = new Map<string, number>();
    for (const line of readFileSync(log, "utf8").split("\n")) {
      if (line === "") continue;
      const entry = JSON.parse(line) as { msg?: string; host?: string; outcome?: string; roundTrips?: number; seconds?: number };
      if (entry.msg === "copied" && entry.host !== undefined) copied.set(entry.host, entry.seconds ?? Number.NaN);
      if (entry.msg === "host ended" && entry.host !== undefined)
        outcomes.set(entry.host, { outcome: entry.outcome ?? "", roundTrips: entry.roundTrips ?? Number.NaN });
    }
    // What did not come to its end has no time worth telling.
    if (names.some((name) => !(outcomes.get(name)?.outcome ?? "").startsWith("deployed")))
      throw new Error(`not deployed:\n${said.join("\n")}`);
    const moment = (host: string, step: string): number => at.get(`${host} ${step}`) ?? Number.NaN;
    const rows = await Promise.all(
      names.map(async (host): Promise<Row> => {
        const whole = moment(host, "ended") - moment(host, "asking");
        const copy = copied.get(host) ?? Number.NaN;
        const switched = await switchedOn(host);
        return { host, whole, copy, switched, own: whole - copy - switched, trips: outcomes.get(host)?.roundTrips ?? Number.NaN };
      }),
    );
    const begin = Math.min(...names.map((host) => moment(host, "asking")));
    return { rows, wave: Math.max(...names.map((host) => moment(host, "ended"))) - begin };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    fleet.remove();
  }
}

function show(rows: readonly Row[]): void {
  for (const { host, whole, copy, switched, own, trips } of rows)
    console.log(
      `${host.padEnd(10)} ${whole.toFixed(1)} s, of which copy ${copy.toFixed(1)} s, switch ${switched.toFixed(1)} s, the gate ${own.toFixed(2)} s in ${trips} round trips`,
    );
}

let slow = false;
function hold(what: string, value: number, limit: number, unit = ""): void {
  const good = value <= limit;
  slow ||= !good;
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(2);
  console.log(`${good ? "ok  " : "SLOW"} ${what.padEnd(58)} ${shown}${unit}  (<= ${limit}${unit})`);
}
const most = (rows: readonly Row[], key: "own" | "trips"): number => Math.max(...rows.map((row) => row[key]));

/** Deploys, and stops the hosts however that ended. */
async function measured<Hosts extends Site & { stop(): unknown }>(
  hosts: Hosts,
  switchedOn: (host: string) => Promise<number>,
): ReturnType<typeof deploy> {
  try {
    return await deploy(hosts, switchedOn);
  } finally {
    await hosts.stop();
  }
}
/** Seconds for which switch-to-configuration ran in the gate's unit, by the host's own journal: from each start of the unit to its end. */
async function secondsSwitched(host: LabHost): Promise<number> {
  const unit = "nixos-deploy-gate-switch.service";
  const lines = (await host.sh(`journalctl --quiet --no-pager --output json UNIT=${unit} _PID=1`))
    .split("\n")
    .filter((line) => line !== "");
  let began: number | undefined;
  let seconds = 0;
  for (const line of lines) {
    const { MESSAGE, __MONOTONIC_TIMESTAMP } = JSON.parse(line) as { MESSAGE: string; __MONOTONIC_TIMESTAMP: string };
    const at = Number(__MONOTONIC_TIMESTAMP) / 1e6;
    if (MESSAGE.startsWith("Started ")) began = at;
    if (MESSAGE.endsWith(": Deactivated successfully.") && began !== undefined) {
      seconds += at - began;
      began = undefined;
    }
  }
  if (seconds < sleep) throw new Error(`the journal of the host does not tell how long it was switched: ${lines.length} lines`);
  return seconds;
}

const simulated = await SimulatedHosts.start(numbered("simulated", values.hosts), base);
// All that their activation does is sleep.
const many = await measured(simulated, () => Promise.resolve(sleep));
show(many.rows);
const lab = await startLab({ hosts: numbered("real", values.real).map((host) => ({ host, ...base })) });
const real = await measured(lab, (name) => secondsSwitched(lab.host(name)));
show(real.rows);
hold(`one wave of ${many.rows.length} simulated hosts / the slowest activation`, many.wave / sleep, 1.5);
hold("the gate's own time for a real host, at most", most(real.rows, "own"), 3, " s");
hold("round trips to a host, at most", most([...many.rows, ...real.rows], "trips"), 11);
process.exitCode = slow ? 1 : 0;
