import { spawn } from "node:child_process";
import { RecordReader } from "../../src/target/record-reader.ts";
import { remoteInput } from "../../src/target/remote-program.ts";
import type { RemoteRecord } from "../../src/io/ports.ts";

export type ProgramRun = { readonly records: RemoteRecord[]; readonly exitCode: number | undefined; readonly stderr: string };

export type ProgramOptions = {
  readonly shell?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly arguments?: readonly string[];
  readonly uid?: number;
};

/** Runs a program for hosts on this machine as ssh would, prelude and all, but in the environment that is given. */
export async function runProgram(program: string, options: ProgramOptions = {}): Promise<ProgramRun> {
  const nonce = "0123456789abcdef".repeat(2);
  const input = remoteInput({ nonce, limitSeconds: 60, program, arguments: options.arguments ?? [] });
  if (input === undefined) throw new Error("the program has a NUL byte");
  // What the bootstrap does, without setting a PATH of its own.
  const bootstrap =
    'LC_ALL=C; export LC_ALL; IFS= read -r gate_length || exit 125; gate_prelude=$(head -c "$gate_length"; echo .); gate_prelude=${gate_prelude%.}; eval "$gate_prelude"';
  const [command = "sh", ...words] = options.shell ?? ["/bin/sh"];
  const child = spawn(command, [...words, "-c", bootstrap], {
    env: options.env ?? { PATH: process.env["PATH"] ?? "" },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    // The prelude ends its own process group where its leash is cut.
    detached: true,
  });
  const reader = new RecordReader({ nonce, maxBytes: 64 << 20 });
  let stderr = "";
  child.stdout.on("data", (bytes: Buffer) => reader.add(bytes));
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.write(input);
  await new Promise((resolve) => child.on("close", resolve));
  if (reader.state !== "ended") throw new Error(`the program did not end well: ${reader.problem ?? reader.state}: ${stderr}`);
  return { records: [...reader.records], exitCode: reader.exitCode, stderr };
}
