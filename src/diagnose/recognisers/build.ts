import { byWords, escalate, retry, wait, type Recogniser, type Sign } from "../recogniser.ts";

/**
 * Failures of builds and of the store that holds them. `message` is what Nix said; it only stands there as Nix's own where the builder has written nothing in Nix's
 * name (see collect-build-evidence.ts). Words of Nix 2.8, 2.26 and 2.34.
 */
const stages = ["build"] as const;
const first = (sign: Sign): string | undefined => sign.group(1);
const derivation = (sign: Sign): string | undefined => sign.evidence.derivation?.replace(/^\/\S*\/[0-9a-z]{32}-/, "").replace(/\.drv$/, "");

export const buildRecognisers: readonly Recogniser[] = [
  byWords({
    id: "hash-mismatch",
    stages,
    in: ["message"],
    pattern:
      /hash mismatch in fixed-output derivation[^]{0,600}?specified: *(\S{1,120})\s+got: *(\S{1,120})|^specified (\S{1,120}), got (\S{1,120})$/m,
    cause: (sign) =>
      `What was downloaded is not what its hash says: the source has changed, or the hash was not updated. It has ${sign.group(2) ?? sign.group(4) ?? "another hash"}.`,
    culprit: derivation,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "platform",
    stages,
    in: ["message"],
    pattern:
      /a '([^'\n]{1,64})' with features \{[^}\n]{0,200}\} is required to build|Required system: '([^'\n]{1,64})'|^it needs ([a-z0-9_-]{1,64})$/m,
    cause: (sign) => `Nothing here builds for ${sign.group(1) ?? sign.group(2) ?? sign.group(3) ?? "that platform"}.`,
    culprit: derivation,
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "disk-full",
    stages: ["evaluation", "build", "copy"],
    in: ["message"],
    pattern: /No space left on device|database or disk is full|Disk quota exceeded/,
    cause: ({ evidence }) =>
      evidence.stage === "copy"
        ? "A disk is full, on the host or here, so that the system could not be copied."
        : "The disk of this machine is full.",
    remedy: escalate,
    confidence: "certain",
  }),
  byWords({
    id: "builder-disk-full",
    stages,
    in: ["build-log"],
    pattern: /No space left on device|Disk quota exceeded/,
    // What a builder shrugged off earlier did not end it.
    lastLines: 5,
    cause: () => "The builder says that a disk is full; check the build directory and the store of the machine that built it.",
    culprit: derivation,
    remedy: escalate,
    confidence: "likely",
  }),
  byWords({
    id: "builder-killed",
    stages,
    in: ["message"],
    pattern: /failed due to signal (\d{1,2}) \(([A-Za-z ]{1,40})\)/,
    cause: (sign) =>
      sign.group(1) === "9"
        ? "The builder was killed from outside, which most often means that the machine ran out of memory."
        : `The builder was ended by signal ${sign.group(1) ?? ""} (${sign.group(2) ?? ""}).`,
    culprit: derivation,
    remedy: (sign) => (sign.group(1) === "9" || sign.group(1) === "15" ? retry : escalate),
    confidence: "likely",
  }),
  byWords({
    id: "compiler-out-of-memory",
    stages,
    in: ["build-log"],
    pattern:
      /Killed signal terminated program|internal compiler error: Killed|virtual memory exhausted|Cannot allocate memory|JavaScript heap out of memory|std::bad_alloc/,
    lastLines: 12,
    cause: () => "The build ran out of memory, by its own words.",
    culprit: derivation,
    remedy: retry,
    confidence: "likely",
  }),
  byWords({
    id: "builder-no-network",
    stages,
    in: ["build-log"],
    pattern:
      /Could not resolve host(?:name)?|Temporary failure in name resolution|Connection timed out|Network is unreachable|HTTP error 50[0-9]|The requested URL returned error: 50[0-9]/,
    lastLines: 8,
    cause: () => "A download inside the build did not work, by the builder's own words.",
    culprit: derivation,
    remedy: retry,
    confidence: "likely",
  }),
  byWords({
    id: "builder-silent",
    stages,
    in: ["message"],
    pattern: /timed out after \d{1,9} seconds of silence/,
    cause: () => "The builder said nothing for longer than it may and was stopped.",
    culprit: derivation,
    remedy: retry,
    confidence: "likely",
  }),
  byWords({
    id: "builder-timeout",
    stages,
    in: ["message"],
    pattern: /timed out after \d{1,9} seconds/,
    cause: () => "The build took longer than it may and was stopped.",
    culprit: derivation,
    remedy: retry,
    confidence: "likely",
  }),
  byWords({
    id: "substituter-dead",
    stages: ["build", "copy"],
    in: ["message", "trace"],
    pattern:
      /unable to download '([a-z0-9+.-]{1,20}:\/\/[^'\n/]{1,253})\/[^'\n]{0,300}': (?:Could(?: not|n't) (?:connect|resolve)|Timeout was reached|HTTP error 50[0-9]|SSL|[^\n]{0,80}(?:refused|unreachable|timed out))|disabling binary cache '([^'\n]{1,253})'/,
    cause: () => "A binary cache does not answer.",
    culprit: (sign) => sign.group(1) ?? sign.group(2),
    remedy: wait("substituter-answers", 300),
    confidence: "likely",
  }),
  byWords({
    id: "store-path-gone",
    stages,
    in: ["message"],
    pattern: /path '([^'\n]{1,300})' is required, but there is no substituter that can build it|don't know how to build these paths/,
    cause: () => "A path is in no cache that answers and cannot be built here.",
    culprit: first,
    remedy: wait("substituter-answers", 300),
    confidence: "likely",
  }),
  byWords({
    id: "store-busy",
    stages: ["evaluation", "build", "copy"],
    in: ["message"],
    pattern: /SQLite database '[^'\n]{1,300}' is busy|database is locked/,
    cause: () => "Another Nix process holds the store's database.",
    remedy: retry,
    confidence: "certain",
  }),
  {
    id: "store-unusable",
    stages: ["evaluation", "build"],
    recognise: ({ failure }) =>
      failure?.code === "store-unusable"
        ? { cause: "The Nix store of this machine cannot be used.", remedy: escalate, confidence: "likely", evidence: failure.message }
        : undefined,
  },
  {
    id: "build-timeout",
    stages,
    recognise: ({ failure }) =>
      failure?.code === "build-timeout"
        ? {
            cause: "All builds together took longer than the policy allows.",
            remedy: retry,
            confidence: "likely",
            evidence: failure.message,
          }
        : undefined,
  },
];
