import type { Miss } from "../apply/outcome.ts";
import { parseSshd, sshdConfiguration } from "../diff/sshd.ts";
import type { System } from "../diff/system.ts";
import type { StoreFiles } from "../io/ports.ts";
import type { Observation } from "../target/observation.ts";

/** sshd -T calls some directives and values by another name (servconf.c). */
const directives: Readonly<Record<string, string>> = {
  challengeresponseauthentication: "kbdinteractiveauthentication",
  skeyauthentication: "kbdinteractiveauthentication",
  keepalive: "tcpkeepalive",
  dsaauthentication: "pubkeyauthentication",
  pubkeyacceptedkeytypes: "pubkeyacceptedalgorithms",
  hostbasedacceptedkeytypes: "hostbasedacceptedalgorithms",
};
/** Directives of which each word is one line of sshd -T. */
const wordByWord: ReadonlySet<string> = new Set(["allowusers", "allowgroups", "denyusers", "denygroups", "acceptenv", "setenv"]);
/** Lists that sshd completes, so that what it shows is not what is written. */
const completed = /^[+^-]/;
const times: ReadonlySet<string> = new Set(["logingracetime", "clientaliveinterval", "unusedconnectiontimeout"]);

/**
 * Top-level directives of sshd that this change gives another value, against what `sshd -T` says on the host. What stands under a Match line depends on who asks and
 * is not looked at.
 */
export function sshdMisses(store: StoreFiles, old: System | undefined, system: System, before: Observation, after: Observation): Miss[] {
  const text = sshdConfiguration(store, system);
  if (old === undefined || text === undefined) return [];
  const was = sshdConfiguration(store, old);
  if (was === text) return [];
  if (after.sshd.length === 0) {
    if (before.sshd.length === 0) return [];
    const sentence = "sshd no longer tells its settings: it does not accept its configuration, or it is gone. The next login may fail.";
    return [{ family: "sshd", subject: "sshd_config", expected: "accepted by sshd -T", found: "no answer", needs: "person", sentence }];
  }
  const shown = shownValues(after.sshd);
  const [from, to] = [topLevel(was ?? ""), topLevel(text)];
  const misses: Miss[] = [];
  for (const [key, expected] of to) {
    if (from.get(key)?.join("\n") === expected.join("\n") || expected.some((value) => completed.test(value))) continue;
    const found = shown.get(key);
    // A version that does not know a directive, or does not show it.
    if (found === undefined) continue;
    const lacking = expected.filter((value) => !found.has(value));
    if (lacking.length === 0) continue;
    misses.push({
      family: "sshd",
      subject: key,
      expected: expected.join(", ").slice(0, 4000),
      found: [...found].join(", ").slice(0, 4000),
      needs: "restart",
      sentence: `sshd does not have the new value of ${key}.`,
    });
  }
  return misses;
}

function topLevel(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [key, directive] of parseSshd(text).get("")?.directives ?? []) {
    const name = key.startsWith("subsystem ") ? "subsystem" : (directives[key] ?? key);
    // What it names is itself a set of directives.
    if (name === "include") continue;
    const values = wordByWord.has(name) ? directive.values.flatMap((value) => value.split(" ")) : directive.values;
    found.set(name, [...(found.get(name) ?? []), ...values.map((value) => normalised(name, value))]);
  }
  return found;
}

function shownValues(lines: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of lines) {
    const space = line.indexOf(" ");
    const key = space === -1 ? line : line.slice(0, space);
    const values = found.get(key) ?? new Set<string>();
    values.add(normalised(key, space === -1 ? "" : line.slice(space + 1)));
    found.set(key, values);
  }
  return found;
}

function normalised(key: string, value: string): string {
  const plain = value.trim().replaceAll('"', "").replace(/\s+/g, " ").toLowerCase();
  if (plain === "prohibit-password") return "without-password";
  if (plain === "true") return "yes";
  if (plain === "false") return "no";
  // `ListenAddress 10.0.0.1` shows as `10.0.0.1:22`, one line for each port.
  if (key === "listenaddress") return plain.replace(/^\[([^\]]*)\](?::\d+)?$/, "$1").replace(/^([^:]*):\d+$/, "$1");
  if (key === "loglevel" || key === "syslogfacility") return plain;
  if (times.has(key)) return String(seconds(plain));
  return plain;
}

const factors: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** TIME FORMATS of sshd_config(5): `1h30m`. */
function seconds(text: string): number | string {
  if (!/^(?:\d{1,9}[smhdw]?)+$/.test(text)) return text;
  let sum = 0;
  for (const match of text.matchAll(/(\d+)([smhdw]?)/g)) sum += Number(match[1]) * (factors[match[2] ?? ""] ?? 1);
  return sum;
}
