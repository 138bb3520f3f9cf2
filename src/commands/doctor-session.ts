import type { Check } from "../doctor/check.ts";
import { sessionChecks } from "../doctor/session-checks.ts";
import { scratchDirectory } from "../io/machine.ts";
import { claudeSession } from "../io/session.ts";
import type { Policy } from "../policy.ts";
import { credentialOf } from "./session-setup.ts";
import type { Options, Shell } from "./shell.ts";

const form = { "api-key": /^sk-ant-api\d*-\S{20,}$/, "oauth-token": /^sk-ant-oat\d*-\S{20,}$/ } as const;

/** Looks at credential and program; the model itself is only asked where that was asked for. */
export async function checkSession(policy: Policy, options: Options, { environment, signal }: Shell): Promise<Check[]> {
  const credential = credentialOf(environment["ANTHROPIC_API_KEY"], environment["CLAUDE_CODE_OAUTH_TOKEN"]);
  const scratch = scratchDirectory(environment);
  try {
    const baseUrl = environment["ANTHROPIC_BASE_URL"] ?? "";
    const session = claudeSession({
      program: "claude",
      credential,
      path: environment["PATH"] ?? "/usr/bin:/bin",
      scratch: scratch.path,
      signal,
      ...(baseUrl === "" ? {} : { baseUrl }),
    });
    const asked = options["ask-model"] === true;
    const program = policy.session === "off" || (credential === undefined && !asked) ? undefined : await session.program();
    return sessionChecks({
      policy: policy.session,
      credential:
        credential === undefined
          ? undefined
          : { kind: credential.kind, looksRight: form[credential.kind].test(credential.value), spaced: /\s/.test(credential.value) },
      program,
      answer: asked
        ? await session.ask({
            system: "You are asked whether you can be reached. Answer with reachable set to true.",
            prompt: "Can you be reached?",
            schema: {
              type: "object",
              properties: { reachable: { type: "boolean" } },
              required: ["reachable"],
              additionalProperties: false,
            },
            model: policy.sessionSettings.model,
            maxTurns: 4,
            budgetUsd: 0.05,
            timeoutSeconds: 60,
          })
        : undefined,
    });
  } finally {
    scratch.remove();
  }
}
