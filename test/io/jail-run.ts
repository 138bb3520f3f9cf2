import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releaseCanary } from "../../src/discover/canary.ts";
import { controlDirectory, plantBait } from "../../src/io/bait.ts";
import { openJail } from "../../src/io/jail.ts";
import { nixPort } from "../../src/io/nix.ts";
import { runCommand } from "../../src/io/run-command.ts";

/**
 * Run as a process of its own by the jail's tests, as another user or in a machine that allows less: says as JSON what came of it. `hold` keeps the jail open; `write`
 * tries to write to everything below a directory that may be read.
 */
const scratch = mkdtempSync(join(tmpdir(), "jail-run-"));
const [, , what, word = ""] = process.argv;
const readable = [controlDirectory(scratch), ...(what === "write" ? [word] : [])];
const opened = await openJail({ environment: process.env, scratch, readable, writable: [] });
if (opened.kind === "unavailable") console.log(JSON.stringify(opened));
else if (what === "write") {
  const tries = `for each in "$0" "$0"/*; do if [ -d "$each" ]; then each=$each/made; fi; { echo x >"$each" && echo "$each: written"; } 2>&1; done; :`;
  const { argv, environment } = opened.jail.wrap(["/bin/sh", "-c", tries, word], { PATH: process.env["PATH"] ?? "" }, "unreviewed");
  const [program = "", ...words] = argv;
  const { stdout, stderr } = await runCommand({ program, arguments: words, environment, timeoutSeconds: 60 });
  await opened.jail.close();
  console.log(`${stdout}${stderr}`);
} else if (what === "hold") {
  const nix = nixPort({ environment: process.env, scratch, wrap: opened.jail.wrap });
  const endless = `derivation { name = "endless"; system = "x86_64-linux"; builder = "/bin/sleep"; args = [ "${word}" ]; }`;
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
