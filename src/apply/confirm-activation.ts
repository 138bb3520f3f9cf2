import type { Targets, TargetTrouble } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { lastRecord } from "../target/last-record.ts";
import type { Phase } from "./activation.ts";
import { parsePhase } from "./phase.ts";

export type Said =
  /**
   * The host has it in writing. What became of it is read by following the attempt to its end: the time may have run out in the same second. `end` is there where it ended
   * while the same round trip lasted.
   */
  | { readonly kind: "said"; readonly end?: Extract<Phase, { phase: "ended" }> }
  /** It is too late, too early, or another attempt's: nothing was written. */
  | { readonly kind: "not-waiting"; readonly phase: Phase | undefined }
  | { readonly kind: "lost"; readonly trouble: TargetTrouble; readonly detail: string };

/** `$1` id, `$2` nonce, `$3` the word, `$4` how many seconds the end may be waited for. Setting profile and boot loader mostly takes one or two. */
export const sayProgram = `
umask 077
state=/run/nixos-deploy-gate/$1
case $1 in '' | *[!a-z0-9-]*) exit 2 ;; esac
case $3 in confirm | return) ;; *) exit 2 ;; esac
case $4 in '' | *[!0-9]*) exit 2 ;; esac
uptime() { read -r up rest </proc/uptime; up=\${up%%.*}; }
nonce= told=
if [ -e "$state/nonce" ]; then read -r nonce <"$state/nonce" || :; fi
if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
if [ "$nonce" = "$2" ]; then
  case $3:$told in
    confirm:waiting* | return:waiting* | return:starting* | return:activating*)
      printf '%s\\n' "$1 $2" >"$state/$3.new" && mv -f "$state/$3.new" "$state/$3" && put said "$3" ;;
  esac
  if [ -e "$state/$3" ]; then
    uptime; deadline=$((up + $4))
    while [ "$up" -lt "$deadline" ]; do
      if [ -e "$state/phase" ]; then read -r told <"$state/phase" || :; fi
      case $told in ended*) break ;; esac
      sleep 0.1 2>/dev/null || sleep 1
      uptime
    done
  fi
fi
put phase "$told"
`;

/**
 * Tells the host that it is well, over a connection of its own: that a fresh login works is half of what a confirmation means. One round trip, which lasts until the host
 * has come to its end where that is soon.
 */
export async function confirmActivation(targets: Targets, address: Address, id: string, nonce: string): Promise<Said> {
  return await say(targets, address, { word: "confirm", id, nonce, endWithinSeconds: 20, connection: "new" });
}

/** Tells the host to go back, from wherever it is before it was confirmed. One round trip. */
export async function returnActivation(targets: Targets, address: Address, id: string, nonce: string): Promise<Said> {
  return await say(targets, address, { word: "return", id, nonce, endWithinSeconds: 0, connection: "shared" });
}

type Word = {
  readonly word: "confirm" | "return";
  readonly id: string;
  readonly nonce: string;
  readonly endWithinSeconds: number;
  readonly connection: "new" | "shared";
};

async function say(targets: Targets, address: Address, { word, id, nonce, endWithinSeconds, connection }: Word): Promise<Said> {
  const result = await targets.run({
    address,
    program: sayProgram,
    verb: "say",
    arguments: [id, nonce, word, String(endWithinSeconds)],
    connection,
    timeoutSeconds: 60,
  });
  const phase = parsePhase(lastRecord(result.records, "phase") ?? "");
  if (lastRecord(result.records, "said") === word) return { kind: "said", ...(phase?.phase === "ended" ? { end: phase } : {}) };
  if (!result.ok) return { kind: "lost", trouble: result.trouble, detail: result.detail };
  return { kind: "not-waiting", phase };
}
