import { happened, happenedWord, reason } from "../happened.ts";
import { isObserved, standing, standings, type Standing } from "../order.ts";
import { count } from "../count.ts";
import { verdictWord } from "../phrases.ts";
import type { Plan, PlanHost } from "../plan.ts";
import { looks } from "../standing-look.ts";
import { each, html, type Content, type Markup } from "./markup.ts";
import { badge, hueOf, spans } from "./text.ts";

/** The fleet at a glance: how many hosts stand how, each host as a tile, and the table, worst first. */
export function fleet(plan: Plan): Content {
  return [counts(plan.hosts), tiles(plan.hosts), table(plan)];
}

const byStanding = (hosts: readonly PlanHost[]): { at: Standing; hosts: PlanHost[] }[] =>
  standings.flatMap((at) => {
    const those = hosts.filter((host) => standing(host) === at);
    return those.length === 0 ? [] : [{ at, hosts: those }];
  });

function counts(hosts: readonly PlanHost[]): Markup {
  return html`<ul class="counts" aria-label="Hosts by how they stand">
    ${each(
      byStanding(hosts),
      ({ at, hosts: those }) =>
        html`<li class="${hueOf(at)}">
          <span class="many">${those.length}</span>
          <span class="word"><span aria-hidden="true">${looks[at].sign[0]}</span> ${looks[at].word}</span>
        </li>`,
    )}
  </ul>`;
}

/** One link for each host: a hundred of them are seen at once. */
function tiles(hosts: readonly PlanHost[]): Content {
  if (hosts.length < 2) return undefined;
  return html`<nav class="tiles" aria-label="Hosts, worst first">
    <ul>
      ${each(hosts, (host) => {
        const at = standing(host);
        return html`<li>
          <a class="${hueOf(at)}" href="#host-${host.host}"
            ><span class="sign" aria-hidden="true">${looks[at].sign[0]}</span> ${host.host}<span class="unseen"
              >, ${looks[at].word}</span
            ></a
          >
        </li>`;
      })}
    </ul>
  </nav>`;
}

function table(plan: Plan): Markup {
  return html`<div class="tools" hidden data-script>
      <label
        >Show hosts with <input type="search" id="filter" placeholder="name, word or reason" autocomplete="off" spellcheck="false"
      /></label>
      <output id="shown" for="filter" aria-live="polite"></output>
    </div>
    <table class="data fleet" id="hosts-table">
      <caption class="unseen">
        ${count(plan.hosts.length, "host")}, worst first
      </caption>
      <thead>
        <tr>
          <th scope="col">Host</th>
          <th scope="col">Stands</th>
          <th scope="col">What counts most</th>
          <th scope="col">${happenedWord(plan)}</th>
        </tr>
      </thead>
      <tbody>
        ${each(
          plan.hosts,
          (host) =>
            html`<tr>
              <th scope="row">
                <a href="#host-${host.host}">${host.host}</a>${isObserved(host) ? html` <small>not managed</small>` : undefined}
              </th>
              <td>${badge(standing(host), verdictWord(host))}</td>
              <td>${spans(reason(plan, host))}</td>
              <td>${happened(plan, host)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
}
