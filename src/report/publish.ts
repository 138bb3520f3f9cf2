import { createHash } from "node:crypto";
import type { Event, Run } from "../event.ts";
import type { Failure } from "../failure.ts";
import type { Forge, ForgeReport, Result, Runner, Written } from "../io/ports.ts";
import { approveAt } from "./approve-command.ts";
import { comment } from "./comment.ts";
import { code, fence, link, prose } from "./markdown-escape.ts";
import { hostStatuses, mostHostStatuses } from "./host-status.ts";
import type { PageOptions } from "./html/page.ts";
import { isQuiet, isWell } from "./order.ts";
import { outputs, type Outputs } from "./outputs.ts";
import { planJson, type Plan } from "./plan.ts";
import { isRebootNews } from "./reboot-news.ts";
import { brokenStatus, status, type CommitStatus } from "./status.ts";
import { summary } from "./summary.ts";

/** Where a report goes and whose it is. */
export type Destination = {
  readonly run: Run;
  readonly event: Event;
  /** Undefined where there is no token: nothing is posted then, and the notes say so. */
  readonly forge: Forge | undefined;
  /** Another job posts what this one found, so that there is nothing to remark on. */
  readonly unposted?: boolean;
  readonly runner: Runner;
  /** What this gate looks at: two gates of one repository with different ones keep a comment and a status each. */
  readonly scope: { readonly flake: string; readonly hosts: readonly string[] };
  /** A run of reboots: its report is one of its own, and says nothing of the commit. */
  readonly reboots?: boolean;
  /** A run of a goal: the same, in a place of its own. */
  readonly goal?: boolean;
  /** Each host that changes gets a commit status of its own besides. */
  readonly hostStatuses?: boolean;
  /** Under which name a later step uploads the page, where one does. */
  readonly artifact?: string | undefined;
};

export type Published = {
  readonly outputs: Outputs;
  /** Page of what was written for people, where something was. */
  readonly url: string | undefined;
  /** What a person should know of the publishing itself, as sentences: above all what could not be written, and where the report is instead. */
  readonly notes: readonly string[];
};

/** A comment's limits: what a forge takes with room to spare, and what is tried once where it was still too long for something in between. */
const limits = [60_000, 20_000] as const;

/**
 * Publishes a plan: files and outputs for later steps, the step summary, one comment or commit report, and one commit status. Throws only where the runner's own
 * files cannot be written; what a forge refuses is a note, because the report is then still in the log, the summary and the outputs.
 */
export async function publish(plan: Plan, to: Destination): Promise<Published> {
  const approve = approveAt(to.run, to.event);
  const page = await pageOf(plan, { detail: plan.detail, approve, run: to.run.url }, to);
  const links = { run: to.run.url, ...(page.path === "" ? {} : artifactOf(to)) };
  const options = { detail: plan.detail, links, approve };
  const whole = summary(plan, options);
  const paths = {
    plan: await to.runner.file("plan.json", planJson(plan)),
    report: await to.runner.file("report.md", whole),
    html: page.path,
  };
  const made = outputs(plan, paths);
  const create = to.reboots === true || plan.hosts.some(worthAComment);
  const isTold = to.reboots === true ? isRebootNews(plan) : to.event.kind !== "schedule";
  const post = await posted(
    to,
    (limit) => ({ marker: marker(to), body: comment(plan, { ...options, limit }), create }),
    status(plan),
    isTold ? limits : [],
  );
  const notes = to.hostStatuses === true && to.event.kind !== "schedule" && to.reboots !== true ? await postHostStatuses(plan, to) : [];
  return await finish(to, made, whole, { ...post, notes: [...post.notes, ...page.notes, ...notes] });
}

/** The first that is refused ends them: what one may not write, none may. */
async function postHostStatuses(plan: Plan, to: Destination): Promise<string[]> {
  if (to.forge === undefined) return [];
  const posted = await to.forge.statuses(revision(to));
  // Where they cannot be read they are posted again, which changes nothing.
  for (const said of hostStatuses(plan, posted.ok ? posted.value : new Map())) {
    const result = await to.forge.postStatus(revision(to), { ...said, url: to.run.url });
    if (!result.ok) return noted("The commit status of a host", result, to);
  }
  const changed = plan.hosts.filter((host) => !isQuiet(host)).length;
  return changed > mostHostStatuses ? [`Only the ${mostHostStatuses} worst of ${changed} hosts got a commit status of their own.`] : [];
}

