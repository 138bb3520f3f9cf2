import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ActivationRequest } from "../../src/apply/activation.ts";
import { confirmActivation, returnActivation } from "../../src/apply/confirm-activation.ts";
import { keepCopy, releaseCopy } from "../../src/apply/copy-root.ts";
import { readPhase } from "../../src/apply/follow-activation.ts";
import type { Targets } from "../../src/io/ports.ts";
import { interrupted } from "../../src/target/read-ledger.ts";
import { pause } from "./command.ts";
import { type Lab, startLab } from "./lab.ts";
import { labTargets, nonceOf, SupervisedHost } from "./supervised-host.ts";
import { broken, buildToplevel, type ToplevelSpec } from "./toplevels.ts";

/**
 * The supervisor on a real host, and every way in which it can be hurt. After each: what runs, what boots, what the ledger says, and that the host answers.
 */
let lab: Lab;
let targets: Targets;
let close: () => Promise<void>;
let it: SupervisedHost;
let begunAt = 0;
const matrix: string[] = [];
const units = {
  supervisor: "nixos-deploy-gate-activation.service",
  switch: "nixos-deploy-gate-switch.service",
  deadman: "nixos-deploy-gate-deadman.service",
};

beforeAll(async () => {
  // A clean host has a unit that only a change of it stops.
  lab = await startLab({ hosts: [{ host: "alpha", services: { kept: {} } }] });
  ({ targets, close } = await labTargets(lab));
  const host = lab.host("alpha");
  it = new SupervisedHost(host, (await host.systems()).current, targets);
});
afterEach(async () => {
  await it.reset();
});
afterAll(async () => {
  console.log(`\n${matrix.join("\n")}\n`);
  await close();
  await lab.stop();
});

type Begun = { readonly id: string; readonly nonce: string; readonly to: string };

async function built(spec: Partial<ToplevelSpec>): Promise<string> {
  const to = await buildToplevel({ host: "alpha", ...spec, services: { kept: {}, hello: { version: "2.0" }, ...spec.services } });
  const copied = await it.host.copy([to]);
  expect(copied.exitCode, copied.stderr).toBe(0);
  return to;
}

async function begin(spec: Partial<ToplevelSpec>, change: Partial<ActivationRequest> = {}): Promise<Begun> {
  const to = await built(spec);
  const request = it.request(to, change);
  const nonce = nonceOf();
  expect(await it.start(request, nonce)).toEqual({ kind: "started" });
  begunAt = Date.now();
  return { id: request.attempt.id, nonce, to };
}

/** Waits for the end without the network, writes the line of the matrix and checks all of it at once. */
async function ends({ id, to }: Begun, outcome: string, systems: string): Promise<void> {
  await it.until(id, "ended");
  const seconds = Math.round((Date.now() - begunAt) / 1000);
  const [ended, now] = [await it.ended(id), await it.systems(to)];
  matrix.push(
    `${(expect.getState().currentTestName ?? "").padEnd(72)} ${String(seconds).padStart(3)} s  ${ended ?? "no end in the ledger"}; ${now}`,
  );
  expect({ ended, now }, await it.log(id)).toEqual({ ended: outcome, now: systems });
  expect(await it.host.sh("systemctl list-units --all --plain --no-legend 'nixos-deploy-gate-switch*'")).toBe("");
  expect(await it.host.sh("systemctl is-active kept.service")).toBe("active");
  if (systems.startsWith("current old")) expect(await it.host.answers()).toBe(true);
}

const old = "current old, profile old, boots old, booted old";
const deployed = "current new, profile new, boots new, booted old";
const live = "current new, profile old, boots old, booted old";
const kill = (unit: string): Promise<string> => it.host.sh(`systemctl kill -s KILL --kill-whom=all ${unit}`);
const quick = { activationSeconds: 20, confirmSeconds: 6, loaderSeconds: 20 };
const patient = { activationSeconds: 60, confirmSeconds: 90, loaderSeconds: 30 };
/** A switch that takes its time: `slow` keeps its start job open. */
const slow = { services: { slow: { script: "sleep 8", service: { Type: "oneshot", RemainAfterExit: "yes" } } } };

