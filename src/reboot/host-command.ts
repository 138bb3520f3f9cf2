import type { Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";

/** The operator's own command: `$1` seconds, then its words. What it says is cut, and it is ended when its time is up. */
const program = `seconds=$1
shift
put_output said 4000 timeout -k 5 "$seconds" "$@"
`;

/** What a command of the operator's did on a host; `detail` is one line, with the end of what it said. Untrusted text. */
export type CommandEnd = { readonly ok: boolean; readonly detail: string };

/** Runs an argument vector as root on a host, outside of any shell. A host that cannot be asked is no success. */
export async function hostCommand(
  targets: Pick<Targets, "run">,
  address: Address,
  command: readonly string[],
  timeoutSeconds: number,
): Promise<CommandEnd> {
  const result = await targets.run({
    address,
    program,
    arguments: [String(timeoutSeconds), ...command],
    connection: "shared",
    timeoutSeconds: timeoutSeconds + 30,
  });
  const name = command[0] ?? "";
  if (!result.ok) return { ok: false, detail: `${name} could not be run (${result.trouble})` };
  const code = result.records.findLast((record) => record.name === "said.exit")?.value;
  if (code === "0") return { ok: true, detail: "" };
  const said = `${result.records.findLast((record) => record.name === "said")?.value ?? ""}\n${result.stderr}`.trim().slice(-300);
  const how =
    code === "124" || code === "137" ? `did not end within ${timeoutSeconds} s` : `ended with ${code ?? "nothing that can be told"}`;
  return { ok: false, detail: `${name} ${how}${said === "" ? "" : `: ${said.replace(/\s+/g, " ")}`}` };
}
