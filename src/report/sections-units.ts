import { list, type Line, type Section } from "./line.ts";
import type { PlanDiff } from "./plan-diff.ts";

type Unit = PlanDiff["units"][number];
type Effect = Unit["effect"];

/** What happens to a running unit, in the words an operator uses; the ones that interrupt something first. */
const effects: Readonly<Record<Effect, string>> = {
  stop: "stops",
  "stop-start": "stops and starts",
  restart: "restarts",
  reload: "reloads",
  start: "starts",
  skip: "keeps running the old version until a reboot",
  nothing: "nothing happens to it",
};
const effectOrder = Object.keys(effects) as Effect[];

/** Units by what switch-to-configuration does with them, and why. Units of unchanged meaning are named together. */
export function unitsSection(diff: PlanDiff, detail: "full" | "names"): Section {
  const lines = [...byEffect(diff.units, detail, ""), ...byEffect(diff.userUnits, detail, "user unit ")];
  const counted = effectOrder.flatMap((effect) => {
    const n = diff.units.filter((unit) => unit.effect === effect).length;
    return n === 0 ? [] : [`${n} ${summaryWord[effect]}`];
  });
  const user = diff.userUnits.length === 0 ? [] : [`${diff.userUnits.length} of users`];
  const texts = [...diff.units, ...diff.userUnits]
    .filter((unit) => unit.diff !== "")
    .map((unit) => ({ title: unit.name, text: unit.diff }));
  return { kind: "units", title: "Units", summary: [...counted, ...user].join(", "), lines, texts };
}

const summaryWord: Readonly<Record<Effect, string>> = {
  stop: "stop",
  "stop-start": "stop and start",
  restart: "restart",
  reload: "reload",
  start: "start",
  skip: "wait for a reboot",
  nothing: "untouched",
};

function byEffect(units: readonly Unit[], detail: "full" | "names", prefix: string): Line[] {
  return effectOrder.flatMap((effect) => {
    const here = units.filter((unit) => unit.effect === effect);
    const telling = here.filter((unit) => !unit.hashOnly && detail === "full");
    const rest = here.filter((unit) => unit.hashOnly || detail === "names");
    const why = detail === "names" ? "" : " (only store paths differ)";
    return [
      ...telling.map((unit): Line => {
        const change = unit.change === "changed" ? "" : `${unit.change}, `;
        return { spans: [prefix, { code: unit.name }, ` ${change}${effects[effect]}`, ...(unit.reason === "" ? [] : [": ", unit.reason])] };
      }),
      ...(rest.length === 0
        ? []
        : [
            {
              spans: [
                `${prefix}${effects[effect]}${why}: `,
                ...list(
                  rest.map((unit) => unit.name),
                  60,
                ),
              ],
            },
          ]),
    ];
  });
}
