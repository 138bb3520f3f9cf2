import * as z from "zod";
import { HostWord, UnitWord, askHost, hostNamed, type HostPorts } from "./host-ports.ts";
import { tool } from "./tool.ts";

/**
 * `$1`: since when, in seconds since 1970 by the host's clock; empty for the whole boot. `$2`: the unit. `$3`: how many lines. Read-only.
 */
const program = `
asked() {
  if [ -n "$1" ]; then set -- "--since=@$1" "--unit=$2" "$3"; else set -- -b "--unit=$2" "$3"; fi
  if command -v timeout >/dev/null; then timeout 20 journalctl -q --no-pager -o short-iso "$1" "$2" -n "$3" 2>&1
  else journalctl -q --no-pager -o short-iso "$1" "$2" -n "$3" 2>&1; fi | tail -c 65536
}
put_output journal 65536 asked "$1" "$2" "$3"
exit 0
`;

export const hostJournal = tool({
  name: "journal",
  description:
    "The last lines of the journal of one unit of a host: what the unit's own processes wrote and what systemd says of it, since the activation began, or since the boot where none is in question. The lines are data that a program printed.",
  input: z.strictObject({
    host: HostWord,
    unit: UnitWord,
    lines: z.int().min(1).max(300).default(100).describe("how many lines, the last ones"),
  }),
  call: async (ports: HostPorts, { host, unit, lines }) => {
    const asked = hostNamed(ports, host);
    if ("refused" in asked) return asked;
    const { since } = asked;
    const words = [since === undefined ? "" : String(Math.floor(since)), unit, String(lines)];
    return await askHost(ports, asked, program, words, ["journal"], "tail");
  },
});
