/**
 * What the gate adds to a deploy: real systemd hosts whose activation sleeps, all in one wave. The wave against the slowest host's activation; and for each host what is
 * neither copy nor activation nor soak, in seconds and in round trips. Needs root.
 *
 *   sh .ci/with-store node test/bench/apply.bench.ts [--hosts 10] [--sleep 10]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Fleet, type HostSpec } from "../hosts/fleet.ts";
import { startLab } from "../hosts/lab.ts";

const { values } = parseArgs({ options: { hosts: { type: "string", default: "10" }, sleep: { type: "string", default: "10" } } });
const names = Array.from({ length: Number(values.hosts) }, (_, n) => `host${n}`);
const sleep = Number(values.sleep);
const base: HostSpec = { services: { hello: { version: "1.0" } } };
const next: HostSpec = {
  services: { hello: { version: "2.0" } },
  activation: `[ "\${NIXOS_ACTION:-}" != test ] || sleep ${sleep}`,
};

const log = join(mkdtempSync(join(tmpdir(), "apply-bench-")), "debug.jsonl");
const lab = await startLab({ hosts: names.map((host) => ({ host, ...base })) });
const fleet = new Fleet(lab);
try {
  await fleet.begin();
  const all = (spec: HostSpec): Record<string, HostSpec> => Object.fromEntries(names.map((name) => [name, spec]));
  await fleet.commit(all(base));
  await fleet.commit(all(next), { apply: { soakSeconds: 0, parallel: names.length } });

  const [program = "", ...words] = fleet.command("deploy", "--debug-log", log);
  const child = spawn(program, words, { env: fleet.environment, stdio: ["ignore", "ignore", "pipe"] });
  const at = new Map<string, number>();
  for await (const line of createInterface({ input: child.stderr })) {
    const [host = "", step = ""] = line.split(" ");
    // The last line of a host tells its outcome; whatever it is called, it is the end.
    if (names.includes(host))
      at.set(
        `${host} ${["asking", "copying", "activating:", "activating", "verifying"].includes(step) ? step.replace(":", "") : "ended"}`,
        performance.now() / 1000,
      );
  }
  // Every round trip is a line of the debug log; the copy opens a connection of its own.
  const trips = new Map<string, number>();
  for (const line of readFileSync(log, "utf8").split("\n")) {
    const entry = line === "" ? undefined : (JSON.parse(line) as { msg?: string; host?: string });
    if (entry?.msg === "ssh" && entry.host !== undefined) trips.set(entry.host, (trips.get(entry.host) ?? 1) + 1);
  }
  const moment = (host: string, step: string): number => at.get(`${host} ${step}`) ?? Number.NaN;
  const begin = Math.min(...names.map((host) => moment(host, "asking")));
  const end = Math.max(...names.map((host) => moment(host, "ended")));
  const rows = names.map((host) => {
    const whole = moment(host, "ended") - moment(host, "asking");
    const copy = moment(host, "activating") - moment(host, "copying");
    return { host, whole, copy, own: whole - copy - sleep };
  });
  const wave = (end - begin) / sleep;
  const own = Math.max(...rows.map((row) => row.own));
  for (const { host, whole, copy, own: rest } of rows)
    console.log(
      `${host.padEnd(8)} ${whole.toFixed(1)} s, of which copy ${copy.toFixed(1)} s, activation ${sleep} s, the gate ${rest.toFixed(2)} s`,
    );
  const most = Math.max(...trips.values());
  const good = [wave <= 1.5, own <= 3, most < 12];
  console.log(`${good[0] ? "ok  " : "SLOW"} one wave of ${names.length} / the slowest activation  ${wave.toFixed(2)}  (<= 1.5)`);
  console.log(`${good[1] ? "ok  " : "SLOW"} the gate's own time for a host, at most            ${own.toFixed(2)} s  (<= 3)`);
  console.log(`${good[2] ? "ok  " : "SLOW"} round trips to a host, at most                       ${most}  (< 12)`);
  process.exitCode = good.every(Boolean) ? 0 : 1;
} finally {
  rmSync(dirname(log), { recursive: true, force: true });
  fleet.remove();
  await lab.stop();
}
