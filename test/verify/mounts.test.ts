import { afterAll, describe, expect, test } from "vitest";
import type { Mount, Observation } from "../../src/target/observation.ts";
import { devicePath } from "../../src/verify/mount-device.ts";
import { unitName } from "../../src/verify/mounts.ts";
import { verifyHost } from "../../src/verify/verify.ts";
import { mount, World } from "./world.ts";

const world = new World();
afterAll(() => world.remove());
const systems = new Map<string, string>();
const withFstab = (fstab: string): string => {
  const known = systems.get(fstab) ?? world.toplevel({ etc: { fstab } });
  systems.set(fstab, known);
  return known;
};
const root = mount("/", "/dev/vda1", "ext4");
const rootLine = "/dev/vda1 / ext4 defaults 0 1\n";

/** Misses after a switch from one fstab to another, the mounts given beside the root before and after. */
function misses(
  from: string,
  to: string,
  before: readonly Mount[],
  after: readonly Mount[] = before,
  more: Partial<Observation> = {},
): string[] {
  const seen = world.switched(
    withFstab(rootLine + from),
    withFstab(rootLine + to),
    { mounts: [root, ...before], ...more },
    { mounts: [root, ...after] },
  );
  return verifyHost({ ...seen, store: world.store.files }).map((miss) => `${miss.subject}: ${miss.found} (${miss.needs})`);
}
const same = (fstab: string, mounted: Mount, more: Partial<Observation> = {}): string[] => misses(fstab, fstab, [mounted], [mounted], more);

describe("whether it is mounted", () => {
  const srv = "/dev/vdb /srv ext4 defaults 0 2\n";
  const mounted = mount("/srv", "/dev/vdb", "ext4");
  test("a mount of the new fstab that is not there", () => {
    expect(misses("", srv, [], [mounted])).toEqual([]);
    expect(misses("", srv, [])).toEqual(["/srv: not mounted (person)"]);
    expect(misses(srv, srv, [mounted], [])).toEqual(["/srv: not mounted (person)"]);
  });
  test("noauto, nofail and automounts", () => {
    expect(misses("", "/dev/vdb /srv ext4 noauto\n", [])).toEqual([]);
    const nofail = "/dev/vdb /srv ext4 nofail\n";
    expect(misses(nofail, nofail, [])).toEqual([]);
    expect(misses(nofail, nofail, [mounted], [])).toEqual(["/srv: not mounted (person)"]);
    expect(misses("", nofail, [])).toEqual(["/srv: not mounted (person)"]);
    const automount = "/dev/vdb /srv ext4 noauto,x-systemd.automount\n";
    const waiting = mount("/srv", "systemd-1", "autofs");
    expect(misses("", automount, [], [waiting])).toEqual([]);
    expect(misses("", automount, [], [waiting, mounted])).toEqual([]);
    expect(misses("", "/dev/vdb /srv ext4 x-systemd.automount\n", [], [])).toEqual(["/srv: no automount (restart)"]);
  });
  test("a mount point with a space, and one that ends in a slash", () => {
    const fstab = "/dev/vdb /srv/with\\040space/ ext4 defaults\n";
    expect(misses("", fstab, [], [mount("/srv/with space", "/dev/vdb", "ext4")])).toEqual([]);
    expect(misses("", fstab, [])).toEqual(["/srv/with space: not mounted (person)"]);
    expect(unitName("/srv/with space-2/ü")).toBe("srv-with\\x20space\\x2d2-\\xc3\\xbc.mount");
    expect([unitName("/"), unitName("/.snap")]).toEqual(["-.mount", "\\x2esnap.mount"]);
  });
  test("what fstab no longer names is unmounted", () => {
    expect(misses(srv, "", [mounted])).toEqual(["/srv: /dev/vdb (ext4) (person)"]);
    expect(misses(srv, "", [mounted], [])).toEqual([]);
  });
  test("an empty mount table was not read", () => {
    const seen = world.switched(withFstab(rootLine), withFstab(rootLine + srv), { mounts: [] });
    expect(verifyHost({ ...seen, store: world.store.files })).toEqual([]);
  });
});

