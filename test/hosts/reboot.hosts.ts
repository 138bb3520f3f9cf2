import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rebootAttempts } from "../../src/reboot/attempts.ts";
import type { LedgerEntry } from "../../src/target/ledger.ts";
import { pause, until } from "./command.ts";
import { Fleet, type HostSpec } from "./fleet.ts";
import type { LabHost } from "./host.ts";
import { type Lab, startLab } from "./lab.ts";
import { broken, buildToplevel } from "./toplevels.ts";

/** Reboots as a person and as a schedule start them, on real hosts that really boot. */
let lab: Lab;
let fleet: Fleet;
const base: HostSpec = { services: { hello: { version: "1.0" } } };
const names = ["alpha", "beta", "gamma"];

beforeAll(async () => {
  lab = await startLab({ hosts: names.map((host) => ({ host, ...base })) });
  fleet = new Fleet(lab);
  await fleet.begin();
});
afterAll(async () => {
  fleet?.remove();
  await lab?.stop();
});

type Row = {
  readonly host: string;
  readonly outcome: { readonly outcome: string; readonly reasons: readonly string[]; readonly failure?: { readonly code: string } };
  readonly pending?: { readonly hours?: number; readonly next?: string };
};
type Rebooted = { readonly exitCode: number; readonly kinds: Record<string, string>; row(host: string): Row; readonly stderr: string };

/** `reboot --json`. */
async function reboot(...words: string[]): Promise<Rebooted> {
  const result = await fleet.gate("reboot", "--json", ...words);
  if (!result.stdout.startsWith("{")) throw new Error(`gate reboot ended with ${result.exitCode}: ${result.stderr}`);
  const { hosts } = JSON.parse(result.stdout) as { hosts: Row[] };
  return {
    exitCode: result.exitCode,
    kinds: Object.fromEntries(hosts.map((row) => [row.host, row.outcome.outcome])),
    row: (host) => hosts.find((row) => row.host === host) ?? { host, outcome: { outcome: "missing", reasons: [] } },
    stderr: result.stderr,
  };
}

const anyTime = { windows: "any", expectedSeconds: 30, marginSeconds: 0, returnSeconds: 60 };
const policy = (alpha: object, more: { beta?: object; gamma?: object; groups?: object } = {}): object => ({
  hosts: { alpha, beta: more.beta ?? {}, gamma: more.gamma ?? {} },
  groups: more.groups ?? {},
});
/** A window of every day that begins and ends so many hours from now. */
function window(from: number, to: number): object {
  const clock = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
  return { from: clock(from), to: clock(to), zone: "UTC" };
}

const ledger = async (host: LabHost): Promise<LedgerEntry[]> =>
  (await host.sh("cat /var/lib/nixos-deploy-gate/ledger.jsonl")).split("\n").map((line) => JSON.parse(line) as LedgerEntry);

let staged = 0;
/** What a deploy leaves that only sets the boot default: a system to boot next, and its lines in the ledger. */
async function stage(name: string, spec: HostSpec, revision?: string): Promise<string> {
  const host = lab.host(name);
  const to = await buildToplevel({ host: name, revision: String((staged += 1)), ...spec });
  expect((await host.copy([to])).exitCode).toBe(0);
  expect((await host.activate(to, "boot")).exitCode).toBe(0);
  const at = Math.floor(Date.now() / 1000);
  const id = `deploy-${String(at)}-${staged}`;
  const bootId = await host.bootId();
  const lines = [
    { v: 1, event: "started", at, bootId, attempt: { id, host: name, revision, operation: "boot", from: {}, to } },
    { v: 1, event: "ended", at, id, outcome: "staged", reason: "as-planned" },
  ];
  await host.sh(
    'mkdir -p /var/lib/nixos-deploy-gate; printf "%s\\n" "$@" >>/var/lib/nixos-deploy-gate/ledger.jsonl',
    ...lines.map((line) => JSON.stringify(line)),
  );
  return to;
}

