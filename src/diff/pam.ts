import type { StoreFiles } from "../io/ports.ts";
import { changedEtcTexts } from "./etc.ts";
import { orderedLineChanges } from "./line-changes.ts";
import type { System } from "./system.ts";
import type { LineChange } from "./system-diff.ts";

/** Changed lines of /etc/pam.d, comments left out and blanks folded. Order counts: a stack is run from the top. */
export function diffPam(store: StoreFiles, before: System, after: System): LineChange[] {
  return changedEtcTexts(store, before.etc, after.etc, "pam.d").flatMap(({ name, from, to }) =>
    orderedLineChanges(`/etc/pam.d/${name}`, lines(from), lines(to)),
  );
}

/**
 * pam.conf(5): a backslash at the end continues a line, `#` begins a comment. NixOS writes the rule's name and order behind each line as a
 * comment.
 */
function lines(text: string): string[] {
  return text
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) =>
      line
        .replace(/(?:^|\s)#.*$/, "")
        .trim()
        .replace(/\s+/g, " "),
    )
    .filter((line) => line !== "");
}
