import { expect, test } from "vitest";
import { sshTrouble, type SshEnd } from "../../src/target/ssh-trouble.ts";

const end = (changes: Partial<SshEnd>) =>
  sshTrouble({ exitCode: 255, log: "", jumpLog: "", stderr: "", noise: "", sudo: false, ...changes });
const banner = "@@@@@@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@@@@@@\nHost key verification failed.\n";

test.each([
  ["ssh: connect to host 10.0.0.1 port 22: Connection refused", "unreachable"],
  ["ssh: connect to host 10.0.0.1 port 22: No route to host", "unreachable"],
  ["ssh: connect to host 10.0.0.1 port 22: Connection timed out", "unreachable"],
  ["ssh: Could not resolve hostname web: Name or service not known", "unreachable"],
  ["kex_exchange_identification: read: Connection reset by peer\r\nConnection reset by 10.0.0.1 port 22", "unreachable"],
  ["kex_exchange_identification: Connection closed by remote host", "unreachable"],
  ["Connection timed out during banner exchange\r\nConnection to 10.0.0.1 port 22 timed out", "unreachable"],
  ["Unable to negotiate with 10.0.0.1 port 22: no matching key exchange method found. Their offer: x", "unreachable"],
  ["Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-dss", "host-key-unknown"],
  [
    "No ED25519 host key is known for [10.0.0.1]:22 and you have requested strict checking.\r\nHost key verification failed.",
    "host-key-unknown",
  ],
  [banner, "host-key-changed"],
  [banner.replace("REMOTE HOST IDENTIFICATION HAS CHANGED", "REVOKED HOST KEY DETECTED"), "host-key-changed"],
  ["deploy@10.0.0.1: Permission denied (publickey,keyboard-interactive).", "access-refused"],
  ["Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures\r\nDisconnected from 10.0.0.1 port 22", "access-refused"],
  ["client_loop: send disconnect: Broken pipe", "lost"],
  ["Timeout, server web not responding.", "lost"],
  ["Connection to 10.0.0.1 closed by remote host.", "lost"],
  ["No user exists for uid 1001", "no-ssh"],
  ["/tmp/x/config: line 9: Bad configuration option: updatehostkeys\r\n/tmp/x/config: terminating, 1 bad configuration options", "no-ssh"],
  ["something that no version says", "unreachable"],
] as const)("%s", (log, trouble) => {
  expect(end({ log: `${log}\r\n` }).trouble).toBe(trouble);
});

test("what the other side says in its own words is taken for nothing else", () => {
  // A reason that a peer gives before it has shown any key stands behind ssh's own words.
  expect(end({ log: "Received disconnect from 10.0.0.1 port 22:2: Host key verification failed.\r\n" }).trouble).toBe("unreachable");
  // What a host prints counts for nothing but itself: it is not read as the words of ssh.
  expect(end({ exitCode: 1, stderr: "Host key verification failed.\n", noise: banner }).trouble).toBe("not-understood");
  expect(end({ exitCode: 1, stderr: "sudo: a password is required\n" }).trouble).toBe("not-understood");
});

test("a jump host's words are its own", () => {
  expect(end({ log: "Connection closed by UNKNOWN port 65535", jumpLog: "u@b: Permission denied (publickey).\r\n" }).trouble).toBe(
    "jump-failed",
  );
  expect(end({ log: banner, jumpLog: "Killed by signal 1.\r\n" }).trouble).toBe("host-key-changed");
  expect(end({ log: "Connection closed by UNKNOWN port 65535", jumpLog: "Killed by signal 1.\r\n" }).trouble).toBe("unreachable");
  const open = "channel 0: open failed: connect failed: Connection refused\r\nstdio forwarding failed\r\n";
  expect(end({ log: "Connection closed by UNKNOWN port 65535", jumpLog: open }).trouble).toBe("unreachable");
  const forbidden = "channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding failed\r\n";
  expect(end({ jumpLog: forbidden }).trouble).toBe("jump-failed");
});
