import type { ToolCall } from "../tools/toolbox.ts";

/** What a session asked while it looked for the cause, one call a line. */
export const callLines = (calls: readonly ToolCall[]): readonly string[] =>
  calls.map(({ tool, asked, ended, note }) => `${tool} ${asked}: ${ended === "answered" ? note : `${ended}: ${note}`}`);

export const callsTitle = "What the session asked";

/** The same as a fold; nothing where it asked nothing. */
export function callsFold(calls: readonly ToolCall[]): { readonly title: string; readonly text: string; readonly leftOut: number }[] {
  return calls.length === 0 ? [] : [{ title: callsTitle, text: callLines(calls).join("\n"), leftOut: 0 }];
}
