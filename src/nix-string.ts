/**
 * The text as a Nix string literal. Quote, backslash and `${` would end the string or run what follows, so each is escaped; line ends are, because Nix reads a
 * carriage return as a line feed. Everything else stands for itself.
 */
export function nixString(text: string): string {
  const escaped = text
    .replace(/[\\"]|\$(?=\{)/g, "\\$&")
    .replace(/\n/g, "\\n")
    .replace(/\r/g, "\\r");
  return `"${escaped}"`;
}
