import { createHash } from "node:crypto";
import type { ApproveAt } from "../approve-command.ts";
import { headline } from "../headline.ts";
import type { Line } from "../line.ts";
import { namesOnly } from "../names-only.ts";
import { needed } from "../needed.ts";
import { hasOutcomes, standing } from "../order.ts";
import { compared, duration, honesty } from "../phrases.ts";
import type { Plan } from "../plan.ts";
import { rebootLine } from "../reboot-line.ts";
import { budgetOf } from "./budget.ts";
import { fleet } from "./fleet.ts";
import { changes, utc } from "./host.ts";
import { constant, each, html, type Content, type Markup, written } from "./markup.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";
import { badge, code, fact, factList, lineList, spans } from "./text.ts";
import { times } from "./times.ts";

export type PageOptions = {
  readonly detail: "full" | "names";
  /** Where held hosts are approved; a shell where it is left out. */
  readonly approve?: ApproveAt | undefined;
  /** The page of the run that made it. */
  readonly run?: string | undefined;
  /** What was compared with what, where it is no flake. */
  readonly compared?: Line;
};

/**
 * The report of a plan as one HTML file that asks nothing of any network. Without scripts all of it is there; the one script of ours only filters, copies and unfolds, and
 * the page allows no other. Pure: equal plans give equal bytes.
 */
