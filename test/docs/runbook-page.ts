import { outcomeKinds } from "../../src/apply/outcome.ts";
import { failureCodes, gateError, type FailureCode } from "../../src/failure.ts";
import { failureNotes, outcomeNotes } from "./runbook-notes.ts";
import { runbookSamples } from "./runbook-samples.ts";

/** Where a section of the page begins; codes stand in the order of the table in src/failure.ts. */
const sections: Readonly<Partial<Record<FailureCode, string>>> = {
  usage: "Usage and configuration",
  "event-unsupported": "The event and the forge",
  "path-info-shape": "Comparing two systems",
  "nix-missing": "Nix, evaluation and build",
  "git-missing": "Where the code comes from",
  "derivations-shape": "The preview before a build",
  "approval-unreadable": "Approvals",
  "wrong-host": "What a host says of itself",
  "ssh-key-unusable": "Reaching a host",
  "ledger-unwritable": "The ledger, copying, activating",
};

const exits = [
  "the gate goes on",
  "1: that host failed",
  "2: the run ends, and usage or configuration has to change",
  "3: the host goes on waiting for a person",
  "4: the run ends, and the gate could not do its work",
] as const;

/** docs/runbook.md: every failure code and every outcome. */
export function runbookPage(): string {
  const failures = failureCodes().map((code) => {
    const section = sections[code];
    return `${section === undefined ? "" : `## ${section}\n\n`}${entry(code)}`;
  });
  const outcomes = outcomeKinds.map((kind) => {
    if (!Object.hasOwn(outcomeNotes, kind)) throw new Error(`The outcome ${kind} has no words in test/docs/runbook-notes.ts.`);
    const { means, act } = outcomeNotes[kind];
    return `### \`${kind}\`\n\n${means}\n\n**Do:** ${act}`;
  });
  return `# Runbook

Made by \`npm run docs\`. Search this page for the word in square brackets that ends an error, or for a host's outcome. The example shows one case of each; the real one names your
host, path or input, and the command to type next.

First of all, where a deploy has gone wrong: \`nixos-deploy-gate status\` asks every host what it runs, boots and waits for, and changes nothing. A host that answers is either on
its old or on its new system; [activation.md](activation.md#when-something-dies) says which, whatever died. Its log is on the host, in \`/var/lib/nixos-deploy-gate/attempts/\`.

${failures.join("\n\n")}

## Outcomes

What became of a host, as the report, \`plan.json\` and the output \`hosts\` say it.

${outcomes.join("\n\n")}
`;
}

function entry<C extends FailureCode>(code: C): string {
  if (!Object.hasOwn(runbookSamples, code)) throw new Error(`The failure ${code} has no example in test/docs/runbook-samples.ts.`);
  const { failure, exit } = gateError(code, runbookSamples[code]);
  const note = failureNotes[code];
  // What begins with a capital is a sentence, the rest can be typed.
  const next = /^[A-Z]/.test(failure.next) ? `**Next:** ${failure.next}` : `\`\`\`sh\n${failure.next}\n\`\`\``;
  return [`### \`${code}\``, `> ${failure.message}`, `Exit code ${exits[exit]}.`, ...(note === undefined ? [] : [note]), next].join("\n\n");
}
