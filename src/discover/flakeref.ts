import { gateError } from "../failure.ts";

/** What people call a flake, as far as it decides where the code comes from. `directory` is the flake's place below the root of its repository or archive. */
export type Flakeref =
  /** A directory of this machine, to be read through git where it is in a repository. */
  | {
      readonly kind: "local";
      readonly path: string;
      readonly directory: string | undefined;
      readonly rev: string | undefined;
      readonly ref: string | undefined;
    }
  /** Said to be copied as it is. */
  | { readonly kind: "path"; readonly path: string; readonly directory: string | undefined }
  /** Fetched by Nix itself. */
  | { readonly kind: "remote"; readonly url: string };

const remoteSchemes = new Set([
  "github",
  "gitlab",
  "sourcehut",
  "git+https",
  "git+http",
  "git+ssh",
  "https",
  "http",
  "tarball+https",
  "tarball+http",
  "flake",
]);

export type LocalFlakeref = Extract<Flakeref, { kind: "local" }>;

/** Reads a flakeref. Throws the GateError `source-unusable` for one that the gate cannot serve. Pure; nothing is looked at. */
export function parseFlakeref(text: string): Flakeref {
  const unusable = (problem: string, next: string): never => {
    throw gateError("source-unusable", { flake: JSON.stringify(text.slice(0, 200)), problem, next });
  };
  if (text === "" || /\p{Cc}/u.test(text)) return unusable("it is empty or holds control characters", "nixos-deploy-gate plan .");
  if (text.includes("#"))
    return unusable(
      "it names an output; the gate looks at all nixosConfigurations",
      `nixos-deploy-gate plan '${text.replace(/#.*$/s, "")}' --hosts NAME`,
    );
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && remoteSchemes.has(scheme)) {
    if (text.startsWith("-")) return unusable("it begins with a dash", "nixos-deploy-gate plan ./NAME");
    return { kind: "remote", url: text };
  }
  if (scheme !== undefined && scheme !== "path" && scheme !== "git+file")
    return unusable(`its scheme ${scheme} is not known`, "nix flake metadata --help   # lists the forms of a flakeref");

  const [beforeQuery, query] = splitOnce(scheme === undefined ? text : text.slice(scheme.length + 1), "?");
  const parameters = new URLSearchParams(query ?? "");
  const allowed = scheme === "path" ? ["dir"] : ["dir", "rev", "ref"];
  for (const name of parameters.keys())
    if (!allowed.includes(name)) {
      if (name === "submodules")
        return unusable(
          "it asks for submodules, which the gate does not fetch",
          "Turn the submodules into flake inputs, or take submodules=1 away.",
        );
      return unusable(`the gate does not serve the parameter ${name}`, `nixos-deploy-gate plan '${beforeQuery}'`);
    }
  let path = beforeQuery;
  if (scheme !== undefined) {
    path = beforeQuery.replace(/^\/\/(?=\/)/, "");
    if (path.startsWith("//")) return unusable("its url names another machine", "nixos-deploy-gate plan git+https://HOST/PATH");
    try {
      path = decodeURIComponent(path);
    } catch {
      return unusable("its percent-encoding is broken", "nixos-deploy-gate plan PATH");
    }
  }
  if (path.includes("\0")) return unusable("it holds a zero byte", "nixos-deploy-gate plan PATH");
  const directory = parameters.get("dir") ?? undefined;
  if (directory !== undefined && (directory.startsWith("/") || directory.split("/").includes("..")))
    return unusable("dir leaves the repository", `nixos-deploy-gate plan '${beforeQuery}'`);
  if (scheme === "path") return { kind: "path", path: path === "" ? "." : path, directory };
  return {
    kind: "local",
    path: path === "" ? "." : path,
    directory,
    rev: parameters.get("rev") ?? undefined,
    ref: parameters.get("ref") ?? undefined,
  };
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

/** The url of a commit of a local repository, as Nix takes it on every version. */
export function commitUrl(repository: string, rev: string, directory: string, shallow: boolean): string {
  const path = repository.split("/").map(encodeURIComponent).join("/");
  return `git+file://${path}?rev=${rev}${directory === "" ? "" : `&dir=${encodeURIComponent(directory)}`}${shallow ? "&shallow=1" : ""}`;
}