export function htmlReport(given: Plan, options: PageOptions): string {
  const plan = options.detail === "names" ? namesOnly(given) : given;
  const budget = budgetOf(plan);
  const todo = needed(plan, { approve: options.approve, limit: 1_000, characters: 400_000 });
  const reboots = rebootTable(plan);
  const when = times(plan);
  const parts: { readonly id: string; readonly title: string; readonly body: Content }[] = [
    { id: "fleet", title: "Fleet", body: plan.hosts.length === 0 ? html`<p>No hosts.</p>` : fleet(plan) },
    ...(todo.length === 0 ? [] : [{ id: "needed", title: "Needed from you", body: lineList(todo) }]),
    ...(reboots === undefined ? [] : [{ id: "reboots", title: "Reboots", body: reboots }]),
    ...(when === undefined ? [] : [{ id: "times", title: "Timeline", body: when }]),
    ...(plan.hosts.length === 0 ? [] : [{ id: "changes", title: "Hosts and changes", body: changes(plan, budget) }]),
    { id: "run", title: "About this run", body: about(plan, options) },
  ];
  const [said, ...more] = [rebootLine(plan), ...honesty(plan)].filter((one) => one !== undefined);
  const title = `Deploy gate: ${headline(plan.hosts)}`;
  return `<!doctype html>\n${written(
    html`<html lang="en" dir="ltr">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <meta name="format-detection" content="telephone=no, email=no, address=no" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        ${constant("<style>", style)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the report</a>
        <header>
          <p class="brand">Deploy gate${plan.repository === undefined ? undefined : html` <span>${plan.repository}</span>`}</p>
          ${heading(plan)}
          <p>${said} ${spans(options.compared ?? compared(plan))}</p>
          ${each(more, (one) => html`<p class="caution">${one}</p>`)}${todo.length > 0 ? html`<p><a class="call" href="#needed">Something is needed from you</a></p>` : undefined}
        </header>
        <nav class="contents" aria-label="Parts of the report">
          <ul>
            ${each(parts, ({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`)}
          </ul>
          <div class="tools" hidden data-script>
            <button type="button" id="unfold">Unfold all</button> <button type="button" id="fold">Fold all</button>
          </div>
        </nav>
        <main id="main" tabindex="-1">
          ${each(
            parts,
            ({ id, title: name, body }) =>
              html` <section class="chapter" id="${id}" aria-labelledby="${id}-title">
                <h2 id="${id}-title">${name}</h2>
                ${body}
              </section>`,
          )}
        </main>
        <footer>
          <p>
            nixos-deploy-gate ${plan.tool.version}, made from plan.json, which is the record. This page loads nothing and sends nothing.
          </p>
        </footer>
        ${constant("<script>", script)}
      </body>
    </html>`,
  )}\n`;
}

/** The same words as everywhere, each part in one piece where it fits. */
function heading(plan: Plan): Markup {
  const pieces = headline(plan.hosts).split(" · ");
  const shown = each(pieces, (piece, i) => html`<span>${piece}${i < pieces.length - 1 ? " ·" : ""}</span> `);
  return pieces.length > 7 ? html`<h1 class="long">${shown}</h1>` : html`<h1>${shown}</h1>`;
}

const hash = (content: string): string => `'sha256-${createHash("sha256").update(content).digest("base64")}'`;

/** Nothing but our own style and script, known by what they say: whatever a stranger's text became, it would neither run nor ask for anything. */
const policy = `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'`;

/** Which hosts reboot, in which window. */
function rebootTable(plan: Plan): Content {
  const hosts = plan.hosts.filter((host) => host.reboot !== undefined);
  if (hosts.length === 0) return undefined;
  return html`<table class="data">
    <thead>
      <tr>
        <th scope="col">Host</th>
        <th scope="col">Stands</th>
        <th scope="col">Reboots</th>
        <th scope="col">Next window</th>
        <th scope="col">Pending since</th>
      </tr>
    </thead>
    <tbody>
      ${each(
        hosts,
        (host) =>
          html`<tr>
            <th scope="row"><a href="#host-${host.host}">${host.host}</a></th>
            <td>${badge(standing(host))}</td>
            <td>${host.reboot?.when}${host.reboot?.byHand === true ? html` <strong>by hand</strong>` : undefined}</td>
            <td>
              ${host.reboot?.next === undefined ? "none is known" : html`<time datetime="${host.reboot.next}">${utc(host.reboot.next)}</time>`}
            </td>
            <td>
              ${host.reboot?.pendingHours === undefined ? (hasOutcomes(plan) ? "not known" : "not yet") : `${host.reboot.pendingHours} h`}${host.reboot?.missedWindows === undefined || host.reboot.missedWindows === 0 ? undefined : `, ${host.reboot.missedWindows} windows missed`}${host.reboot?.overdue === true ? html` <strong>overdue</strong>` : undefined}
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function about(plan: Plan, options: PageOptions): Content {
  const { session, revision, policy: from } = plan;
  const cost = session.costUsd === undefined ? "" : `, $${session.costUsd.toFixed(2)}`;
  const revisionCode = (rev: string | undefined): Content => (rev === undefined ? undefined : code(rev));
  const facts = [
    ...fact(
      "Run",
      options.run !== undefined && isWeb(options.run)
        ? html`<a href="${new URL(options.run).href}" rel="noreferrer">its page on the forge</a>`
        : undefined,
    ),
    ...fact("Event", plan.event),
    ...fact("Flake", plan.flake === "" ? undefined : code(plan.flake)),
    ...fact("Revision", revisionCode(revision.head)),
    ...fact("Compared with", revisionCode(revision.base)),
    ...fact(
      "Began",
      html`<time datetime="${plan.startedAt}">${utc(plan.startedAt)}</time>, took ${duration(plan.startedAt, plan.finishedAt)}`,
    ),
    ...fact(
      "Policy",
      from.source === "none"
        ? "none: everything is only observed"
        : ["deployGate", from.revision === undefined ? undefined : [" of ", code(from.revision)]],
    ),
    ...fact(
      "Session",
      session.ran ? `${session.model ?? "a Claude session"}${cost}` : `none${session.note === "" ? "" : `: ${session.note}`}`,
    ),
    ...fact("Made by", `nixos-deploy-gate ${plan.tool.version}${plan.tool.nix === undefined ? "" : `, Nix ${plan.tool.nix}`}`),
  ];
  const notes = html`<h3>Notes</h3>
    <ul class="lines">
      ${each(plan.notes, (note) => html`<li>${note}</li>`)}
    </ul>`;
  return [factList(facts), plan.notes.length === 0 ? undefined : notes];
}

/** The one address of a page; it comes from the forge's event. */
const isWeb = (url: string): boolean => /^https?:\/\/[^\s]+$/.test(url) && URL.canParse(url);