// ---- the good ways

test("confirmed: runs and boots", async () => {
  const begun = await begin({});
  const pieces: string[] = [];
  const waiting = await it.follow(begun.id, "waiting", 60, (piece) => pieces.push(piece));
  expect(waiting).toMatchObject({ kind: "phase", phase: { phase: "waiting", exit: 0, current: begun.to } });
  expect(await it.systems(begun.to)).toBe(live);
  expect(await confirmActivation(targets, it.address, begun.id, begun.nonce)).toMatchObject({ kind: "said" });
  expect(await it.follow(begun.id, "ended", 60)).toMatchObject({
    phase: { phase: "ended", outcome: "deployed", reason: "confirmed", exit: 0 },
  });
  expect(pieces.join("")).toContain("activating the configuration...");
  const started = (await it.ledger()).findLast((entry) => entry.event === "started");
  expect(started).toMatchObject({ attempt: { approvedBy: 'Zoë "the\n\u2028admin" \\' } });
  expect(await it.host.sh("ls /nix/var/nix/gcroots/nixos-deploy-gate")).toBe(begun.id);
  await ends(begun, "deployed confirmed 0", deployed);
  expect(await it.host.sh("systemctl list-units --all --plain --no-legend 'nixos-deploy-gate-*'")).toBe("");
});

test("a failing unit waits for the gate, which confirms", async () => {
  const begun = await begin(broken.unit);
  expect(await it.follow(begun.id, "waiting")).toMatchObject({ phase: { phase: "waiting", exit: 4 } });
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "deployed confirmed 0", deployed);
});

test("systemd re-executes itself in the middle", async () => {
  const begun = await begin({ systemd: "258" });
  expect(await it.follow(begun.id, "waiting")).toMatchObject({ phase: { phase: "waiting", exit: 0 } });
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "deployed confirmed 0", deployed);
});

test("boot: only the default changes", async () => {
  const begun = await begin({ kernel: "6.12.50" }, { operation: "boot" });
  expect(await it.follow(begun.id, "ended")).toMatchObject({ phase: { outcome: "staged" } });
  await ends(begun, "staged boot-default-set 0", "current old, profile new, boots new, booted old");
});

test("a specialisation is activated, its toplevel becomes the default", async () => {
  const to = await built({ specialisations: { blue: { etc: { colour: "blue" } } } });
  const inside = (await it.host.sh(`readlink -f ${to}/specialisation/blue`)).trim();
  const request = it.request(to, { activate: `${to}/specialisation/blue` });
  const nonce = nonceOf();
  await it.start(request, nonce);
  begunAt = Date.now();
  await it.follow(request.attempt.id, "waiting");
  await confirmActivation(targets, it.address, request.attempt.id, nonce);
  await ends({ id: request.attempt.id, nonce, to }, "deployed confirmed 0", `current ${inside}, profile new, boots new, booted old`);
});

test("self: the host asks itself and confirms", async () => {
  const program = `[ "$1" = "a b" ] && [ "$2" = "$(printf 'c\\nd')" ] && systemctl is-active hello.service`;
  const begun = await begin({}, { confirmation: { by: "self", program, arguments: ["a b", "c\nd"], sshPort: 22 } });
  await ends(begun, "deployed confirmed 0", deployed);
});

test("units are stopped first and started again", async () => {
  const log = "journalctl -u kept.service --no-pager -o cat | grep -c Stopped || true";
  const before = Number(await it.host.sh(log));
  const begun = await begin({}, { stopFirst: ["kept.service"] });
  await it.follow(begun.id, "waiting");
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "deployed confirmed 0", deployed);
  expect(Number(await it.host.sh(log))).toBe(before + 1);
});

