import { spawnSync } from "node:child_process";

/** Whether this user may mount, which a store of another kind needs: root may, in a mount namespace of its own. */
export const mayMount = spawnSync("unshare", ["--mount", "true"]).status === 0;

/** Words that start a command where /nix is what this script makes of it; nobody else sees that. */
const where = (script: string): readonly string[] => ["unshare", "--mount", "sh", "-c", `${script} && exec "$@"`, "where"];

export const readOnlyStore = where("mount --bind /nix /nix && mount -o remount,bind,ro /nix");
export const storeOfSize = (size: string): readonly string[] => where(`mount -t tmpfs -o size=${size} tmpfs /nix`);
