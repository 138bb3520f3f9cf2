import type { ToolCall } from "../tools/toolbox.ts";

/** What a session asked while it looked for the cause, one call a line; nothing where it asked nothing. */
export function callsFold(calls: readonly ToolCall[]): { readonly title: string; readonly text: string; readonly leftOut: number }[] {
  if (calls.length === 0) return [];
  const lines = calls.map(({ tool, asked, ended, note }) => `${tool} ${asked}: ${ended === "answered" ? note : `${ended}: ${note}`}`);
  return [{ title: "What the session asked", text: lines.join("\n"), leftOut: 0 }];
}
