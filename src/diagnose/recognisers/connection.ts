import type { TargetTrouble } from "../../io/ports.ts";
import { connectionTrouble } from "../../target/ssh-trouble.ts";
import { byWords, escalate, retry, wait, type Recognised, type Recogniser, type Sign } from "../recogniser.ts";

/**
 * Copying to a host and speaking to it. OpenSSH's own words are only believed in what the ssh of this machine wrote; a host's shell may print anything, and then
 * something that is not our program answered.
 */
const stages = ["connection", "copy", "activation", "verification", "reboot"] as const;
const said = ["connection", "message"] as const;
const first = (sign: Sign): string | undefined => sign.group(1);

/** Why the host could not be asked, as the port tells it: it has read ssh's words already. */
const troubles: Readonly<Record<TargetTrouble, Omit<Recognised, "evidence">>> = {
  unreachable: { cause: "The host does not answer.", remedy: wait("host-answers", 300), confidence: "certain" },
  "host-key-unknown": {
    cause: "No key of this host is known, so that it cannot be told from another one.",
    remedy: escalate,
    confidence: "certain",
  },
  "host-key-changed": {
    cause: "The host has another key than the one that is known: it was installed anew, or something else answers in its place.",
    remedy: escalate,
    confidence: "certain",
  },
  "access-refused": { cause: "The host refuses the deploy key.", remedy: escalate, confidence: "certain" },
  "sudo-refused": { cause: "The deploy user may not become root without a password.", remedy: escalate, confidence: "certain" },
  "jump-failed": {
    cause: "The host in between does not answer or lets nobody through.",
    remedy: wait("host-answers", 300),
    confidence: "likely",
  },
  "not-understood": {
    cause: "Something answered that is not our program: a forced command, or a shell that prints before it runs.",
    remedy: escalate,
    confidence: "certain",
  },
  lost: { cause: "The connection ended before the host had answered.", remedy: wait("host-answers", 300), confidence: "certain" },
  "timed-out": { cause: "The host did not answer in time.", remedy: wait("host-answers", 300), confidence: "certain" },
  "no-ssh": { cause: "There is no ssh on this machine.", remedy: escalate, confidence: "certain" },
};

export const connectionRecognisers: readonly Recogniser[] = [
  byWords({
    id: "signature-missing",
    stages: ["copy", "build"],
    in: said,
    pattern: /cannot add path '([^'\n]{1,300})' because it lacks a (?:signature by a trusted key|valid signature)/,
    cause: () =>
      "The host does not trust what was built here: the path carries no signature that it knows, and the deploy user is none of its trusted users.",
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "copy-corrupt",
    stages: ["copy", "build"],
    in: said,
    pattern: /hash mismatch importing path '([^'\n]{1,300})'/,
    cause: () => "A path arrived with other contents than its hash says; it is damaged where it came from.",
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "ssh-name-unknown",
    stages,
    in: said,
    pattern: /Could not resolve hostname (\S{1,253}):/,
    cause: () => "The host's name has no address, or the name server does not answer.",
    culprit: first,
    remedy: wait("host-answers", 120),
    confidence: "likely",
  }),
  byWords({
    id: "ssh-refused",
    stages,
    in: said,
    pattern: /connect to (?:host|address) (\S{1,253}) port \d{1,5}: Connection refused/,
    cause: () => "The host is there and nothing listens on its ssh port: sshd is down, or the host is still booting.",
    culprit: first,
    remedy: wait("host-answers", 300),
    confidence: "likely",
  }),
  byWords({
    id: "ssh-no-answer",
    stages,
    in: said,
    pattern:
      /connect to (?:host|address) (\S{1,253}) port \d{1,5}: (?:Connection timed out|No route to host|Network is unreachable|Operation timed out)|Connection timed out during banner exchange/,
    cause: () => "The host does not answer: it is off, or there is no way to it.",
    culprit: first,
    remedy: wait("host-answers", 300),
    confidence: "likely",
  }),
  byWords({
    id: "sudo-refused",
    stages,
    in: said,
    pattern:
      /sudo: (?:a password is required|a terminal is required|\S{1,64} is not in the sudoers file)|\S{1,64} is not allowed to execute|Sorry, user (\S{1,64}) is not allowed/,
    cause: () => "The deploy user may not become root without a password.",
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "ssh-broken-off",
    stages,
    in: said,
    pattern:
      /kex_exchange_identification: |Connection (?:closed|reset) by (?:remote host|(?:\S{1,100} )?\S{1,253} port \d{1,5})|client_loop: send disconnect|Broken pipe|unexpected end-of-file|Nix daemon disconnected unexpectedly/,
    cause: () => "The connection ended in the middle; what ran on the host by then is not known from this side.",
    remedy: wait("host-answers", 300),
    confidence: "likely",
  }),
  ...(Object.keys(troubles) as TargetTrouble[]).map((trouble): Recogniser => ({
    id: `ssh-${trouble}`,
    stages,
    recognise: ({ items }) => {
      // The port has named it, or it stands in what Nix's own ssh wrote.
      const item = items.find(
        (each) =>
          (each.kind === "connection" && each.subject === trouble) || (each.kind === "message" && connectionTrouble(each.text) === trouble),
      );
      if (item === undefined) return undefined;
      const { confidence, ...known } = troubles[trouble];
      return { ...known, confidence: item.kind === "message" && item.origin !== "tool" ? "likely" : confidence, evidence: item.text };
    },
  })),
  byWords({
    id: "copy-timeout",
    stages: ["copy"],
    in: said,
    pattern: /^(?:error: )?the copy did not end in time/m,
    cause: () => "The copy took longer than the policy allows.",
    remedy: retry,
    confidence: "likely",
  }),
];
