import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeKey, sshServer, type SshServer } from "../io/ssh-server.ts";
import { login } from "../io/ssh-server.ts";
import type { NixAtHand } from "./versions.ts";

const withStore = resolve(import.meta.dirname, "../../.ci/with-store");

/** Words that start a command with a store of its own in this directory, as `.ci/with-store` does; several commands may share one. */
export const storeIn = (directory: string): readonly string[] => ["env", `NDG_STORE=${directory}`, "sh", withStore];

/** Another machine that builds: a real sshd on loopback, whose sessions see a store of their own in place of this one. */
export type RemoteBuilder = {
  readonly server: SshServer;
  /** Where its /nix lies. A build in it can tell by `/nix/place`, which says "builder". */
  readonly store: string;
  /** `ssh-ng://root@127.0.0.1` */
  readonly machine: string;
  /** The line for `builders` in nix.conf, https://nix.dev/manual/nix/latest/command-ref/conf-file#conf-builders. */
  readonly line: string;
  /** What brings Nix's ssh to it: a port other than 22 is no part of the line on all versions. */
  readonly sshOptions: string;
};

/** `directory` is to be the caller's own, and goes with it. */
export async function remoteBuilder(directory: string, at: NixAtHand): Promise<RemoteBuilder> {
  mkdirSync(directory, { recursive: true });
  const store = join(directory, "store");
  mkdirSync(join(store, "nix"), { recursive: true });
  writeFileSync(join(store, "nix", "place"), "builder\n");
  const pair = makeKey();
  const key = join(directory, "builder-key");
  writeFileSync(key, pair.privateKey, { mode: 0o600 });
  const session = join(directory, "session");
  const words = storeIn(store).map((word) => `'${word}'`);
  writeFileSync(session, `#!/bin/sh\nexport PATH='${at.path}'\nexec ${words.join(" ")} sh -c "$SSH_ORIGINAL_COMMAND"\n`);
  chmodSync(session, 0o755);
  const server = await sshServer({ authorized: [pair.publicKey], settings: [`ForceCommand ${session}`] });
  const machine = `ssh-ng://${login}@127.0.0.1`;
  const hostKey = Buffer.from(server.hostKey).toString("base64");
  return {
    server,
    store,
    machine,
    line: `${machine} x86_64-linux ${key} 2 1 - - ${hostKey}`,
    sshOptions: `-F /dev/null -p ${server.port}`,
  };
}

/** How often somebody has logged in. */
export const logins = ({ server }: RemoteBuilder): number => server.log().split("Accepted publickey").length - 1;

/** A file of a store path, read in the store that lies in this directory. */
export const inStore = (store: string, path: string): string => readFileSync(join(store, path), "utf8");
