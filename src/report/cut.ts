/** The beginning of a text, whole lines, and how many were left out. */
export function cutEnd(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = text.slice(0, text.lastIndexOf("\n", limit) > 0 ? text.lastIndexOf("\n", limit) : limit);
  const left = text.slice(head.length).split("\n").length - 1;
  return `${head === "" ? "" : `${head}\n`}… ${left > 0 ? `${left} more lines` : `${text.length - head.length} more characters`}`;
}

/** The end of a text, whole lines: in a build log the last lines matter. */
export function cutStart(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const from = text.indexOf("\n", text.length - limit) + 1;
  return `… ${text.length} characters in all, the last of them:\n${text.slice(from > 0 ? from : text.length - limit)}`;
}

/** One line of at most `limit` characters, cut in its middle where both ends tell something: names begin with what they are and end with their version. */
export function cutMiddle(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = Math.ceil((limit - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (limit - 1 - head))}`;
}
