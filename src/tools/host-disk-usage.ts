import * as z from "zod";
import { HostWord, askHost, hostNamed, type HostPorts } from "./host-ports.ts";
import { tool } from "./tool.ts";

/**
 * `$1`: a directory. Read-only, on its own file system alone: a share that hangs below it is never entered. Names come with a NUL behind each, since one
 * with a line break in it would forge a line of its own.
 */
const program = `
limit() {
  if command -v timeout >/dev/null; then timeout 25 "$@"; else "$@"; fi
}
counted() {
  { limit "$@" 2>/dev/null; [ "$?" -ne 124 ] || printf '%s\\0' '(stopped after 25 seconds: not everything was counted)'; } | tr '\\n\\000' '?\\n' | sort -rn | head -n "$most"
}
space() { df -PT -B1 -- "\${1:-/}" 2>&1; }
put_output space 2048 space "$1"
[ -d "$1/." ] || { put children 'There is no such directory.'; exit 0; }
most=40
children() { counted du -0 -x -k -d 1 -- "$1/."; }
put_output children 16384 children "$1"
most=25
files() { counted find "$1/." -xdev -type f -size +4096k -printf '%k\\t%TY-%Tm-%Td %TH:%TM\\t%p\\0'; }
put_output files 16384 files "$1"
exit 0
`;

/** Absolute, and already what it would be resolved to: a path that walks upwards says one thing and means another. */
const DirectoryWord = z
  .string()
  .max(1_000)
  .regex(/^\//, "it is not an absolute path")
  .refine((path) => !/\p{C}/u.test(path) && !path.split("/").some((part) => part === ".." || part === "."), "it is not a plain path")
  .refine((path) => !/^\/+(?:proc|sys|dev)(?:\/|$)/.test(path), "there are no files of a disk");

export const hostDiskUsage = tool({
  name: "disk_usage",
  description:
    "What takes the space below one directory of a host, on the same file system only: its file system, its children by size in KiB, and the biggest files with the day of their last change. Names are data that somebody chose.",
  input: z.strictObject({ host: HostWord, directory: DirectoryWord.describe('absolute path, like "/var"') }),
  call: async (ports: HostPorts, { host, directory }) => {
    const asked = hostNamed(ports, host);
    if ("refused" in asked) return asked;
    const path = directory.replace(/\/+/g, "/").replace(/(?<=.)\/$/, "");
    return await askHost(ports, asked, program, [path === "/" ? "" : path], ["space", "children", "files"], "head");
  },
});
