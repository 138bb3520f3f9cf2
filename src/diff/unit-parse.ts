/** Unit files as text: sections, keys and values, the way systemd.syntax(7) describes them. */

export type UnitSections = Map<string, Map<string, string[]>>;

/**
 * Adds the assignments of one file to `sections`, in order of appearance. Called for the unit's own file first and then for each drop-in.
 * An empty assignment is kept as an empty string, see `effective`. A line that is no assignment is left out, as systemd does (with a
 * warning).
 */
export function parseUnitInto(sections: UnitSections, text: string): void {
  let section: Map<string, string[]> | undefined;
  let pending: string[] | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    // A comment between continued lines is skipped and does not end the value.
    if (line.startsWith("#") || line.startsWith(";")) continue;
    const continued = line.endsWith("\\");
    const part = continued ? line.slice(0, -1).trimEnd() : line;
    if (pending !== undefined) pending.push(part);
    else pending = [part];
    if (continued) continue;
    const whole = pending.join(" ").trim();
    pending = undefined;
    section = addLine(sections, section, whole);
  }
  if (pending !== undefined) addLine(sections, section, pending.join(" ").trim());
}

function addLine(sections: UnitSections, section: Map<string, string[]> | undefined, line: string): Map<string, string[]> | undefined {
  if (line === "") return section;
  if (line.startsWith("[") && line.endsWith("]")) {
    const name = line.slice(1, -1);
    const known = sections.get(name) ?? new Map<string, string[]>();
    sections.set(name, known);
    return known;
  }
  const equals = line.indexOf("=");
  if (section === undefined || equals <= 0) return section;
  const key = line.slice(0, equals).trimEnd();
  const value = line.slice(equals + 1).trimStart();
  const values = section.get(key);
  if (values === undefined) section.set(key, [value]);
  else values.push(value);
  return section;
}

/** The values that count: what stands after the last empty assignment. */
export function effective(values: readonly string[] | undefined): readonly string[] {
  if (values === undefined) return [];
  const reset = values.lastIndexOf("");
  return reset === -1 ? values : values.slice(reset + 1);
}

type Sectioned = { readonly sections: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>> };

/** The values of one key that count, empty where it is not set. */
export function unitValues(unit: Sectioned, section: string, key: string): readonly string[] {
  return effective(unit.sections.get(section)?.get(key));
}

/** Words of a list-like key, over all its assignments: `Wants=a b` and `Wants=c`. */
export function unitWords(unit: Sectioned, section: string, key: string): readonly string[] {
  return unitValues(unit, section, key).flatMap((value) => value.split(/\s+/).filter((word) => word !== ""));
}

/** A boolean as switch-to-configuration reads it: the last assignment, true for `1`, `yes`, `true` and `on` only. */
export function unitFlag(unit: Sectioned, section: string, key: string, fallback: boolean): boolean {
  const last = unitValues(unit, section, key).at(-1);
  return last === undefined ? fallback : ["1", "yes", "true", "on"].includes(last);
}
