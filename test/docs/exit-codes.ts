import { exitMeaning, type ExitCase } from "../../src/apply/exit-meaning.ts";
import { code, table } from "./markdown.ts";

type Shown = { readonly said: string; readonly given: Omit<ExitCase, "action"> };

/** What each operation may end with, as docs/activation.md shows it. */
const cases: readonly Shown[] = [
  { said: "0", given: { exit: 0, log: "" } },
  { said: "1, and the log names an inhibitor", given: { exit: 1, log: "changes to critical components" } },
  { said: "1, and the log names a pre-switch check", given: { exit: 1, log: "Pre-switch check failed" } },
  { said: "1, otherwise, nothing had begun", given: { exit: 1, log: "", moved: false } },
  { said: "1, otherwise, in the middle", given: { exit: 1, log: "stopping the following units: a.service", moved: false } },
  { said: "2", given: { exit: 2, log: "", moved: true } },
  { said: "4", given: { exit: 4, log: "", moved: true } },
  { said: "4, and the log says that the activation script failed", given: { exit: 4, log: "Failed to run activate script", moved: true } },
  { said: "11, before anything began", given: { exit: 11, log: "Could not acquire lock" } },
  { said: "100", given: { exit: 100, log: "", moved: false } },
  { said: "255, or none", given: { exit: 255, log: "" } },
  { said: "none: our limit ended it", given: { exit: undefined, limit: true, log: "" } },
];

const actions = ["test", "boot", "switch", "dry-activate"] as const;

/** What each exit code is taken for, by operation, and what has changed by then. The gate runs `test`, `boot` and `dry-activate`; `switch` is what people type. */
export function exitCodesTable(): string {
  const rows = cases.map(({ said, given }) => [
    said,
    ...actions.map((action) => {
      const { kind, changed } = exitMeaning({ ...given, action });
      return `${code(kind)}; changed: ${changed.replaceAll("-", " ")}`;
    }),
  ]);
  return table(["exit code", ...actions.map((action) => code(action))], rows);
}
