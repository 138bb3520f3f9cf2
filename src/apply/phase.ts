import { ActivationOutcome } from "../target/ledger.ts";
import type { Phase } from "./activation.ts";

const Code = /^[0-9]{1,5}$/;
const Path = /^\/nix\/store\/[A-Za-z0-9+\-._?=/]{1,300}$/;
const Reason = /^[a-z0-9-]{1,100}$/;

/** A phase as the supervisor writes it: words on one line. Undefined for anything else, which a host that is not ours to trust may say. */
export function parsePhase(text: string): Phase | undefined {
  const [word = "", first = "", second = "", third = ""] = text.trim().split(" ");
  switch (word) {
    case "starting":
    case "activating":
    case "installing":
    case "returning":
      return { phase: word };
    case "waiting":
      return { phase: "waiting", exit: code(first), current: Path.test(second) ? second : undefined };
    case "ended": {
      const outcome = ActivationOutcome.safeParse(first);
      if (!outcome.success) return undefined;
      return { phase: "ended", outcome: outcome.data, reason: Reason.test(second) ? second : "unknown", exit: code(third) };
    }
    default:
      return undefined;
  }
}

const code = (word: string): number | undefined => (Code.test(word) ? Number(word) : undefined);
