import { describe, expect, test } from "vitest";
import { strategies } from "../../src/apply/outcome.ts";
import { failureStages } from "../../src/diagnose/evidence.ts";
import {
  isUntouchable,
  recover,
  recoveryBudget,
  refusals,
  type Proposal,
  type Situation,
  type Tried,
} from "../../src/diagnose/recovery.ts";
import { remedyKinds, terms, waitConditions, type Remedy, type RemedyKind } from "../../src/diagnose/remedy.ts";
import { Random } from "../diff/random.ts";

const situation = (over: Partial<Situation> = {}): Situation => ({
  stage: "activation",
  mode: "switch",
  attended: false,
  reversible: true,
  reachable: true,
  left: "nothing",
  returnKnown: true,
  mayReboot: true,
  groupAllows: true,
  units: ["nginx.service", "holder.service"],
  tried: [],
  secondsSpent: 0,
  usdSpent: 0,
  ...over,
});
const proposal = (remedy: Remedy, over: Partial<Proposal> = {}): Proposal => ({ remedy, confidence: "certain", by: "table", ...over });
const boot: Remedy = { kind: "retry-as-boot-and-reboot" };
const decided = (remedy: Remedy, over: Partial<Situation> = {}) => {
  const made = recover([proposal(remedy)], situation(over));
  return made.kind === "try" ? made.remedy.kind : made.kind;
};

describe("preconditions", () => {
  test("an inhibitor is brought in by a boot only where the host may reboot now, alone", () => {
    expect(decided(boot)).toBe("retry-as-boot-and-reboot");
    expect(recover([proposal(boot)], situation())).toMatchObject({ strategy: "boot" });
    for (const over of [
      { mayReboot: false },
      { mayReboot: undefined },
      { attended: true },
      { groupAllows: undefined },
      { returnKnown: false },
      { reachable: undefined },
      { left: "unknown" },
    ] satisfies Partial<Situation>[])
      expect(decided(boot, over), JSON.stringify(over)).not.toBe("retry-as-boot-and-reboot");
  });
  test("what cannot be undone is never taken back", () => {
    expect(decided({ kind: "rollback" }, { left: "something" })).toBe("rollback");
    expect(decided({ kind: "rollback" }, { left: "something", reversible: false })).toBe("escalate");
    expect(decided({ kind: "rollback" }, { left: "something", returnKnown: false })).toBe("escalate");
    expect(decided({ kind: "rollback" }, { left: "nothing" })).toBe("escalate");
  });
  test("a retry repeats what was decided: boot stays boot, and a build is built again", () => {
    expect(recover([proposal({ kind: "retry" })], situation({ mode: "boot-only" }))).toMatchObject({ kind: "try", strategy: "boot" });
    expect(recover([proposal({ kind: "retry" })], situation({ stage: "build", reachable: undefined, left: "unknown" }))).toMatchObject({
      kind: "try",
      strategy: undefined,
    });
    expect(decided({ kind: "retry" }, { left: "something" })).toBe("rollback");
  });
  test("units: only those of the evidence, never the way in, never none", () => {
    expect(decided({ kind: "stop-then-switch", units: ["holder.service"] })).toBe("stop-then-switch");
    expect(decided({ kind: "stop-then-switch", units: [] })).toBe("escalate");
    expect(decided({ kind: "stop-then-switch", units: ["postgresql.service"] })).toBe("escalate");
    const units = [
      "sshd.service",
      "systemd-networkd.service",
      "dbus.service",
      "nix-daemon.service",
      "-.mount",
      "nix.mount",
      "multi-user.target",
      "user@1000.service",
    ];
    for (const unit of units) {
      expect(isUntouchable(unit), unit).toBe(true);
      expect(decided({ kind: "stop-then-switch", units: [unit] }, { units })).toBe("escalate");
      expect(decided({ kind: "restart-units", units: [unit] }, { units })).toBe("escalate");
    }
    expect(isUntouchable("nginx.service")).toBe(false);
    expect(decided({ kind: "stop-then-switch", units: ["holder.service"] }, { mode: "boot-only" })).toBe("escalate");
  });
});

test("the table goes before a session, and certainty before both", () => {
  const retry: Remedy = { kind: "retry" };
  const made = recover(
    [
      proposal({ kind: "wait-until", condition: "lock-free", seconds: 10 }, { by: "session", confidence: "likely" }),
      proposal(retry, { confidence: "likely" }),
      proposal(boot),
    ],
    situation(),
  );
  expect(made).toMatchObject({ remedy: boot });
  // What the table leaves to a person no session takes from him.
  expect(recover([proposal({ kind: "escalate" }), proposal(retry, { by: "session", confidence: "likely" })], situation()).kind).toBe(
    "escalate",
  );
});

