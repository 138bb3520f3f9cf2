import { callsTitle } from "../diagnose/calls-fold.ts";
import { list, say, type Line, type Section } from "./line.ts";
import type { PlanDiagnosis } from "./plan-diagnosis.ts";
import type { Plan, PlanHost } from "./plan.ts";

/**
 * Why a host failed: the cause, what shows it, what would help, and the evidence behind folds. Hosts that failed of one thing share the evidence, which then stands with
 * the first of them. Nothing for a host that did not fail.
 */
export function diagnosisSections(plan: Plan, host: PlanHost): Section[] {
  const { diagnosis, edgeCase } = host;
  const escalated = plan.escalations?.find((one) => one.hosts.includes(host.host));
  const first = escalated?.hosts[0] === host.host;
  const others = escalated?.causes.filter((one) => one.cause !== diagnosis?.cause).slice(0, 3) ?? [];
  const made: Section[] = [
    {
      kind: "failure",
      title: "Cause",
      summary: diagnosis === undefined ? "not known" : diagnosis.confidence,
      lines: [
        ...(diagnosis === undefined
          ? escalated === undefined || plan.detail === "names"
            ? []
            : [say("No cause is known.")]
          : causeLines(host, diagnosis)),
        ...others.map((one) => say(`It may also be this: ${one.cause}${one.culprit === undefined ? "" : ` (${one.culprit})`}`)),
      ],
      texts: [],
    },
    {
      // Behind the folds of a comment; a terminal shows it when it is asked for.
      kind: "notes",
      title: "Evidence",
      summary: "",
      lines: [],
      texts: [
        ...(diagnosis?.patch === undefined
          ? []
          : [{ title: "A change that the session proposes; nobody has tried it", text: diagnosis.patch }]),
        // With an escalation they are among its folds.
        ...(escalated !== undefined || diagnosis?.asked === undefined ? [] : [{ title: callsTitle, text: diagnosis.asked.join("\n") }]),
        ...(first ? escalated.folds.filter((fold) => fold.title !== theLog || (host.outcome?.log ?? "") === "") : []).map(
          ({ title, text, leftOut }) => ({
            title: leftOut === 0 ? title : `${title} (${leftOut} bytes left out)`,
            text,
          }),
        ),
      ],
    },
    {
      kind: "notes",
      title: "For your edge-cases file",
      summary: "",
      lines: edgeCase === undefined ? [] : [say("A strategy settled this. Where the entry is true, commit it: later runs read it.")],
      texts: edgeCase === undefined ? [] : [{ title: "The entry", text: edgeCase }],
    },
  ];
  return made.filter((section) => section.lines.length > 0 || section.texts.length > 0);
}

/** What became of the host has it already. */
const theLog = "End of the activation's log";

function causeLines(host: PlanHost, diagnosis: PlanDiagnosis): Line[] {
  const { by, cause, culprit, confidence, evidence } = diagnosis;
  if (cause === "") return [say(by === "session" ? "A Claude session has an opinion." : `A ${confidence} cause is known.`)];
  const who = by === "session" ? "A Claude session thinks: " : confidence === "certain" ? "" : "Likely: ";
  return [
    { spans: [`${who}${cause}`, ...(culprit === undefined || cause.includes(culprit) ? [] : [" To blame: ", { code: culprit }])] },
    ...evidence.map((line): Line => ({ spans: ["Seen: ", { code: line }] })),
    ...helps(host, diagnosis),
  ];
}

/** Reads as one word in a shell, and is no option. */
const plainUnit = /^[A-Za-z0-9:_.@][A-Za-z0-9:_.@-]{0,254}$/;

const whenever = {
  "host-answers": "when the host answers",
  "lock-free": "when the other activation has ended",
  "substituter-answers": "when the binary cache answers",
} as const;

function helps({ host, outcome }: PlanHost, { remedy }: PlanDiagnosis): Line[] {
  const units = (remedy?.units ?? []).filter((unit) => plainUnit.test(unit));
  const again = { command: `nixos-deploy-gate ${outcome === undefined ? "plan" : "deploy"} --hosts ${host}` };
  switch (remedy?.kind) {
    case "retry":
      return [{ spans: ["It may pass by itself; once more: ", again] }];
    case "wait-until":
      return [{ spans: [`Once more ${remedy.condition === undefined ? "" : `${whenever[remedy.condition]}`}: `, again] }];
    case "retry-as-boot-and-reboot":
      return [say("Only a boot brings it in.")];
    case "restart-units":
      return units.length === 0 ? [] : [{ spans: ["Start it anew: ", { command: `ssh ${host} systemctl restart ${units.join(" ")}` }] }];
    case "stop-then-switch":
      return [{ spans: ["Where ", ...list(units), " may stop for a moment, stop it and deploy again: ", again] }];
    case "rollback":
      return outcome?.outcome === "rolled-back" ? [] : [say("What it ran before does not have this.")];
    case "escalate":
    case undefined:
      return [];
  }
}
