/** What `switch-to-configuration dry-activate` says that a switch would do, on the live host. Names of units as it printed them; sorted, none twice. */
export type DryActivation = {
  readonly stop: readonly string[];
  /** Changed, and left as they are until a reboot or a restart by hand. */
  readonly skip: readonly string[];
  readonly reload: readonly string[];
  readonly restart: readonly string[];
  readonly start: readonly string[];
  readonly stopSwap: readonly string[];
  readonly reexecuteSystemd: boolean;
  /** It came to its list at all. */
  readonly complete: boolean;
  /** Lines that begin like an announcement and are none that is known, and what activation snippets announce. Bounded; untrusted text. */
  readonly other: readonly string[];
};

const lists = {
  "would stop the following units": "stop",
  "would NOT stop the following changed units": "skip",
  "would NOT restart the following changed units": "skip",
  "would reload the following units": "reload",
  "would restart the following units": "restart",
  "would start the following units": "start",
} as const;

const maxUnits = 5_000;
const maxOther = 50;
/** As systemd takes names of units; template instances hold escapes. */
const UnitName = /^[A-Za-z0-9:_.\\@-]{1,255}$/;

/** Reads its text. What is not understood is kept as `other`, never dropped; nothing here throws. */
export function parseDryActivation(text: string): DryActivation {
  const found = {
    stop: new Set<string>(),
    skip: new Set<string>(),
    reload: new Set<string>(),
    restart: new Set<string>(),
    start: new Set<string>(),
  };
  const stopSwap = new Set<string>();
  const other: string[] = [];
  let [reexecuteSystemd, complete] = [false, false];
  for (const line of text.split("\n").map((one) => one.trimEnd())) {
    if (!line.startsWith("would ")) continue;
    const [, announcement = "", rest = ""] = /^([^:]*?)(?:: (.*))?$/s.exec(line) ?? [];
    const list = Object.hasOwn(lists, announcement) ? lists[announcement as keyof typeof lists] : undefined;
    if (list !== undefined && rest !== "") {
      for (const unit of rest.split(", ")) {
        if (UnitName.test(unit) && found[list].size < maxUnits) found[list].add(unit);
        else if (other.length < maxOther) other.push(line.slice(0, 500));
      }
    } else if (announcement === "would stop swap device" && rest !== "") stopSwap.add(rest.slice(0, 500));
    else if (line === "would activate the configuration...") complete = true;
    else if (line === "would restart systemd") reexecuteSystemd = true;
    else if (other.length < maxOther) other.push(line.slice(0, 500));
  }
  const sorted = (set: ReadonlySet<string>): string[] => [...set].sort();
  return {
    stop: sorted(found.stop),
    skip: sorted(found.skip),
    reload: sorted(found.reload),
    restart: sorted(found.restart),
    start: sorted(found.start),
    stopSwap: sorted(stopSwap),
    reexecuteSystemd,
    complete,
    other: [...new Set(other)],
  };
}
