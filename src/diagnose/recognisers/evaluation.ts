import { byWords, escalate, retry, wait, type Recogniser, type Sign } from "../recogniser.ts";

/**
 * What Nix and nixpkgs say where a configuration cannot be evaluated. Nix's own words are those of 2.8, 2.26 and 2.34; nixpkgs' are those of lib/modules.nix,
 * lib/modules (mkRemovedOptionModule, mkRenamedOptionModule), pkgs/stdenv/generic/check-meta.nix and pkgs/top-level/aliases.nix.
 */
const stages = ["evaluation"] as const;
const said = ["message", "trace"] as const;
const first = (sign: Sign): string | undefined => sign.group(1);
const hint = (found: string | undefined): string => (found === undefined ? "" : ` Nix suggests ${found}.`);

export const evaluationRecognisers: readonly Recogniser[] = [
  {
    id: "evaluation-killed",
    stages,
    recognise: ({ failure }) =>
      failure?.code === "host-evaluation-killed"
        ? {
            cause: "The evaluation was killed from outside, which most often means that this machine ran out of memory.",
            remedy: retry,
            confidence: "likely",
            evidence: failure.message,
          }
        : undefined,
  },
  byWords({
    id: "evaluation-out-of-memory",
    stages,
    in: said,
    pattern: /^(?:error: )?out of memory$|^GC Warning: Out of Memory!|std::bad_alloc|Cannot allocate memory/m,
    cause: () => "This machine has not enough memory to evaluate the host.",
    remedy: retry,
    confidence: "likely",
  }),
  byWords({
    id: "option-removed",
    stages,
    in: said,
    pattern:
      /The option definition [`‘']([^'’\n]{1,200})['’] in [`‘']?([^\n]{1,200}?)['’]? no longer has any effect; please remove it\.\s*([^\n]{0,200})/,
    cause: (sign) => {
      const why = sign.group(3);
      return `An option that the configuration sets was removed from nixpkgs.${why === undefined ? "" : ` It says: ${why}`}`;
    },
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "option-missing",
    stages,
    in: said,
    pattern: /The option [`‘']([^'’\n]{1,200})['’] does not exist\.(?:[^]{0,2000}?Did you mean ([^\n]{1,200})\?)?/,
    cause: (sign) =>
      `The configuration sets an option that does not exist: it is misspelt, was renamed, or its module is not imported.${hint(sign.group(2))}`,
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "package-renamed",
    stages,
    in: said,
    pattern: /^'?([^'\n]{1,100})'? has been (?:renamed to\/replaced by|renamed to|replaced by) '?([^'\n]{1,100}?)'?\.?$/m,
    cause: (sign) => `A package that the configuration uses has another name now: ${sign.group(2) ?? "see the message"}.`,
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "package-removed",
    stages,
    in: said,
    pattern: /^'?([^'\n]{1,100})'? (?:has been|was) removed(?: from nixpkgs)?[^\n]{0,300}/m,
    cause: () => "A package that the configuration uses was removed from nixpkgs.",
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "package-refused",
    stages,
    in: said,
    pattern:
      /Package ‘([^’\n]{1,160})’ in [^\n]{1,400}? (has an unfree license[^\n,]{0,120}|is marked as insecure|is marked as broken|has been marked as broken|is not (?:supported|available) on[^\n,]{0,120}|contains elements not built from source[^\n,]{0,120}), refusing to evaluate/,
    cause: (sign) =>
      `nixpkgs refuses a package of this configuration: it ${sign.group(2) ?? "is refused"}. Only its policy or another package helps.`,
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "assertion",
    stages,
    in: said,
    pattern: /Failed assertions:\s*\n?\s*- ([^\n]{1,300})/,
    cause: (sign) => `The configuration contradicts an assertion of a module: ${sign.group(1) ?? ""}`,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "infinite-recursion",
    stages,
    in: said,
    pattern: /infinite recursion encountered|stack overflow(?:; max-call-depth exceeded| \(possible infinite recursion\))/,
    cause: () => "A value of the configuration needs itself, so that its evaluation never ends.",
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "attribute-missing",
    stages,
    in: said,
    pattern: /^(?:error: )?attribute '([^'\n]{1,200})' missing(?:[^]{0,2000}?Did you mean ([^\n]{1,200})\?)?/m,
    cause: (sign) => `The configuration asks for an attribute that is not there.${hint(sign.group(2))}`,
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "undefined-variable",
    stages,
    in: said,
    pattern: /^(?:error: )?undefined variable '([^'\n]{1,200})'/m,
    cause: () => "The configuration uses a name that nothing defines.",
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "syntax",
    stages,
    in: said,
    pattern: /^(?:error: )?syntax error, unexpected [^\n]{1,200}/m,
    cause: () => "A file of the configuration is not valid Nix.",
    culprit: (sign) => /^at (\S{1,200})$/m.exec(sign.item.text)?.[1],
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "file-not-in-git",
    stages,
    in: said,
    // 2.34 says so itself; 2.26 and 2.8 only miss a path below the flake's own source.
    pattern:
      /Path '([^'\n]{1,300})' in the repository [^\n]{1,300} is not tracked by Git|path '\/nix\/store\/[0-9a-z]{32}-source\/([^'\n]{1,300})' does not exist|getting status of '\/nix\/store\/[0-9a-z]{32}-source\/([^'\n]{1,300})': No such file or directory/,
    cause: () => "A file that the configuration reads is not in the flake: it was not added to git, or its path is wrong.",
    culprit: (sign) => sign.group(1) ?? sign.group(2) ?? sign.group(3),
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "rate-limited",
    stages: ["evaluation", "build"],
    in: said,
    pattern:
      /unable to download '([^'\n]{1,300})': HTTP error (?:429|403)[^]{0,600}?(?:rate limit|too many requests)|unable to download '([^'\n]{1,300})': HTTP error 429/i,
    cause: () => "The server limits how often this address may download, and the limit is used up.",
    culprit: (sign) => sign.group(1) ?? sign.group(2),
    remedy: wait("substituter-answers", 600),
    confidence: "likely",
  }),
  byWords({
    id: "download-not-found",
    stages: ["evaluation", "build"],
    in: said,
    pattern: /unable to download '([^'\n]{1,300})': HTTP error (?:401|403|404|410)/,
    cause: () => "What the flake names is not there to download, or not for this machine: it was removed, moved, or needs a credential.",
    culprit: first,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "download-failed",
    stages,
    in: said,
    pattern: /unable to download '([^'\n]{1,300})': ([^\n]{1,200})/,
    cause: () => "A download that the evaluation needs did not work: the server or the network to it is down.",
    culprit: first,
    remedy: wait("substituter-answers", 300),
    confidence: "likely",
  }),
  byWords({
    id: "wrong-type",
    stages,
    in: said,
    pattern:
      /^(?:error: )?(?:cannot (?:add|coerce|compare|concatenate|convert) [^\n]{1,200}|value is (?:an? )?\w+ while an? \w+ was expected|expected an? \w+ but found [^\n]{1,100})/m,
    cause: () => "A value of the configuration has another type than where it is used.",
    culprit: (sign) => /^at (\S{1,200})$/m.exec(sign.item.text)?.[1],
    remedy: escalate,
    confidence: "certain",
  }),
];
