import type { StoreFiles } from "../io/ports.ts";
import { changedEtcTexts } from "./etc.ts";
import { unorderedLineChanges } from "./line-changes.ts";
import type { System } from "./system.ts";
import type { LineChange } from "./system-diff.ts";

/** Changed rules of /etc/tmpfiles.d, blanks folded. A rule that moved to another file of the same name is no change of its own. */
export function diffTmpfiles(store: StoreFiles, before: System, after: System): LineChange[] {
  return changedEtcTexts(store, before.etc, after.etc, "tmpfiles.d").flatMap(({ name, from, to }) =>
    unorderedLineChanges(`/etc/tmpfiles.d/${name}`, rules(from), rules(to)),
  );
}

function rules(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim().replace(/\s+/g, " "))
    .filter((line) => line !== "" && !line.startsWith("#"));
}
