import { failure, type Failure } from "../failure.ts";
import type { Targets } from "../io/ports.ts";
import { plainText } from "../nix-message.ts";
import type { Address } from "../target/address.ts";
import { lastRecord } from "../target/last-record.ts";
import { targetFailure } from "../target/target-failure.ts";
import { type DryActivation, parseDryActivation } from "./dry-activation.ts";
import { exitMeaning, type ExitMeaning } from "./exit-meaning.ts";

export type DryActivated =
  | {
      readonly ok: true;
      readonly activation: DryActivation;
      /** A pre-switch check or an inhibitor that would refuse the switch; the list was then got without checks. */
      readonly refusal: ExitMeaning | undefined;
      /** All that it printed, bounded; untrusted text. */
      readonly text: string;
    }
  | { readonly ok: false; readonly failure: Failure };

const bytes = 262_144;

/**
 * `$1` toplevel, `$2` seconds, `$3` `checks` or `no-checks`. stdin is /dev/null, since checks may ask. It runs with the tools of the system that is active and below a
 * limit of its own.
 */
export const dryActivateProgram = `
PATH=/run/current-system/sw/bin:/run/wrappers/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
program=$1/bin/switch-to-configuration seconds=$2
[ -x "$program" ] || { put missing yes; exit 0; }
if [ "$3" = no-checks ]; then export NIXOS_NO_CHECK=1; fi
dry() { timeout -k 10 "$seconds" "$program" dry-activate </dev/null 2>&1; }
put_output said ${bytes} dry || :
`;

/**
 * What the switch to `toplevel` would do on the live host, which is not changed. With its checks first, since what they say is evidence too;
 * without them where they hide the list: that is a second round trip.
 */
export async function dryActivate(targets: Targets, address: Address, toplevel: string, timeoutSeconds = 120): Promise<DryActivated> {
  const run = async (checks: "checks" | "no-checks") =>
    await targets.run({
      address,
      program: dryActivateProgram,
      verb: "dry-activate",
      arguments: [toplevel, String(timeoutSeconds), checks],
      connection: "shared",
      timeoutSeconds: timeoutSeconds + 45,
      maxBytes: 2 << 20,
    });
  const checked = await run("checks");
  if (!checked.ok) return { ok: false, failure: targetFailure(address, checked.trouble, checked.detail) };
  if (lastRecord(checked.records, "missing") !== undefined)
    return {
      ok: false,
      failure: failure("dry-activate-failed", { host: address.host, toplevel, problem: "the toplevel is not on the host" }),
    };
  const text = plainText(lastRecord(checked.records, "said") ?? "");
  const exit = exitOf(lastRecord(checked.records, "said.exit"));
  const activation = parseDryActivation(text);
  if (exit === 0 && activation.complete) return { ok: true, activation, refusal: undefined, text };
  const meaning = exitMeaning({ action: "dry-activate", exit, limit: exit === 124, log: text, moved: false });
  if (meaning.kind !== "inhibited" && meaning.kind !== "pre-switch-check-failed") return failed(address, toplevel, meaning, text);

  const unchecked = await run("no-checks");
  if (!unchecked.ok) return { ok: false, failure: targetFailure(address, unchecked.trouble, unchecked.detail) };
  const list = plainText(lastRecord(unchecked.records, "said") ?? "");
  const again = parseDryActivation(list);
  if (exitOf(lastRecord(unchecked.records, "said.exit")) !== 0 || !again.complete) return failed(address, toplevel, meaning, list);
  return { ok: true, activation: again, refusal: meaning, text: `${text}\n${list}` };
}

const exitOf = (value: string | undefined): number | undefined =>
  value !== undefined && /^[0-9]{1,3}$/.test(value) ? Number(value) : undefined;

function failed(address: Address, toplevel: string, meaning: ExitMeaning, text: string): DryActivated {
  const problem = meaning.sentence.replace(/\.$/, "");
  return { ok: false, failure: failure("dry-activate-failed", { host: address.host, toplevel, problem }, text.slice(-4_000)) };
}
