import type { Event, Run } from "../event.ts";
import type { Span } from "./line.ts";

/** Where approvals are given. Without a forge it is a shell that holds the deploy key. */
export type ApproveAt = {
  readonly forge: "github" | "forgejo";
  /** As people reach it. */
  readonly repositoryUrl: string;
  readonly owner: string;
  readonly repository: string;
  readonly branch: string;
  readonly isDefaultBranch: boolean;
};

/** The workflow that takes approvals, by the name that it has in examples/workflows. */
const workflow = "approve.yml";

export function approveAt(run: Run, event: Event): ApproveAt | undefined {
  if (event.kind === "pull-request") return undefined;
  const { forge, repositoryUrl, owner, repository, defaultBranch } = run;
  return { forge, repositoryUrl, owner, repository, branch: event.branch, isDefaultBranch: event.branch === defaultBranch };
}

/** So many characters of tokens stand in one command: a longer one is not shown whole everywhere. */
const mostInOne = 600;

/** Tokens in as few commands as they fit in; a token is never cut. */
export function inCommands(tokens: readonly string[]): string[] {
  const lists: string[] = [];
  for (const token of tokens) {
    const last = lists.at(-1);
    if (last === undefined || last.length + token.length + 1 > mostInOne) lists.push(token);
    else lists[lists.length - 1] = `${last},${token}`;
  }
  return lists;
}

/**
 * How to approve with a list of tokens: words and what to copy. Names and addresses come from an event's payload and go into a shell of the reader's, so one that a
 * shell could read as more than a word is not put into a command; the way over the forge's page is told then.
 */
export function approveWith(tokens: string, at: ApproveAt | undefined): Span[] {
  if (at === undefined) return [{ command: `nixos-deploy-gate deploy --approve ${tokens}` }];
  const page: Span[] = [`under Actions, ${workflow}, "Run workflow", with "approve" set to `, { command: tokens }];
  const url = URL.canParse(at.repositoryUrl) ? new URL(at.repositoryUrl) : undefined;
  const tail = `/${at.owner}/${at.repository}`;
  const plain = [at.branch, at.owner, at.repository].every((name) => /^[A-Za-z0-9_][A-Za-z0-9._/-]*$/.test(name));
  if (url === undefined || !plain || !/^https?:\/\/[A-Za-z0-9.:[\]_~/-]+$/.test(at.repositoryUrl) || !url.pathname.endsWith(tail))
    return page;
  if (at.forge === "github") {
    const repository = url.host === "github.com" ? tail.slice(1) : `${url.host}${tail}`;
    const ref = at.isDefaultBranch ? "" : ` --ref ${at.branch}`;
    return [{ command: `gh workflow run ${workflow} --repo ${repository}${ref} -f approve=${tokens}` }];
  }
  const api = `${url.origin}${url.pathname.slice(0, -tail.length)}/api/v1/repos${tail}/actions/workflows/${workflow}/dispatches`;
  const body = JSON.stringify({ ref: at.branch, inputs: { approve: tokens } });
  const call = `curl -fsS -H "Authorization: token $FORGEJO_TOKEN" -H 'Content-Type: application/json' -d '${body}' ${api}`;
  return [...page, "; or by the API, with a token of your own: ", { command: call }];
}
