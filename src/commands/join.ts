import { htmlOption, pageFile, writePage } from "./page-file.ts";
import type { Command } from "./shell.ts";

/** `gate join`: the plans of several jobs as one report. Needs neither Nix nor a checkout, and changes nothing. */
export const joinCommand: Command = {
  name: "join",
  summary: "make one report of the plans of several jobs, each of which looked at some of the hosts",
  usage: "join PLAN.json|DIRECTORY... [--json | --markdown] [--html FILE]",
  words: [1, 256],
  options: {
    json: { type: "boolean", help: "the whole plan as JSON, on stdout" },
    markdown: { type: "boolean", help: "the comment of a pull request, on stdout" },
    html: htmlOption,
    verbose: { type: "boolean", short: "v", help: "every list whole, with the diffs of units and files" },
  },
  examples: ["nixos-deploy-gate join web.json db.json", "nixos-deploy-gate join plans/ --json"],
  run: async (words, options, shell) => {
    const [{ joinFiles }, { showPlan }] = await Promise.all([import("./join-files.ts"), import("./show-plan.ts")]);
    const page = pageFile(options, shell, "join");
    const plan = joinFiles(words, shell.directory);
    const code = showPlan(plan, options, shell);
    await writePage(plan, page, "join");
    return code;
  },
};
