import { detailGroups, names, type Group } from "../group.ts";
import { happened } from "../happened.ts";
import { hasOutcomes, isObserved, isQuiet, judged, standing } from "../order.ts";
import { changeWord, contents, count, verdictWord } from "../phrases.ts";
import type { Plan, PlanHost } from "../plan.ts";
import { outcomeSections } from "../sections-outcome.ts";
import type { Budget } from "./budget.ts";
import { changeParts } from "./change.ts";
import { each, html, type Content, type Markup } from "./markup.ts";
import { badge, code, section } from "./text.ts";

/** More hosts than this with one change stand behind a fold. */
const inSight = 6;

/** A page for each change: its hosts, each with what is its own, and then what changed, once for all of them. Hosts that stay as they are come last. */
export function changes(plan: Plan, budget: Budget): Content {
  const quiet = plan.hosts.filter((host) => host.state === "unchanged");
  return [
    each(detailGroups(plan), (group, i) => change(plan, group, i, budget)),
    quiet.length === 0
      ? undefined
      : html`<article class="change" aria-labelledby="unchanged">
          <h3 id="unchanged">${count(quiet.length, "host")} with no change</h3>
          ${members(plan, quiet, budget)}
        </article>`,
  ];
}

function change(plan: Plan, group: Group, index: number, budget: Budget): Markup {
  const id = `change-${index + 1}`;
  const all = names(group);
  const title = all.length <= 3 ? all.join(", ") : `${all.slice(0, 2).join(", ")} and ${all.length - 2} more`;
  const at = judged(group.first);
  const words = [...(isObserved(group.first) ? ["not managed"] : []), ...contents(plan, group.first)].join(", ");
  const parts = group.first.state === "removed" ? undefined : changeParts(plan, group, budget);
  const pressing =
    !["clean", "unbuilt"].includes(at) && !(hasOutcomes(plan) && standing(group.first) !== at && !["failed", "needs-you"].includes(at));
  const body = html`<summary>
      What changes${all.length > 1 ? `, the same on ${all.length} hosts` : ""}${words === "" ? "" : `: ${words}`}
    </summary>
    ${parts}`;
  return html`<article class="change" id="${id}" aria-labelledby="${id}-title">
    <h3 id="${id}-title">${title} ${badge(at, changeWord(group.first))}</h3>
    ${members(plan, group.hosts, budget)}${parts === undefined ? undefined : pressing ? html`<details class="body" open>${body}</details>` : html`<details class="body">${body}</details>`}
  </article>`;
}

function members(plan: Plan, hosts: readonly PlanHost[], budget: Budget): Content {
  const all = html`<div class="members">${each(hosts, (host) => member(plan, host, budget))}</div>`;
  return hosts.length <= inSight
    ? all
    : html`<details class="fold">
        <summary>The ${hosts.length} hosts one by one</summary>
        ${all}
      </details>`;
}

/** What is a host's own: what happens to it and why, its reboot, its systems, its approval, and what became of it. */
function member(plan: Plan, host: PlanHost, budget: Budget): Markup {
  const { decision, reboot, approval } = host;
  const reasons = decision.reasons.filter((one) => one !== "");
  const facts: [string, Content][] = [
    ...(isQuiet(host) ? [] : [["Then", happened(plan, host)] as [string, Content]]),
    ...(reasons.length === 0
      ? []
      : [
          [
            "Because",
            reasons.length === 1
              ? reasons[0]
              : html`<ul>
                  ${each(reasons, (one) => html`<li>${one}</li>`)}
                </ul>`,
          ] as [string, Content],
        ]),
    ...(reboot === undefined ? [] : [["Reboot", reboot.when] as [string, Content]]),
    ...(decision.approval === undefined
      ? []
      : [["Approval", `by ${decision.approval.by}: ${decision.approval.became}`] as [string, Content]]),
    ...(approval === undefined
      ? []
      : [
          [
            "Waits since",
            html`<time datetime="${approval.issuedAt}">${utc(approval.issuedAt)}</time>; digest ${code(approval.digest)}`,
          ] as [string, Content],
        ]),
    ...systems(host),
    ...(host.platform === undefined ? [] : [["Platform", host.platform] as [string, Content]]),
  ];
  return html`<section class="host" id="host-${host.host}" tabindex="-1" aria-labelledby="host-${host.host}-title">
    <h4 id="host-${host.host}-title">${host.host} ${badge(standing(host), verdictWord(host))}</h4>
    <dl>
      ${each(
        facts,
        ([name, what]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${what}</dd>
          </div>`,
      )}
    </dl>
    ${each(outcomeSections(plan, host), (one) => section(one, budget))}
  </section>`;
}

function systems(host: PlanHost): [string, Content][] {
  const shown = (name: string, path: string | undefined): [string, Content][] =>
    path === undefined || path === "" ? [] : [[name, code(path)]];
  switch (host.state) {
    case "unchanged":
      return shown("System", host.toplevel);
    case "changed":
      return [...shown("From", host.from), ...shown("To", host.to)];
    case "added":
      return shown("To", host.to);
    case "removed":
      return shown("From", host.from);
    case "failed":
      return [];
  }
}

export const utc = (time: string): string => `${time.slice(0, 16).replace("T", " ")} UTC`;
