import { approveWith, inCommands, type ApproveAt } from "./approve-command.ts";
import { groups, names, type Group } from "./group.ts";
import { list, type Line, type Span } from "./line.ts";
import { nextStep } from "./next-step.ts";
import { judged, standing } from "./order.ts";
import type { Plan, PlanHost } from "./plan.ts";
import { looks } from "./standing-look.ts";

export type NeededOptions = {
  /** Where held hosts are approved; a shell where it is left out. */
  readonly approve?: ApproveAt | undefined;
  readonly limit?: number;
  /** Of all lines together, about. The first line is always there. */
  readonly characters?: number;
};

/** What a person has to do, each with the exact command; empty where nobody is needed. At most `limit` entries, and a line that counts the rest. */
export function needed(plan: Plan, options: NeededOptions = {}): Line[] {
  const { limit = 12, characters = 10_000 } = options;
  const all = groups(plan).flatMap((group) =>
    act(plan, group, options.approve).map((line) => ({ line, approval: waitsForApproval(group.first) })),
  );
  if (all.length === 0) return [];
  // A token stands nowhere else that a person reads, the next step for a host that is not well stands in its details too.
  let room = characters;
  const kept = new Set(
    [...all.filter((one) => one.approval), ...all.filter((one) => !one.approval)]
      .slice(0, limit)
      .filter(({ line }, i) => (room -= length(line)) >= 0 || i === 0),
  );
  const lines = all.filter((one) => kept.has(one)).map((one) => one.line);
  const left = all.length - lines.length;
  return left > 0 ? [...lines, { spans: [`and ${left} more like these, see the details and plan.json`] }] : lines;
}

/** Held for a person's word, and not since somebody else has to be well first. */
const waitsForApproval = (host: PlanHost): boolean =>
  judged(host) === "needs-you" && (host.outcome === undefined || host.outcome.outcome === "held" || host.outcome.outcome === "not-managed");

const length = (line: Line): number => JSON.stringify(line.spans).length;

function act(plan: Plan, group: Group, at: ApproveAt | undefined): Line[] {
  const host = group.first;
  const who = list(names(group), 6);
  if (host.state === "failed") {
    const look = host.failure.next === "" ? `nixos-deploy-gate plan --hosts ${host.host}` : host.failure.next;
    return [{ spans: [...who, host.atBase ? " failed before this change too; look: " : " has to be fixed; look: ", { command: look }] }];
  }
  if (!waitsForApproval(host)) {
    const step = nextStep(plan, group.hosts);
    if (step === undefined) return [];
    const words = step.words === "" ? ": " : `; ${step.words}: `;
    return [{ spans: [...who, ": ", { strong: looks[standing(host)].word }, words, { command: step.command }] }];
  }
  const { approval, rejectedBy } = host.decision;
  if (rejectedBy !== undefined)
    return [
      {
        spans: [
          ...who,
          ` ${group.hosts.length === 1 ? "was" : "were"} rejected by `,
          { code: rejectedBy },
          " and stays as it is until the change is another.",
        ],
      },
    ];
  const refused: Span[] =
    approval?.became === "refused"
      ? [
          "The approval by ",
          { code: approval.by },
          " does not count: ",
          ...(approval.failure?.message ? [`${approval.failure.message} `] : [{ code: approval.failure?.code ?? "" }, ". "]),
        ]
      : [];
  const look: Span =
    host.state === "changed" && host.from !== ""
      ? { command: `nixos-deploy-gate diff ${host.from} ${host.to}` }
      : { command: `nixos-deploy-gate plan --hosts ${host.host}` };
  const waits = ` ${group.hosts.length === 1 ? "waits" : "wait"} for you: `;
  if (plan.event === "pull_request")
    return [
      {
        spans: [
          ...who,
          waits,
          "merging does not deploy it, the run after the merge prints the command that approves it. Look closer: ",
          look,
        ],
      },
    ];
  const tokens = group.hosts.flatMap((one) => (one.approval === undefined ? [] : [one.approval.token]));
  if (tokens.length === 0) return [{ spans: [...refused, ...who, waits, "nothing happens to it until you approve. Look closer: ", look] }];
  const more = inCommands(tokens);
  return more.map((some, i): Line => {
    const approve = approveWith(some, at);
    if (i > 0) return { spans: [...who, `, ${i + 1} of ${more.length}. Approve: `, ...approve] };
    return {
      spans: [
        ...refused,
        ...who,
        waits,
        'nothing happens to it until you approve. The same token for "reject" refuses it. Look closer: ',
        look,
        ". Approve: ",
        ...approve,
      ],
    };
  });
}