test("a deploy brings a kernel; its reboot waits for the window, comes in it, and is proven", async () => {
  const closed = policy({ reboot: { ...anyTime, windows: [window(3, 5)] } });
  const open = policy({ reboot: { ...anyTime, windows: [window(-1, 2)] } });
  const alpha = lab.host("alpha");
  await fleet.commit({ alpha: base, beta: base, gamma: base }, closed);
  await fleet.commit({ alpha: { ...base, kernel: "6.12.44" }, beta: base, gamma: base }, closed);
  const held = await fleet.deploy("--hosts", "alpha");
  const tokens = held.plan.hosts.flatMap((host) => host.approval?.token ?? []);
  const deployed = await fleet.deploy("--hosts", "alpha", "--approve", tokens.join(","));
  expect(deployed.plan.hosts.map((host) => host.outcome?.outcome)).toEqual(["deployed-reboot-pending"]);
  const [boot, boots] = [await alpha.bootId(), alpha.boots];

  const early = await reboot();
  expect([early.exitCode, early.kinds]).toEqual([0, { alpha: "reboot-pending", beta: "unchanged", gamma: "unchanged" }]);
  expect(early.row("alpha").outcome.reasons.join(" ")).toMatch(/It reboots in 3 hours .* Its reboot is pending for/);
  expect(early.row("alpha").pending).toMatchObject({ hours: expect.any(Number) as number, next: expect.stringContaining("T") as string });

  await fleet.commit({ alpha: { ...base, kernel: "6.12.44" }, beta: base, gamma: base }, open);
  const dry = await reboot("--dry-run");
  expect([dry.exitCode, dry.kinds["alpha"], alpha.boots]).toEqual([0, "would-reboot", boots]);
  const done = await reboot();
  expect([done.exitCode, done.kinds["alpha"]]).toEqual([0, "rebooted"]);
  expect([await alpha.bootId(), alpha.boots]).not.toEqual([boot, boots]);
  expect(alpha.boots).toBe(boots + 1);
  const systems = await alpha.systems();
  expect([systems.booted, systems.current]).toEqual([systems.profile, systems.profile]);
  expect(await alpha.sh("uname -r")).toBe("6.12.44");
  expect(rebootAttempts(await ledger(alpha)).at(-1)).toMatchObject({ end: { kind: "rebooted", ok: true } });
  // The new system was tried once; from now on the boot loader's default is the host's own again.
  expect(done.row("alpha").outcome.reasons).toHaveLength(1);
  expect(alpha.has("boot/loader-pinned")).toBe(false);
  const again = await reboot();
  expect([again.exitCode, again.kinds["alpha"], alpha.boots]).toEqual([0, "unchanged", boots + 1]);
});

test("an attended host reboots by nothing but its name, typed", async () => {
  const alpha = lab.host("alpha");
  await fleet.commit({ alpha: base, beta: base, gamma: base }, policy({ reboot: { ...anyTime, attended: true } }));
  const to = await stage("alpha", { ...base, kernel: "6.12.45" });
  const boots = alpha.boots;
  for (const words of [["--hosts", "alpha"], ["--now"], ["--now", "--hosts", "alph*"]]) {
    const result = await reboot(...words);
    expect([result.exitCode, result.kinds["alpha"], alpha.boots], words.join(" ")).toEqual([3, "reboot-held", boots]);
  }
  const typed = await reboot("--now", "--hosts", "alpha");
  expect([typed.exitCode, typed.kinds]).toEqual([0, { alpha: "rebooted" }]);
  expect([alpha.boots, (await alpha.systems()).booted]).toEqual([boots + 1, to]);
});

test("three with a quorum go one after the other, drained before and undrained after", async () => {
  const commands = {
    drain: ["sh", "-c", 'date +%s.%N >>/root/drained; printf "%s" "$1" >/root/word', "sh", `a "word" with 'quotes', $HOME and %n`],
    undrain: ["sh", "-c", "date +%s.%N >>/root/undrained"],
  };
  const member = { group: "consul" };
  const groups = { consul: { quorum: true, reboot: { ...anyTime, ...commands } } };
  await fleet.commit({ alpha: base, beta: base, gamma: base }, policy(member, { beta: member, gamma: member, groups }));
  const boots = new Map(names.map((name) => [name, lab.host(name).boots]));
  await Promise.all(names.map((name) => stage(name, { ...base, kernel: "6.12.46" })));
  const done = await reboot();
  expect([done.exitCode, done.kinds], done.stderr).toEqual([0, { alpha: "rebooted", beta: "rebooted", gamma: "rebooted" }]);
  const spans: [number, number][] = [];
  for (const name of names) {
    const host = lab.host(name);
    expect(host.boots).toBe((boots.get(name) ?? 0) + 1);
    expect(await host.sh("cat /root/word")).toBe(commands.drain[4]);
    spans.push([Number(await host.sh("cat /root/drained")), Number(await host.sh("cat /root/undrained"))]);
  }
  const order = spans.toSorted(([a], [b]) => a - b);
  for (const [i, [from, to]] of order.entries()) {
    expect(to).toBeGreaterThan(from);
    if (i > 0) expect(from).toBeGreaterThan(order[i - 1]?.[1] ?? Infinity);
  }
}, 400_000);