test("what kept the copy is taken away when the supervisor keeps it", async () => {
  const { name, own } = { name: "copy-0123456789abcdef0123", own: "/nix/var/nix/gcroots/nixos-deploy-gate" };
  const to = await buildToplevel({ host: "alpha", revision: "kept", services: { kept: {} } });
  expect(await keepCopy(targets, it.address, name, to)).toBeUndefined();
  // A root of what is not there yet is left alone, and is one from when it is there.
  await it.host.sh("nix-collect-garbage -d >/dev/null 2>&1");
  expect((await it.host.copy([to])).exitCode).toBe(0);
  await it.host.sh("nix-collect-garbage -d >/dev/null 2>&1");
  const request = it.request(to, { limits: quick, copyRoot: name });
  await it.start(request);
  await it.until(request.attempt.id, "waiting");
  expect((await it.host.sh(`ls ${own}`)).split("\n")).toContain(request.attempt.id);
  expect((await it.host.sh(`ls ${own}`)).split("\n")).not.toContain(name);
  await it.until(request.attempt.id, "ended");
  await it.host.sh("nix-collect-garbage -d >/dev/null 2>&1");
  expect(it.host.has(to)).toBe(true);
});

test("what kept a copy is given free, and nothing else is", async () => {
  const to = await built({ revision: "released" });
  await keepCopy(targets, it.address, "copy-aa", to);
  await keepCopy(targets, it.address, "copy-bb", to);
  await releaseCopy(targets, it.address, "copy-aa");
  await releaseCopy(targets, it.address, "../copy-bb");
  await it.host.sh("nix-collect-garbage -d >/dev/null 2>&1");
  expect(it.host.has(to)).toBe(true);
  await releaseCopy(targets, it.address, "copy-bb");
  await it.host.sh("nix-collect-garbage -d >/dev/null 2>&1");
  expect(it.host.has(to)).toBe(false);
});

// ---- nothing was changed

test("lock held by somebody else", async () => {
  await it.host.sh(
    "mkdir -p /run/nixos; (flock -n 9; exec sleep 25) 9>>/run/nixos/switch-to-configuration.lock >/dev/null 2>&1 & sleep 0.3",
  );
  const begun = await begin({});
  expect(await it.follow(begun.id, "ended")).toMatchObject({ phase: { outcome: "refused", reason: "lock-held" } });
  expect(await it.ended(begun.id)).toBeUndefined();
  await it.host.exec(["sh", "-c", "fuser -k /run/nixos/switch-to-configuration.lock || pkill -x sleep"]);
});

test("an inhibitor", async () => {
  const first = await built({ inhibitors: { dbus: "dbus" } });
  await it.host.activate(first, "test");
  const to = await built({ inhibitors: { dbus: "broker" } });
  const request = it.request(to, { from: { current: first, profile: it.base } });
  await it.start(request);
  expect(await it.follow(request.attempt.id, "ended")).toMatchObject({ phase: { outcome: "refused", reason: "inhibitor", exit: 1 } });
  expect(await it.ended(request.attempt.id)).toBe("refused inhibitor 1");
  expect((await it.host.systems()).current).toBe(first);
});

test("a pre-switch check", async () => {
  await ends(await begin({ preSwitchCheck: "echo this host has another name; exit 1" }), "refused pre-switch-check 1", old);
});

test("another init", async () => {
  await ends(await begin({ initInterfaceVersion: "systemd 3" }), "refused init-interface-version 100", old);
});

test("the host has moved on", async () => {
  const other = await built({ revision: "somebody else's" });
  await it.host.activate(other, "test");
  const begun = await begin({});
  expect(await it.follow(begun.id, "ended")).toMatchObject({ phase: { outcome: "refused", reason: "moved-on" } });
  expect((await it.host.systems()).current).toBe(other);
  expect(await it.ended(begun.id)).toBeUndefined();
});

