import { rules } from "../classify/rules.ts";
import { rulesMarkdown } from "../classify/rules-page.ts";
import type { Command } from "./shell.ts";

/** `gate rules`: the table that judges, as it is. */
export const rulesCommand: Command = {
  name: "rules",
  summary: "list the rules that judge a change",
  usage: "rules [--json | --markdown]",
  words: [0, 0],
  options: {
    json: { type: "boolean", help: "as JSON" },
    markdown: { type: "boolean", help: "as the page docs/rules.md" },
  },
  examples: ["nixos-deploy-gate rules", "nixos-deploy-gate rules --json | jq '.[].id'"],
  run: (_words, options, shell) => {
    if (options["markdown"] === true) shell.out(rulesMarkdown());
    else if (options["json"] === true)
      shell.out(
        `${JSON.stringify(
          rules.map(({ see: _see, ...rule }) => rule),
          undefined,
          2,
        )}\n`,
      );
    else {
      const width = Math.max(...rules.map((rule) => rule.id.length));
      for (const rule of rules) shell.out(`${rule.id.padEnd(width)}  ${rule.verdict.padEnd(6)}  ${rule.title}\n`);
    }
    return Promise.resolve(0);
  },
};