test("a host that comes back with a failed unit stops its group, until it is well", async () => {
  const member = { group: "consul" };
  const groups = { consul: { quorum: true, reboot: anyTime } };
  await fleet.commit({ alpha: base, beta: base, gamma: base }, policy(member, { beta: member, gamma: member, groups }));
  await stage("alpha", { services: { ...base.services, ...broken.unit.services } });
  await stage("beta", { ...base, kernel: "6.12.47" });
  const betas = lab.host("beta").boots;
  const first = await reboot("--hosts", "alpha");
  expect([first.exitCode, first.kinds]).toEqual([1, { alpha: "reboot-failed" }]);
  expect(first.row("alpha").outcome.reasons[0]).toContain("broken.service failed");
  expect(first.row("alpha").outcome.failure?.code).toBe("reboot-failed");
  const second = await reboot();
  expect(second.kinds["beta"]).toBe("reboot-pending");
  expect(lab.host("beta").boots).toBe(betas);
  await stage("alpha", base);
  const third = await reboot("--now");
  expect([third.exitCode, third.kinds], third.stderr).toEqual([0, { alpha: "rebooted", beta: "rebooted", gamma: "unchanged" }]);
}, 400_000);

test("a gate that is killed while the host is away: the next run reads what came of it", async () => {
  const alpha = lab.host("alpha");
  await fleet.commit(
    { alpha: base, beta: base, gamma: base },
    policy({ reboot: { ...anyTime, undrain: ["touch", "/root/undrained-later"] } }),
  );
  const to = await stage("alpha", { ...base, kernel: "6.12.48", early: "sleep 12" });
  const [program = "", ...words] = fleet.command("reboot");
  const boots = alpha.boots;
  const gate = spawn(program, words, { env: fleet.environment, stdio: "ignore", detached: true });
  await until(
    () => "the host does not reboot",
    120,
    () => (alpha.boots > boots ? true : undefined),
  );
  process.kill(-(gate.pid ?? 0), "SIGKILL");
  await alpha.rebooted(boots);
  const next = await reboot();
  expect([next.exitCode, next.kinds["alpha"]], next.stderr).toEqual([0, "rebooted"]);
  expect([alpha.boots, (await alpha.systems()).booted]).toEqual([boots + 1, to]);
  expect(alpha.has("root/undrained-later")).toBe(true);
});