describe("which device and type", () => {
  const links = {
    devices: new Map([
      ["/dev/disk/by-label/data", "/dev/vdb"],
      ["/dev/disk/by-uuid/ab-12", "/dev/vdc"],
      ["/dev/mapper/crypt", "/dev/dm-0"],
    ]),
  };
  const labelled = "/dev/disk/by-label/data /srv ext4 defaults\n";
  test("by label, by uuid, by tag and by mapper", () => {
    expect(same(labelled, mount("/srv", "/dev/vdb", "ext4"), links)).toEqual([]);
    expect(same("LABEL=data /srv ext4 defaults\n", mount("/srv", "/dev/vdb", "ext4"), links)).toEqual([]);
    expect(same('UUID="ab-12" /srv ext4 defaults\n', mount("/srv", "/dev/vdc", "ext4"), links)).toEqual([]);
    expect(same("/dev/dm-0 /srv ext4 defaults\n", mount("/srv", "/dev/mapper/crypt", "ext4"), links)).toEqual([]);
    expect(same(labelled, mount("/srv", "/dev/vdc", "ext4"), links)).toEqual(["/srv: /dev/vdc (restart)"]);
    expect(devicePath("LABEL=my disk")).toBe("/dev/disk/by-label/my\\x20disk");
    expect(devicePath("tmpfs")).toBe(undefined);
  });
  test("a device that the machine does not have: the next boot would not find it", () => {
    const gone = "/dev/disk/by-label/gone /srv ext4 defaults\n";
    expect(misses(labelled, gone, [mount("/srv", "/dev/vdb", "ext4")], undefined, links)).toEqual(["/srv: /dev/vdb (person)"]);
    // Without any links nothing is known, which is said once, where it changed.
    expect(misses(labelled, gone, [mount("/srv", "/dev/vdb", "ext4")])).toEqual(["/srv: not known (nothing)"]);
    expect(same(gone, mount("/srv", "/dev/vdb", "ext4"))).toEqual([]);
  });
  test("the root file system changes at boot only", () => {
    const seen = world.switched(withFstab(rootLine), withFstab("/dev/vdc / xfs defaults\n"), { mounts: [root] });
    expect(verifyHost({ ...seen, store: world.store.files }).map((miss) => `${miss.found} (${miss.needs})`)).toEqual([
      "ext4 (reboot)",
      "/dev/vda1 (reboot)",
    ]);
  });
  test("names of file systems: network, several devices, images, helpers", () => {
    expect(same("nas:/export/ /srv nfs defaults\n", mount("/srv", "nas:/export", "nfs4"))).toEqual([]);
    expect(same("nas:/export /srv nfs defaults\n", mount("/srv", "old:/export", "nfs4"))).toEqual(["/srv: old:/export (restart)"]);
    expect(same("tank/home /home zfs zfsutil\n", mount("/home", "tank/home", "zfs"))).toEqual([]);
    expect(same("UUID=ab-12 /srv btrfs defaults\n", mount("/srv", "/dev/vdb", "btrfs"), links)).toEqual([]);
    expect(same("/dev/vdb /srv ntfs defaults\n", mount("/srv", "/dev/vdb", "fuseblk"))).toEqual([]);
    expect(same("/dev/vdb /srv ext4 defaults\n", mount("/srv", "/dev/vdb", "fuseblk"))).toEqual(["/srv: fuseblk (restart)"]);
    expect(same("/srv/app.img /app squashfs loop\n", mount("/app", "/dev/loop0", "squashfs", "ro,relatime", "ro"))).toEqual([]);
    expect(same("tmpfs /tmp tmpfs size=1G\n", mount("/tmp", "none", "tmpfs"))).toEqual([]);
  });
  test("a bind mount", () => {
    const bound = { ...mount("/srv/www", "/dev/vdb", "ext4"), root: "/web/www" };
    const data = { ...mount("/data", "/dev/vdb", "ext4"), root: "/web" };
    const fstab = "/dev/vdb /data ext4 X-mount.subdir=web\n/data/www /srv/www none bind\n";
    expect(misses("", fstab, [], [data, bound])).toEqual([]);
    expect(misses("", fstab, [], [data, { ...bound, root: "/web/old" }])).toEqual(["/srv/www: not known (nothing)"]);
  });
});

