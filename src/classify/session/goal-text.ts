/** A goal as a session is given it: without the lines in front that are for us. */
export function withoutFrontMatter(goal: string): string {
  return goal.replace(/^---\n[\s\S]*?\n---\n/, "");
}
