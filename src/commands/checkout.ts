import { posix, resolve } from "node:path";
import { parseFlakeref } from "../discover/flakeref.ts";
import { GateError } from "../failure.ts";
import { gitPort } from "../io/git.ts";
import { scratchDirectory } from "../io/machine.ts";
import type { Checkout } from "../io/ports.ts";
import type { Shell } from "./shell.ts";

/** A repository as a person sees it: where it is, where the flake lies in it, and what it calls its origin. */
export type LocalFlake = {
  readonly checkout: Checkout;
  /** From the root, without slashes at its ends; empty for the root. */
  readonly directory: string;
  readonly origin: string | undefined;
  readonly head: string | undefined;
  /** The short name of the branch that is deployed, as far as the checkout knows one. */
  readonly branch: string | undefined;
};

/** Undefined where the flakeref leads to no working tree of git on this machine. Throws nothing but the GateError `cancelled`. */
export async function checkoutOf(
  flake: string,
  { directory, environment, signal }: Pick<Shell, "directory" | "environment" | "signal">,
): Promise<LocalFlake | undefined> {
  const scratch = scratchDirectory(environment);
  try {
    const parsed = parseFlakeref(flake);
    if (parsed.kind === "remote") return undefined;
    const git = gitPort({ environment, scratch: scratch.path, signal });
    const place = await git.locate(resolve(directory, parsed.path));
    if (place.kind !== "checkout") return undefined;
    const { checkout } = place;
    const say = async (...words: readonly string[]): Promise<string | undefined> => {
      const end = await git.run({ directory: checkout.root, arguments: words });
      const text = end.stdout.trim();
      return end.exitCode === 0 && text !== "" ? text : undefined;
    };
    const [origin, head, remoteHead, here] = await Promise.all([
      say("config", "--get", "remote.origin.url"),
      say("rev-parse", "--verify", "--quiet", "HEAD^{commit}"),
      say("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"),
      say("symbolic-ref", "--quiet", "--short", "HEAD"),
    ]);
    return {
      checkout,
      directory: posix.join("/", checkout.prefix, parsed.directory ?? "").replace(/^\/|\/$/g, ""),
      origin,
      head,
      branch: remoteHead?.replace(/^origin\//, "") ?? here,
    };
  } catch (error) {
    // What is wrong with the flakeref, and a machine without git, are said where the flake is read.
    if (error instanceof GateError && error.failure.code !== "cancelled") return undefined;
    throw error;
  } finally {
    scratch.remove();
  }
}