describe("options", () => {
  const fstab = (options: string): string => `/dev/vdb /srv ext4 ${options}\n`;
  const srv = (options = "rw,relatime", more = "rw"): Mount => mount("/srv", "/dev/vdb", "ext4", options, more);
  const told = (from: string, to: string, after: Mount): string[] => misses(fstab(from), fstab(to), [srv()], [after]);
  test("those that every file system shows", () => {
    expect(told("defaults", "noexec,noatime", srv("rw,noexec,noatime"))).toEqual([]);
    expect(told("defaults", "noexec", srv())).toEqual(["/srv: without noexec (remount)"]);
    expect(told("noexec,nosuid", "nosuid", srv("rw,noexec,nosuid"))).toEqual(["/srv: noexec (remount)"]);
    expect(told("noexec", "user", srv("rw,noexec,nosuid,nodev"))).toEqual([]);
    expect(told("ro", "defaults", srv("ro"))).toEqual(["/srv: read-only (remount)"]);
    expect(told("defaults", "ro", srv())).toEqual(["/srv: without ro (remount)"]);
  });
  test("a file system that the kernel made read-only", () => {
    expect(told("defaults", "defaults", srv("rw,relatime", "ro,errors=remount-ro"))).toEqual(["/srv: read-only (remount)"]);
  });
  test("its own options, in its own words, where they changed", () => {
    expect(told("defaults", "commit=30,discard", srv("rw", "rw,commit=30,discard"))).toEqual([]);
    expect(told("defaults", "commit=30", srv("rw", "rw,commit=5"))).toEqual(["/srv: commit=5 (remount)"]);
    expect(told("commit=5", "commit=30", srv("rw", "rw,commit=5"))).toEqual(["/srv: commit=5 (remount)"]);
    expect(told("commit=5", "defaults", srv("rw", "rw,commit=5"))).toEqual(["/srv: commit=5 (remount)"]);
    expect(told("data=ordered", "data=journal", srv("rw", "rw,data=ordered"))).toEqual(["/srv: data=ordered (restart)"]);
    expect(told("defaults", "nouuid2", srv())).toEqual(["/srv: not shown by the kernel (nothing)"]);
    expect(told("nouuid2", "nouuid2", srv())).toEqual([]);
    expect(told("defaults", "nofail,x-systemd.device-timeout=5,_netdev", srv())).toEqual([]);
    expect(
      misses(
        "tmpfs /t tmpfs size=1G\n",
        "tmpfs /t tmpfs size=2G,mode=0755\n",
        [],
        [mount("/t", "tmpfs", "tmpfs", "rw", "rw,size=2097152k,mode=755")],
      ),
    ).toEqual([]);
    expect(
      misses("tmpfs /t tmpfs size=1G\n", "tmpfs /t tmpfs size=2G\n", [], [mount("/t", "tmpfs", "tmpfs", "rw", "rw,size=1048576k")]),
    ).toEqual(["/t: size=1048576k (remount)"]);
  });
  test("a subvolume, which no remount changes", () => {
    const home = (subvolume: string): Mount => mount("/home", "/dev/vdb", "btrfs", "rw", `rw,compress=zstd:3,subvol=${subvolume}`);
    expect(same("/dev/vdb /home btrfs subvol=@home,compress=zstd\n", home("/@home"))).toEqual([]);
    expect(same("/dev/vdb /home btrfs subvol=@home,compress=zstd\n", home("/@old"))).toEqual(["/home: subvol=/@old (restart)"]);
  });
});

describe("swap", () => {
  const links = new Map([["/dev/disk/by-label/swap", "/dev/vdb"]]);
  const told = (from: string, to: string, swaps: string[], devices: Map<string, string> = links): string[] =>
    misses(from, to, [], [], { swaps, devices });
  const swap = "/dev/disk/by-label/swap none swap defaults\n";
  test("in use, not in use, no such device, no longer named", () => {
    expect(told("", swap, ["/dev/vdb"])).toEqual([]);
    expect(told("", swap, [])).toEqual(["/dev/disk/by-label/swap: not in use (restart)"]);
    expect(told(swap, "/dev/disk/by-label/swap2 none swap defaults\n", ["/dev/vdb"])).toEqual([
      "/dev/disk/by-label/swap2: no such device (person)",
      "/dev/disk/by-label/swap: in use (person)",
    ]);
    expect(told("", swap, [], new Map())).toEqual(["/dev/disk/by-label/swap: not known (nothing)"]);
    expect(told(swap, "/dev/vdb none swap defaults\n", ["/dev/vdb"])).toEqual([]);
    expect(told("", "/swap none swap noauto\n", [])).toEqual([]);
  });
});
