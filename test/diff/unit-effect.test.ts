import { describe, expect, test } from "vitest";
import type { Unit } from "../../src/diff/system.ts";
import { compareUnits, unitEffect } from "../../src/diff/unit-effect.ts";
import { unitOf } from "./throwaway-store.ts";

const base = [
  unitOf("multi-user.target", "[Unit]\n", []),
  unitOf("sockets.target", "[Unit]\n", []),
  unitOf("timers.target", "[Unit]\n", []),
  unitOf("local-fs.target", "[Unit]\n", []),
];
const side = (...units: readonly Unit[]): ReadonlyMap<string, Unit> => new Map([...base, ...units].map((unit) => [unit.name, unit]));
const service = (extra = "", unitExtra = ""): string => `[Unit]\n${unitExtra}\n[Service]\nExecStart=/bin/x\n${extra}\n`;
const changed = (extra = "", unitExtra = ""): string => `[Unit]\n${unitExtra}\n[Service]\nExecStart=/bin/y\n${extra}\n`;

/** One unit on both sides; the rules of switch-to-configuration-ng, in the order in which it asks. */
const rules: readonly [
  rule: string,
  name: string,
  from: string,
  to: string,
  effect: string,
  reason: RegExp,
  wantedBy?: readonly string[],
][] = [
  [
    "equal but for ignored keys",
    "a.service",
    service("", "Description=a"),
    service("", "Description=b\nDocumentation=man:x"),
    "nothing",
    /nothing that is compared/,
  ],
  ["only [Install] differs", "a.service", service(), `${service()}[Install]\nWantedBy=x\n`, "nothing", /nothing that is compared/],
  ["comments only", "a.service", service(), `# hello\n${service()}`, "nothing", /nothing that is compared/],
  [
    "only X-Reload-Triggers",
    "a.service",
    service("", "X-Reload-Triggers=/a"),
    service("", "X-Reload-Triggers=/b"),
    "reload",
    /X-Reload-Triggers/,
  ],
  ["X-Reload-Triggers came", "a.service", service(), service("", "X-Reload-Triggers=/b"), "reload", /X-Reload-Triggers/],
  ["X-Reload-Triggers went", "a.service", service("", "X-Reload-Triggers=/b"), service(), "nothing", /nothing that is compared/],
  [
    "reload trigger and more",
    "a.service",
    service("", "X-Reload-Triggers=/a"),
    changed("", "X-Reload-Triggers=/b"),
    "stop-start",
    /changed/,
  ],
  [
    "only Options of a mount",
    "data.mount",
    "[Mount]\nWhat=/dev/a\nOptions=ro\n",
    "[Mount]\nWhat=/dev/a\nOptions=rw\n",
    "reload",
    /Options/,
    ["local-fs.target.wants"],
  ],
  [
    "Options of a mount came",
    "data.mount",
    "[Mount]\nWhat=/dev/a\n",
    "[Mount]\nWhat=/dev/a\nOptions=rw\n",
    "restart",
    /unmounted/,
    ["local-fs.target.wants"],
  ],
  ["What of a mount", "data.mount", "[Mount]\nWhat=/dev/a\n", "[Mount]\nWhat=/dev/b\n", "restart", /unmounted/, ["local-fs.target.wants"]],
  ["the root mount", "-.mount", "[Mount]\nWhat=/dev/a\n", "[Mount]\nWhat=/dev/b\n", "reload", /never unmounted/, ["local-fs.target.wants"]],
  [
    "the mount of /nix",
    "nix.mount",
    "[Mount]\nWhat=/dev/a\n",
    "[Mount]\nWhat=/dev/b\n",
    "reload",
    /never unmounted/,
    ["local-fs.target.wants"],
  ],
  ["a slice", "a.slice", "[Slice]\nCPUWeight=1\n", "[Slice]\nCPUWeight=2\n", "nothing", /slices/],
  ["a path", "a.path", "[Path]\nPathExists=/a\n", "[Path]\nPathExists=/b\n", "nothing", /paths/],
  ["a socket", "a.socket", "[Socket]\nListenStream=1\n", "[Socket]\nListenStream=2\n", "nothing", /sockets/, ["sockets.target.wants"]],
  ["a timer", "a.timer", "[Timer]\nOnCalendar=daily\n", "[Timer]\nOnCalendar=weekly\n", "restart", /OnCalendar/, ["timers.target.wants"]],
  [
    "X-ReloadIfChanged",
    "a.service",
    service("X-ReloadIfChanged=true"),
    changed("X-ReloadIfChanged=true"),
    "reload",
    /X-ReloadIfChanged=true/,
  ],
  ["X-ReloadIfChanged is read from the new unit", "a.service", service("X-ReloadIfChanged=true"), changed(), "stop-start", /changed/],
  [
    "X-RestartIfChanged=false",
    "a.service",
    service("X-RestartIfChanged=false"),
    changed("X-RestartIfChanged=false"),
    "skip",
    /X-RestartIfChanged=false/,
  ],
  ["X-RestartIfChanged counts in [Service] only", "a.service", service(), changed("", "X-RestartIfChanged=false"), "stop-start", /changed/],
  ["RefuseManualStop", "a.service", service("", "RefuseManualStop=true"), changed("", "RefuseManualStop=true"), "skip", /RefuseManualStop/],
  [
    "X-OnlyManualStart",
    "a.service",
    service("", "X-OnlyManualStart=true"),
    changed("", "X-OnlyManualStart=true"),
    "skip",
    /X-OnlyManualStart/,
  ],
  [
    "X-StopIfChanged=false",
    "a.service",
    service("X-StopIfChanged=false"),
    changed("X-StopIfChanged=false"),
    "restart",
    /X-StopIfChanged=false/,
  ],
  ["anything else", "a.service", service(), changed(), "stop-start", /changed/],
  [
    "a reset in a drop-in counts by its result",
    "a.service",
    service(),
    `${service()}[Service]\nExecStart=\nExecStart=/bin/x\n`,
    "nothing",
    /nothing that is compared/,
  ],
  [
    "only a store hash",
    "a.service",
    `[Service]\nExecStart=/nix/store/${"a".repeat(32)}-x/bin/x\n`,
    `[Service]\nExecStart=/nix/store/${"b".repeat(32)}-x/bin/x\n`,
    "stop-start",
    /changed/,
  ],
  ["a target", "a.target", "[Unit]\nAfter=a\n", "[Unit]\nAfter=b\n", "start", /started again/],
  [
    "a target with X-StopOnReconfiguration",
    "a.target",
    "[Unit]\n",
    "[Unit]\nX-StopOnReconfiguration=true\n",
    "stop-start",
    /X-StopOnReconfiguration/,
  ],
  ["a target that refuses", "a.target", "[Unit]\n", "[Unit]\nRefuseManualStart=true\n", "nothing", /RefuseManualStart/],
  ["multi-user.target", "multi-user.target", "[Unit]\nAfter=a\n", "[Unit]\nAfter=b\n", "nothing", /never restarted/],
  ["suspend.target", "suspend.target", "[Unit]\nAfter=a\n", "[Unit]\nAfter=b\n", "nothing", /left alone/],
  ["a oneshot that has ended runs again", "a.service", service("Type=oneshot"), changed("Type=oneshot"), "start", /oneshot/],
  [
    "a oneshot that remains",
    "a.service",
    service("Type=oneshot\nRemainAfterExit=yes"),
    changed("Type=oneshot\nRemainAfterExit=yes"),
    "stop-start",
    /changed/,
  ],
  ["a unit that nothing wants", "a.service", service(), changed(), "nothing", /not running by itself/, []],
  ["a unit that the bus starts", "a.service", service("BusName=org.a"), changed("BusName=org.a"), "stop-start", /if it runs: the bus/, []],
  ["a template", "a@.service", service(), changed(), "stop-start", /each instance/, []],
];
test.each(rules)("%s", (_rule, name, from, to, effect, reason, wantedBy) => {
  const result = unitEffect(name, side(unitOf(name, from, wantedBy)), side(unitOf(name, to, wantedBy)));
  expect(result).toEqual({ effect, reason: expect.stringMatching(reason) });
});

