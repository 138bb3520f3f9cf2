import type { MountChange } from "../../../src/diff/system-diff.ts";
import { file, unitChange, units } from "../literals.ts";
import type { Examples } from "./example.ts";

const mount = (mountPoint: string, change: MountChange["change"], over: Partial<MountChange> = {}) => ({
  settings: { mounts: [{ mountPoint, change, from: undefined, to: undefined, optionsAdded: [], optionsRemoved: [], ...over }] },
});
const at = (mountPoint: string, fsType: string, ...options: readonly string[]) => ({
  mounts: [{ mountPoint, device: "/dev/sdb1", fsType, options }],
});
const tmpfiles = (...lines: readonly string[]) => ({
  settings: {
    tmpfiles: lines.map((line) => ({
      file: "/etc/tmpfiles.d/00-nixos.conf",
      change: line.startsWith("+") ? ("added" as const) : ("removed" as const),
      line: line.slice(1),
    })),
  },
});
const swap = {
  settings: {
    swaps: [
      { mountPoint: "none", change: "removed" as const, from: "/dev/zvol/swap", to: undefined, optionsAdded: [], optionsRemoved: [] },
    ],
  },
};
const script = (...lines: readonly string[]) => ({ files: [file("backup.service → backup-start", lines)] });

export const diskExamples: Examples = {
  "root-mount": {
    fires: [mount("/", "device"), mount("/nix", "type")],
    misses: [mount("/", "options", { optionsAdded: ["noatime"] }), mount("/data", "device")],
  },
  "mount-device": { fires: [mount("/scratch", "device"), mount("/boot", "type")], misses: [mount("/scratch", "options")] },
  "mount-removed": {
    fires: [{ ...mount("/nix/var/nix/builds", "removed"), facts: { mountInUse: ["/nix/var/nix/builds"] } }],
    misses: [mount("/data", "added")],
  },
  "mount-added": {
    fires: [
      { ...mount("/mnt/media", "added"), after: at("/mnt/media", "ext4", "defaults") },
      { ...mount("/home", "added"), after: at("/home", "ext4", "nofail") },
      { ...mount("/tmp", "added"), after: at("/tmp", "tmpfs", "nofail") },
    ],
    misses: [
      { ...mount("/mnt/media", "added"), after: at("/mnt/media", "ext4", "nofail") },
      { ...mount("/mnt/nas", "added"), after: at("/mnt/nas", "nfs4", "x-systemd.automount", "noauto") },
      { ...mount("/run/secrets.d", "added"), after: at("/run/secrets.d", "tmpfs") },
    ],
  },
  "tmp-becomes-mount": {
    fires: [{ after: { units: units("sshd.service", "tmp.mount") }, units: [unitChange("tmp.mount", "start", { change: "added" })] }],
    misses: [{ after: { units: units("sshd.service", "srv.mount") }, units: [unitChange("srv.mount", "start", { change: "added" })] }],
  },
  "mount-becomes-strict": {
    fires: [
      { ...mount("/data", "options", { optionsRemoved: ["nofail"] }), after: at("/data", "ext4") },
      mount("/", "options", { optionsAdded: ["ro"] }),
      mount("/data", "options", { optionsAdded: ["subvol=data"] }),
    ],
    misses: [
      mount("/", "options", { optionsAdded: ["noatime"] }),
      { ...mount("/data", "options", { optionsAdded: ["nofail"] }), after: at("/data", "ext4", "nofail") },
    ],
  },
  "network-mount-options": {
    fires: [
      {
        ...mount("/mnt/nas", "options", { optionsAdded: ["x-systemd.after=network-online.target"] }),
        after: at("/mnt/nas", "cifs"),
        facts: { mountedCifs: ["/mnt/nas"] },
      },
    ],
    misses: [
      { ...mount("/mnt/nas", "options"), after: at("/mnt/nas", "cifs"), facts: { mountedCifs: [] } },
      { ...mount("/data", "options"), after: at("/data", "ext4") },
    ],
    unknown: {
      ...mount("/mnt/nas", "options"),
      after: at("/mnt/nas", "nfs4"),
      facts: {},
      fact: "mountedNfs",
      plain: "clean",
      careful: "reboot",
    },
  },
  "mount-options": {
    fires: [{ ...mount("/data", "options", { optionsAdded: ["x-systemd.device-timeout=5s"] }), after: at("/data", "ext4") }],
    misses: [{ ...mount("/data", "options", { optionsAdded: ["noatime"] }), after: at("/data", "ext4") }],
  },
  "swap-removed": {
    fires: [{ ...swap, facts: { hostUsesSwap: true, swapUsedBytes: 6_442_450_944 } }],
    misses: [
      { ...swap, facts: { hostUsesSwap: true, swapUsedBytes: 1_000_000 } },
      { ...swap, facts: { hostUsesSwap: false } },
    ],
    unknown: { ...swap, facts: { hostUsesSwap: true }, fact: "swapUsedBytes", plain: "clean", careful: "risky" },
  },
  "tmpfiles-remove": {
    fires: [
      tmpfiles("+R /home/alice - - - - -"),
      tmpfiles("-d /srv/up 0755 root root - -", "+D /srv/up 0755 root root - -"),
      tmpfiles("-d /srv/up 0755 root root 30d -", "+d /srv/up 0755 root root 7d -"),
    ],
    misses: [
      tmpfiles("+d /var/lib/app 0750 app app - -"),
      tmpfiles("+R /run/old - - - - -"),
      tmpfiles("-q /tmp 1777 root root 10d", "+q /tmp 1777 root root 5d"),
      tmpfiles("-d /srv/up 0755 root root 7d -", "+d /srv/up 0755 root root 30d -"),
    ],
  },
  "script-deletes": {
    fires: [
      script("+find /srv/backup -mtime +7 -delete"),
      script("+rm -rf /var/lib/old"),
      script("+zfs destroy -r tank/old"),
      script("+psql -c 'DROP DATABASE old'"),
      { settings: { activation: [{ snippet: "clean", change: "added", hashOnly: false, diff: "@@ @@\n+rm -rf /srv/data\n" }] } },
    ],
    misses: [
      script("+rm -rf /tmp/work"),
      script("+# rm -rf /var/lib/old"),
      script('+rm -f "$PGDATA"/*.conf'),
      script("-rsync -a --delete /a/ b:", "+rsync -a --delete /a/ c:"),
      script("-rm -rf /var/lib/old"),
    ],
  },
  "retention-shorter": {
    fires: [
      script("-find /srv/backup -mtime +30 -delete", "+find /srv/backup -mtime +7 -delete"),
      script("-restic forget --prune --keep-daily 30", "+restic forget --prune --keep-daily 7"),
    ],
    misses: [
      script("-restic forget --prune --keep-daily 7", "+restic forget --prune --keep-daily 30"),
      { files: [file("nginx.service → nginx.conf", ["-expires 30d;", "+expires 7d;"])] },
    ],
  },
};
