import type { Address } from "../target/address.ts";
import { connectionTrouble, sshTrouble } from "../target/ssh-trouble.ts";
import type { CopyResult, CopyRun, Nix } from "./ports.ts";
import { logLength, readLog, type AddressFiles } from "./ssh-files.ts";

export type CopierOptions = {
  readonly nix: Nix;
  /** Besides what the Nix port gives. */
  readonly environment: Readonly<Record<string, string>>;
  readonly files: (address: Address) => AddressFiles;
};

/**
 * `nix copy` over the same settings as every other connection: NIX_SSHOPTS, which Nix splits at spaces, names the configuration file. It has a connection of its
 * own, so that gigabytes do not stand in the way of a health check, and because Nix waits for a LocalCommand that a shared connection does not run.
 *
 * A user that is not root reaches the store through sudo, like everything else it does: the daemon would take unsigned paths only from one in `trusted-users`. That is what a host with the
 * helper is for: there the user speaks to the daemon as itself, which checks every signature.
 */
export function copier(options: CopierOptions): {
  readonly copyTo: (run: CopyRun) => Promise<CopyResult>;
  readonly copyFrom: (run: CopyRun) => Promise<CopyResult>;
} {
  const copy = async (direction: "--to" | "--from", run: CopyRun): Promise<CopyResult> => {
    const at = options.files(run.address);
    const log = at.log();
    const jumpFrom = logLength(at.jumpLog);
    const result = await options.nix.run({
      arguments: [
        "copy",
        direction,
        storeUrl(run),
        ...(run.substituteOnDestination && direction === "--to" ? ["--substitute-on-destination"] : []),
        ...(run.checkSignatures || run.address.helper === true ? [] : ["--no-check-sigs"]),
        "--",
        ...run.paths,
      ],
      trust: "deploy-branch",
      timeoutSeconds: run.timeoutSeconds,
      environment: { ...options.environment, LC_ALL: "C", NIX_SSHOPTS: `-F ${at.config} -E ${log}` },
      ...(run.onLog === undefined ? {} : { onLog: run.onLog }),
    });
    if (result.exitCode === 0 || result.timedOut) return result;
    // Newer versions of Nix ask whether there is a shared connection, which ssh remarks on.
    const said = readLog(log).replace(/^No ControlPath specified for "-O" command\s*$/m, "");
    const jumpLog = readLog(at.jumpLog, jumpFrom);
    if (said.trim() === "" && jumpLog.trim() === "") return result;
    const found = sshTrouble({ exitCode: 255, log: said, jumpLog, stderr: "", noise: "", sudo: false });
    // ssh remarks on a connection that Nix itself has ended too: only what tells of a trouble counts.
    if (found.trouble === "unreachable" && connectionTrouble(said) === undefined) return result;
    return { ...result, ...found };
  };
  return { copyTo: (run) => copy("--to", run), copyFrom: (run) => copy("--from", run) };
}

/** `ssh-ng://web`: the name is the configuration's, so neither port nor user nor an IPv6 address has to survive the ways in which versions of Nix read a URL. */
export function storeUrl(run: Pick<CopyRun, "address" | "store">): string {
  const remote = run.store === "ssh-ng" ? "nix-daemon" : "nix-store";
  return `${run.store}://${run.address.host}${run.address.sudo && run.address.helper !== true ? `?remote-program=sudo%20-n%20${remote}` : ""}`;
}
