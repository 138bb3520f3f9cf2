import type { Overridable } from "../apply/preflight.ts";
import { GateError, gateError } from "../failure.ts";
import type { NotifyPolicy } from "../policy-notify.ts";
import { htmlOption, pageFile, writePage } from "./page-file.ts";
import type { Command } from "./shell.ts";
import { listOption, withShellRun } from "./shell-run.ts";
import { sshOptions } from "./ssh-words.ts";

/** What a person may ask the gate to pass over. */
const overridable = ["checks", "group", "attempts", "order"] as const satisfies readonly Overridable[];

/** `gate deploy`: the plan against what hosts run, and then what it says. */
export const deployCommand: Command = {
  name: "deploy",
  summary: "bring the hosts of a flake to what it says, each supervised and proven",
  usage: "deploy [FLAKEREF] [--hosts GLOB,...] [--dry-run] [--approve TOKEN,...] [--json | --markdown] [--html FILE]",
  words: [0, 1],
  options: {
    hosts: { type: "string", value: "GLOB,...", help: "only these hosts" },
    "dry-run": { type: "boolean", help: "ask the hosts and say what would be done; change nothing on them" },
    approve: { type: "string", value: "TOKEN,...", help: "bring in changes that are held, each by the token that the report printed" },
    reject: { type: "string", value: "TOKEN,...", help: "say no to changes that are held; their hosts keep it in mind" },
    despite: { type: "string", value: "WHAT,...", help: `go on in spite of ${overridable.join(", ")}` },
    ...sshOptions,
    base: { type: "string", value: "REF", help: "what hosts that are not deployed are compared with" },
    json: { type: "boolean", help: "the whole plan as JSON, on stdout" },
    markdown: { type: "boolean", help: "the report as Markdown, on stdout" },
    html: htmlOption,
    session: { type: "boolean", help: "ask a Claude session for a second opinion (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)" },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    verbose: { type: "boolean", short: "v", help: "every list whole, with the diffs of units and files" },
    "log-file": { type: "string", value: "FILE", help: "write all that is done, as JSON lines, without secrets" },
  },
  examples: [
    "nixos-deploy-gate deploy --dry-run",
    "nixos-deploy-gate deploy . --hosts 'web*'",
    "nixos-deploy-gate deploy --approve 'db1@1f0c….1795388716.9b1c…'",
  ],
  run: async ([flake = "."], options, shell) => {
    const page = pageFile(options, shell, "deploy");
    const despite = listOption(options, "despite").map((word) => {
      const known = overridable.find((one) => one === word);
      if (known === undefined)
        throw gateError("usage", { problem: `--despite takes ${overridable.join(", ")}; this is "${word}".`, command: "deploy" });
      return known;
    });
    return await withShellRun({ flake, options, shell, trust: "deploy-branch" }, async (prepared, log) => {
      const [{ runDeploy }, { showPlan }, { notifyFailure, notifyOf }] = await Promise.all([
        import("./deploy-run.ts"),
        import("./show-plan.ts"),
        import("./notify-run.ts"),
      ]);
      let told: NotifyPolicy | undefined;
      const onPolicy = (policy: { readonly notify: NotifyPolicy }, changes: boolean): void => void (told = changes ? policy.notify : told);
      const asked = { onPolicy, despite, approve: listOption(options, "approve"), reject: listOption(options, "reject") };
      const telling = () => ({ policy: told, url: undefined, environment: shell.environment, masked: (text: string) => log.masked(text) });
      try {
        const plan = await runDeploy(prepared, flake, options, shell, asked);
        log.close();
        const code = showPlan(plan, options, shell);
        for (const note of await notifyOf(plan, telling())) shell.error(`${note}\n`);
        await writePage(plan, page, "deploy");
        return code;
      } catch (error) {
        if (error instanceof GateError)
          for (const note of await notifyFailure(error.failure, { flake, revision: prepared.sources.head.rev }, telling()))
            shell.error(`${note}\n`);
        throw error;
      }
    });
  },
};
