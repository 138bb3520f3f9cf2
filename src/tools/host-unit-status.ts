import * as z from "zod";
import { HostWord, UnitWord, askHost, hostNamed, type HostPorts } from "./host-ports.ts";
import { tool } from "./tool.ts";

/** `$1`: the unit. Read-only. */
const program = `
limit() {
  if command -v timeout >/dev/null; then timeout 15 "$@" 2>&1; else "$@" 2>&1; fi
}
put_output status 8192 limit systemctl status --no-pager --full --lines=0 -- "$1"
put_output show 8192 limit systemctl show --no-pager -p LoadState,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts,NeedDaemonReload,StateChangeTimestamp,Requires,Wants,After,BindsTo,ConditionResult,AssertResult,MemoryCurrent,MemoryMax,TasksCurrent,LimitNOFILE,User,Group,WorkingDirectory,StateDirectory,StatusText -- "$1"
put_output file 16384 limit systemctl cat --no-pager -- "$1"
exit 0
`;

export const hostUnitStatus = tool({
  name: "unit_status",
  description:
    "The state of one unit of a host now, its properties as systemd has them, what it depends on, and its unit file with drop-ins.",
  input: z.strictObject({ host: HostWord, unit: UnitWord }),
  call: async (ports: HostPorts, { host, unit }) => {
    const asked = hostNamed(ports, host);
    return "refused" in asked ? asked : await askHost(ports, asked, program, [unit], ["status", "show", "file"], "head");
  },
});
