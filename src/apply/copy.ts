import { failure, type Failure } from "../failure.ts";
import type { CopyResult, Nix, NixLogLine, Targets } from "../io/ports.ts";
import { bounded, nixError, plainText } from "../nix-message.ts";
import type { ApplyPolicy } from "../policy-deploy.ts";
import type { Address } from "../target/address.ts";
import { copyFailure, worthAnotherTry } from "./copy-failure.ts";
import { CopyProgress, type CopyState } from "./copy-progress.ts";

export type CopyRequest = {
  readonly targets: Pick<Targets, "copyTo">;
  /** For signing, where the policy names a key. */
  readonly nix: Pick<Nix, "run">;
  readonly address: Address;
  /** Toplevels, whose whole closures are copied. At least one. */
  readonly paths: readonly [string, ...string[]];
  readonly policy: ApplyPolicy["copy"];
  readonly onProgress?: (state: CopyState) => void;
};

export type Copied =
  | { readonly ok: true; readonly tries: number; readonly state: CopyState }
  | { readonly ok: false; readonly tries: number; readonly failure: Failure };

const tries = 2;
const signingSeconds = 600;
const saidLimit = 4000;

/**
 * Brings closures into a host's store. Copying what is there already does nothing, so that a copy whose connection broke is simply begun again, once. Throws only
 * where the run was cancelled or Nix is missing.
 */
export async function copyClosure(request: CopyRequest): Promise<Copied> {
  const { policy, address } = request;
  const unsigned = await sign(request);
  if (unsigned !== undefined) return { ok: false, tries: 0, failure: unsigned };
  for (let attempt = 1; ; attempt++) {
    const progress = new CopyProgress();
    const said = new Said();
    const result = await request.targets.copyTo({
      address,
      paths: request.paths,
      store: policy.store,
      substituteOnDestination: policy.substituteOnDestination,
      checkSignatures: policy.checkSignatures,
      timeoutSeconds: policy.timeoutSeconds,
      onLog: (line) => {
        said.add(line);
        const state = progress.add(line);
        if (state !== undefined) request.onProgress?.(state);
      },
    });
    if (succeeded(result)) return { ok: true, tries: attempt, state: progress.state };
    if (attempt < tries && worthAnotherTry(result)) continue;
    const { store, checkSignatures, timeoutSeconds } = policy;
    const failed = { address, store, checkSignatures, timeoutSeconds, path: request.paths[0], result, said: said.text() };
    return { ok: false, tries: attempt, failure: copyFailure(failed) };
  }
}

const succeeded = (result: CopyResult): boolean => result.exitCode === 0 && !result.timedOut;

/** Signatures are written into this machine's store and travel with the paths. The key itself goes nowhere: Nix reads the file. */
async function sign({ nix, policy, paths }: CopyRequest): Promise<Failure | undefined> {
  if (policy.signingKeyFile === undefined) return undefined;
  const result = await nix.run({
    arguments: ["store", "sign", "--recursive", "--key-file", policy.signingKeyFile, "--", ...paths],
    trust: "deploy-branch",
    timeoutSeconds: signingSeconds,
  });
  if (succeeded(result)) return undefined;
  return failure("copy-signing-failed", { file: policy.signingKeyFile }, bounded(plainText(result.stderr).trim(), saidLimit));
}

/** Errors of Nix and what is no event of its log: ssh, sudo and the host's shell speak there. */
class Said {
  #lines: string[] = [];
  add(line: NixLogLine): void {
    const text = nixError(line)?.text ?? (line.kind === "text" ? plainText(line.text) : undefined);
    if (text === undefined || text.trim() === "") return;
    this.#lines.push(bounded(text, saidLimit));
    if (this.#lines.length > 50) this.#lines.splice(25, 1);
  }
  text(): string {
    return bounded(this.#lines.join("\n"), saidLimit);
  }
}
