import type { TargetTrouble } from "../io/ports.ts";
import { bounded, plainText } from "../nix-message.ts";

/** How a connection ended before our program began. */
export type SshEnd = {
  readonly exitCode: number | undefined;
  /** What ssh itself said, kept apart from what the host printed. */
  readonly log: string;
  /** What the ssh of the jump hosts said. */
  readonly jumpLog: string;
  /** What the host wrote to stderr and, before our program, to stdout. */
  readonly stderr: string;
  readonly noise: string;
  readonly sudo: boolean;
};

export type Trouble = { readonly trouble: TargetTrouble; readonly detail: string };

/**
 * Why a host cannot be spoken to, from the words of OpenSSH 8 to 10 and of sudo. The lines are anchored: the other side may send a reason of its own, which ssh
 * shows behind words of its own. A host can only make its own trouble look like another.
 */
export function sshTrouble(end: SshEnd): Trouble {
  const [log, jumpLog] = [plainText(end.log), plainText(end.jumpLog)];
  // A jump host's ssh is ended with the connection, which is no trouble of its own.
  const jump = jumpLog.replace(/^Killed by signal \d+\.\s*$/gm, "").trim();
  const own = connectionTrouble(log);
  const detail = describe(log, jump, plainText(end.stderr), plainText(end.noise));
  if (own !== undefined && own !== "unreachable") return { trouble: own, detail };
  if (jump !== "") return { trouble: beyondJump.test(jump) ? "unreachable" : "jump-failed", detail };
  if (own !== undefined) return { trouble: own, detail };
  if (end.sudo && sudoRefused.test(plainText(end.stderr))) return { trouble: "sudo-refused", detail };
  return { trouble: end.exitCode === 255 ? "unreachable" : "not-understood", detail };
}

/** The jump host let us in and could not reach the next one: that one is at fault. */
const beyondJump =
  /^channel \d+: open failed: (?:connect failed|unknown): (?:Connection (?:refused|timed out)|No route|Network is|Host is|.*[Nn]ame|.*resol)/m;

const sudoRefused =
  /^(?:sudo: |Sorry, user |.*is not in the sudoers file|.*is not allowed to (?:run|execute)|.*sudo: (?:command )?not found|.*[Uu]nknown command:? .*sudo)/m;

/** From ssh's log alone; undefined where it says nothing that is known. */
export function connectionTrouble(log: string): TargetTrouble | undefined {
  return patterns.find(([pattern]) => pattern.test(log))?.[1];
}

const patterns: readonly (readonly [RegExp, TargetTrouble])[] = [
  [/^@ +WARNING: (?:REMOTE HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY DETECTED)!/m, "host-key-changed"],
  [/^(?:Host key for .* has changed|.*host key for .* was revoked|.*host key .* is revoked)/im, "host-key-changed"],
  [/^(?:No .* host key is known for|Host key verification failed|.*no matching host key type found)/m, "host-key-unknown"],
  [
    /^(?:[^ ]+@[^ ]+: Permission denied \(|Permission denied \(|Received disconnect from .*: Too many authentication failures)/m,
    "access-refused",
  ],
  [
    /^(?:No user exists for uid|.*Bad configuration option|.*terminating, \d+ bad configuration options|.*[Uu]nsupported option)/m,
    "no-ssh",
  ],
  // After the login: by the host, by a keep-alive that nobody answered, or because the shared connection is gone.
  [
    /^(?:Connection to .* closed by remote host|client_loop: |Timeout, server|Read from remote host|Shared connection to|mux_client_)/m,
    "lost",
  ],
  [
    /^(?:ssh: connect to host|ssh: Could not resolve|connect to |kex_exchange_identification|ssh_exchange_identification|banner exchange)/m,
    "unreachable",
  ],
  [/^(?:Connection (?:closed|reset|to .* timed out)|Unable to negotiate)/m, "unreachable"],
  [
    /^(?:Disconnected from|Received disconnect|ssh_dispatch_run_fatal|Bad packet|.*[Mm]essage authentication code incorrect)/m,
    "unreachable",
  ],
];

function describe(log: string, jump: string, stderr: string, noise: string): string {
  const parts = [log, jump === "" ? "" : `jump host: ${jump}`, stderr, noise].map((part) => part.trim()).filter((part) => part !== "");
  return bounded(parts.join("\n"), 2000);
}