describe("units that come and go", () => {
  const masked: Unit = { ...unitOf("a.service", ""), masked: true, path: undefined };
  test.each([
    ["gone", side(unitOf("a.service", service())), side(), "stop", /gone/],
    ["masked", side(unitOf("a.service", service())), side(masked), "stop", /masked/],
    ["X-StopOnRemoval=false", side(unitOf("a.service", service("", "X-StopOnRemoval=false"))), side(), "nothing", /X-StopOnRemoval=false/],
    ["gone, run by a timer", side(unitOf("a.service", service("Type=oneshot"), [])), side(), "nothing", /does not run/],
    ["gone, a daemon that nothing wants", side(unitOf("a.service", service(), [])), side(), "stop", /if it runs/],
    ["new and wanted", side(), side(unitOf("a.service", service())), "start", /multi-user\.target/],
    ["new and not wanted", side(), side(unitOf("a.service", service(), [])), "nothing", /no enabled target/],
    [
      "new, wanted by a target that is not enabled",
      side(),
      side(unitOf("a.service", service(), ["graphical.target.wants"])),
      "nothing",
      /no enabled target/,
    ],
    ["unmasked", side(masked), side(unitOf("a.service", service())), "start", /new/],
    ["masked on both sides", side(masked), side(masked), "nothing", /both sides/],
    ["wanted from now on", side(unitOf("a.service", service(), [])), side(unitOf("a.service", service())), "start", /newly wanted/],
    [
      "wanted by a unit's own Wants=",
      side(unitOf("b.service", service("", "Wants=a.service"))),
      side(unitOf("b.service", service("", "Wants=a.service")), unitOf("a.service", service(), [])),
      "start",
      /b\.service/,
    ],
  ])("%s", (_name, before, after, effect, reason) => {
    expect(unitEffect("a.service", before, after)).toEqual({ effect, reason: expect.stringMatching(reason) });
  });

  test("the default target is followed through its alias", () => {
    const graphical = (extra: string): ReadonlyMap<string, Unit> =>
      side(
        unitOf("graphical.target", "[Unit]\nRequires=multi-user.target\n", []),
        { ...unitOf("default.target", "", []), aliasOf: "graphical.target" },
        unitOf("a.service", extra, ["graphical.target.wants"]),
      );
    expect(unitEffect("a.service", graphical(service()), graphical(changed())).effect).toBe("stop-start");
  });
});