test("a kernel that panics: the host is missed, and comes back with the old system, which is told once and not tried again", async () => {
  const alpha = lab.host("alpha");
  const old = (await alpha.systems()).booted;
  const inbox = join(fleet.repository, "ssh", "inbox");
  const notify = { command: ["sh", "-c", 'cat >>"$1"; echo >>"$1"', "sh", inbox] };
  const told = (): { text: string; hosts: { since?: string }[] }[] =>
    readFileSync(inbox, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as ReturnType<typeof told>[number]);
  const revision = await fleet.commit({ alpha: base, beta: base, gamma: base }, { ...policy({ reboot: anyTime }), notify });
  await stage("alpha", { ...base, ...broken.kernel }, revision);
  const missed = await reboot();
  expect([missed.exitCode, missed.kinds["alpha"]]).toEqual([1, "reboot-failed"]);
  expect(missed.row("alpha").outcome.reasons[0]).toContain("does not answer any more");
  expect(alpha.isOn).toBe(false);
  // Somebody presses the button: the new system was tried once, the old one is the default.
  await alpha.boot();
  expect((await alpha.systems()).booted).toBe(old);
  const boots = alpha.boots;
  const back = await reboot();
  expect([back.exitCode, back.kinds["alpha"]], back.stderr).toEqual([1, "reboot-failed"]);
  expect(back.row("alpha").outcome.reasons[0]).toContain(`came back with ${old}`);
  const after = await reboot("--now");
  expect([after.exitCode, after.kinds["alpha"], alpha.boots]).toEqual([3, "reboot-held", boots]);
  // When it did not answer, when it was found with the old system, and not again an hour later.
  expect(told()).toHaveLength(2);
  expect((await ledger(alpha)).filter(({ event }) => event === "told")).toHaveLength(1);

  // What is deployed next is what boots, although the old system was left as the loader's default.
  expect(alpha.has("boot/loader-pinned")).toBe(true);
  await fleet.commit({ alpha: { ...base, kernel: "6.12.51" }, beta: base, gamma: base }, policy({}));
  const held = await fleet.deploy("--hosts", "alpha");
  const status = async (): Promise<{ held?: { since: string; rules: string[] } }[]> =>
    (JSON.parse((await fleet.gate("status", "--json", "--hosts", "alpha")).stdout) as { hosts: object[] }).hosts;
  expect(await status()).toMatchObject([
    { held: { since: expect.stringContaining("T") as string, rules: [expect.any(String) as string] } },
  ]);
  const tokens = held.plan.hosts.flatMap((host) => host.approval?.token ?? []);
  const deployed = await fleet.deploy("--hosts", "alpha", "--approve", tokens.join(","));
  expect(deployed.plan.hosts[0]?.outcome?.outcome, JSON.stringify(deployed.plan.hosts[0])).toMatch(/^(?:deployed|staged)/);
  expect((await status())[0]?.held).toBeUndefined();
  expect(alpha.has("boot/loader-pinned")).toBe(false);
  await alpha.sh("systemctl reboot");
  await alpha.rebooted(boots);
  const { booted, profile } = await alpha.systems();
  expect([booted, booted === old]).toEqual([profile, false]);
}, 400_000);

describe("a timer on the host", () => {
  const timed = policy({ reboot: { ...anyTime, trigger: "timer" } });
  const timers = async (): Promise<string> =>
    await lab.host("alpha").sh("systemctl list-timers --all --no-legend 'nixos-deploy-gate-reboot-*'");

  test("is taken back by a deploy that changes what boots", async () => {
    const alpha = lab.host("alpha");
    const revision = await fleet.commit({ alpha: base, beta: base, gamma: base }, timed);
    await stage("alpha", { ...base, kernel: "6.12.49" }, revision);
    const armed = await reboot("--hosts", "alpha");
    expect([armed.exitCode, armed.kinds["alpha"]], armed.stderr).toEqual([0, "reboot-pending"]);
    expect(await timers()).toContain("nixos-deploy-gate-reboot-");
    await fleet.commit({ alpha: { ...base, revision: "another" }, beta: base, gamma: base }, timed);
    const seen = await fleet.deploy("--hosts", "alpha");
    const tokens = seen.plan.hosts.flatMap((host) => host.approval?.token ?? []);
    const deployed = tokens.length > 0 ? await fleet.deploy("--hosts", "alpha", "--approve", tokens.join(",")) : seen;
    expect(deployed.plan.hosts[0]?.outcome?.outcome, JSON.stringify(deployed.plan.hosts[0])).toMatch(/^deployed/);
    expect(await timers()).toBe("");
    expect(rebootAttempts(await ledger(alpha)).at(-1)?.end).toEqual({ kind: "given-up", reason: "target-changed" });
  }, 400_000);

  test("reboots while no gate runs, and the next run verifies it", async () => {
    const alpha = lab.host("alpha");
    const to = await stage("alpha", { ...base, kernel: "6.12.50" });
    const boots = alpha.boots;
    const armed = await reboot("--hosts", "alpha");
    expect([armed.exitCode, armed.kinds["alpha"]], armed.stderr).toEqual([0, "reboot-pending"]);
    expect(armed.row("alpha").outcome.reasons[0]).toContain("A timer on the host reboots it");
    const still = await reboot("--hosts", "alpha");
    expect([still.kinds["alpha"], alpha.boots]).toEqual(["reboot-pending", boots]);
    await alpha.rebooted(boots, 240);
    await pause(1000);
    const done = await reboot("--hosts", "alpha");
    expect([done.exitCode, done.kinds["alpha"]], done.stderr).toEqual([0, "rebooted"]);
    expect([alpha.boots, (await alpha.systems()).booted]).toEqual([boots + 1, to]);
  }, 400_000);
});
