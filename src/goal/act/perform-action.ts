import { lookAt } from "../../deploy/look-at.ts";
import { ledgerOf } from "../../deploy/ledger-of.ts";
import { HostName } from "../../discover/host.ts";
import { failure, GateError } from "../../failure.ts";
import type { ActionKind } from "../../policy-goals.ts";
import type { GoalAction } from "../goal-answer.ts";
import type { ActionEnd } from "../goal-report.ts";
import type { ActionCase, Ended } from "./action-case.ts";
import type { ActionWorld } from "./action-world.ts";
import { againstHost } from "./against-host.ts";
import { collectGarbage } from "./collect-garbage.ts";
import { rebootInWindow } from "./reboot-in-window.ts";
import { redeploy } from "./redeploy.ts";
import { restartUnit } from "./restart-unit.ts";

type Perform = (given: ActionCase, world: ActionWorld, begin: () => string | undefined) => Promise<Ended>;

const performs: Readonly<Record<ActionKind, Perform>> = {
  "restart-unit": restartUnit,
  "collect-garbage": collectGarbage,
  "reboot-in-window": rebootInWindow,
  redeploy,
};

/**
 * One action that a session asked for: looked at, done where its preconditions hold, and looked at again. Never throws for a host. What the session says decides nothing: it
 * named a word of the list, a host and a unit, and everything else is asked here. Of each kind one is begun on a host in a run, however often it is asked for.
 */
export async function performAction(action: GoalAction, world: ActionWorld): Promise<ActionEnd> {
  const { deploy, policy, addresses, begun } = world;
  const ended = ({ end, reasons }: Ended): ActionEnd => ({ action, end, reasons });
  const refused = (...reasons: readonly string[]): ActionEnd => ended({ end: "refused", reasons });
  const named = HostName.safeParse(action.host);
  const host = named.data;
  if (host === undefined || !Object.hasOwn(policy.hosts, host) || policy.hosts[host]?.deploy !== true)
    return refused(`${action.host.slice(0, 63)} is no host that the policy hands to the gate (hosts.<name>.deploy).`);
  const address = addresses.get(host);
  if (address === undefined) return refused(`${host} has no address, so it cannot be asked.`);
  const key = `${action.kind} ${host}`;
  if (begun.has(key)) return refused(`${action.kind} was done on ${host} in this run already; a second try is a person's.`);
  if (deploy.signal.aborted) return refused("The run was cancelled.");
  const begin = (): string | undefined => {
    if (deploy.dryRun) return `Everything that is asked before it is well; nothing is done in a dry run.`;
    if (deploy.signal.aborted) return "The run was cancelled.";
    begun.add(key);
    deploy.log.progress({ kind: "host", host, step: "activating", text: `${action.kind}${action.unit === "" ? "" : ` ${action.unit}`}` });
    return undefined;
  };
  try {
    deploy.log.progress({ kind: "host", host, step: "asking", text: `whether ${action.kind} may be done` });
    const look = await lookAt({ address }, deploy);
    const ledger = look.kind === "silent" ? "unreadable" : ledgerOf(look.observation);
    const against = againstHost({ address, look, ledger });
    if (against.length > 0 || look.kind === "silent") return refused(...against);
    const { observation } = look;
    // Told to stop, what was begun still comes to its end: the host is in the middle of it.
    const made = await deploy.finishing.finish(() => performs[action.kind]({ action, host, address, observation, ledger }, world, begin));
    return ended(made);
  } catch (error) {
    const why =
      error instanceof GateError
        ? error.failure
        : failure("internal", {}, error instanceof Error ? (error.stack ?? error.message) : String(error));
    deploy.log.debug("an action broke off", { host, kind: action.kind, detail: why.detail ?? why.message });
    return begun.has(key)
      ? ended({ end: "failed", reasons: [`The gate broke off in the middle of it: ${why.message}`] })
      : refused(`It could not be looked at whether it may be done: ${why.message}`);
  }
}
