import { createHash } from "node:crypto";
import { gateError } from "../failure.ts";
import { inputLimits } from "../inputs.ts";
import { incidentText } from "../listen/incident-text.ts";
import type { Incident } from "../listen/incident.ts";
import type { Goal } from "./goal.ts";

/** Why a goal is run now, and the name of that: the same wish or incident has the same id, so that a second run updates what the first made. */
export type Occasion = { readonly id: string; readonly told: string | undefined; readonly by: "operator" | "alert" };

/** What a goal is told, of what was given. Pure. Throws the GateError `goal-untold` where it needs more than that. */
export function occasionOf(
  goal: Pick<Goal, "name" | "needs">,
  given: { readonly text?: string | undefined; readonly incident?: Incident | undefined },
): Occasion {
  const text = given.text?.trim().slice(0, inputLimits.text);
  if (goal.needs === "alert") {
    if (given.incident !== undefined) return { id: given.incident.id, told: incidentText(given.incident), by: "alert" };
    // A person at a prompt may say what is wrong in their own words.
    if (text !== undefined && text !== "") return { id: digest(goal.name, text), told: text, by: "operator" };
    throw gateError("goal-untold", { goal: goal.name, needs: "alert" });
  }
  if (text !== undefined && text !== "") return { id: digest(goal.name, text), told: text, by: "operator" };
  if (goal.needs === "text") throw gateError("goal-untold", { goal: goal.name, needs: "text" });
  return { id: "standing", told: undefined, by: "operator" };
}

/** Spaces, case and the full stop at the end do not make another wish. */
const digest = (name: string, text: string): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        name,
        text
          .normalize("NFC")
          .toLowerCase()
          .replace(/\s+/g, " ")
          .replace(/[.!?]+$/, ""),
      ]),
    )
    .digest("hex")
    .slice(0, 16);
