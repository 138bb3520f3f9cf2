import type { Targets, TargetTrouble } from "../io/ports.ts";
import type { Address } from "../target/address.ts";
import { asciiJson } from "../target/ascii-json.ts";
import { lastRecord } from "../target/last-record.ts";
import type { ActivationRequest } from "./activation.ts";
import { startProgram } from "./start-program.ts";
import { supervisorProgram } from "./supervisor-program.ts";

export type Started =
  | { readonly kind: "started" }
  /** Another attempt has not ended on the host; `by` is its id, undefined where it cannot be told. Nothing was changed. */
  | { readonly kind: "busy"; readonly by: string | undefined }
  /** The supervisor could not be started. Nothing was changed. */
  | { readonly kind: "failed"; readonly detail: string }
  /** Whether it began is not known: follow it to learn that. */
  | { readonly kind: "lost"; readonly trouble: TargetTrouble; readonly detail: string };

/** Starting is idempotent by id and nonce, so that a lost answer is asked again. */
const tries = 3;

/**
 * Starts the supervisor of one activation; one round trip. `nonce` is 32 hexadecimal digits that nobody else knows: only who has it confirms. What the host said
 * meanwhile about itself is for the supervisor to check; a host that has moved on ends as `refused`.
 */
export async function startActivation(targets: Targets, address: Address, request: ActivationRequest, nonce: string): Promise<Started> {
  const { attempt } = request;
  let lost: Started = { kind: "lost", trouble: "lost", detail: "" };
  for (let n = 0; n < tries; n += 1) {
    const result = await targets.run({
      address,
      program: startProgram,
      verb: "start",
      arguments: [attempt.id, nonce, supervisorProgram, ...requestFiles(address, request, nonce).flat()],
      connection: "shared",
      timeoutSeconds: 120,
      maxBytes: 256 << 10,
    });
    if (!result.ok) {
      lost = { kind: "lost", trouble: result.trouble, detail: result.detail };
      if (result.trouble === "lost" || result.trouble === "timed-out") continue;
      return lost;
    }
    switch (lastRecord(result.records, "start")) {
      case "started":
        return { kind: "started" };
      case "busy":
        return { kind: "busy", by: lastRecord(result.records, "by") };
      case undefined:
        return { kind: "failed", detail: result.stderr.trim() || `the program ended with exit code ${result.exitCode}` };
      default:
        return { kind: "failed", detail: lastRecord(result.records, "detail") ?? result.stderr.trim() };
    }
  }
  return lost;
}

/** What the supervisor is told, a file each. Names are ours; values are checked at the edge and never read by a shell as anything but a value. */
export function requestFiles(
  address: Address,
  request: ActivationRequest,
  nonce: string,
): readonly (readonly [name: string, value: string])[] {
  const { attempt, limits, confirmation } = request;
  const self: [string, string][] =
    confirmation.by === "self"
      ? [
          ["self-program", confirmation.program],
          ...confirmation.arguments.map((argument, n): [string, string] => [`self-argument-${n + 1}`, argument]),
        ]
      : [];
  const copyRoot: [string, string][] = request.copyRoot === undefined ? [] : [["copy-root", request.copyRoot]];
  const stopFirst: [string, string][] = request.stopFirst.length === 0 ? [] : [["stop-first", request.stopFirst.join("\n")]];
  return [
    ["id", attempt.id],
    ["nonce", nonce],
    ["attempt", asciiJson(attempt)],
    ["operation", request.operation],
    ["from-current", request.from.current],
    ["from-profile", request.from.profile],
    ["to", request.to],
    ["activate", request.activate],
    ["reversible", request.reversible ? "yes" : "no"],
    ["activation-seconds", String(limits.activationSeconds)],
    ["confirm-seconds", String(limits.confirmSeconds)],
    ["loader-seconds", String(limits.loaderSeconds)],
    ["confirm-by", confirmation.by],
    ["ssh-port", String(confirmation.by === "self" ? confirmation.sshPort : address.port)],
    ...stopFirst,
    ...copyRoot,
    ...self,
  ];
}
