import { styleText } from "node:util";
import { columns, terminalLine, wrap } from "../report/terminal-escape.ts";
import { count } from "../report/count.ts";
import { type Area, areas, type Check, type CheckState } from "./check.ts";

type Terminal = { readonly color: boolean; readonly unicode: boolean; readonly width: number };

const signs: Readonly<
  Record<CheckState, { readonly unicode: string; readonly ascii: string; readonly style: "green" | "yellow" | "red" | "dim" }>
> = {
  ok: { unicode: "✓", ascii: "ok", style: "green" },
  warn: { unicode: "!", ascii: "!", style: "yellow" },
  fail: { unicode: "✗", ascii: "X", style: "red" },
  unknown: { unicode: "?", ascii: "?", style: "dim" },
};

const titles: Readonly<Record<Area, string>> = {
  machine: "This machine",
  flake: "Flake",
  policy: "Policy",
  workflows: "Workflows",
  forge: "Forge",
  session: "Claude session",
  hosts: "Hosts",
};

/**
 * The doctor's table as people read it. What is well takes one line; a host of which all is well takes one line altogether. Commands are never broken, so that they can
 * be copied.
 */
export function doctorText(checks: readonly Check[], terminal: Terminal): string {
  const lines: string[] = [];
  for (const area of areas) {
    const rows = checks.filter((check) => check.area === area);
    if (rows.length === 0) continue;
    lines.push(paint("bold", titles[area], terminal));
    const shown = area === "hosts" ? rows.flatMap((row) => hostRow(row, rows)) : rows.map((row) => ({ name: row.code, row }));
    const width = Math.min(22, Math.max(...shown.map(({ name }) => columns(name))));
    for (const { name, row } of shown) lines.push(...rowLines(name, row, width, terminal));
    lines.push("");
  }
  lines.push(...wrap(summary(checks), terminal.width));
  return `${lines.map((line) => (terminal.unicode ? line : ascii(line))).join("\n")}\n`;
}

const ascii = (line: string): string => line.replace(/…/g, "...");

/** One line for a host of which all is well, the rows that are not otherwise. */
function hostRow(row: Check, rows: readonly Check[]): { readonly name: string; readonly row: Check }[] {
  const own = rows.filter(({ host }) => host === row.host);
  if (row.host === undefined) return [{ name: row.code, row }];
  if (own.every(({ state }) => state === "ok")) {
    if (row !== own[0]) return [];
    const told = own.filter(({ code }) => ["login", "boot-loader", "store-space"].includes(code)).map(({ sentence }) => sentence);
    return [{ name: row.host, row: { ...row, sentence: told.join(" ") } }];
  }
  if (row.state !== "ok") return [{ name: row.host, row: { ...row, sentence: `${row.code}: ${row.sentence}` } }];
  return row.code === "login" ? [{ name: row.host, row }] : [];
}

function rowLines(name: string, row: Check, width: number, terminal: Terminal): string[] {
  const { unicode } = terminal;
  const sign = signs[row.state];
  const mark = (unicode ? sign.unicode : sign.ascii).padEnd(unicode ? 1 : 2);
  const safe = (text: string, limit?: number): string => terminalLine(text, unicode, limit);
  const head = `  ${paint(sign.style, mark, terminal)} ${safe(name).padEnd(width)}  `;
  const indent = " ".repeat(2 + mark.length + 1 + Math.max(width, columns(safe(name))) + 2);
  const [first = "", ...rest] = wrap(safe(row.sentence, 1_000), Math.max(terminal.width - indent.length, 30));
  const detail =
    row.state === "ok"
      ? []
      : (row.detail ?? "")
          .trimEnd()
          .split("\n")
          .filter((line) => line.trim() !== "")
          .slice(-4);
  return [
    `${head}${first}`,
    ...rest.map((line) => `${indent}${line}`),
    ...detail.map((line) => `${indent}${paint("dim", `  ${safe(line, 300)}`, terminal)}`),
    ...(row.next === undefined ? [] : [`${indent}${paint("dim", "next:", terminal)} ${safe(row.next, 2_000)}`]),
  ];
}

/** "2 failed, 1 warning, 1 not known, 14 ok." */
function summary(checks: readonly Check[]): string {
  const of = (state: CheckState): number => checks.filter((check) => check.state === state).length;
  const [failed, warned, unknown] = [of("fail"), of("warn"), of("unknown")];
  const parts = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(warned > 0 ? [count(warned, "warning")] : []),
    ...(unknown > 0 ? [`${unknown} not known`] : []),
    `${of("ok")} ok`,
  ];
  return `${parts.join(", ")}.`;
}

function paint(style: "bold" | "dim" | "green" | "yellow" | "red", text: string, { color }: Terminal): string {
  return color ? styleText(style, text, { validateStream: false }) : text;
}

export const doctorJson = (checks: readonly Check[]): string => `${JSON.stringify({ schema: 1, checks }, undefined, 2)}\n`;
