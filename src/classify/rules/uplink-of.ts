/** Shell-style patterns of a [Match] Name= line, as networkd reads them. */
function nameMatches(pattern: string, name: string): boolean {
  const negative = pattern.startsWith("!");
  const body = (negative ? pattern.slice(1) : pattern)
    .replace(/[.+^${}()|\\]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const hit = new RegExp(`^(?:${body})$`).test(name);
  return negative ? !hit : hit;
}

/** Whether a file of networkd is about that interface: by its [Match] Name, else by the interface's name in the file's own name. undefined: cannot be told. */
export function aboutUplink(text: string, path: string, uplink: string): boolean | undefined {
  // A .link file matches a device and gives it its name; only the match says which one it is about. A .netdev file is about the device that it makes.
  const section = path.endsWith(".netdev") ? "NetDev" : "Match";
  const names: string[] = [];
  let at = "Match";
  for (const raw of text.split("\n")) {
    const line = raw.replace(/^[ +-]/, "");
    at = /^\[(\w+)\]/.exec(line)?.[1] ?? at;
    const value = /^(?:Name|OriginalName)\s*=\s*(.+)$/.exec(line)?.[1];
    if (value !== undefined && at === section) names.push(...value.trim().split(/\s+/));
  }
  if (names.length > 0) {
    const plain = names.filter((name) => !name.startsWith("!"));
    const except = names.filter((name) => name.startsWith("!"));
    return (plain.length === 0 || plain.some((name) => nameMatches(name, uplink))) && except.every((name) => nameMatches(name, uplink));
  }
  return (path.split("/").at(-1) ?? "").includes(uplink) ? true : undefined;
}
