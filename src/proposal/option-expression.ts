import { nixString } from "../nix-string.ts";

/** Expressions that ask a flake for an option of a host. Names are data: each is a string of Nix, walked by hand, so that none is read as code. */
const option = (path: readonly string[]): string => `[ ${path.map(nixString).join(" ")} ]`;
const hostOf = (url: string, host: string): string => `(builtins.getFlake ${nixString(url)}).nixosConfigurations.${nixString(host)}`;
/** Walks by hand: a missing part is told by its name, and nothing but names is evaluated on the way. */
const walk = `walk = builtins.foldl' (set: name: if builtins.isAttrs set && builtins.hasAttr name set then builtins.getAttr name set else throw "there is no option \${name} there")`;

/** The value of the option. */
export const optionExpression = (url: string, host: string, path: readonly string[]): string =>
  `let ${walk}; in walk (${hostOf(url, host)}).config ${option(path)}`;

/** What the option is for, or, where the path names a set of options, what is in it. */
export const docsExpression = (url: string, host: string, path: readonly string[]): string => `let
  ${walk};
  found = walk ((${hostOf(url, host)}).options or (throw "this flake does not tell its options")) ${option(path)};
  text = value: if builtins.isString value then value else if builtins.isAttrs value then value.text or "" else "";
in if (found._type or "") != "option" then { options = builtins.attrNames found; } else {
  type = found.type.description or "";
  description = text (found.description or "");
  default = let tried = builtins.tryEval (text (found.defaultText or { })); in if tried.success then tried.value else "";
  files = map toString (found.files or [ ]);
}`;
