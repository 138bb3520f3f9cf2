import type { SessionAnswer, SessionProgram } from "../io/ports.ts";
import { type Check, rowsOf } from "./check.ts";

export type SessionFacts = {
  readonly policy: "required" | "optional" | "off";
  /** The credential that is set here, without a word of it. */
  readonly credential: { readonly kind: "api-key" | "oauth-token"; readonly looksRight: boolean; readonly spaced: boolean } | undefined;
  readonly program: SessionProgram | undefined;
  /** What the model answered, where it was asked. */
  readonly answer: SessionAnswer | undefined;
};

const variable = { "api-key": "ANTHROPIC_API_KEY", "oauth-token": "CLAUDE_CODE_OAUTH_TOKEN" } as const;

/** Whether a Claude session could be asked from here. Pure. */
export function sessionChecks({ policy, credential, program, answer }: SessionFacts): Check[] {
  const row = rowsOf("session");
  if (policy === "off") return [row("ok", "session", "The policy asks no session: the rules judge alone.")];
  const lacking = policy === "required" ? ("fail" as const) : ("ok" as const);
  const either =
    policy === "required" ? "the policy requires one, so every change would be held" : "the rules judge alone, and every report says so";
  const checks: Check[] = [];
  if (credential === undefined)
    checks.push(
      row(
        lacking,
        "credential",
        `No credential for a Claude session is set here: ${either}.`,
        "export ANTHROPIC_API_KEY=…   # or: claude setup-token",
      ),
    );
  else if (credential.spaced)
    checks.push(
      row(
        "fail",
        "credential",
        `${variable[credential.kind]} holds a blank or a line end, which no credential has.`,
        `printf %s "$${variable[credential.kind]}" | od -c | tail -n 2`,
      ),
    );
  else if (!credential.looksRight)
    checks.push(
      row(
        "warn",
        "credential",
        `${variable[credential.kind]} does not begin as such a credential does (${credential.kind === "api-key" ? "sk-ant-api" : "sk-ant-oat"}).`,
        "nixos-deploy-gate doctor --ask-model   # asks one small question with it",
      ),
    );
  else checks.push(row("ok", "credential", `${variable[credential.kind]} is set and has the form of one; it was not tried.`));
  if (program?.kind === "usable") checks.push(row("ok", "claude", `claude ${program.version}.`));
  else if (program !== undefined && credential !== undefined)
    checks.push(
      row(
        "warn",
        "claude",
        `There is no claude program that can be used: ${program.detail}. The Action brings one; a shell does not.`,
        "claude --version",
      ),
    );
  if (answer?.kind === "answered") checks.push(row("ok", "model", `The model answered, for ${answer.use.costUsd.toFixed(4)} USD.`));
  else if (answer !== undefined)
    checks.push(
      row("fail", "model", `The model gave no answer (${answer.reason}): ${answer.detail}`, "nixos-deploy-gate doctor --ask-model"),
    );
  return checks;
}
