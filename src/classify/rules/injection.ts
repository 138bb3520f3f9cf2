import { changedTexts } from "../changed-texts.ts";
import type { Rule, RuleContext, Sighting } from "../rule.ts";
import { disguise, hasControl, instruction } from "../suspicious-text.ts";

type Name = { readonly what: string; readonly name: string };

/** Names that this change brings in. They identify things, so a reader has to be able to tell them apart. */
function newNames({ diff }: RuleContext): Name[] {
  return [
    ...[...diff.units, ...diff.userUnits]
      .filter((change) => change.change === "added")
      .map((change) => ({ what: "unit", name: change.name })),
    ...diff.packages.added.map((side) => ({ what: "package", name: side.name })),
    ...diff.packages.changed.flatMap((change) =>
      change.to
        .filter((version) => !change.from.includes(version))
        .map((version) => ({ what: "version", name: `${change.name}-${version}` })),
    ),
    ...diff.files.filter((file) => file.change === "added").map((file) => ({ what: "file", name: file.path.replaceAll(" → ", " ") })),
    ...diff.settings.users.filter((change) => change.change === "added").map((change) => ({ what: "user", name: change.name })),
    ...diff.settings.groups.filter((change) => change.from === undefined).map((change) => ({ what: "group", name: change.key })),
    ...diff.settings.mounts.filter((change) => change.change === "added").map((change) => ({ what: "mount", name: change.mountPoint })),
    ...diff.settings.activation
      .filter((snippet) => snippet.change === "added")
      .map((snippet) => ({ what: "activation script", name: snippet.snippet })),
    ...diff.system.specialisations.added.map((name) => ({ what: "specialisation", name })),
    ...diff.system.kernelParams.added.map((name) => ({ what: "kernel parameter", name })),
    { what: "version of NixOS", name: diff.system.nixosVersion.to ?? "" },
  ];
}

/** Everything else that came in as text: lines of files, units and scripts, full names of users, the commit's message. */
function newTexts({ diff, facts }: RuleContext): { source: string; text: string }[] {
  return [
    ...(facts.commitMessage === undefined ? [] : [{ source: "commit message", text: facts.commitMessage }]),
    ...changedTexts(diff).flatMap((text) => text.lines.added.map((line) => ({ source: text.source, text: line }))),
    ...diff.settings.users.flatMap((change) => change.fields.map((field) => ({ source: `user ${change.name}`, text: field.to ?? "" }))),
    ...diff.units.flatMap((change) =>
      change.keys
        .filter((entry) => /^(Description|Documentation)$/.test(entry.key))
        .flatMap((entry) => entry.to.map((text) => ({ source: change.name, text }))),
    ),
  ];
}

/** Non-ASCII is shown as escapes: a homoglyph that is quoted as it stands deceives the next reader as well. */
const escaped = (text: string): string =>
  text.replaceAll(/[^\x20-\x7e]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);

export const nameNotAscii: Rule = {
  id: "name-not-ascii",
  family: "injection",
  verdict: "risky",
  title: "A new name has characters outside ASCII",
  hazard: "A letter that looks like another one makes a new unit, user or package pass for one that was there before.",
  check: "Compare the escaped name with the one that it looks like.",
  see: (context) =>
    newNames(context)
      .filter(({ name }) => /[^\x20-\x7e]/.test(name))
      .map(({ what, name }) => ({ subject: `${what} ${escaped(name)}`, evidence: [`+ ${escaped(name)}`] })),
};

export const disguisedText: Rule = {
  id: "disguised-text",
  family: "injection",
  verdict: "risky",
  title: "Text with invisible, reordering or look-alike characters",
  hazard: "What a reader sees is not what the program reads, so a review of this text proves nothing.",
  check: "Look at the bytes: `cat -A`.",
  see: (context) =>
    grouped(
      newTexts(context).flatMap(({ source, text }) => {
        const found = disguise(text);
        return found === undefined ? [] : [{ source, line: `${found}: ${escaped(text.trim())}` }];
      }),
    ),
};

export const addressedToReviewer: Rule = {
  id: "text-to-reviewer",
  family: "injection",
  verdict: "risky",
  title: "Text that speaks to whoever reviews the change",
  hazard: "No honest configuration tells its reviewer what to think; text that does may hide what the rest of the change is for.",
  check: "Who wrote this line, and why? Read the whole change without it.",
  see: (context) => {
    const names = newNames(context).map(({ what, name }) => ({ source: what, text: name }));
    const lines = newTexts(context);
    // A sentence may be spread over lines: comment signs are dropped and neighbours of one source are read together as well.
    const together = [...Map.groupBy(lines, (entry) => entry.source)].map(([source, entries]) => ({
      source,
      text: entries
        .map((entry) => entry.text.replace(/^\s*(#+|\/\/+|\*|;+|--)?\s*/, ""))
        .join(" ")
        .slice(0, 40_000),
    }));
    const single = [...names, ...lines].flatMap(({ source, text }) => {
      const said = instruction(text);
      return said === undefined ? [] : [{ source, line: said }];
    });
    const known = new Set(single.map((entry) => entry.source));
    const spread = together
      .filter((entry) => !known.has(entry.source))
      .flatMap(({ source, text }) => {
        const said = instruction(text);
        return said === undefined ? [] : [{ source, line: said }];
      });
    return grouped([...single, ...spread].map(({ source, line }) => ({ source, line: escaped(line) })));
  },
};

export const controlCharacters: Rule = {
  id: "control-characters",
  family: "injection",
  verdict: "risky",
  title: "Control characters in a name, a description or the commit message",
  hazard: "A terminal or a log that shows them can be made to hide or to invent lines.",
  check: "Look at the bytes: `cat -A`.",
  see: (context) => {
    const named = newNames(context)
      .filter(({ name }) => hasControl(name))
      .map(({ what, name }) => ({ source: what, line: escaped(name) }));
    const described = newTexts(context)
      .filter(
        ({ source, text }) => (source === "commit message" || source.startsWith("user ")) && hasControl(text.replaceAll(/[\r\n\t]/g, "")),
      )
      .map(({ source, text }) => ({ source, line: escaped(text) }));
    return grouped([...named, ...described]);
  },
};

function grouped(lines: readonly { source: string; line: string }[]): Sighting[] {
  return [...Map.groupBy(lines, (entry) => entry.source)].map(([source, entries]) => ({
    subject: escaped(source),
    evidence: [...new Set(entries.map((entry) => entry.line))],
  }));
}

export const injectionRules: readonly Rule[] = [nameNotAscii, disguisedText, addressedToReviewer, controlCharacters];
