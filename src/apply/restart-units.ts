import type { Targets } from "../io/ports.ts";
import type { Address } from "../target/address.ts";

/** Restarts each unit by itself, so that one that hangs does not keep the others; `$1` is the limit for each in seconds, then the units. */
export const restartProgram = `
limit=$1
shift
for unit do
  systemctl reset-failed -- "$unit" 2>/dev/null
  if timeout -k 5 "$limit" systemctl --no-ask-password restart -- "$unit" 2>&1; then put restarted "$unit"; else put failed "$unit"; fi
done
`;

const secondsEach = 90;

/** Starts units again that failed; one round trip. Whether that helped is seen by the look that follows, never believed of this answer. */
export async function restartUnits(targets: Targets, address: Address, units: readonly string[]): Promise<void> {
  await targets.run({
    address,
    program: restartProgram,
    verb: "restart",
    arguments: [String(secondsEach), ...units],
    connection: "shared",
    timeoutSeconds: 30 + units.length * (secondsEach + 10),
  });
}