test("a toplevel that garbage collection took", async () => {
  const to = await built({ revision: "gone" });
  await it.host.sh("nix-store --delete --ignore-liveness $1 >/dev/null", to);
  const request = it.request(to);
  await it.start(request);
  expect(await it.follow(request.attempt.id, "ended")).toMatchObject({ phase: { outcome: "refused", reason: "toplevel-missing" } });
});

test("two gates at once", async () => {
  const begun = await begin({});
  await it.until(begun.id, "waiting");
  expect(await it.start(it.request(await built({ revision: "other" })))).toEqual({ kind: "busy", by: begun.id });
  // The first one's answer was lost and it asks again.
  expect(await it.start(it.request(begun.to, { id: begun.id } as never), begun.nonce)).toEqual({ kind: "started" });
  expect((await it.start(it.request(begun.to, { id: begun.id } as never))).kind).toBe("failed");
  expect(await confirmActivation(targets, it.address, begun.id, nonceOf())).toMatchObject({
    kind: "not-waiting",
    phase: { phase: "waiting" },
  });
  await returnActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "rolled-back returned 0", old);
});

test("/var is full", async () => {
  await it.host.sh(
    "mount -t tmpfs -o size=16k tmpfs /var/lib/nixos-deploy-gate; head -c 16384 /dev/zero >/var/lib/nixos-deploy-gate/x || true",
  );
  const begun = await begin({});
  expect(await it.follow(begun.id, "ended")).toMatchObject({ phase: { outcome: "refused", reason: "ledger-unwritable" } });
  expect(await it.systems(begun.to)).toBe(old);
});

test("/nix is full before", async () => {
  const to = await built({ revision: "full" });
  await it.host.fillDisk("store");
  await it.host.exec(["sh", "-c", "head -c 1000000 /dev/zero >/nix/fill"]);
  const request = it.request(to, { limits: quick });
  await it.start(request);
  begunAt = Date.now();
  const ended = await it.until(request.attempt.id, "ended");
  // A file system in memory has room for a link when it has none for a byte: whether it was refused or taken back, the old system runs.
  expect(ended).toMatchObject({ outcome: expect.stringMatching(/^(refused|rolled-back)$/) });
  await ends({ id: request.attempt.id, nonce: "", to }, (await it.ended(request.attempt.id)) ?? "", old);
  await it.host.sh("rm -f /nix/fill*");
});

// ---- going back

test("nobody confirms", async () => {
  await ends(await begin({}, { limits: quick }), "rolled-back not-confirmed 0", old);
});

test("the gate says return while it waits", async () => {
  const begun = await begin({});
  await it.follow(begun.id, "waiting");
  expect(await returnActivation(targets, it.address, begun.id, begun.nonce)).toMatchObject({ kind: "said" });
  await ends(begun, "rolled-back returned 0", old);
});

test("the gate says return in the middle of the switch", async () => {
  const begun = await begin(slow);
  await it.until(begun.id, "activating");
  await pause(2000);
  await returnActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "rolled-back returned -", old);
});

test("the activation script fails and the gate says return", async () => {
  const begun = await begin(broken.activation);
  expect(await it.follow(begun.id, "waiting")).toMatchObject({ phase: { exit: 2 } });
  await returnActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "rolled-back returned 2", old);
});

test("sshd does not start any more", async () => {
  await ends(await begin({ ...broken.sshd }, { limits: { ...quick, activationSeconds: 60 } }), "rolled-back not-confirmed 4", old);
});

test("the firewall drops everything", async () => {
  const begun = await begin(broken.firewall, { limits: quick });
  await it.until(begun.id, "waiting");
  expect(await it.host.answers()).toBe(false);
  await ends(begun, "rolled-back not-confirmed 0", old);
});

