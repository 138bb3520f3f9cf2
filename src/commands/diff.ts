import { classify } from "../classify/classify.ts";
import type { Judgement } from "../classify/finding.ts";
import type { Questionable } from "../classify/session/opinions.ts";
import { diffFleet } from "../diff/diff.ts";
import { diffJson } from "../diff/diff-json.ts";
import { type Reason, reasonFor } from "../diff/why.ts";
import { type Failure, GateError, gateError } from "../failure.ts";
import { systemClock } from "../io/clock.ts";
import { scratchDirectory } from "../io/machine.ts";
import { nixPort } from "../io/nix.ts";
import { storeDatabase } from "../io/store-database.ts";
import { storeFiles } from "../io/store-files.ts";
import { rebuiltReport, whyReport } from "../report/diff-details.ts";
import { diffReport } from "../report/diff-report.ts";
import { jsonText } from "../report/json-text.ts";
import { terminalLine } from "../report/terminal-escape.ts";
import { readFacts } from "./facts-file.ts";
import { htmlOption, pageFile, writePage } from "./page-file.ts";
import type { Command, Options, Shell } from "./shell.ts";
import { linkEnd, toplevelPath } from "./toplevel-path.ts";

/** `gate diff`: two toplevels in the store of this machine, the old one also elsewhere. No flake and no forge. */
export const diffCommand: Command = {
  name: "diff",
  summary: "compare two NixOS systems in the store and judge the change",
  usage: "diff OLD NEW [--facts FILE] [--from-store URL] [--why NAME] [--rebuilt] [--session] [--json] [--html FILE]",
  words: [2, 2],
  options: {
    facts: { type: "string", value: "FILE", help: "what is true of the host and not in its closure, as JSON" },
    "from-store": {
      type: "string",
      value: "URL",
      help: "where OLD is if not here: ssh-ng://root@HOST, file:///DIR, https://CACHE; then only packages are compared",
    },
    why: {
      type: "string",
      value: "NAME",
      help: "also say what brings a package or store path into NEW, or into OLD where only that has it",
    },
    rebuilt: { type: "boolean", help: "also list what was rebuilt at the same version" },
    json: { type: "boolean", help: "everything, as JSON" },
    html: htmlOption,
    session: { type: "boolean", help: "ask a Claude session for a second opinion (ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN)" },
    model: { type: "string", value: "NAME", help: "the session's model (sonnet)" },
    verbose: { type: "boolean", short: "v", help: "every list whole, with the diffs of units and files" },
  },
  examples: [
    "nixos-deploy-gate diff /run/current-system ./result",
    "nixos-deploy-gate diff /run/booted-system /run/current-system --json",
    "nixos-deploy-gate diff /run/current-system ./result --why openssl",
  ],
  run: async ([old = "", next = ""], options, shell) => {
    const page = pageFile(options, shell, "diff");
    const facts = typeof options["facts"] === "string" ? readFacts(options["facts"], shell.directory) : { facts: {}, notes: [] };
    const note = (sentence: string): void => shell.error(`note: ${terminalLine(sentence, shell.terminal.unicode, 2000)}\n`);
    facts.notes.forEach(note);
    const fromStore = storeOf(options, old);
    const to = toplevelPath(next, shell.directory);
    const from = fromStore === undefined ? toplevelPath(old, shell.directory) : old;
    const scratch = scratchDirectory(shell.environment);
    try {
      const { environment, signal } = shell;
      const ports = {
        nix: nixPort({ environment, scratch: scratch.path, signal }),
        store: storeFiles(),
        database: storeDatabase({ environment }),
      };
      const { hosts, graph } = await diffFleet([{ host: "", from, to, ...(fromStore === undefined ? {} : { fromStore }) }], ports);
      const compared = hosts.get("");
      if (compared === undefined) throw new Error("nothing was compared");
      if (!compared.ok) throw refused(compared.failure);
      const { diff, from: before, to: after } = compared.value;
      const rules = classify({ before, after, diff, facts: facts.facts, phase: "pull-request" }, {});
      const { judgement, notes, session } =
        options["session"] === true && from !== to
          ? await opinion({ host: "host", facts: facts.facts, diff, judgement: rules.judgement }, rules.notes, options, shell, scratch.path)
          : { ...rules, session: null };
      const verdict = from === to ? "unchanged" : judgement.verdict;
      const why = typeof options["why"] === "string" ? reasonFor(graph, from, to, linkEnd(options["why"], shell.directory)) : undefined;
      if (page !== undefined) {
        const { diffPlan } = await import("./diff-plan.ts");
        const made = diffPlan(diff, judgement, { notes, session: session ?? undefined, now: systemClock.now() });
        await writePage(made.plan, page, "diff", { compared: made.compared });
      }
      const listRebuilt = options["rebuilt"] === true;
      if (options["json"] === true) {
        const changes = diffJson(diff, { listRebuilt });
        shell.out(
          jsonText({
            schema: 1,
            verdict,
            ...json(judgement),
            ...changes,
            ...(why === undefined ? {} : { why: whyJson(why) }),
            notes,
            session,
          }),
        );
        return 0;
      }
      notes.forEach(note);
      shell.out(diffReport(diff, judgement, { ...shell.terminal, verbose: options["verbose"] === true }, session ?? undefined));
      if (listRebuilt) shell.out(rebuiltReport(diff, shell.terminal));
      if (why !== undefined) shell.out(whyReport(why, shell.terminal));
      return 0;
    } finally {
      scratch.remove();
    }
  },
};

/** What can be corrected by typing something else is the caller's; a defect, and a store that does not answer, are not. */
function refused(failure: Failure): GateError {
  return new GateError(failure, failure.code === "toplevel-missing" || failure.code === "toplevel-invalid" ? 2 : 4);
}

/** The store that OLD is in; OLD is then a path as that store has it, since nobody here can follow its links. */
function storeOf(options: Options, old: string): string | undefined {
  const url = options["from-store"];
  if (typeof url !== "string") return undefined;
  const refuse = (problem: string): GateError => gateError("usage", { problem, command: "diff" });
  if (!/^(?:[a-z][a-z0-9+-]*:\/\/|\/)\S*$/.test(url))
    throw refuse(`"${url}" is no store: one looks like ssh-ng://root@HOST, file:///DIR or https://CACHE.`);
  if (!old.startsWith("/nix/store/"))
    throw refuse(
      `With --from-store the old system is a store path, not ${old}. On the host, this prints it: readlink -f /run/current-system`,
    );
  return url;
}

const whyJson = ({ side, ...rest }: Reason): object => ({ ...rest, side: side ?? null });

/** Loaded only where somebody asks for it. */
async function opinion(question: Questionable, notes: readonly string[], options: Options, shell: Shell, scratch: string) {
  const { diffOpinion } = await import("./diff-session.ts");
  const model = options["model"];
  const said = await diffOpinion(question, typeof model === "string" ? model : undefined, shell, scratch);
  return { ...said, notes: [...notes, ...said.notes] };
}

const json = ({ verdict: _verdict, ...rest }: Judgement): Omit<Judgement, "verdict"> => rest;
