import { afterAll, expect, test } from "vitest";
import type { BriefObservation, Observation } from "../../src/target/observation.ts";
import { bootNote, pendingReboot } from "../../src/verify/pending-reboot.ts";
import { verifyHost } from "../../src/verify/verify.ts";
import { mount, type Parts, running, World } from "./world.ts";

const world = new World();
afterAll(() => world.remove());

const fstab = (options: string): Parts => ({ etc: { fstab: `/dev/vda1 / btrfs ${options} 0 1\n` } });
const program = (version: string): string => `${world.path(`web-${version}`, "")}/bin/web`;
const web = (version: string, more = ""): Parts => ({
  units: { "web.service": `[Service]\nExecStart=${program(version)}\n${more}` },
  wants: ["multi-user.target.wants/web.service"],
});
/** Why a host waits that booted one system and was switched to another. */
function reasons(from: Parts, to: Parts, seen: Partial<Observation>, more: Partial<Observation> = {}): string[] {
  const { after } = world.switched(world.toplevel(from), world.toplevel(to), seen, more);
  const need = pendingReboot(after, world.store.files);
  expect(need.needed).toBe(need.reasons.length > 0);
  return need.reasons.map(({ part, booted, wanted, required }) => `${part}: ${booted} -> ${wanted}${required ? "" : "?"}`);
}
const mounted = { mounts: [mount("/", "/dev/vda1", "btrfs", "rw,relatime", "rw,subvol=/old")] };

test("a mount that a remount cannot change waits for the reboot, whenever it is asked", () => {
  expect(reasons(fstab("subvol=old"), fstab("subvol=new"), mounted)).toEqual(["mount /: subvol=/old -> subvol=new"]);
  expect(reasons(fstab("subvol=old"), fstab("subvol=old"), mounted)).toEqual([]);
  // Not what no boot has settled so far.
  expect(reasons(fstab("subvol=new"), fstab("subvol=new,nofail"), mounted)).toEqual([]);
  // What a remount settles needs no reboot.
  expect(reasons(fstab("subvol=old"), fstab("subvol=old,noatime"), mounted)).toEqual([]);
});

test("a unit that was left running by design waits for the reboot, one that was restarted does not", () => {
  const started = { units: [running("web.service", { executable: program("1") })] };
  const kept = "X-RestartIfChanged=false\n";
  expect(reasons(web("1", kept), web("2", kept), started)).toHaveLength(1);
  const anew = { units: [running("web.service", { executable: program("2"), activeSince: new Date("2026-11-22T22:05:00Z") })] };
  expect(reasons(web("1", kept), web("2", kept), started, anew)).toEqual([]);
  // That needs a restart, which is for the deploy to tell.
  expect(reasons(web("1"), web("2"), started)).toEqual([]);
});

test("of a host that has booted what it runs nothing waits, so that no reboot follows from what a reboot did not settle", () => {
  const to = world.toplevel(fstab("subvol=new"));
  const { after } = world.switched(to, to, mounted);
  expect(pendingReboot(after, world.store.files)).toMatchObject({ needed: false, reasons: [] });
});

test("a runner that does not have the systems reads what the deploy wrote down, until the host has booted them or runs others", () => {
  const [from, to] = [world.toplevel(fstab("subvol=old")), world.toplevel(fstab("subvol=new"))];
  const { after, before } = world.switched(from, to, mounted);
  const elsewhere = "/nix/store/00000000000000000000000000000000-a";
  const missed = verifyHost({ planned: { profile: to, current: to }, before, after, store: world.store.files });
  const note = bootNote(to, missed, after.at);
  expect(note).toMatchObject({ to, reasons: [{ part: "mount /", found: "subvol=/old", wanted: "subvol=new" }] });
  const ledger = [JSON.stringify({ ...note, to: elsewhere })];
  const there = { ...after, booted: from, current: elsewhere, profile: elsewhere, ledger, ledgerState: "read" } as const;
  expect(pendingReboot(there, world.store.files)).toMatchObject({ needed: true, reasons: [{ part: "mount /", required: true }] });
  expect(pendingReboot({ ...there, booted: elsewhere }, world.store.files).needed).toBe(false);
  const another = { ...there, current: `${elsewhere}b`, profile: `${elsewhere}b` };
  expect(pendingReboot(another, world.store.files).needed).toBe(false);
  expect(bootNote(to, [], after.at)).toBeUndefined();
});

test("a brief look, and systems that are not in this store, say nothing of it", () => {
  const { after } = world.switched(world.toplevel(fstab("subvol=old")), world.toplevel(fstab("subvol=new")), mounted);
  const { devices: _, ...brief } = after;
  expect(pendingReboot(brief as BriefObservation, world.store.files).needed).toBe(false);
  const elsewhere = { ...after, booted: "/nix/store/00000000000000000000000000000000-a" };
  expect(pendingReboot(elsewhere, world.store.files).reasons).toEqual([]);
});
