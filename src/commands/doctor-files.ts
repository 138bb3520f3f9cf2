import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { Policy } from "../policy.ts";

/** Programs and files that the policy names and that are not here: the command of `notify`, and the key that paths are signed with. */
export function missingFiles(policy: Policy, environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const program = policy.notify.command?.[0];
  const key = policy.apply.copy.signingKeyFile;
  return [
    ...(program === undefined || runs(program, environment["PATH"] ?? "") ? [] : [program]),
    ...(key === undefined || isFile(key) ? [] : [key]),
  ];
}

function runs(program: string, path: string): boolean {
  const places = isAbsolute(program)
    ? [program]
    : path
        .split(delimiter)
        .filter(isAbsolute)
        .map((directory) => join(directory, program));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return isFile(place);
    } catch {
      // Not there, or not for this user.
      return false;
    }
  });
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
