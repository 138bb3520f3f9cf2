import { detailGroups, names, type Group } from "../group.ts";
import { happened, happenedWord } from "../happened.ts";
import { hasOutcomes, isObserved, isQuiet, judged, standing } from "../order.ts";
import { count } from "../count.ts";
import { changeWord, closureWords, contents, verdictWord } from "../phrases.ts";
import type { Plan, PlanHost } from "../plan.ts";
import { outcomeSections } from "../sections-outcome.ts";
import type { Budget } from "./budget.ts";
import { changeParts } from "./change.ts";
import { each, html, type Content, type Markup } from "./markup.ts";
import { badge, code, type Fact, fact, factList, section } from "./text.ts";

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
  const { first } = group;
  const all = names(group);
  const words = [...(isObserved(first) ? ["not managed"] : []), ...contents(plan, first)].join(", ");
  const parts = first.state === "removed" ? undefined : changeParts(plan, group, budget);
  const body = html`<summary>
      What changes${all.length > 1 ? `, the same on ${all.length} hosts` : ""}${words === "" ? "" : `: ${words}`}
    </summary>
    ${parts}`;
  const shown =
    parts === undefined
      ? undefined
      : isPressing(plan, first)
        ? html`<details class="body" open>${body}</details>`
        : html`<details class="body">${body}</details>`;
  if (all.length === 1)
    return html`<article class="change" id="${id}" aria-labelledby="title:host-${first.host}">
      ${member(plan, first, budget, "alone")}${shown}
    </article>`;
  const title = all.length <= 3 ? all.join(", ") : `${all.slice(0, 2).join(", ")} and ${all.length - 2} more`;
  return html`<article class="change" id="${id}" aria-labelledby="title:${id}">
    <h3 id="title:${id}">${title} ${badge(judged(first), changeWord(first))}</h3>
    ${members(plan, group.hosts, budget)}${shown}
  </article>`;
}

/** After a deploy, the change of a host that took it is of no use to whoever looks for what went wrong. */
function isPressing(plan: Plan, host: PlanHost): boolean {
  if (hasOutcomes(plan)) return host.state === "failed" || host.decision.action === "hold";
  return !["clean", "unbuilt"].includes(judged(host));
}

function members(plan: Plan, hosts: readonly PlanHost[], budget: Budget): Content {
  const show = (host: PlanHost): Markup => member(plan, host, budget, "among");
  if (hosts.length <= inSight) return each(hosts, show);
  // Whoever has something to say of its own is never behind a fold.
  const loud = hosts.filter((host) => host.approval !== undefined || outcomeSections(plan, host).length > 0);
  const rest = hosts.filter((host) => !loud.includes(host));
  const folded = html`<details class="fold">
    <summary>${loud.length === 0 ? "The" : "The other"} ${count(rest.length, "host")} one by one</summary>
    ${each(rest, show)}
  </details>`;
  return [each(loud, show), rest.length === 0 ? undefined : folded];
}

/** What is a host's own: what happens to it and why, its reboot, its systems, its approval, and what became of it. */
function member(plan: Plan, host: PlanHost, budget: Budget, place: "alone" | "among"): Markup {
  const { decision, reboot, approval } = host;
  const reasons = decision.reasons.filter((one) => one !== "");
  const because = html`<ul>
    ${each(reasons, (one) => html`<li>${one}</li>`)}
  </ul>`;
  const facts = [
    ...fact(happenedWord(plan), isQuiet(host) ? undefined : happened(plan, host)),
    ...fact("Because", reasons.length > 1 ? because : reasons[0]),
    ...fact("Reboot", reboot?.when),
    ...fact("Approval", decision.approval === undefined ? undefined : `by ${decision.approval.by}: ${decision.approval.became}`),
    ...fact(
      "Waits since",
      approval && html`<time datetime="${approval.issuedAt}">${utc(approval.issuedAt)}</time>; digest ${code(approval.digest)}`,
    ),
    ...systems(host),
    ...fact("Platform", host.platform),
    ...fact("Warnings", host.warnings.length === 0 || place === "alone" ? undefined : count(host.warnings.length, "warning")),
  ];
  const title = `title:host-${host.host}`;
  const named = html`${host.host} ${badge(standing(host), verdictWord(host))}`;
  return html`<section class="host ${place}" id="host-${host.host}" tabindex="-1" aria-labelledby="${title}">
    ${place === "alone" ? html`<h3 id="${title}">${named}</h3>` : html`<h4 id="${title}">${named}</h4>`}${factList(facts)}
    ${each(outcomeSections(plan, host), (one) => section(one, budget))}
  </section>`;
}

function systems(host: PlanHost): Fact[] {
  const shown = (name: string, path: string | undefined): Fact[] => fact(name, path === undefined || path === "" ? undefined : code(path));
  switch (host.state) {
    case "unchanged":
      return shown("System", host.toplevel);
    case "changed":
      return [...shown("From", host.from), ...shown("To", host.to), ...fact("Closure", closureWords([host.closure]))];
    case "added":
      return shown("To", host.to);
    case "removed":
      return shown("From", host.from);
    case "failed":
      return [];
  }
}

export const utc = (time: string): string => `${time.slice(0, 16).replace("T", " ")} UTC`;