test("reasons are always given", () => {
  expect(recover([], situation())).toEqual({ kind: "escalate", strategy: "escalate", reasons: ["no remedy is known"] });
  expect(recover([proposal(boot)], situation({ mayReboot: false })).reasons.join()).toContain("window");
});

/** A host and a world that change at will, and proposals of whoever likes. */
function anySituation(random: Random, tried: readonly Tried[], secondsSpent: number, usdSpent: number): Situation {
  const maybe = (): boolean | undefined => random.pick([true, true, true, false, undefined]);
  return situation({
    stage: random.pick(failureStages),
    mode: random.pick(["switch", "switch-then-reboot", "boot-only"] as const),
    attended: random.below(4) === 0,
    reversible: random.below(4) !== 0,
    reachable: maybe(),
    left: random.pick(["nothing", "something", "unknown"] as const),
    returnKnown: random.below(4) !== 0,
    mayReboot: maybe(),
    groupAllows: maybe(),
    tried,
    secondsSpent,
    usdSpent,
  });
}
function anyRemedy(random: Random): Remedy {
  const kind = random.pick(remedyKinds);
  const names = random.pick([
    ["nginx.service", "holder.service"],
    ["nginx.service", "holder.service", "sshd.service", "evil.service", "; rm -rf /"],
  ] as const);
  const units = random.times(0, 20, () => random.pick<string>(names));
  if (kind === "restart-units" || kind === "stop-then-switch") return { kind, units };
  if (kind !== "wait-until") return { kind };
  return { kind, condition: random.pick(waitConditions), seconds: random.pick([0, -1, 60, 900, 901, Number.NaN, Infinity]) };
}

test("whatever is proposed, it ends, stays within the list, the terms and the budget, and each remedy is tried once", () => {
  const seen = new Set<RemedyKind>();
  for (let seed = 0; seed < 3_000; seed++) {
    const random = new Random(seed);
    const budget = { attempts: random.below(5), seconds: random.below(4_000), usd: random.below(3) };
    const tried: Tried[] = [];
    let [seconds, usd] = [0, 0];
    let steps = 0;
    for (;;) {
      const now = anySituation(random, tried, seconds, usd);
      const proposals = random.times(0, 6, () =>
        proposal(anyRemedy(random), {
          confidence: random.pick(["certain", "likely"] as const),
          by: random.pick(["table", "session"] as const),
        }),
      );
      const made = recover(proposals, now, budget);
      expect(made.reasons.length).toBeGreaterThan(0);
      if (made.kind === "escalate") break;
      steps += 1;
      const { remedy } = made;
      seen.add(remedy.kind);
      expect(remedy.kind).not.toBe("escalate");
      expect(terms[remedy.kind].stages).toContain(now.stage);
      expect(refusals(remedy, now, budget)).toEqual([]);
      expect(tried.map((each) => each.remedy)).not.toContain(remedy.kind);
      if (made.strategy !== undefined) expect(strategies).toContain(made.strategy);
      if (remedy.kind === "rollback") expect(now.reversible && now.returnKnown && now.reachable).toBe(true);
      else expect(seconds < budget.seconds && usd < budget.usd).toBe(true);
      if (remedy.kind === "retry-as-boot-and-reboot") expect(now.mayReboot && now.groupAllows && !now.attended).toBe(true);
      if (remedy.kind === "restart-units" || remedy.kind === "stop-then-switch") {
        expect(remedy.units.length).toBeGreaterThan(0);
        for (const unit of remedy.units) expect(["nginx.service", "holder.service"]).toContain(unit);
      }
      tried.push({ remedy: remedy.kind, seconds: 1, ended: "it did not help" });
      seconds += random.below(900);
      usd += random.below(2);
    }
    expect(steps).toBeLessThanOrEqual(budget.attempts + 1);
  }
  // The property is worth nothing where nothing was ever tried.
  expect([...seen].toSorted()).toEqual(remedyKinds.filter((kind) => kind !== "escalate").toSorted());
});

test("the budget of a day that is not known is none", () => {
  for (const over of [{ usdSpent: Number.NaN }, { secondsSpent: Number.NaN }]) expect(decided({ kind: "retry" }, over)).toBe("escalate");
  expect(recoveryBudget.attempts).toBeGreaterThan(0);
});
