import { constants } from "node:fs";
import { mkdtemp, open, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setOutput, summary } from "@actions/core";
import { gateError } from "../failure.ts";
import type { Runner } from "./ports.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** GitHub sends payloads of at most 25 MB. */
const longestPayload = 32 * 1024 * 1024;
/** What is longer is dropped as a whole: 1 MiB for a summary, 1 MB for the outputs of a job. */
const longest = { summary: 1_048_576, output: 900_000 };

/** The runner's side of a step: outputs, summary and files that later steps may read. `redact` takes known secrets out of all of them. */
export function stepRunner(environment: Environment, redact: (text: string) => string): Runner {
  let directory: Promise<string> | undefined;
  return {
    output(name, value) {
      const text = redact(value);
      setOutput(name, Buffer.byteLength(text) > longest.output ? "" : text);
    },
    async summary(markdown) {
      // An act-like runner may have none; the log has the report then.
      if ((environment["GITHUB_STEP_SUMMARY"] ?? "") === "") return;
      const text = redact(markdown);
      const fits = Buffer.byteLength(text) <= longest.summary;
      await summary
        .emptyBuffer()
        .addRaw(fits ? text : "The report is too long for a step summary; the job's log and the output `report` have it.\n")
        .write({ overwrite: true });
    },
    async file(name, text) {
      // A directory of our own, not a fixed name: the temporary directory may be shared with other jobs' users, who could leave a link there.
      directory ??= mkdtemp(join(environment["RUNNER_TEMP"] || tmpdir(), "deploy-gate-report-"));
      const path = join(await directory, name);
      await writeFile(path, redact(text), { flag: "wx", mode: 0o600 });
      return path;
    },
  };
}

/** The payload of the event, as JSON. Throws the GateError `event-unreadable`. */
export async function readEventPayload(environment: Environment): Promise<unknown> {
  const path = environment["GITHUB_EVENT_PATH"] ?? "";
  const unreadable = (problem: string, cause?: unknown): Error =>
    gateError("event-unreadable", { what: "the file that GITHUB_EVENT_PATH names", problem }, undefined, cause);
  if (path === "") throw unreadable("GITHUB_EVENT_PATH is not set");
  let text: string;
  try {
    // Never waits for a FIFO to be written.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw unreadable("it is not a file");
    if (stat.size > longestPayload) throw unreadable(`it is longer than ${longestPayload} bytes`);
    text = await file.readFile("utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) throw unreadable(String(error.code), error);
    throw error;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw unreadable("it is not JSON", error);
  }
}
