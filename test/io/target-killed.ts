import { recordingLog } from "../nix/recording-log.ts";
import { openTargets } from "../../src/io/target.ts";
import type { Address } from "../../src/target/address.ts";

/** A run that is to be killed: asks a host for something that takes for ever. Its arguments: the scratch directory, the address, and the lines of known_hosts. The key comes on stdin. */
const [scratch = "", address = "", knownHosts = ""] = process.argv.slice(2);
let privateKey = "";
for await (const chunk of process.stdin) privateKey += String(chunk);
const targets = await openTargets({
  scratch,
  signal: new AbortController().signal,
  privateKey,
  knownHosts,
  environment: { PATH: process.env["PATH"] },
  nix: { version: () => Promise.reject(new Error("Nobody asks.")), run: () => Promise.reject(new Error("Nobody asks.")) },
  log: recordingLog(),
});
const ask = (connection: "shared" | "new") =>
  targets.run({
    address: JSON.parse(address) as Address,
    program: 'put pid "$$"; sleep 300',
    arguments: [],
    connection,
    timeoutSeconds: 300,
    onRecord: ({ value }) => process.stdout.write(`${value}\n`),
  });
await Promise.all([ask("shared"), ask("new")]);
