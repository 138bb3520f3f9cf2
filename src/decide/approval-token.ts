import { HostName } from "../discover/host.ts";
import { gateError } from "../failure.ts";
import { transitionDigest, type Transition } from "./transition.ts";

/**
 * What a person types to approve: `HOST@REVISION.TIME.DIGEST`. It is no secret and gives nobody a right; it says which change is meant, so exactly that nothing else
 * can be. Revision is hexadecimal, the whole of it as we print it and at least 12 digits as we read it; time is the time of issue in seconds since 1970.
 */
export type ApprovalToken = {
  readonly host: HostName;
  readonly revision: string;
  readonly issuedAt: number;
  readonly digest: string;
};

/** No other character is in it: it is pasted into shells, JSON, forms and workflow inputs, and none of them may read it as anything but a word. */
const shape = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,62})@([0-9a-f]{12,64})\.([1-9][0-9]{0,10})\.([0-9a-f]{32})$/;

export function printToken({ host, revision, issuedAt, digest }: ApprovalToken): string {
  return `${host}@${revision}.${issuedAt}.${digest}`;
}

/** Undefined for whatever is not a token as we print it. */
export function parseToken(text: string): ApprovalToken | undefined {
  const [, host, revision, issuedAt, digest] = shape.exec(text) ?? [];
  if (host === undefined || revision === undefined || issuedAt === undefined || digest === undefined) return undefined;
  return { host: HostName.parse(host), revision, issuedAt: Number(issuedAt), digest };
}

/**
 * The tokens of one run, by host. One run looks at one revision, so all are for the same; the longest spelling of it is in the answer. Throws the GateError
 * `approval-unreadable` or `approval-several` before anything has happened: what was pasted wrong is not half followed.
 */
export function readTokens(
  texts: readonly string[],
): { readonly revision: string; readonly tokens: ReadonlyMap<HostName, ApprovalToken> } | undefined {
  const tokens = new Map<HostName, ApprovalToken>();
  let revision = "";
  for (const text of texts) {
    const token = parseToken(text);
    if (token === undefined) throw gateError("approval-unreadable", {});
    const before = tokens.get(token.host);
    if (before !== undefined && printToken(before) !== text) throw gateError("approval-several", { what: `two changes of ${token.host}` });
    if (!revision.startsWith(token.revision) && !token.revision.startsWith(revision))
      throw gateError("approval-several", { what: `the revisions ${revision.slice(0, 12)} and ${token.revision.slice(0, 12)}` });
    if (token.revision.length > revision.length) revision = token.revision;
    tokens.set(token.host, token);
  }
  return tokens.size === 0 ? undefined : { revision, tokens };
}

/** The token of a transition, and what a report keeps of it. */
export type IssuedApproval = { readonly token: string; readonly digest: string; readonly issuedAt: Date };

export function issueToken(transition: Transition): IssuedApproval {
  const { host, revision, issuedAt } = transition;
  const digest = transitionDigest(transition);
  return { token: printToken({ host, revision, issuedAt, digest }), digest, issuedAt: new Date(issuedAt * 1000) };
}
