/** What generated pages are made of. */

/** Text inside of a cell of a table. */
export const cell = (text: string): string =>
  text
    .replaceAll("\n", " ")
    .replaceAll("|", String.raw`\|`)
    .trim();

export const code = (text: string): string => (text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``);

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Puts text between the two comments that name a generated part. Throws where a page has no such part. */
export function withPart(page: string, name: string, text: string): string {
  const [from, to] = [`<!-- ${name}: made by npm run docs -->`, `<!-- end of ${name} -->`];
  const [begin, end] = [page.indexOf(from), page.indexOf(to)];
  if (begin < 0 || end < begin) throw new Error(`There is no part "${name}" in the page.`);
  return `${page.slice(0, begin + from.length)}\n\n${text.trim()}\n\n${page.slice(end)}`;
}
