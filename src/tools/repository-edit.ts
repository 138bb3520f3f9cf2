import * as z from "zod";
import { answered, type RepositoryPorts } from "./repository-ports.ts";
import { tool } from "./tool.ts";

const Path = z.string().min(1).max(400).describe("from the root of the repository, like hosts/web1.nix");
/** Longest text of one call; a longer file is changed in pieces. */
const Text = z.string().max(64 * 1024);

export const repositoryWrite = tool({
  name: "write_file",
  description:
    "Writes a whole text file in your copy of the repository, a new one or in place of what is there. Nobody else sees the copy until the checks are through.",
  input: z.strictObject({ path: Path, text: Text }),
  call: async ({ copy, forbidden }: RepositoryPorts, { path, text }) => {
    const why = forbidden(path);
    if (why !== undefined) return await Promise.resolve({ refused: `${path} is not for a session to change: ${why}.` });
    return answered(copy.write(path, text), () => `${path} has ${text.split("\n").length} lines now.`);
  },
});

export const repositoryEdit = tool({
  name: "edit_file",
  description: "Replaces words of a file in your copy by others. The old words have to stand there exactly once.",
  input: z.strictObject({ path: Path, old: Text.min(1), new: Text }),
  call: async ({ copy, forbidden }: RepositoryPorts, { path, old, new: fresh }) => {
    const why = forbidden(path);
    if (why !== undefined) return await Promise.resolve({ refused: `${path} is not for a session to change: ${why}.` });
    const was = copy.read(path);
    if (!was.ok) return answered(was, () => "");
    const [before, after, ...more] = was.value.split(old);
    if (before === undefined || after === undefined) return { refused: "Those words do not stand in the file." };
    if (more.length > 0) return { refused: `Those words stand there ${more.length + 1} times; give more of what is around them.` };
    return answered(copy.write(path, `${before}${fresh}${after}`), () => `${path} is changed.`);
  },
});

export const repositoryRemove = tool({
  name: "remove_file",
  description: "Removes a text file from your copy of the repository.",
  input: z.strictObject({ path: Path }),
  call: async ({ copy, forbidden }: RepositoryPorts, { path }) => {
    const why = forbidden(path);
    if (why !== undefined) return await Promise.resolve({ refused: `${path} is not for a session to change: ${why}.` });
    return answered(copy.remove(path), () => `${path} is gone.`);
  },
});