/** The page is one more way to read the report: where it cannot be made or written, everything else goes its way. */
async function pageOf(plan: Plan, options: PageOptions, { runner }: Destination): Promise<{ path: string; notes: string[] }> {
  try {
    const { htmlReport } = await import("./html/page.ts");
    return { path: await runner.file("report.html", htmlReport(plan, options)), notes: [] };
  } catch (error) {
    return { path: "", notes: [`The HTML page could not be written: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

/**
 * Where the uploaded page will be. No forge tells the address of an artifact before it is there, so it is the run's own page, at its list of artifacts where the page has
 * an anchor for it; and nothing where no step uploads it, since a link to nothing is worse than none.
 */
function artifactOf({ run, artifact }: Destination): { artifact: { name: string; url: string } } | undefined {
  if (artifact === undefined) return undefined;
  return { artifact: { name: artifact, url: run.forge === "github" ? `${run.url}#artifacts` : run.url } };
}

/**
 * Writes a preview as the comment of a pull request, and nothing else: the check stays what it is until the build has been judged, and the comment is then replaced.
 * A preview that cannot be written is no loss.
 */
export async function publishPreview(plan: Plan, to: Destination): Promise<void> {
  if (to.event.kind !== "pull-request" || to.forge === undefined || !plan.hosts.some(worthAComment)) return;
  const body = comment(plan, { detail: plan.detail, links: { run: to.run.url }, limit: limits[0] });
  await to.forge.upsertComment(to.event.number, to.event.headSha, { marker: marker(to), body, create: true });
}

/** The same for a run that came to no plan. */
export async function publishFailure(failure: Failure, to: Destination): Promise<Published> {
  const body = failureReport(failure, to.run);
  const post = await posted(
    to,
    () => ({ marker: marker(to), body, create: true }),
    brokenStatus(failure.message),
    to.event.kind === "schedule" ? [] : [limits[0]],
  );
  return await finish(to, failedOutputs(failure), body, post);
}

/** The outputs of a run that came to no plan; where it ended before it knew where it was, nothing can be posted beside them. */
export function failedOutputs(failure: Failure): Outputs {
  return {
    decision: "failed",
    "reason-code": failure.code,
    verdict: "",
    hosts: "[]",
    plan: "",
    report: "",
    html: "",
    "cost-usd": "0.0000",
    "pending-hours": "",
  };
}

async function finish(to: Destination, made: Outputs, text: string, post: Omit<Published, "outputs">): Promise<Published> {
  for (const [name, value] of Object.entries(made)) to.runner.output(name, value);
  const notes = post.notes.length === 0 ? "" : `\n\n${post.notes.map((note) => `- ${prose(note)}`).join("\n")}\n`;
  await to.runner.summary(`${text.trimEnd()}${notes}`);
  return { outputs: made, ...post };
}

/** A host whose only finding is the revision in its name is no news, and neither is one that stays as it is. */
function worthAComment(host: Plan["hosts"][number]): boolean {
  if (host.outcome !== undefined && !isWell(host.outcome)) return true;
  if (host.state === "unchanged") return false;
  return !(
    host.state === "changed" &&
    host.judgement.findings.length > 0 &&
    host.judgement.findings.every((finding) => finding.rule === "revision-only")
  );
}

async function posted(
  to: Destination,
  report: (limit: number) => ForgeReport,
  said: CommitStatus,
  tries: readonly number[],
): Promise<Omit<Published, "outputs">> {
  const { forge, event } = to;
  if (to.unposted === true) return { url: undefined, notes: [] };
  if (forge === undefined)
    return {
      url: undefined,
      notes: ["There is no token, so nothing was posted: the report is in this log, in the step summary and in the outputs."],
    };
  const notes: string[] = [];
  let url: string | undefined;
  const what = event.kind === "pull-request" ? "The comment" : "The commit report";
  for (const limit of tries) {
    const result = await (event.kind === "pull-request"
      ? forge.upsertComment(event.number, event.headSha, report(limit))
      : forge.commitReport(revision(to), report(limit)));
    if (!result.ok && result.failure.code === "forge-too-long" && limit !== tries.at(-1)) continue;
    notes.push(...noted(what, result, to));
    if (result.ok) url = result.value.url;
    break;
  }
  // A required check must never hang, so every pull request gets one, whatever became of the comment.
  if (event.kind !== "schedule" && to.reboots !== true) {
    const result = await forge.postStatus(revision(to), { ...said, context: statusContext(to), url: to.run.url });
    notes.push(...noted("The commit status", result, to));
  }
  return { url, notes: [...(await forge.about()).notes, ...notes] };
}

function noted(what: string, result: Result<Written>, { event }: Destination): string[] {
  if (result.ok) return [...result.value.notes];
  const fork = event.kind === "pull-request" && event.fromFork && result.failure.code === "forge-forbidden";
  const where = "The report is in this log, in the step summary and in the outputs.";
  return fork
    ? [`${what} was not written, since the token of a fork's pull request may only read. ${where}`]
    : [`${what} was not written: ${result.failure.message} ${result.failure.next} ${where}`];
}

const revision = ({ event, run }: Destination): string =>
  event.kind === "pull-request" ? event.headSha : event.kind === "push" ? event.after : run.sha;
/** On a pull request a matrix may give each job its hosts for good; after a merge the hosts are what an earlier job let through, another list each time. */
const scopeOf = ({ scope, event }: Pick<Destination, "scope" | "event">): readonly string[] => [
  ...(scope.flake === "." ? [] : [scope.flake]),
  ...(event.kind === "pull-request" ? scope.hosts : []),
];

/** The name of the check, to be required in a branch's protection: it depends on nothing but the inputs. */
export function statusContext(to: Pick<Destination, "scope" | "event">): string {
  const scope = scopeOf(to);
  return scope.length === 0 ? "deploy-gate" : `deploy-gate (${scope.join(" ")})`;
}

function marker(to: Destination): ForgeReport["marker"] {
  // In place of the report of what was deployed it would be all that is left of it.
  const own = to.goal === true ? "goal" : to.reboots === true ? "reboot" : "gate";
  const scope = to.reboots === true && scopeOf(to).length > 0 ? [own, ...scopeOf(to)] : scopeOf(to);
  const key = scope.length === 0 ? own : createHash("sha256").update(JSON.stringify(scope)).digest("hex").slice(0, 12);
  return { key, runId: to.run.id, attempt: to.run.attempt, sha: revision(to) };
}

function failureReport(failure: Failure, run: Run): string {
  // Where strangers read along, what a tool said is left to the log: it may quote a file or an address.
  const detail = failure.detail === undefined || run.visibility !== "private" ? [] : [fence(failure.detail.slice(0, 4_000), "text")];
  return [
    `### Deploy gate: it could not run, so nothing is known`,
    prose(failure.message),
    ...detail,
    `Next: ${code(failure.next, 400)}`,
    link("The run and its log", run.url),
    `<sub>${code(failure.code)}</sub>`,
  ].join("\n\n");
}
