/**
 * Puts untrusted text between fence lines that it cannot write. The fence carries a nonce made after the text, so a text that imitates a fence imitates the wrong
 * one, and every line of it is indented, so that none begins like a fence; characters that change how text is read without being seen are replaced by what they
 * are, so that what the session reads is what a person would see.
 */
export function fenced(text: string, nonce: string): string {
  return `----- data ${nonce} -----\n${visible(text).replace(/^/gm, " ")}\n----- end of data ${nonce} -----`;
}

/** Control, bidirectional, zero-width and tag characters as `<U+202E>`; tabs and line ends stay. */
export function visible(text: string): string {
  return text
    .replace(/\r\n?/g, "\n")
    .replace(
      /[^\P{C}\n\t]|[\u2028\u2029\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]/gu,
      (c) => `<U+${(c.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}>`,
    );
}