test("the network goes down and stays down during the activation", async () => {
  const begun = await begin(broken.network, { limits: quick });
  await it.until(begun.id, "ended");
  // The old system has no reason to set a link up that it did not set down: what is tested is that it is active again.
  expect((await it.host.systems()).current).toBe(it.base);
  matrix.push(`${expect.getState().currentTestName}: ${await it.ended(begun.id)}`);
});

test("the connection is cut while it is followed", async () => {
  const begun = await begin(slow, { limits: { ...patient, confirmSeconds: 40 } });
  const following = it.follow(begun.id, "waiting", 100);
  await pause(1500);
  it.host.cutNetwork();
  await it.until(begun.id, "waiting");
  it.host.restoreNetwork();
  expect(await following).toMatchObject({ phase: { phase: "waiting" } });
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "deployed confirmed 0", deployed);
});

test("a stop job that hangs", async () => {
  const hanging = { kept: {}, hung: { stop: "exec sleep infinity", service: { TimeoutStopSec: "infinity" } } };
  const first = await buildToplevel({ host: "alpha", services: hanging });
  await it.host.copy([first]);
  await it.host.activate(first, "test");
  const to = await built({ services: { hung: { ...hanging.hung, version: "2.0" } } });
  const request = it.request(to, { from: { current: first, profile: it.base }, limits: { ...quick, activationSeconds: 8 } });
  await it.start(request);
  begunAt = Date.now();
  await it.until(request.attempt.id, "ended", 170);
  matrix.push(
    `${expect.getState().currentTestName}: ${Math.round((Date.now() - begunAt) / 1000)} s, ${await it.ended(request.attempt.id)}`,
  );
  expect(await it.ended(request.attempt.id), await it.log(request.attempt.id)).toBe("rolled-back activation-limit -");
  expect((await it.host.systems()).current).toBe(first);
  expect(await it.host.sh("systemctl is-active hung.service")).toBe("active");
  await it.host.exec([
    "sh",
    "-c",
    "systemctl kill -s KILL hung.service; systemctl mask --runtime hung.service; systemctl kill -s KILL hung.service; systemctl unmask --runtime hung.service",
  ]);
});

test("the switch itself is killed", async () => {
  const begun = await begin(slow);
  await it.until(begun.id, "activating");
  await pause(2000);
  await kill(units.switch);
  await ends(begun, "rolled-back switch-killed -", old);
});

test("self: a check of the operator fails", async () => {
  const begun = await begin({}, { limits: quick, confirmation: { by: "self", program: "exit 1", arguments: [], sshPort: 22 } });
  await ends(begun, "rolled-back not-confirmed 0", old);
});

test("self: a unit fails that did not before", async () => {
  const begun = await begin(broken.unit, { confirmation: { by: "self", program: "true", arguments: [], sshPort: 22 } });
  await ends(begun, "rolled-back self-check-failed 4", old);
});

test("self: sshd does not answer any more", async () => {
  // Its unit is not judged, so that only a fresh ssh to the host's own address can tell.
  const silent = { sshd: "ListenAddress 127.0.0.1" };
  const begun = await begin(silent, { limits: quick, confirmation: { by: "self", program: "true", arguments: [], sshPort: 22 } });
  await ends(begun, "rolled-back not-confirmed 0", old);
});

// ---- what cannot be undone

test("irreversible and nobody confirms: left, and boots", async () => {
  const begun = await begin({}, { limits: quick, reversible: false });
  await it.until(begun.id, "waiting");
  // Before anybody has confirmed anything: a loss of power must not bring the old system up on migrated data.
  expect(await it.systems(begun.to)).toBe(deployed);
  await ends(begun, "left-unconfirmed not-confirmed 0", deployed);
});

test("irreversible and power is lost in the middle of the switch: boots the new system", async () => {
  const begun = await begin(slow, { limits: patient, reversible: false });
  await it.until(begun.id, "activating");
  await it.host.powerOff();
  await it.host.boot();
  expect(await it.systems(begun.to)).toBe("current new, profile new, boots new, booted new");
});

