import type { HostStatus } from "../deploy/host-status.ts";
import type { HostName } from "../discover/host.ts";
import type { Targets } from "../io/ports.ts";
import type { ContextPolicy } from "../policy-context.ts";
import type { Address } from "../target/address.ts";
import { contextProgram } from "./context-program.ts";
import { type HostContext, readHostContext } from "./host-context.ts";
import { type Trouble, troubles } from "./trouble.ts";

/** One host as it is now: what it runs, how it fares, and what of it deserves a look. */
export type HostSnapshot = {
  readonly host: HostName;
  readonly status: HostStatus;
  /** Undefined where it could not be asked. */
  readonly context: HostContext | undefined;
  readonly troubles: readonly Trouble[];
};

/** The fleet as it is now, worst host first. */
export type FleetContext = { readonly at: Date; readonly hosts: readonly HostSnapshot[] };

export type ContextQuestion = {
  readonly statuses: readonly HostStatus[];
  readonly addresses: ReadonlyMap<HostName, Address>;
  readonly policy: ContextPolicy;
  readonly now: Date;
  /** Of the operator's commands, which hosts a pattern means. */
  readonly matches: (host: HostName, pattern: string) => boolean;
};

const timeoutSeconds = 240;
const answerBytes = 1 << 20;

/** Asks all hosts that answer at once, over the connections that there are. A host that does not answer any more is a line. */
export async function gatherContext(targets: Pick<Targets, "run">, question: ContextQuestion): Promise<FleetContext> {
  const { statuses, addresses, policy, now, matches } = question;
  const hosts = await Promise.all(
    statuses.map(async (status): Promise<HostSnapshot> => {
      const address = addresses.get(status.host);
      const context =
        status.reachable && address !== undefined ? await askHost(targets, address, commandsOf(policy, status.host, matches)) : undefined;
      return { host: status.host, status, context, troubles: troubles(status, context, now) };
    }),
  );
  return { at: now, hosts: hosts.toSorted((a, b) => weight(b) - weight(a) || (a.host < b.host ? -1 : 1)) };
}

const weight = ({ troubles: [worst] }: HostSnapshot): number => worst?.weight ?? 0;

async function askHost(targets: Pick<Targets, "run">, address: Address, words: readonly string[]): Promise<HostContext | undefined> {
  const answer = await targets.run({
    address,
    program: contextProgram,
    arguments: words,
    connection: "shared",
    timeoutSeconds,
    maxBytes: answerBytes,
  });
  return answer.records.length === 0 ? undefined : readHostContext(answer.records);
}

/** As the program takes them: a name, a count, the words. */
function commandsOf(policy: ContextPolicy, host: HostName, matches: ContextQuestion["matches"]): readonly string[] {
  return Object.entries(policy.commands).flatMap(([name, { command, hosts }]) =>
    hosts.some((pattern) => matches(host, pattern)) ? [name, String(command.length), ...command] : [],
  );
}
