import type { RedactionNumbers } from "../diff/secrets.ts";
import { visible } from "../classify/session/fence.ts";
import { GateError } from "../failure.ts";
import type { Clock, SessionTool } from "../io/ports.ts";
import { byteLength, excerpt } from "./excerpt.ts";
import type { Tool, ToolAnswer } from "./tool.ts";

/** One call, for the report: what was asked and what it came to. */
export type ToolCall = {
  readonly tool: string;
  /** The arguments as JSON on one line, redacted and cut: a model's words about strangers' texts. */
  readonly asked: string;
  readonly ended: "answered" | "refused" | "failed";
  /** Of the answer; of one that was refused or failed, why. */
  readonly note: string;
};

/** Tools of one question to one session. */
export type Toolbox = {
  readonly tools: readonly SessionTool[];
  /** So far, in order. */
  readonly calls: () => readonly ToolCall[];
  /** All that was answered, as the session saw it: what it quotes may stand there. */
  readonly heard: () => string;
};

/** Of one question. Calls that are refused count as well, so that asking without end comes to one. */
export type ToolLimits = {
  readonly calls: number;
  readonly answerBytes: number;
  /** Of all answers together. */
  readonly totalBytes: number;
  /** From the first call on. */
  readonly seconds: number;
};
export const toolLimits: ToolLimits = { calls: 12, answerBytes: 12 * 1024, totalBytes: 64 * 1024, seconds: 240 };

/** What a table of tools is at hand with, for one question. */
export function toolbox<Ports>(
  table: readonly Tool<Ports>[],
  ports: Ports,
  { clock, limits = toolLimits, told }: { readonly clock: Clock; readonly limits?: ToolLimits; readonly told?: (call: ToolCall) => void },
): Toolbox {
  const calls: ToolCall[] = [];
  const numbers: RedactionNumbers = new Map();
  const heard: string[] = [];
  let begun = 0;
  let bytes = 0;
  let since: number | undefined;
  const shown = (text: string, most: number): string => visible(excerpt(text, { bytes: most, keep: "head", numbers }).text);

  const over = (): string | undefined => {
    since ??= clock.now().getTime();
    if (begun > limits.calls) return `All ${limits.calls} calls are used up`;
    if (bytes >= limits.totalBytes) return `All ${limits.totalBytes} bytes of answers are used up`;
    return (clock.now().getTime() - since) / 1000 > limits.seconds ? `The ${limits.seconds} seconds for asking are used up` : undefined;
  };
  const answer = async (row: Tool<Ports>, given: unknown): Promise<ToolAnswer | { readonly failed: string }> => {
    const spent = over();
    if (spent !== undefined) return { refused: `${spent}. Ask nothing more and answer from what you have.` };
    try {
      return await row.ask(ports, given);
    } catch (error) {
      // A tool that breaks off costs its answer, not the session. What broke is in our words only where the failure is ours.
      return { failed: error instanceof GateError ? error.failure.message : "It could not be asked." };
    }
  };
  const call = async (row: Tool<Ports>, given: unknown): Promise<{ text: string; refused: boolean }> => {
    begun += 1;
    const made = await answer(row, given);
    const said = "text" in made ? excerptOf(made) : shown("refused" in made ? made.refused : made.failed, 1_000);
    if ("text" in made) {
      bytes += byteLength(said);
      heard.push(said);
    }
    const ended = "text" in made ? "answered" : "refused" in made ? "refused" : "failed";
    const one: ToolCall = {
      tool: row.name,
      asked: shown(JSON.stringify(given ?? {}) ?? "", 300).replace(/\s+/g, " "),
      ended,
      note: ended === "answered" ? `${byteLength(said)} bytes` : said.replace(/\s+/g, " "),
    };
    // The last of an endless row says nothing that the first did not.
    if (calls.length < limits.calls + 3) {
      calls.push(one);
      told?.(one);
    }
    return { text: said, refused: ended !== "answered" };
  };
  const excerptOf = (made: Extract<ToolAnswer, { text: string }>): string => {
    const room = Math.min(limits.answerBytes, limits.totalBytes - bytes);
    const kept = excerpt(made.text, { bytes: room, keep: made.keep, numbers, ...(made.path === undefined ? {} : { path: made.path }) });
    const text = visible(kept.text);
    if (text.trim() === "") return "(nothing)";
    const where = made.keep === "tail" ? "before" : "after";
    return kept.leftOut === 0 ? text : `(${kept.leftOut} bytes ${where} this were left out)\n${text}`;
  };
  return {
    tools: table.map((row) => ({
      name: row.name,
      description: row.description,
      inputSchema: row.inputSchema,
      call: async (given) => await call(row, given),
    })),
    calls: () => calls,
    heard: () => heard.join("\n"),
  };
}
