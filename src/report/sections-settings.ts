import { list, type Line, type Section, type Span } from "./line.ts";
import type { PlanDiff } from "./plan-diff.ts";
import { keyChange } from "./sections-system.ts";

type Settings = PlanDiff["settings"];
type LineChange = Settings["sudo"][number];

/** Settings that decide whether a host is reached, entered and found with its data: each kind under its own name, the most dangerous first. */
export function settingsSection(diff: PlanDiff): Section {
  const s = diff.settings;
  const blocks: readonly (readonly [string, readonly Line[]])[] = [
    ["Mounts", s.mounts.map(mount)],
    ["Swap", s.swaps.map(mount)],
    ["Firewall", [...ports("opened", s.portsOpened), ...ports("closed", s.portsClosed)]],
    ["sshd", s.sshd.map(sshd)],
    ["Users", s.users.map(user)],
    ["Groups", s.groups.map(keyChange)],
    ["sudo", s.sudo.map(fileLine)],
    ["PAM", s.pam.map(fileLine)],
    ["Certificates", s.certificates.map(fileLine)],
    ["sysctl", s.sysctl.map(keyChange)],
    ["nix.conf", s.nixConf.map(keyChange)],
    ["tmpfiles", s.tmpfiles.map(fileLine)],
    [
      "Activation",
      s.activation.map((one) => ({ spans: [`${one.change} `, { code: one.snippet }, one.hashOnly ? " (only store paths differ)" : ""] })),
    ],
  ];
  const filled = blocks.filter(([, lines]) => lines.length > 0);
  const lines = filled.map(([name, sub]): Line => ({ spans: [{ strong: name }], sub }));
  return { kind: "settings", title: "Settings", summary: filled.map(([name]) => name).join(", "), lines, texts: [] };
}

function mount(one: Settings["mounts"][number]): Line {
  const head: Span[] = [{ code: one.mountPoint }];
  switch (one.change) {
    case "added":
      return { spans: [...head, " new", ...(one.to === undefined ? [] : [": ", { code: one.to }])] };
    case "removed":
      return { spans: [...head, " gone", ...(one.from === undefined ? [] : [", was ", { code: one.from }])] };
    case "device":
    case "type":
      return { spans: [...head, ` ${one.change} `, { code: one.from ?? "none" }, " → ", { code: one.to ?? "none" }] };
    case "options": {
      const plus = one.optionsAdded.length === 0 ? [] : [" with ", ...list(one.optionsAdded)];
      const minus = one.optionsRemoved.length === 0 ? [] : [" without ", ...list(one.optionsRemoved)];
      return { spans: [...head, " options:", ...plus, ...minus] };
    }
  }
}

const ports = (word: string, all: readonly string[]): Line[] => (all.length === 0 ? [] : [{ spans: [`${word} `, ...list(all, 60)] }]);

function sshd(one: Settings["sshd"][number]): Line {
  const shown = (values: readonly string[]): string => (values.length === 0 ? "(not set)" : values.join(", "));
  return {
    spans: [
      { code: one.directive },
      " ",
      { code: shown(one.from) },
      " → ",
      { code: shown(one.to) },
      ...(one.match === undefined ? [] : [" under ", { code: one.match }]),
    ],
  };
}

function user(one: Settings["users"][number]): Line {
  const sub: Line[] = [
    ...one.fields.map(keyChange),
    ...one.keysAdded.map((key) => ({ spans: ["key added ", { code: key }] })),
    ...one.keysRemoved.map((key) => ({ spans: ["key removed ", { code: key }] })),
  ];
  return { spans: [`${one.change} `, { code: one.name }], sub };
}

const fileLine = (one: LineChange): Line => ({ spans: [`${one.change} in `, { code: one.file }, ": ", { code: one.line }] });
