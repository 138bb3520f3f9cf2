import type { DeployRequest } from "../deploy/contact.ts";
import { gate } from "../gate.ts";
import type { Policy } from "../policy.ts";
import type { Plan } from "../report/plan.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";
import packageJson from "../../package.json" with { type: "json" };

/** The pipeline as a shell runs it; with `deploy` to its end. */
export async function runGate(
  prepared: Prepared,
  flake: string,
  options: Options,
  shell: Shell,
  deploy: DeployRequest | undefined,
  onPolicy?: (policy: Policy, changes: boolean) => void,
): Promise<Plan> {
  const { sources, ports, commitMessage } = prepared;
  const hosts = typeof options["hosts"] === "string" ? options["hosts"] : "";
  return await gate(
    {
      event: "shell",
      phase: deploy === undefined ? "pull-request" : "push",
      flake,
      sources,
      commitMessage,
      hosts: hosts.split(",").filter((glob) => glob !== ""),
      detail: "full",
      build: options["no-build"] !== true,
      // What a shell holds is the operator's own affair: the isolation is used where there is one, and what cannot be isolated is as safe as `nix build`.
      holdings: { secrets: false, writeToken: false },
      session:
        options["session"] === true ? (await import("./shell-session.ts")).sessionOf(options, shell, prepared) : "no session was asked for",
      version: packageJson.version,
      ...(deploy === undefined ? {} : { deploy }),
      ...(onPolicy === undefined ? {} : { onPolicy }),
      notes: [],
    },
    ports,
  );
}