test("irreversible and the boot loader fails: nothing is begun", async () => {
  await it.host.sh("touch /boot/loader-broken");
  const begun = await begin({}, { limits: quick, reversible: false });
  await it.until(begun.id, "ended");
  expect(await it.systems(begun.to)).toBe(old);
  expect(await it.log(begun.id)).not.toContain("activating the configuration");
});

test("irreversible and refused: the old system boots again", async () => {
  const begun = await begin({ initInterfaceVersion: "systemd 3" }, { limits: quick, reversible: false });
  await ends(begun, "refused init-interface-version 100", old);
});

test("irreversible and the supervisor is killed while it sets the default: the old system boots again", async () => {
  await it.host.sh("echo 6 >/boot/loader-slow");
  const begun = await begin({}, { limits: patient, reversible: false });
  await it.host.sh('until [ -e "$1" ]; do sleep 0.05; done', `/run/nixos-deploy-gate/${begun.id}/default-first`);
  await kill(units.supervisor);
  await ends(begun, "refused supervisor-killed -", old);
});

test("irreversible and sshd is gone: back", async () => {
  await ends(await begin(broken.sshd, { limits: quick, reversible: false }), "rolled-back unreachable-no-ssh 4", old);
});

test("irreversible and the supervisor is killed: it goes on waiting", async () => {
  const begun = await begin({}, { limits: patient, reversible: false });
  await it.until(begun.id, "waiting");
  await kill(units.supervisor);
  await pause(1500);
  expect(await confirmActivation(targets, it.address, begun.id, begun.nonce)).toMatchObject({ kind: "said" });
  await ends(begun, "deployed confirmed 0", deployed);
});

test("irreversible and the supervisor is killed in the middle of the switch: it goes on", async () => {
  const begun = await begin(slow, { limits: patient, reversible: false });
  await it.until(begun.id, "activating");
  await kill(units.supervisor);
  expect(await it.follow(begun.id, "waiting")).toMatchObject({ phase: { phase: "waiting", exit: 0 } });
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "deployed confirmed 0", deployed);
});

// ---- the supervisor is killed

test("the supervisor alone is killed, as by a lack of memory: no need to wait for the timer", async () => {
  const begun = await begin({}, { limits: patient });
  await it.until(begun.id, "waiting");
  await it.host.sh(`systemctl kill -s KILL --kill-whom=main ${units.supervisor}`);
  await it.until(begun.id, "returning");
  expect(await it.log(begun.id)).toContain("going on as deadman");
  await ends(begun, "rolled-back supervisor-killed 0", old);
});

// From here on what systemd runs after it is killed as well: it is the timer that brings the host back.
test("the supervisor is killed while it waits", async () => {
  const begun = await begin({}, { limits: patient });
  await it.until(begun.id, "waiting");
  await kill(units.supervisor);
  await ends(begun, "rolled-back supervisor-killed 0", old);
});

test("the supervisor is killed in the middle of the switch", async () => {
  const begun = await begin(slow, { limits: patient });
  await it.until(begun.id, "activating");
  await pause(1500);
  await kill(units.supervisor);
  await ends(begun, "rolled-back supervisor-killed -", old);
});

test("the supervisor and the dead man's switch are killed, and the switch back with them", async () => {
  const begun = await begin(slow, { limits: patient });
  await it.until(begun.id, "activating");
  await kill(units.supervisor);
  await it.until(begun.id, "returning");
  await kill(units.deadman);
  // It may not have come so far.
  await kill(units.switch).catch(() => undefined);
  // The switch had not ended when its supervisor was killed, so it has no exit code.
  await ends(begun, "rolled-back supervisor-killed -", old);
});

