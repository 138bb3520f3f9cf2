import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseCanary } from "../../src/discover/canary.ts";
import { controlDirectory, plantBait } from "../../src/io/bait.ts";
import { openJail } from "../../src/io/jail.ts";
import { nixPort } from "../../src/io/nix.ts";

/** Run as a process of its own by the jail's tests, as another user or in a machine that allows less: says as JSON what came of it. `hold` keeps the jail open. */
const scratch = mkdtempSync(join(tmpdir(), "jail-run-"));
const opened = await openJail({ environment: process.env, scratch, readable: [controlDirectory(scratch)], writable: [] });
if (opened.kind === "unavailable") console.log(JSON.stringify(opened));
else if (process.argv[2] === "hold") {
  const nix = nixPort({ environment: process.env, scratch, wrap: opened.jail.wrap });
  const endless = `derivation { name = "endless"; system = "x86_64-linux"; builder = "/bin/sleep"; args = [ "${process.argv[3]}" ]; }`;
  console.log("open");
  await nix.run({ arguments: ["build", "--no-link", "--expr", endless], trust: "unreviewed", timeoutSeconds: 600 });
} else {
  const nix = nixPort({ environment: process.env, scratch, wrap: opened.jail.wrap });
  const bait = plantBait(scratch);
  const isolation = await releaseCanary(nix, bait, 60);
  const { version } = await nix.version();
  const built = await nix.run({
    arguments: [
      "build",
      "--no-link",
      "--json",
      "--expr",
      `derivation { name = "built"; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" "echo ${scratch} > $out" ]; }`,
    ],
    trust: "unreviewed",
    timeoutSeconds: 60,
  });
  bait.remove();
  await opened.jail.close();
  console.log(
    JSON.stringify({
      kind: "open",
      daemon: opened.jail.daemon,
      version,
      isolation,
      built: built.exitCode,
      said: built.stderr,
      user: process.getuid?.(),
    }),
  );
}
