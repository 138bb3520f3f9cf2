/**
 * JSON as it is printed: one line, and whatever a terminal would obey or would not show is written as an escape of JSON itself. A reader of the JSON gets the same value; a
 * person who lets it run over the screen is safe from the names that strangers gave to files. JSON.stringify alone escapes only what stands below U+0020.
 */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value).replace(unseen, (found) => [...Array(found.length).keys()].map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""))}\n`;
}

const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2028\u2029\u2800]/gu;