test("the supervisor is killed while it installs", async () => {
  const begun = await begin({}, { limits: patient });
  await it.until(begun.id, "waiting");
  await it.host.sh("echo 2 >/boot/loader-slow");
  // It answers once the host has come to its end.
  const said = confirmActivation(targets, it.address, begun.id, begun.nonce);
  await it.until(begun.id, "installing");
  await kill(units.supervisor);
  await ends(begun, "deployed confirmed 0", deployed);
  expect(await said).toMatchObject({ kind: "said" });
  await it.host.sh("rm /boot/loader-slow");
});

test("a person stops the supervisor", async () => {
  const begun = await begin({}, { limits: patient });
  await it.until(begun.id, "waiting");
  await it.host.sh(`systemctl stop ${units.supervisor}`);
  await ends(begun, "rolled-back supervisor-killed 0", old);
});

// ---- a person, the disk, the boot loader

test("a person switches during the confirmation: theirs is refused by the lock", async () => {
  const other = await built({ revision: "a person's" });
  const begun = await begin({}, { limits: { ...patient, confirmSeconds: 15 } });
  await it.until(begun.id, "waiting");
  expect((await it.host.activate(other, "test")).exitCode).toBe(11);
  await ends(begun, "rolled-back not-confirmed 0", old);
});

test("a person has switched during the confirmation: left alone", async () => {
  const other = await built({ revision: "a person's" });
  const begun = await begin({}, { limits: patient });
  await it.until(begun.id, "waiting");
  await it.host.sh("rm -f /run/nixos/switch-to-configuration.lock");
  expect((await it.host.activate(other, "test")).exitCode).toBe(0);
  await ends(begun, "superseded switched-meanwhile 0", `current ${other}, profile old, boots old, booted old`);
});

test("a person sets the profile during the confirmation: left alone", async () => {
  const other = await built({ revision: "a person's" });
  const begun = await begin({}, { limits: patient });
  await it.until(begun.id, "waiting");
  await it.host.sh("nix-env -p /nix/var/nix/profiles/system --set $1", other);
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "superseded profile-changed 0", `current new, profile ${other}, boots old, booted old`);
});

test("the boot loader fails and fails again", async () => {
  const begun = await begin({});
  await it.until(begun.id, "waiting");
  await it.host.sh("touch /boot/loader-broken");
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "live-but-old-boots loader-failed-and-not-restored 1", live);
});

test("/boot is full", async () => {
  const begun = await begin({ kernel: "6.12.51", kernelBytes: 400_000 });
  await it.until(begun.id, "waiting");
  await it.host.fillDisk("boot", 8192);
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "live-but-old-boots loader-failed 1", live);
});

test("boot: /boot is full", async () => {
  await it.host.fillDisk("boot", 8192);
  const begun = await begin({ kernel: "6.12.52", kernelBytes: 400_000 }, { operation: "boot" });
  await ends(begun, "rolled-back loader-failed 1", old);
});

test("/nix is full at the confirmation", async () => {
  const begun = await begin({});
  await it.until(begun.id, "waiting");
  await it.host.fillDisk("store");
  await it.host.exec(["sh", "-c", "head -c 1000000 /dev/zero >/nix/fill"]);
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await it.until(begun.id, "ended");
  matrix.push(`${expect.getState().currentTestName}: ${await it.ended(begun.id)}; ${await it.systems(begun.to)}`);
  expect([live, deployed]).toContain(await it.systems(begun.to));
  await it.host.sh("rm -f /nix/fill*");
});

test("/var fills up during the activation: the ledger still tells the end", async () => {
  await it.host.sh("mount -t tmpfs -o size=400k tmpfs /var/lib/nixos-deploy-gate");
  const begun = await begin(
    { activation: '[ -z "${NIXOS_ACTION:-}" ] || head -c 900000 /dev/zero >/var/lib/nixos-deploy-gate/x || true' },
    { limits: quick },
  );
  await ends(begun, "rolled-back not-confirmed 0", old);
});

