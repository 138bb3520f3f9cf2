import type { Nix, NixLogLine, Trust } from "../io/ports.ts";
import { describeErrors, lastError, nixError, type NixError } from "../nix-message.ts";
import type { FlakeAnswer } from "../tools/flake-ports.ts";

/** Of one evaluation; a session waits for it. */
export const evaluationSeconds = 120;

/** One evaluation, as JSON with line ends; what cannot be JSON or does not evaluate is Nix's own message. */
export async function flakeValue(nix: Nix, expression: string, trust: Trust): Promise<FlakeAnswer> {
  const errors: NixError[] = [];
  const onLog = (line: NixLogLine): void => {
    const error = errors.length < 20 ? nixError(line) : undefined;
    if (error !== undefined) errors.push(error);
  };
  const arguments_ = ["eval", "--json", "--expr", expression];
  const result = await nix.run({ arguments: arguments_, trust, timeoutSeconds: evaluationSeconds, maxBytes: 256 * 1024, onLog });
  if (result.exitCode !== 0) return { ok: false, problem: describeErrors(errors) || lastError(result.stderr) };
  try {
    return { ok: true, text: JSON.stringify(JSON.parse(result.stdout), undefined, 1) };
  } catch {
    // Longer than what is read of it.
    return { ok: false, problem: "The value is longer than 256 KiB; ask for a part of it." };
  }
}
