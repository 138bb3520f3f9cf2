import { statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { gateError } from "../failure.ts";
import type { Plan } from "../report/plan.ts";
import type { PageOptions } from "../report/html/page.ts";
import type { Option, Options, Shell } from "./shell.ts";

/** The option of every command whose result is a plan. */
export const htmlOption: Option = { type: "string", value: "FILE", help: "also write the report as one HTML page that needs no network" };

/** Where `--html` wants the page. Asked before the work begins, so that a directory that is not there costs no deploy its page. Throws the GateError `usage`. */
export function pageFile(options: Options, { directory }: Shell, command: string): string | undefined {
  const file = options["html"];
  if (typeof file !== "string") return undefined;
  const refuse = (problem: string): never => {
    throw gateError("usage", { problem: `--html cannot be written to "${file}": ${problem}.`, command });
  };
  if (file === "") refuse("it names no file");
  const path = resolve(directory, file);
  if (isDirectory(path)) refuse("it is a directory");
  if (!isDirectory(dirname(path))) refuse(`there is no directory ${dirname(path)}`);
  return path;
}

/** Writes the page where one was asked for. What makes it is loaded only then. Throws the GateError `usage` where the file cannot be written; the run itself is over. */
export async function writePage(plan: Plan, path: string | undefined, command: string, options: Partial<PageOptions> = {}): Promise<void> {
  if (path === undefined) return;
  const { htmlReport } = await import("../report/html/page.ts");
  try {
    writeFileSync(path, htmlReport(plan, { detail: plan.detail, ...options }));
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw gateError(
      "usage",
      { problem: `The page could not be written to "${path}" (${String(error.code)}); all else was done.`, command },
      undefined,
      error,
    );
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
