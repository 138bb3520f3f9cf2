import type { ExitCode } from "../failure.ts";
import { leaveOf } from "../goal/goal.ts";
import type { GateLog } from "../io/log.ts";
import { goalPolicy } from "../policy-goals.ts";
import { jsonText } from "../report/json-text.ts";
import { writer } from "../report/terminal-section.ts";
import { goalsAt, policyOf } from "./goal-setup.ts";
import type { Prepared } from "./prepare.ts";
import type { Options, Shell } from "./shell.ts";

/** Says which goals there are and what each may do here. Reads the flake's policy and nothing else; no host is contacted. */
export async function listGoals(prepared: Prepared, options: Options, shell: Shell, log: GateLog): Promise<ExitCode> {
  const policy = await policyOf(prepared);
  const { known, notes } = await goalsAt(prepared, policy.goals, shell.programRoot);
  const all = [...known.values()].map((one) =>
    "problem" in one ? one : { ...one, leave: leaveOf(one.goal, goalPolicy(policy.goals, one.name)) },
  );
  log.close();
  if (options["json"] === true) {
    shell.out(
      jsonText({
        schema: 1,
        goals: all.map((one) =>
          "problem" in one
            ? { name: one.name, path: one.path, problem: one.problem }
            : {
                name: one.name,
                path: one.path,
                whose: one.whose,
                needs: one.goal.needs,
                output: one.goal.output,
                most: one.goal.autonomy,
                leave: one.leave,
              },
        ),
        notes,
      }),
    );
    return 0;
  }
  const { paint, line } = writer(shell.terminal);
  const blocks = all.map((one) => {
    const head_ = `${paint(1, line(one.name))}${one.whose === "ours" ? "" : ` (${line(one.path)})`}`;
    if ("problem" in one) return [head_, `  cannot be used: ${line(one.problem)}`];
    const { goal, leave } = one;
    const most =
      leave.autonomy === goal.autonomy ? "" : ` (of ${goal.autonomy}, which deployGate.goals.by.${one.name}.autonomy would allow)`;
    return [
      `${head_}: ${leave.autonomy}${most}`,
      `  at most $${leave.usd.toFixed(2)} and ${leave.minutes} minutes, about ${line(leave.hosts.join(", "))}${goal.needs === "nothing" ? "" : `; needs --${goal.needs}`}`,
      ...(leave.actions.length === 0 ? [] : [`  may ${leave.actions.join(", ")}`]),
    ];
  });
  shell.out(`${[...blocks.flat(), ...notes.map((note) => line(note))].join("\n")}\n`);
  return 0;
}
