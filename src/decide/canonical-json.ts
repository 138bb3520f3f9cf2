/** What may stand in canonical JSON. A key whose value is undefined is left out; a number is an integer that every reader can hold. */
export type Canonical = string | number | boolean | null | readonly Canonical[] | { readonly [key: string]: Canonical | undefined };

/**
 * One text for one value: keys sorted by code unit, no whitespace, strings as they are (no normalisation: two spellings are two values), integers only. Keys that
 * look like numbers are sorted like any other, which `JSON.stringify` of a sorted object would not do. Throws a RangeError for a number that is no safe integer.
 */
export function canonicalJson(value: Canonical): string {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not an integer that canonical JSON may hold`);
    return String(value === 0 ? 0 : value);
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .flatMap((key) => {
      const member = value[key];
      return member === undefined ? [] : [`${JSON.stringify(key)}:${canonicalJson(member)}`];
    });
  return `{${members.join(",")}}`;
}

const isList = (value: Canonical): value is readonly Canonical[] => Array.isArray(value);
