import { directory, type BuildNode } from "./build-node.ts";
import type { Build } from "./derivation.ts";

/**
 * Nine in ten of the scripts of a system are nixpkgs' `writeTextFile` or its unit files, word for word. What they leave is read off here instead of being followed step by
 * step; any other form, however slight the difference, is followed.
 */
export function wellKnownBuild(build: Build): BuildNode | undefined {
  const text = build.environment.get("text");
  if (typeof text !== "string") return undefined;
  const unit = unitFile.exec(build.script)?.[1];
  if (unit !== undefined)
    return { kind: "directory", complete: true, entries: new Map([[unit, { kind: "file", text, executable: false }]]) };
  const written = textFile.exec(build.script);
  if (written === null || changesText(build.environment.get("checkPhase"))) return undefined;
  const { quoted, plain, variable } = written.groups ?? {};
  const destination = variable === undefined ? (quoted ?? plain ?? "") : (build.environment.get("destination") ?? "");
  if (typeof destination !== "string") return undefined;
  const executable = build.environment.get("executable") ?? "";
  return below(destination, { kind: "file", text, executable: executable !== "" });
}

/** `makeUnit` of nixos/lib/systemd-lib.nix; a name with a backslash is left to the shell. */
const unitFile =
  /^name=([A-Za-z0-9@:_.-]+)\s+mkdir -p "\$out\/\$\(dirname (?:-- )?"\$name"\)"\s+(?:echo -n "\$text" >|mv "\$textPath") "\$out\/\$name"\s*$/;

/** `writeTextFile` of pkgs/build-support/trivial-builders; its destination stands in the script, or, before 23.11, in a variable of its own. */
const textFile =
  /^(?:target|n)=\$out(?:'(?<quoted>[^'\n]*)'|(?<plain>(?:\/[A-Za-z0-9_./+-]+)?)|(?<variable>"?\$destination"?))\s+mkdir -p "\$\(dirname "\$(?:target|n)"\)"\s+if \[ -e "\$textPath" \]; then\s+mv "\$textPath" "\$(?:target|n)"\s+else\s+echo -n "\$text" > "\$(?:target|n)"\s+fi\s+(?:if \[ -n "\$executable" \]; then\s+chmod \+x "\$(?:target|n)"\s+fi|\(test -n "\$executable" && chmod \+x "\$(?:target|n)"\) \|\| true)?\s*(?:eval "\$checkPhase")?\s*$/;

/** A check that could write: it is followed like everything else. */
const changesText = (check: unknown): boolean =>
  typeof check === "string" && /[>]|substitute|sed|patch|\bmv\b|\bcp\b|\bln\b|\bchmod\b|-i\b/.test(check);

function below(destination: string, file: BuildNode): BuildNode | undefined {
  let node = file;
  for (const name of destination.split("/").toReversed()) {
    if (name === "." || name === "..") return undefined;
    if (name === "") continue;
    const parent = directory();
    parent.entries.set(name, node);
    node = parent;
  }
  return node;
}
