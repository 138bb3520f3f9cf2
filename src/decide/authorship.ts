import type { Authorship } from "../io/ports.ts";
import { sameLogin } from "./approval.ts";

/** `unknown` names, as a clause, the first thing that is not known. */
export type IsAuthor = { readonly answer: boolean } | { readonly answer: "unknown"; readonly why: string };

/**
 * Whether somebody is author, committer or pusher of any of `commits`, which is git's own list of what lies after the revision that a host runs, up to `head`. Pure.
 *
 * Author and committer are whom the forge gives a commit by the e-mail addresses in it. Whoever writes a commit types those, so they can show that somebody had a hand in it,
 * never that somebody had none. What nobody types is who pushed: the forge let them in by a key or a password. So nobody is taken for innocent unless each commit came
 * to the branch by a push whose person is known, and an unknown pusher is an unknown author: else one person alone could write a commit under a colleague's name,
 * push it and approve it. With a known pusher two people stand behind what is deployed, whatever names are in it: who brought it to the branch, and who approves it.
 * A program that pushes is nobody, since who made it do so is not told.
 *
 * `reachesBase` says whether a revision is the one that the host runs or one before it: the pushes have to be followed back to there.
 */
export async function isAuthor(
  login: string,
  { commits, head }: { readonly commits: readonly string[]; readonly head: string },
  said: Authorship,
  reachesBase: (revision: string) => Promise<boolean | "unknown">,
): Promise<IsAuthor> {
  if (commits.length === 0) return { answer: false };
  const needed = new Set(commits);
  const people = new Map(said.commits.map((commit) => [commit.sha, commit]));
  let why: string | undefined;
  for (const sha of needed) {
    const known = people.get(sha);
    const names = [known?.author, known?.committer];
    if (names.some((name) => name !== undefined && sameLogin(name, login))) return { answer: true };
    if (known === undefined) why ??= `the forge says nothing of commit ${short(sha)}`;
    else if (names.includes(undefined)) why ??= `the forge knows nobody by the e-mail addresses in commit ${short(sha)}`;
  }

  // Several pushes may have ended at one commit, where a branch was set back and forth: all of them count.
  const seen = new Set<string>();
  const ends: string[] = [];
  for (const open = [head]; open.length > 0;) {
    const at = open.pop() ?? "";
    if (seen.has(at)) continue;
    seen.add(at);
    if (!needed.has(at)) {
      ends.push(at);
      continue;
    }
    const pushes = said.pushes.filter(({ after }) => after === at);
    if (pushes.some(({ by }) => by !== undefined && sameLogin(by, login))) return { answer: true };
    if (pushes.length === 0) why ??= `the forge does not say who pushed commit ${short(at)}`;
    else if (pushes.some(({ by }) => by === undefined)) why ??= `no person is known to have pushed commit ${short(at)}`;
    open.push(...pushes.map(({ before }) => before));
  }
  for (const end of ends)
    if ((await reachesBase(end)) !== true)
      why ??= `the branch was at ${short(end)} in between, which is not in the history of what the host runs`;
  return why === undefined ? { answer: false } : { answer: "unknown", why };
}

const short = (sha: string): string => (/^[0-9a-f]{12,}$/.test(sha) ? sha.slice(0, 9) : "that is none");
