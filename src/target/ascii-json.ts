/** JSON on one line of printable ASCII: nothing that a name in it says can end the line or be cut in the middle of a character. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
