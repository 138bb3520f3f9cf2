import { type SpawnOptions, spawn, spawnSync } from "node:child_process";

export type Result = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

/** Runs a program to its end. A program that a signal ended has the exit code 128 and up, one that took longer than the limit is killed and has 124. Never throws for what the program did. */
export function run(
  argv: readonly string[],
  options: { input?: string | Buffer; seconds?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Result> {
  const [program = "", ...rest] = argv;
  const spawnOptions: SpawnOptions = { stdio: ["pipe", "pipe", "pipe"], ...(options.env === undefined ? {} : { env: options.env }) };
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, spawnOptions);
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    child.stdout?.on("data", (chunk: Buffer) => chunks.stdout.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => chunks.stderr.push(chunk));
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        child.kill("SIGKILL");
        // A grandchild that keeps the pipes must not keep the test.
        child.stdout?.destroy();
        child.stderr?.destroy();
      },
      (options.seconds ?? 120) * 1000,
    );
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const exitCode = late ? 124 : (code ?? 128 + (signal === "SIGKILL" ? 9 : 15));
      resolve({ exitCode, stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() });
    });
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
  });
}

/** The same, for what must succeed: anything else throws with the program's words. */
export async function must(
  argv: readonly string[],
  options: { input?: string | Buffer; seconds?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const result = await run(argv, options);
  if (result.exitCode !== 0) throw new Error(`${argv.join(" ")} ended with ${result.exitCode}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

/** For clearing up, also while the process ends: whether it worked is of no interest. */
export function attempt(...argv: string[]): string {
  const [program = "", ...rest] = argv;
  return spawnSync(program, rest, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).stdout ?? "";
}

export const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks again and again until the answer is not undefined. Throws `what` when time is up. */
export async function until<T>(what: () => string, seconds: number, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) throw new Error(`${what()} (waited ${seconds} s)`);
    await pause(50);
  }
}