describe("socket activation", () => {
  const socket = unitOf("a.socket", "[Socket]\nListenStream=1\n", ["sockets.target.wants"]);
  test("socket and service stop, the socket starts", () => {
    const result = unitEffect(
      "a.service",
      side(socket, unitOf("a.service", service(), [])),
      side(socket, unitOf("a.service", changed(), [])),
    );
    expect(result).toEqual({ effect: "stop-start", reason: expect.stringMatching(/socket-activated: a\.socket.*if it runs/) });
  });
  test("Sockets= names others", () => {
    const other = unitOf("b.socket", "[Socket]\nListenStream=1\n", ["sockets.target.wants"]);
    const result = unitEffect(
      "a.service",
      side(other, unitOf("a.service", service("Sockets=b.socket"))),
      side(other, unitOf("a.service", changed("Sockets=b.socket"))),
    );
    expect(result.reason).toMatch(/socket-activated: b\.socket/);
  });
  test("X-NotSocketActivated", () => {
    const result = unitEffect(
      "a.service",
      side(socket, unitOf("a.service", service())),
      side(socket, unitOf("a.service", changed("X-NotSocketActivated=true"))),
    );
    expect(result.reason).toMatch(/X-NotSocketActivated=true/);
  });
  test("X-StopIfChanged=false restarts the service alone", () => {
    const result = unitEffect(
      "a.service",
      side(socket, unitOf("a.service", service())),
      side(socket, unitOf("a.service", changed("X-StopIfChanged=false"))),
    );
    expect(result).toMatchObject({ effect: "restart", reason: expect.stringMatching(/X-StopIfChanged=false/) });
  });
});

test("comparison is the same from both sides, but for keys that only one side has", () => {
  const units = [
    service(),
    changed(),
    service("Type=oneshot"),
    service("", "Description=x"),
    "[Mount]\nOptions=a\n",
    "[Mount]\nOptions=b\n",
    "",
  ].map((text) => unitOf("a.service", text));
  for (const a of units) {
    expect(compareUnits(a, a).needs).toBe("nothing");
    for (const b of units) expect(compareUnits(a, b).needs).toBe(compareUnits(b, a).needs);
  }
});
