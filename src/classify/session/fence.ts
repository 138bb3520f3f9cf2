/**
 * Puts untrusted text between fence lines that it cannot write. The fence carries a nonce made after the text, so a text that imitates a fence imitates the wrong
 * one, and every line of it is indented, so that none begins like a fence; characters that change how text is read without being seen are replaced by what they
 * are, so that what the session reads is what a person would see.
 */
export function fenced(text: string, nonce: string, what = "data"): string {
  return `----- ${what} ${nonce} -----\n${visible(text).replace(/^/gm, " ")}\n----- end of ${what} ${nonce} -----`;
}

/** Control, bidirectional, zero-width and tag characters as `<U+202E>`; tabs and line ends stay. */
export function visible(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(
      /[^\P{C}\n\t]|[\u2028\u2029]|\p{Variation_Selector}|\p{Default_Ignorable_Code_Point}/gu,
      (c) => `<U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`,
    );
}