test("garbage is collected between switch and boot loader", async () => {
  const begun = await begin({ revision: "collected" }, { limits: patient });
  await it.until(begun.id, "waiting");
  await it.host.sh("nix-collect-garbage -d >/dev/null 2>&1");
  await confirmActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "deployed confirmed 0", deployed);
});

test("a log without end is bounded", async () => {
  const begun = await begin({ activation: "[ -z \"${NIXOS_ACTION:-}\" ] || yes 'a line of a log that has no end' | head -c 40000000" });
  const waiting = await it.follow(begun.id, "waiting");
  expect(waiting).toMatchObject({ phase: { phase: "waiting" } });
  await returnActivation(targets, it.address, begun.id, begun.nonce);
  await ends(begun, "rolled-back returned 0", old);
  expect(Number(await it.host.sh(`wc -c <$1`, `/var/lib/nixos-deploy-gate/attempts/${begun.id}/log`))).toBeLessThan(2_000_000);
});

// ---- the plug is pulled

for (const phase of ["activating", "waiting", "installing"] as const) {
  test(`power is lost while ${phase}: the old system boots and the next run converges`, async () => {
    const begun = await begin(phase === "activating" ? slow : {}, { limits: patient });
    await it.until(begun.id, phase === "installing" ? "waiting" : phase);
    if (phase === "installing") {
      await it.host.sh("echo 2 >/boot/loader-slow");
      void confirmActivation(targets, it.address, begun.id, begun.nonce);
      await it.until(begun.id, "installing");
    }
    await it.host.powerOff();
    await it.host.boot();
    await it.host.sh("rm -f /boot/loader-slow");
    const { booted, loader, current } = await it.host.systems();
    expect([it.base, begun.to]).toContain(booted);
    if (phase !== "installing") expect(booted).toBe(it.base);
    expect(loader).toBe(booted);
    expect(current).toBe(booted);
    expect(interrupted(await it.ledger(), await it.host.bootId())).toContain(begun.id);
    expect(await readPhase(targets, it.address, begun.id)).toEqual({ kind: "gone" });
    matrix.push(`${expect.getState().currentTestName}: ${await it.systems(begun.to)}`);

    const { profile } = await it.host.systems();
    const again = it.request(begun.to, { from: { current, profile } });
    const nonce = nonceOf();
    await it.start(again, nonce);
    await it.until(again.attempt.id, "waiting");
    await confirmActivation(targets, it.address, again.attempt.id, nonce);
    await it.until(again.attempt.id, "ended");
    expect(await it.ended(again.attempt.id)).toBe("deployed confirmed 0");
  });
}

test("after a reboot the end is read from the ledger", async () => {
  const begun = await begin({}, { limits: quick });
  await it.until(begun.id, "ended");
  await it.host.powerOff();
  await it.host.boot();
  expect(await readPhase(targets, it.address, begun.id)).toMatchObject({ phase: { phase: "ended", outcome: "rolled-back", exit: 0 } });
});

test("the message bus restarts in the middle", async () => {
  const begun = await begin({ activation: '[ -z "${NIXOS_ACTION:-}" ] || systemctl restart dbus.service' }, { limits: patient });
  await it.until(begun.id, "waiting");
  // Logins take half a minute each now, on a real host too.
  await it.host.sh('printf "%s\\n" "$1 $2" >/run/nixos-deploy-gate/$1/confirm', begun.id, begun.nonce);
  await ends(begun, "deployed confirmed 0", deployed);
  await it.host.powerOff();
});

test("the host is rebooted while it waits: at once, and into the old system", async () => {
  const begun = await begin({}, { limits: patient });
  await it.until(begun.id, "waiting");
  const since = it.host.boots;
  await it.host.exec(["systemctl", "reboot"]);
  await it.host.rebooted(since, 40);
  expect(await it.systems(begun.to)).toBe(old);
  expect(await it.ended(begun.id)).toBeUndefined();
  matrix.push(`${expect.getState().currentTestName}: ${await it.systems(begun.to)}`);
});
