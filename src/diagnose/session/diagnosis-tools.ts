import type { Clock, Log } from "../../io/ports.ts";
import { buildLog } from "../../tools/build-log.ts";
import type { BuildPorts } from "../../tools/build-ports.ts";
import { buildWhyDepends } from "../../tools/build-why-depends.ts";
import { hostJournal } from "../../tools/host-journal.ts";
import type { HostPorts } from "../../tools/host-ports.ts";
import { hostUnitStatus } from "../../tools/host-unit-status.ts";
import { hostWhyDepends } from "../../tools/host-why-depends.ts";
import type { Tool } from "../../tools/tool.ts";
import { toolbox, type Toolbox, type ToolCall, type ToolLimits } from "../../tools/toolbox.ts";

/** What a session may ask while it looks for a cause. Rows of these tables are all there is. */
export const hostTools: readonly Tool<HostPorts>[] = [hostJournal, hostUnitStatus, hostWhyDepends];
export const buildTools: readonly Tool<BuildPorts>[] = [buildLog, buildWhyDepends];

/** Made anew for each question, since the budget is one question's. */
export type OpenToolbox = () => Toolbox;

type Around = { readonly clock: Clock; readonly log: Pick<Log, "debug">; readonly limits?: ToolLimits };

export const askHosts = (ports: HostPorts, around: Around): OpenToolbox => box(hostTools, ports, around);
export const askBuild = (ports: BuildPorts, around: Around): OpenToolbox => box(buildTools, ports, around);

const box =
  <Ports>(table: readonly Tool<Ports>[], ports: Ports, { clock, log, limits }: Around): OpenToolbox =>
  () =>
    toolbox(table, ports, {
      clock,
      ...(limits === undefined ? {} : { limits }),
      told: ({ tool, asked, ended, note }: ToolCall) => log.debug("a session asked", { tool, asked, ended, note }),
    });
